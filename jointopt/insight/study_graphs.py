"""Figures as optuna-dashboard keeps them with a study."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from optuna.trial import TrialState

from jointopt.errors import OptionError
from jointopt.insight.figures import plain
from jointopt.insight.learning_curves import has_learning_curve, plot_learning_curves
from jointopt.insight.plots import plot_features, plot_history
from jointopt.insight.search_frames import features_frame, history_frame

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pandas as pd
    import plotly.graph_objects as go

    from jointopt.data import Metric
    from jointopt.insight.search_result import SearchResult
    from jointopt.search.result import TrialRecord
    from jointopt.space import Space

__all__ = ["closing_graphs", "running_graphs"]

MOST_MARKS: Final = 500
MOST_CURVES: Final = 40
"""The newest ones are shown."""
MOST_FEATURES: Final = 12
N_IMPORTANT, N_PARALLEL = 12, 4
FEWEST_TRIALS: Final = 5
PAPER, INK = "#ffffff", "#1d2430"
"""optuna-dashboard is light or dark as its reader likes, and tells no figure which. No ink is read
on both grounds: the best grey has a contrast of 4.3 with white and with its dark, where text needs
4.5, and of our colours some vanish on either. So a figure brings its paper along."""


def running_graphs(
    records: Sequence[TrialRecord], metric: Metric, space: Space | None
) -> Iterator[tuple[str, go.Figure]]:
    """Return what can be drawn of a study while it runs, by name.

    Parameters
    ----------
    records : sequence of TrialRecord
        Its trials so far.
    metric : Metric
        Of their scores.
    space : Space or None
        What is searched, bound to the table.
    """
    of = f"{len(records)} trials"
    history = history_frame(records, metric)
    if len(history) >= FEWEST_TRIALS:
        yield "history", _graph(plot_history(_thinned(history), metric), f"Score over time, {of}")
    finished = sum(record.trial.state is TrialState.COMPLETE for record in records)
    if space is not None and finished >= FEWEST_TRIALS:
        usage = features_frame(records, metric, space).groupby("kind", sort=False)
        shown = usage.head(MOST_FEATURES)
        if not shown.empty:
            title = f"Features in good trials, {of}"
            yield "features", _graph(plot_features(shown.reset_index(drop=True)), title)
    curves = [record for record in records if has_learning_curve(record)]
    if curves:
        title = f"Learning curves on the first fold, newest {min(len(curves), MOST_CURVES)}"
        yield "learning-curves", _graph(plot_learning_curves(curves[-MOST_CURVES:]), title)


def closing_graphs(result: SearchResult) -> Iterator[tuple[str, go.Figure]]:
    """Return what takes a whole search to be told, by name."""
    of = f"{len(result.records)} trials"
    if not result.importance.empty:
        title = f"Importance of parameters, {of}"
        yield "importance", _graph(result.plot.importance(N_IMPORTANT), title)
        parallel = result.plot.parallel(N_PARALLEL)
        yield "parallel", _graph(parallel, f"Trials through their parameters, {of}")
    try:
        found = result.interactions()
    except OptionError:
        # Why it cannot be told, such as too few trials, the report says.
        return
    if found.is_reliable:
        yield "axes", _graph(result.plot.axes(), f"What each axis explains, {of}")
        title = f"What axes explain alone and in pairs, {of}"
        yield "interactions", _graph(found.plot(), title)


def _thinned(history: pd.DataFrame) -> pd.DataFrame:
    """Leave out marks between others, none that was the best."""
    if len(history) <= MOST_MARKS:
        return history
    kept = np.zeros(len(history), dtype=bool)
    kept[np.linspace(0, len(history) - 1, MOST_MARKS).round().astype(int)] = True
    return history[kept | history["best"].ne(history["best"].shift())]


def _graph(figure: go.Figure, title: str) -> go.Figure:
    """Fit a figure into optuna-dashboard's frame, whose theme is not known here."""
    # As long as all the rest.
    figure.layout.template = None
    figure.update_layout(
        title={"text": plain(title), "font": {"size": 16}, "x": 0.02, "xanchor": "left"},
        font={"color": INK},
        paper_bgcolor=PAPER,
        plot_bgcolor=PAPER,
        height=None,
        margin={"t": 64, "l": 44},
    )
    return figure
