"""The page of a comparison: one HTML file that needs nothing else."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final, Literal

from jointopt.errors import OptionError
from jointopt.insight.comparison_curves import anytime_bands
from jointopt.insight.comparison_plots import (
    anytime_figure,
    critical_difference_figure,
    scores_figure,
)
from jointopt.insight.comparison_ranks import friedman_test
from jointopt.insight.comparison_stats import (
    paired_tests,
    summary,
)
from jointopt.insight.comparison_words import conclude
from jointopt.insight.page import figure_html, render_page
from jointopt.insight.plots import FEW_AXES, plot_axes
from jointopt.insight.regret import evaluations_to, regret_of
from jointopt.insight.search_frames import axes_frame
from jointopt.insight.words import whole

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from markupsafe import Markup

    from jointopt.insight.comparison_ranks import Friedman
    from jointopt.insight.interactions import Interactions

__all__ = ["render_comparison"]

SMALL_P: Final = 0.001


def render_comparison(
    runs: pd.DataFrame,
    anytime: pd.DataFrame,
    regret: pd.DataFrame | None = None,
    learnt: Sequence[tuple[str, Interactions | None, str]] = (),
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
    learnt : sequence of (str, Interactions or None, str), default=()
        By data set how axes interact, if it can be told, and in words.
    """
    datasets, strategies = runs["dataset"].unique().tolist(), runs["strategy"].unique().tolist()
    table, ranked = summary(runs), _ranked(runs)
    return render_page(
        "comparison.html.j2",
        {"number": _number, "whole": whole, "p": _p},
        title=f"{', '.join(strategies)} compared on {_named(datasets)}",
        datasets=datasets,
        strategies=strategies,
        n_seeds=runs["seed"].nunique(),
        budgets=runs["budget"].unique().tolist(),
        conclusion=conclude(runs)
        .replace("p = ", "p\u00a0=\u00a0")
        .replace("p < ", "p\u00a0<\u00a0"),
        table_rows=table.to_dict("records"),
        axes=[name for name in table.columns if name.startswith("size_")],
        tests=paired_tests(runs).to_dict("records"),
        per_dataset=[] if len(datasets) == 1 else _tests_by_dataset(runs),
        friedman=ranked,
        ranks=None
        if ranked is None
        else figure_html(critical_difference_figure(ranked), "Mean ranks over data sets"),
        by_evaluations=_curves(anytime, runs, "evaluations"),
        by_seconds=_curves(anytime, runs, "seconds"),
        scores=figure_html(scores_figure(runs), "Test score of each run, by strategy"),
        regret=None
        if regret is None
        else figure_html(regret_of(regret, runs), "Regret by evaluations"),
        reached=[] if regret is None else _reached(regret, runs),
        runs=runs.to_dict("records"),
        learnt=[_told(*one) for one in learnt],
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


def _curves(
    anytime: pd.DataFrame, runs: pd.DataFrame, x: Literal["evaluations", "seconds"]
) -> Markup:
    figure = anytime_figure(anytime_bands(anytime, x), runs, x)
    return figure_html(figure, f"Best validation score so far, by {x}")


def _told(dataset: str, found: Interactions | None, words: str) -> dict[str, Any]:
    """Return what the page says of a data set's axes, with figures if the trials suffice."""
    told: dict[str, Any] = {"dataset": dataset, "words": words.replace(" %", "\u00a0%")}
    if found is not None and found.is_reliable:
        told["axes"] = figure_html(plot_axes(axes_frame(found)), "What each axis explains")
        told["heat"] = figure_html(
            found.plot(), "Axes alone and in pairs", wide=len(found.axes) > FEW_AXES
        )
        told["shares"] = found.frame().to_dict("records")
    return told


def _number(value: float, digits: int = 4) -> str:
    """Return a number with a few digits.

    >>> _number(0.123456), _number(float("nan")), _number(float("inf"))
    ('0.1235', 'n/a', 'never')
    >>> f"{ord(_number(-2.0)[0]):x}"  # the minus that the words have
    '2212'
    """
    if math.isinf(value):
        return "never"
    if math.isnan(value):
        return "n/a"
    return f"{value:.{digits}g}".replace("-", "\N{MINUS SIGN}")


def _p(value: float) -> str:
    """Return a p value.

    >>> _p(0.0312), _p(1e-9)
    ('0.031', '< 0.001')
    """
    return "< 0.001" if value < SMALL_P else _number(value, 2)
