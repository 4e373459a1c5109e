"""Figures of a search, drawn from the frames of `search_frames` and of `Interactions`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from jointopt.insight.figures import (
    COLORS,
    NEUTRAL,
    colors_of,
    dressed,
    plain,
    said,
    translucent,
)
from jointopt.insight.words import percent

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    import plotly.graph_objects as go

    from jointopt.insight.search_frames import Scale

__all__ = [
    "FEW_AXES",
    "plot_anytime",
    "plot_axes",
    "plot_features",
    "plot_history",
    "plot_importance",
    "plot_interactions",
]

SHOWN_SCORES: Final = 0.75
SHOWN_BEST: Final = 0.95
"""Only what came first is left out, so that the way to the best is seen."""
MOST_COLUMNS: Final = 30
"""Columns that a picture names."""
FEW_AXES: Final = 4
"""Whose heat map a phone has room for."""


def plot_history(frame: pd.DataFrame, metric: Scale) -> go.Figure:
    """Plot `history_frame`: one mark per trial, coloured by paradigm, and the best so far."""
    import plotly.graph_objects as go

    figure = go.Figure()
    colors = colors_of(sorted(frame["paradigm"].unique()))
    finished = frame["state"] == "complete"
    for paradigm, color in colors.items():
        here = frame["paradigm"] == paradigm
        _add_marks(figure, frame[here & finished], paradigm, color, finished=True)
        if not (stopped := frame[here & ~finished]).empty:
            _add_marks(figure, stopped, paradigm, color, finished=False)
    figure.add_scatter(
        x=frame["seconds"],
        y=frame["best"],
        mode="lines",
        name="best so far",
        line={"shape": "hv", "color": NEUTRAL, "width": 2},
    )
    figure.update_layout(xaxis_title="seconds of search", yaxis_title=plain(metric.name))
    dressed(figure, 420, below=110)
    return figure.update_yaxes(range=_window(frame["score"], metric, SHOWN_SCORES))


def _add_marks(
    figure: go.Figure, part: pd.DataFrame, paradigm: str, color: str, *, finished: bool
) -> None:
    name = plain(paradigm)
    # The legend shows a filled mark for each paradigm, also where no trial of it finished.
    figure.add_scatter(
        x=part["seconds"] if len(part) else [None],
        y=part["score"] if len(part) else [None],
        mode="markers",
        name=name,
        legendgroup=name,
        showlegend=finished,
        marker={
            "color": color,
            "size": 9 if finished else 6,
            "symbol": "circle" if finished else "circle-open",
        },
        hovertemplate="trial %{customdata}: %{y:.5g}<extra>" + name + "</extra>",
        customdata=part["trial"],
    )


def plot_anytime(frame: pd.DataFrame, metric: Scale, x: str) -> go.Figure:
    """Plot `anytime_frame`: the best score so far, coloured by the stage that found it."""
    import plotly.graph_objects as go

    figure = go.Figure()
    colors = colors_of(frame["stage"])
    for number, (stage, part) in enumerate(frame.groupby("stage", sort=False)):
        # From where the stage before it ended.
        before = frame.loc[[part.index[0] - 1]] if number else part.iloc[:0]
        at = [*before[x], *part[x]]
        figure.add_scatter(
            x=at,
            y=[*before["best"], *part["best"]],
            mode="lines",
            name=plain(stage),
            line={"shape": "hv", "color": colors[str(stage)], "width": 2.5},
            hovertemplate="%{y:.5g} after %{x:.4g}<extra>" + plain(stage) + "</extra>",
        )
    unit = "evaluations" if x == "evaluation" else "seconds of search"
    figure.update_layout(
        xaxis_title=unit,
        yaxis_title=f"best {plain(metric.name)} so far",
        showlegend=len(colors) > 1,
    )
    dressed(figure, 420, below=110)
    return figure.update_yaxes(range=_window(frame["best"].dropna(), metric, SHOWN_BEST))


def _window(scores: pd.Series, metric: Scale, shown: float) -> list[float] | None:
    """Show a share of the scores, the better ones: a hopeless one must not flatten all others."""
    if scores.empty:
        return None
    sign = 1.0 if metric.greater_is_better else -1.0
    signed = sign * scores
    low, high = float(signed.quantile(1 - shown)), float(signed.max())
    margin = 0.08 * (high - low) or 0.01 * abs(high) or 0.01
    return sorted([sign * (low - margin), sign * (high + margin)])


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
        told[line, column] = f"{percent(row['share'])}<br>{_range(row['low'], row['high'])}"
        name = f"{row['first']} alone" if not row["second"] else f"{row['first']} with {second}"
        hints[line, column] = f"{plain(name)}: {percent(row['share'], 1)}"
    names = [plain(axis) for axis in axes]
    figure = go.Figure(
        go.Heatmap(
            z=shown,
            x=names,
            y=names,
            text=told,
            customdata=hints,
            texttemplate="%{text}",
            hovertemplate="%{customdata}<extra></extra>",
            hoverongaps=False,
            colorscale=["#eef1fb", "#8fa8ea"],
            textfont={"color": "#10203f"},
            zmin=0,
            showscale=False,
            xgap=3,
            ygap=3,
        )
    )
    dressed(figure, 110 + 62 * len(axes), below=70, left=10)
    # Of names that are numbers, such as years, plotly would make numbers; so below.
    figure.update_xaxes(type="category", showgrid=False, automargin=True, autotickangles=[0, -90])
    return figure.update_yaxes(type="category", autorange="reversed", showgrid=False)


def _range(low: float, high: float) -> str:
    """Return an interval in percent, short enough for a cell.

    >>> _range(0.123, 0.4)
    '12 to 40'
    """
    return f"{100 * low:.0f} to {100 * high:.0f}"


def plot_axes(frame: pd.DataFrame) -> go.Figure:
    """Plot `axes_frame`: what each axis explains alone, with its interval, and in pairs."""
    import plotly.graph_objects as go

    shown = frame.iloc[::-1]
    names = [plain(axis) for axis in shown["axis"]]
    figure = go.Figure()
    figure.add_bar(
        x=100 * shown["alone"],
        y=names,
        orientation="h",
        name="alone",
        marker={"color": COLORS[0]},
        error_x={
            "type": "data",
            "symmetric": False,
            "array": 100 * (shown["high"] - shown["alone"]),
            "arrayminus": 100 * (shown["alone"] - shown["low"]),
            "color": NEUTRAL,
            "thickness": 1.5,
        },
        hovertemplate="%{y} alone: %{x:.1f} %<extra></extra>",
    )
    figure.add_bar(
        x=100 * shown["together"],
        y=names,
        orientation="h",
        name="only together with another",
        marker={"color": translucent(COLORS[0], 0.4)},
        hovertemplate="%{y} with another: %{x:.1f} %<extra></extra>",
    )
    figure.update_layout(xaxis_title="share of the variance", barmode="group", bargap=0.3)
    dressed(figure, 150 + 44 * len(frame), below=110, left=10)
    figure.update_layout(legend={"traceorder": "reversed"})
    figure.update_yaxes(type="category")
    return figure.update_xaxes(ticksuffix=" %", rangemode="tozero")


def plot_importance(frame: pd.DataFrame, n: int = 15) -> go.Figure:
    """Plot the `n` first rows of `importance_frame` as bars, coloured by axis."""
    import plotly.graph_objects as go

    top = frame.head(n).iloc[::-1]
    figure = go.Figure()
    for axis, color in colors_of(frame["axis"]).items():
        part = top[top["axis"] == axis]
        if part.empty:
            continue
        figure.add_bar(
            x=100 * part["importance"],
            y=[plain(name) for name in part["parameter"]],
            orientation="h",
            name=plain(axis),
            marker={"color": color},
            hovertemplate="%{y}: %{x:.1f} %<extra></extra>",
        )
    figure.update_layout(xaxis_title="importance (PED-ANOVA)", barmode="overlay")
    dressed(figure, 150 + 26 * max(3, len(top)), below=110, left=10)
    if top.empty:
        said(figure, "too few trials finished to say which parameters mattered")
    figure.update_xaxes(ticksuffix=" %")
    order = [plain(name) for name in top["parameter"]]
    return figure.update_yaxes(type="category", categoryorder="array", categoryarray=order)


def plot_features(frame: pd.DataFrame) -> go.Figure:
    """Plot `features_frame`: shares of the good trials as bars, of all trials as marks."""
    import plotly.graph_objects as go

    words = {"choice": "columns chosen by", "column": "column in use"}
    shown = frame.groupby("kind", sort=False).head(MOST_COLUMNS).iloc[::-1]
    figure = go.Figure()
    for kind, part in shown.groupby("kind"):
        names = [plain(name) for name in part["name"]]
        figure.add_bar(
            x=100 * part["good"],
            y=names,
            orientation="h",
            name=f"{words[str(kind)]}, good trials",
            marker={"color": COLORS[0] if kind == "column" else COLORS[3]},
            hovertemplate="%{y}: %{x:.0f} % of the good trials<extra></extra>",
        )
    figure.add_scatter(
        x=100 * shown["all"],
        y=[plain(name) for name in shown["name"]],
        mode="markers",
        name="all trials",
        marker={"symbol": "line-ns", "size": 14, "line": {"width": 2.5, "color": NEUTRAL}},
        hovertemplate="%{y}: %{x:.0f} % of all trials<extra></extra>",
    )
    figure.update_layout(xaxis_title="share of the trials", barmode="overlay")
    dressed(figure, 150 + 24 * max(3, len(shown)), below=110, left=10)
    figure.update_xaxes(ticksuffix=" %", range=[0, 102])
    if shown.empty:
        said(figure, "no features were chosen in a trial that finished")
    order = [plain(name) for name in shown["name"]]
    return figure.update_yaxes(type="category", categoryorder="array", categoryarray=order)
