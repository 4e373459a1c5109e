"""What pages have in common: one HTML file that needs nothing else, and its figures."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from markupsafe import Markup, escape

from jointopt.insight.templates import make_environment
from jointopt.insight.words import percent

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import plotly.graph_objects as go

__all__ = ["figure_html", "render_page"]


def render_page(
    template: str, filters: Mapping[str, Callable[..., str]] | None = None, **values: Any
) -> str:
    """Return a page as HTML.

    Parameters
    ----------
    template : str
        Name of a template of this package; it extends `page.html.j2`.
    filters : mapping of str to callable or None, default=None
        For numbers, by the names that the template has for them.
    **values : object
        What the template shows; what is not Markup is escaped.
    """
    import plotly.offline

    environment = make_environment()
    environment.filters |= {"percent": percent, **(filters or {})}
    plotly_js = Markup(plotly.offline.get_plotlyjs())
    return environment.get_template(template).render(plotly_js=plotly_js, **values)


def figure_html(figure: go.Figure, label: str, *, wide: bool = False) -> Markup:
    """Return a figure that the page's script draws once the text is there to be read.

    Parameters
    ----------
    figure : go.Figure
        Its names are text that plotly shows as it is: see `plain`.
    label : str
        What it shows, for those who do not see it.
    wide : bool, default=False
        It needs more room than a phone is wide, and is scrolled there.
    """
    drawn = json.loads(figure.to_json())
    # The page's own style replaces the template, which is as long as all the rest.
    drawn["layout"].pop("template", None)
    text = json.dumps({"data": drawn["data"], "layout": drawn["layout"]}, separators=(",", ":"))
    inside = text.replace("&", r"\u0026").replace("<", r"\u003c").replace(">", r"\u003e")
    height = int(figure.layout.height)
    kind = "plot wide" if wide else "plot"
    return Markup(
        f'<div class="scroll" role="group" tabindex="0" aria-label="{escape(label)}">'
        f'<div class="{kind}" style="height: {height}px"></div>'
        f'<script type="application/json">{inside}</script></div>'
        f"<noscript><p>{escape(label)}: this picture needs JavaScript.</p></noscript>"
    )
