"""Figures from frames: first what is shown, as a frame, then the picture of it."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances
from optuna.trial import TrialState

if TYPE_CHECKING:
    from collections.abc import Sequence

    import optuna
    import plotly.graph_objects as go

    from jointopt.data import Metric
    from jointopt.search.result import TrialRecord

__all__ = [
    "history_frame",
    "importance_frame",
    "plot_history",
    "plot_importance",
    "plot_interactions",
]

MIN_TRIALS_FOR_IMPORTANCE = 10
COLORS = (
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


def history_frame(records: Sequence[TrialRecord], metric: Metric) -> pd.DataFrame:
    """Return per scored trial: seconds since the start, score, best so far, paradigm, state."""
    starts = [r.trial.datetime_start for r in records if r.trial.datetime_start is not None]
    rows = []
    best = np.nan
    for record in records:
        trial = record.trial
        value = trial.value
        if value is None or trial.state is TrialState.FAIL or trial.datetime_complete is None:
            continue
        complete = trial.state is TrialState.COMPLETE
        if complete and not metric.display(value) <= metric.display(best):
            best = value
        rows.append(
            {
                "trial": record.number,
                "seconds": (trial.datetime_complete - min(starts)).total_seconds(),
                "score": value,
                "best": best,
                "paradigm": str(record.config.get("paradigm")),
                "state": trial.state.name.lower(),
            }
        )
    return pd.DataFrame(rows, columns=["trial", "seconds", "score", "best", "paradigm", "state"])


def plot_history(frame: pd.DataFrame, metric: Metric) -> go.Figure:
    """Plot `history_frame`: one mark per trial, coloured by paradigm, and the best so far."""
    import plotly.graph_objects as go

    figure = go.Figure()
    for color, (paradigm, part) in zip(
        np.resize(COLORS, frame["paradigm"].nunique()), frame.groupby("paradigm"), strict=True
    ):
        complete = part["state"] == "complete"
        figure.add_scatter(
            x=part["seconds"],
            y=part["score"],
            mode="markers",
            name=str(paradigm),
            marker={
                "color": color,
                "size": np.where(complete, 9, 6),
                "symbol": np.where(complete, "circle", "circle-open"),
            },
            hovertemplate="trial %{customdata}: %{y:.5g}<extra>" + str(paradigm) + "</extra>",
            customdata=part["trial"],
        )
    figure.add_scatter(
        x=frame["seconds"],
        y=frame["best"],
        mode="lines",
        name="best so far",
        line={"shape": "hv", "color": "#555555", "width": 2},
    )
    figure.update_layout(
        xaxis_title="seconds since the first trial",
        yaxis_title=metric.name,
        template="plotly_white",
        height=420,
        margin={"t": 20, "r": 10, "b": 50, "l": 60},
        legend={"orientation": "h", "y": -0.22},
    )
    figure.update_yaxes(range=_window(frame, metric))
    return figure


def _window(frame: pd.DataFrame, metric: Metric) -> list[float]:
    """Show the better three quarters: one hopeless trial must not flatten all others."""
    signed = frame["score"].map(metric.display)
    low, high = float(signed.quantile(0.25)), float(signed.max())
    margin = 0.08 * (high - low) or 0.01 * abs(high) or 0.01
    return sorted([metric.display(low - margin), metric.display(high + margin)])


def importance_frame(study: optuna.Study) -> pd.DataFrame:
    """Return the importance of each parameter by PED-ANOVA, the greatest first.

    The share of the variance that a parameter explains of being among the best trials, inactive
    parameters included (Watanabe, Bansal and Hutter, 2023, as in Optuna). Empty below 10 trials.
    """
    complete = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    if len(complete) < MIN_TRIALS_FOR_IMPORTANCE:
        return pd.DataFrame(columns=["parameter", "axis", "importance"])
    with warnings.catch_warnings():
        # A parameter of a branch that few trials took is uncertain: its importance is small, too.
        warnings.filterwarnings("ignore", message="Some regimes for parameter")
        found = get_param_importances(study, evaluator=PedAnovaImportanceEvaluator())
    frame = pd.DataFrame({"parameter": list(found), "importance": list(found.values())})
    frame.insert(1, "axis", frame["parameter"].str.partition("/")[0])
    return frame


def plot_interactions(shares: pd.DataFrame, axes: Sequence[str]) -> go.Figure:
    """Plot shares of the score's variance as a heat map: axes on the diagonal, pairs below it.

    Parameters
    ----------
    shares : DataFrame
        Columns `first`, `second` (empty for an axis alone), `share`, `low`, `high`.
    axes : sequence of str
        Their order; pairs that cannot interact, and the upper half, stay empty.
    """
    import plotly.graph_objects as go

    place = {axis: i for i, axis in enumerate(axes)}
    shown = np.full((len(axes), len(axes)), np.nan)
    told = np.full(shown.shape, "", dtype=object)
    hints = told.copy()
    for row in shares[shares["first"].isin(place)].to_dict("records"):
        second = row["second"] or row["first"]
        column, line = sorted((place[row["first"]], place[second]))
        shown[line, column] = row["share"]
        told[line, column] = f"{row['share']:.0%}<br>{row['low']:.0%} to {row['high']:.0%}"
        name = f"{row['first']} alone" if not row["second"] else f"{row['first']} with {second}"
        hints[line, column] = name
    figure = go.Figure(
        go.Heatmap(
            z=shown,
            x=list(axes),
            y=list(axes),
            text=told,
            customdata=hints,
            texttemplate="%{text}",
            hovertemplate="%{customdata}: %{z:.1%}<extra></extra>",
            hoverongaps=False,
            colorscale=["#f3f5fb", COLORS[0]],
            zmin=0,
            showscale=False,
            xgap=3,
            ygap=3,
        )
    )
    figure.update_layout(
        template="plotly_white",
        height=110 + 62 * len(axes),
        margin={"t": 20, "r": 10, "b": 50, "l": 10},
    )
    figure.update_xaxes(showgrid=False, zeroline=False)
    return figure.update_yaxes(
        autorange="reversed", automargin=True, showgrid=False, zeroline=False
    )


def plot_importance(frame: pd.DataFrame, n: int = 15) -> go.Figure:
    """Plot the `n` first rows of `importance_frame` as bars, coloured by axis."""
    import plotly.graph_objects as go

    top = frame.head(n).iloc[::-1]
    axes = list(dict.fromkeys(frame["axis"]))
    figure = go.Figure()
    for color, axis in zip(np.resize(COLORS, len(axes)), axes, strict=True):
        part = top[top["axis"] == axis]
        figure.add_bar(
            x=part["importance"],
            y=part["parameter"],
            orientation="h",
            name=axis,
            marker={"color": color},
        )
    figure.update_layout(
        xaxis_title="importance (PED-ANOVA)",
        template="plotly_white",
        height=90 + 26 * max(3, len(top)),
        margin={"t": 20, "r": 10, "b": 50, "l": 10},
        legend={"orientation": "h", "y": -0.25},
        barmode="overlay",
    )
    figure.update_yaxes(
        automargin=True, categoryorder="array", categoryarray=list(top["parameter"])
    )
    return figure
