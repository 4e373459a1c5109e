"""Figures of a search, drawn from the frames of `search_frames` and of `Interactions`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from jointopt.insight.figures import COLORS, GRID, NEUTRAL, colors_of, dressed, plain, translucent
from jointopt.insight.search_frames import n_good, say_good

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    import plotly.graph_objects as go
    from numpy.typing import NDArray

    from jointopt.insight.search_frames import Scale

__all__ = [
    "plot_anytime",
    "plot_axes",
    "plot_features",
    "plot_history",
    "plot_importance",
    "plot_interactions",
    "plot_parallel",
]

MOST_COLUMNS: Final = 30
"""Columns that a picture names."""
INACTIVE: Final = -0.14
"""Where a line of parallel coordinates passes below an axis that its trial does not have."""
MOST_TICKS: Final = 9
LONGEST_TITLE: Final = 14
WIDE: Final = 30.0
"""Ratio of a parameter's values from which on its axis is logarithmic."""


def plot_history(frame: pd.DataFrame, metric: Scale) -> go.Figure:
    """Plot `history_frame`: one mark per trial, coloured by paradigm, and the best so far."""
    import plotly.graph_objects as go

    figure = go.Figure()
    colors = colors_of(sorted(frame["paradigm"].unique()))
    for paradigm, part in frame.groupby("paradigm"):
        complete = part["state"] == "complete"
        name = plain(paradigm)
        figure.add_scatter(
            x=part["seconds"],
            y=part["score"],
            mode="markers",
            name=name,
            marker={
                "color": colors[str(paradigm)],
                "size": np.where(complete, 9, 6),
                "symbol": np.where(complete, "circle", "circle-open"),
            },
            hovertemplate="trial %{customdata}: %{y:.5g}<extra>" + name + "</extra>",
            customdata=part["trial"],
        )
    figure.add_scatter(
        x=frame["seconds"],
        y=frame["best"],
        mode="lines",
        name="best so far",
        line={"shape": "hv", "color": NEUTRAL, "width": 2},
    )
    figure.update_layout(
        xaxis_title="seconds since the first trial", yaxis_title=plain(metric.name)
    )
    dressed(figure, 420, below=110)
    return figure.update_yaxes(range=_window(frame["score"], metric))


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
    unit = "evaluations" if x == "evaluation" else "seconds since the first trial"
    figure.update_layout(
        xaxis_title=unit,
        yaxis_title=f"best {plain(metric.name)} so far",
        showlegend=len(colors) > 1,
    )
    dressed(figure, 420, below=110)
    return figure.update_yaxes(range=_window(frame["best"].dropna(), metric))


def _window(scores: pd.Series, metric: Scale) -> list[float] | None:
    """Show the better three quarters: one hopeless trial must not flatten all others."""
    if scores.empty:
        return None
    sign = 1.0 if metric.greater_is_better else -1.0
    signed = sign * scores
    low, high = float(signed.quantile(0.25)), float(signed.max())
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
        told[line, column] = f"{row['share']:.0%}<br>{row['low']:.0%} to {row['high']:.0%}"
        name = f"{row['first']} alone" if not row["second"] else f"{row['first']} with {second}"
        hints[line, column] = plain(name)
    names = [plain(axis) for axis in axes]
    figure = go.Figure(
        go.Heatmap(
            z=shown,
            x=names,
            y=names,
            text=told,
            customdata=hints,
            texttemplate="%{text}",
            hovertemplate="%{customdata}: %{z:.1%}<extra></extra>",
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
    figure.update_xaxes(showgrid=False)
    return figure.update_yaxes(autorange="reversed", showgrid=False)


def plot_axes(frame: pd.DataFrame) -> go.Figure:
    """Plot `axes_frame`: what each axis explains alone, with its interval, and in pairs."""
    import plotly.graph_objects as go

    shown = frame.iloc[::-1]
    names = [plain(axis) for axis in shown["axis"]]
    figure = go.Figure()
    figure.add_bar(
        x=shown["alone"],
        y=names,
        orientation="h",
        name="alone",
        marker={"color": COLORS[0]},
        error_x={
            "type": "data",
            "symmetric": False,
            "array": shown["high"] - shown["alone"],
            "arrayminus": shown["alone"] - shown["low"],
            "color": NEUTRAL,
            "thickness": 1.5,
        },
        hovertemplate="%{y} alone: %{x:.1%}<extra></extra>",
    )
    figure.add_bar(
        x=shown["together"],
        y=names,
        orientation="h",
        name="only together with another",
        marker={"color": translucent(COLORS[0], 0.4)},
        hovertemplate="%{y} with another: %{x:.1%}<extra></extra>",
    )
    figure.update_layout(xaxis_title="share of the variance", barmode="group", bargap=0.3)
    dressed(figure, 150 + 44 * len(frame), below=110, left=10)
    figure.update_layout(legend={"traceorder": "reversed"})
    return figure.update_xaxes(tickformat=".0%", rangemode="tozero")


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
            x=part["importance"],
            y=[plain(name) for name in part["parameter"]],
            orientation="h",
            name=plain(axis),
            marker={"color": color},
            hovertemplate="%{y}: %{x:.1%}<extra></extra>",
        )
    figure.update_layout(xaxis_title="importance (PED-ANOVA)", barmode="overlay")
    dressed(figure, 150 + 26 * max(3, len(top)), below=110, left=10)
    order = [plain(name) for name in top["parameter"]]
    return figure.update_yaxes(categoryorder="array", categoryarray=order)


def plot_features(frame: pd.DataFrame) -> go.Figure:
    """Plot `features_frame`: shares of the good trials as bars, of all trials as marks."""
    import plotly.graph_objects as go

    words = {"choice": "columns chosen by", "column": "column in use"}
    shown = frame.groupby("kind", sort=False).head(MOST_COLUMNS).iloc[::-1]
    figure = go.Figure()
    for kind, part in shown.groupby("kind"):
        names = [plain(name) for name in part["name"]]
        figure.add_bar(
            x=part["good"],
            y=names,
            orientation="h",
            name=f"{words[str(kind)]}, good trials",
            marker={"color": COLORS[0] if kind == "column" else COLORS[3]},
            hovertemplate="%{y}: %{x:.0%} of the good trials<extra></extra>",
        )
    figure.add_scatter(
        x=shown["all"],
        y=[plain(name) for name in shown["name"]],
        mode="markers",
        name="all trials",
        marker={"symbol": "line-ns", "size": 14, "line": {"width": 2.5, "color": NEUTRAL}},
        hovertemplate="%{y}: %{x:.0%} of all trials<extra></extra>",
    )
    figure.update_layout(xaxis_title="share of the trials", barmode="overlay")
    dressed(figure, 150 + 24 * max(3, len(shown)), below=110, left=10)
    figure.update_xaxes(tickformat=".0%", range=[0, 1.02])
    order = [plain(name) for name in shown["name"]]
    return figure.update_yaxes(categoryorder="array", categoryarray=order)


def plot_parallel(frame: pd.DataFrame, metric: Scale) -> go.Figure:
    """Plot `parallel_frame`: a line per trial through its parameters, the good ones on top."""
    import plotly.graph_objects as go

    names = [name for name in frame.columns if name not in ("trial", "score")]
    figure = go.Figure()
    heights = []
    for place, name in enumerate([*names, "score"]):
        at, ticks = _placed(frame[name])
        heights.append(at)
        title = metric.name if name == "score" else name
        _add_axis(figure, place, title, ticks)
    n_best = n_good(len(frame))
    at = np.column_stack([*heights, np.full(len(frame), np.nan)])
    for name, rows, style in (
        ("other trials", slice(n_best, None), {"color": translucent("#888888", 0.25), "width": 1}),
        (say_good(len(frame)), slice(None, n_best), {"color": COLORS[0], "width": 1.8}),
    ):
        part = frame.iloc[rows]
        if part.empty:
            continue
        told = [f"trial {row.trial}: {row.score:.5g}" for row in part.itertuples()]
        figure.add_scatter(
            x=np.tile([*range(len(heights)), np.nan], len(part)),
            y=at[rows].ravel(),
            text=np.repeat(told, len(heights) + 1),
            mode="lines",
            name=name,
            line=style,
            hovertemplate="%{text}<extra></extra>",
        )
    dressed(figure, 460, below=90, left=20)
    figure.update_xaxes(visible=False, range=[-0.15, len(heights) - 0.4])
    return figure.update_yaxes(visible=False, range=[-0.24, 1.12])


def _placed(values: pd.Series) -> tuple[NDArray[np.float64], dict[float, str]]:
    """Return heights from 0 to 1, below them where there is no value, and what they mean."""
    known = values.dropna()
    kinds = {type(value) for value in known}
    if kinds <= {int, float, np.float64, np.int64}:
        heights, ticks = _numbers(known.to_numpy(dtype=float))
    else:
        heights, ticks = _words([str(value) for value in known])
    full = np.full(len(values), INACTIVE)
    full[values.notna().to_numpy()] = heights
    return full, ticks if len(known) == len(values) else {INACTIVE: "not there", **ticks}


def _numbers(values: NDArray[np.float64]) -> tuple[NDArray[np.float64], dict[float, str]]:
    low, high = values.min(), values.max()
    scaled = np.log(values) if low > 0 and high > WIDE * low else values
    heights = (scaled - scaled.min()) / ((scaled.max() - scaled.min()) or 1.0)
    return heights, {0.0: f"{low:.3g}", 1.0: f"{high:.3g}"}


def _words(words: list[str]) -> tuple[NDArray[np.float64], dict[float, str]]:
    options = sorted(set(words), reverse=True)
    step = 1 / max(1, len(options) - 1)
    places = {option: step * i for i, option in enumerate(options)}
    # Apart, so that lines of the same option are seen to be many.
    spread = min(0.25 * step, 0.05) * (np.arange(len(words)) % 7 - 3) / 3
    shown = options if len(options) <= MOST_TICKS else [options[0], options[-1]]
    at = np.array([places[word] for word in words])
    return at + spread, {places[option]: option for option in shown}


def _add_axis(figure: go.Figure, place: int, title: str, ticks: dict[float, str]) -> None:
    figure.add_shape(
        type="line", x0=place, x1=place, y0=-0.02, y1=1.02, line={"color": GRID, "width": 2}
    )
    style: dict[str, Any] = {"x": place, "showarrow": False}
    axis, _, rest = title.partition("/")
    words = [axis, rest.rpartition("/")[2]] if rest else [axis]
    short = [w if len(w) <= LONGEST_TITLE else f"{w[: LONGEST_TITLE - 1]}…" for w in words]
    heading = "<br>".join(plain(word) for word in short)
    figure.add_annotation(
        y=1.05, text=f"<b>{heading}</b>", yanchor="bottom", font={"size": 11}, **style
    )
    for height, word in ticks.items():
        figure.add_annotation(
            y=height, text=plain(word), xanchor="left", xshift=4, font={"size": 11}, **style
        )
