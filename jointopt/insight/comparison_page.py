"""The page of a comparison: one HTML file that needs nothing else."""

from __future__ import annotations

import math
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final

from jinja2 import Environment
from markupsafe import Markup

from jointopt.errors import OptionError
from jointopt.insight.comparison_plots import (
    anytime_figure,
    critical_difference_figure,
    scores_figure,
)
from jointopt.insight.comparison_stats import (
    anytime_bands,
    conclude,
    friedman_test,
    in_order,
    paired_tests,
    summary,
)
from jointopt.insight.regret import evaluations_to, regret_of

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

    from jointopt.insight.comparison_stats import Friedman

__all__ = ["render_comparison"]

EXACT_UP_TO: Final = 10**9
SMALL_P: Final = 0.001


def render_comparison(
    runs: pd.DataFrame, anytime: pd.DataFrame, regret: pd.DataFrame | None = None
) -> str:
    """Return the page as HTML.

    Parameters
    ----------
    runs : DataFrame
        One row per run.
    anytime : DataFrame
        One row per evaluation of each run.
    regret : DataFrame or None, default=None
        The same, where the optimum is known.
    """
    import plotly.offline

    text = files("jointopt.insight").joinpath("comparison.html.j2").read_text(encoding="utf-8")
    environment = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    environment.filters |= {"number": _number, "count": _count, "p": _p}
    datasets, strategies = in_order(runs["dataset"]), in_order(runs["strategy"])
    table, ranked = summary(runs), _ranked(runs)
    return environment.from_string(text).render(
        title=f"{', '.join(strategies)} compared on {_named(datasets)}",
        datasets=datasets,
        strategies=strategies,
        n_seeds=runs["seed"].nunique(),
        budgets=in_order(runs["budget"]),
        conclusion=conclude(runs)
        .replace("p = ", "p\u00a0=\u00a0")
        .replace("p < ", "p\u00a0<\u00a0"),
        table=table.to_dict("records"),
        axes=[name for name in table.columns if name.startswith("size_")],
        tests=paired_tests(runs).to_dict("records"),
        per_dataset=[] if len(datasets) == 1 else _tests_by_dataset(runs),
        friedman=ranked,
        ranks=None if ranked is None else _figure(critical_difference_figure(ranked)),
        by_evaluations=_figure(
            anytime_figure(anytime_bands(anytime, "evaluations"), runs, "evaluations")
        ),
        by_seconds=_figure(anytime_figure(anytime_bands(anytime, "seconds"), runs, "seconds")),
        scores=_figure(scores_figure(runs)),
        regret=None if regret is None else _figure(regret_of(regret, runs)),
        reached=[] if regret is None else _reached(regret, runs),
        runs=runs.to_dict("records"),
        plotly_js=Markup(plotly.offline.get_plotlyjs()),
    )


def _reached(regret: pd.DataFrame, runs: pd.DataFrame) -> list[dict[str, Any]]:
    """Return, for each strategy, the evaluations to the optimum and to 99 % of the way."""
    exact, near = (evaluations_to(regret, runs, share) for share in (1.0, 0.99))
    rows = exact.rename(columns={"median": "exact"}).assign(near=near["median"])
    return [{str(name): value for name, value in row.items()} for row in rows.to_dict("records")]


def _named(datasets: list[Any]) -> str:
    return str(datasets[0]) if len(datasets) == 1 else f"{len(datasets)} data sets"


def _tests_by_dataset(runs: pd.DataFrame) -> list[dict[Any, Any]]:
    return paired_tests(runs, per_dataset=True).to_dict("records")


def _ranked(runs: pd.DataFrame) -> Friedman | None:
    try:
        return friedman_test(runs)
    except OptionError:
        return None


def _figure(figure: go.Figure) -> Markup:
    config = {"displayModeBar": False, "responsive": True}
    return Markup(figure.to_html(full_html=False, include_plotlyjs=False, config=config))


def _number(value: float, digits: int = 4) -> str:
    """Return a number with a few digits.

    >>> _number(0.123456), _number(-2.0), _number(float("nan")), _number(float("inf"))
    ('0.1235', '-2', 'n/a', 'never')
    """
    if math.isinf(value):
        return "never"
    return "n/a" if math.isnan(value) else f"{value:.{digits}g}"


def _p(value: float) -> str:
    """Return a p value.

    >>> _p(0.0312), _p(1e-9)
    ('0.031', '< 0.001')
    """
    return "< 0.001" if value < SMALL_P else _number(value, 2)


def _count(text: str) -> str:
    """Return a whole number in text, rounded if it is long.

    >>> _count("135415"), _count(str(10**40)), _count("")
    ('135,415', '1.0e+40', 'n/a')
    """
    if not text:
        return "n/a"
    return f"{int(text):,}" if int(text) <= EXACT_UP_TO else f"{int(text):.1e}"
