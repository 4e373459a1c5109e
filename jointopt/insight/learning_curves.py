"""How networks learned, as a figure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from optuna.trial import TrialState

if TYPE_CHECKING:
    from collections.abc import Sequence

    import plotly.graph_objects as go

    from jointopt.search.result import TrialRecord

__all__ = ["has_learning_curve", "plot_learning_curves"]

MOST_POINTS = 32
"""Of one curve: the figure is written to the study again and again."""
COLORS = {"finished": "#4269d0", "stopped between folds": "#9498a0", "stopped here": "#ff725c"}


def has_learning_curve(record: TrialRecord) -> bool:
    """Whether the trial is of a network of which rows were held out."""
    return bool(record.told.get("learning_curves"))


def plot_learning_curves(records: Sequence[TrialRecord]) -> go.Figure:
    """Plot the loss on held-out rows of the first fold's training, one line for each network.

    Parameters
    ----------
    records : sequence of TrialRecord
        Trials with a learning curve; of several, on samples of rows, the last one is shown.

    Returns
    -------
    plotly.graph_objects.Figure
    """
    import plotly.graph_objects as go

    figure = go.Figure()
    named = set()
    for record in records:
        told = record.told["learning_curves"][-1]
        how = _ending(record, stopped=told["stopped"])
        n_epochs = len(told["losses"])
        shown = np.unique(np.linspace(0, n_epochs - 1, MOST_POINTS).round().astype(int))
        figure.add_scatter(
            x=[100 * told["progress"][k] for k in shown],
            y=[told["losses"][k] for k in shown],
            mode="lines" if n_epochs > 1 else "markers",
            line={"color": COLORS[how], "width": 1},
            name=how,
            legendgroup=how,
            showlegend=how not in named,
            hovertemplate=f"trial {record.number}, {told['paradigm']}, {n_epochs} epochs<br>"
            "%{x:.0f} %: %{y:.4g}",
        )
        named.add(how)
    figure.update_layout(
        template="none",
        title="Learning curves of networks on the first fold",
        xaxis={"title": "share of the learning-rate schedule", "ticksuffix": " %"},
        yaxis={"title": "loss on held-out training rows", "type": "log"},
    )
    return figure


def _ending(record: TrialRecord, *, stopped: bool) -> str:
    if stopped:
        return "stopped here"
    return "finished" if record.trial.state is TrialState.COMPLETE else "stopped between folds"
