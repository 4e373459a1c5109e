"""How networks learned, as a figure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from optuna.trial import TrialState

from jointopt.search.result import told_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    import plotly.graph_objects as go
    from optuna.trial import FrozenTrial

__all__ = ["has_learning_curve", "plot_learning_curves"]

MOST_POINTS = 32
"""Of one curve: the figure is written to the study again and again."""
COLORS = {"finished": "#4269d0", "stopped between folds": "#9498a0", "stopped here": "#ff725c"}


def has_learning_curve(trial: FrozenTrial) -> bool:
    """Whether the trial is of a network of which rows were held out."""
    return bool(told_of(trial).get("learning_curves"))


def plot_learning_curves(trials: Sequence[FrozenTrial]) -> go.Figure:
    """Plot the loss on held-out rows of the first fold's training, one line for each network.

    Parameters
    ----------
    trials : sequence of optuna.trial.FrozenTrial
        Those with a learning curve; of several, on samples of rows, the last one is shown.

    Returns
    -------
    plotly.graph_objects.Figure
    """
    import plotly.graph_objects as go

    figure = go.Figure()
    named = set()
    for trial in trials:
        told = told_of(trial)["learning_curves"][-1]
        how = _ending(trial, stopped=told["stopped"])
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
            hovertemplate=f"trial {trial.number}, {told['paradigm']}, {n_epochs} epochs<br>"
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


def _ending(trial: FrozenTrial, *, stopped: bool) -> str:
    if stopped:
        return "stopped here"
    return "finished" if trial.state is TrialState.COMPLETE else "stopped between folds"
