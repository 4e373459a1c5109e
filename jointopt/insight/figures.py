"""The look that all figures share, on light and on dark paper."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Final

import numpy as np

from jointopt.space import AXES

if TYPE_CHECKING:
    from collections.abc import Iterable

    import plotly.graph_objects as go

__all__ = [
    "CLEAR",
    "COLORS",
    "GRID",
    "NEUTRAL",
    "colors_of",
    "dressed",
    "plain",
    "said",
    "translucent",
]

COLORS: Final = (
    "#4269d0",
    "#efb118",
    "#ff725c",
    "#6cc5b0",
    "#3ca951",
    "#ff8ab7",
    "#a463f2",
    "#97bbf5",
    "#9c6b4e",
    "#9498a0",
)
NEUTRAL: Final = "#888888"
"""Seen on white and on black alike."""
GRID: Final = "rgba(128, 128, 128, 0.25)"
CLEAR: Final = "rgba(0, 0, 0, 0)"


def dressed(figure: go.Figure, height: int, *, below: int = 60, left: int = 60) -> go.Figure:
    """Give a figure the look of the house.

    Parameters
    ----------
    figure : go.Figure
        Is changed.
    height : int
        In pixels.
    below : int, default=60
        Pixels under the axes, where titles and the legend are.
    left : int, default=60
        Pixels on the left; labels that are longer make more room for themselves.
    """
    figure.update_layout(
        template="plotly_white",
        paper_bgcolor=CLEAR,
        plot_bgcolor=CLEAR,
        height=height,
        margin={"t": 30, "r": 10, "b": below, "l": left},
        legend={"orientation": "h", "y": -75 / max(60, height - 30 - below), "yanchor": "top"},
    )
    figure.update_xaxes(gridcolor=GRID, zeroline=False, linecolor=GRID)
    return figure.update_yaxes(gridcolor=GRID, zeroline=False, linecolor=GRID, automargin=True)


def colors_of(names: Iterable[object]) -> dict[str, str]:
    """Return a colour for each name, the same for the same names in the same order.

    An axis has its own, whatever is beside it.

    >>> colors_of(["knn", "mlp"])
    {'knn': '#4269d0', 'mlp': '#efb118'}
    >>> colors_of(["features", "other"])
    {'features': '#efb118', 'other': '#4269d0'}
    """
    listed = [str(name) for name in dict.fromkeys(names)]
    own = {name: color for name, color in zip(AXES, COLORS, strict=False) if name in listed}
    others = [name for name in listed if name not in own]
    free = [color for color in COLORS if color not in own.values()]
    own |= dict(zip(others, (str(c) for c in np.resize(free, len(others))), strict=True))
    return {name: own[name] for name in listed}


def said(figure: go.Figure, text: str) -> go.Figure:
    """Say in a figure why it is empty."""
    middle = {"x": 0.5, "y": 0.5, "xref": "paper", "yref": "paper"}
    return figure.add_annotation(text=text, showarrow=False, **middle)


def plain(name: object) -> str:
    """Return a name that plotly shows as it is: it reads tags such as <b>.

    >>> plain("a<b>")
    'a&lt;b&gt;'
    """
    return escape(str(name), quote=False)


def translucent(color: str, opacity: float = 0.18) -> str:
    """Return a colour that lets others shine through.

    >>> translucent("#4269d0")
    'rgba(66, 105, 208, 0.18)'
    """
    red, green, blue = (int(color[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red}, {green}, {blue}, {opacity:g})"
