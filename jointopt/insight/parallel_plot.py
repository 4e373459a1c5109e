"""Trials as lines through their parameters, drawn from `parallel_frame`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from jointopt.insight.figures import COLORS, GRID, dressed, plain, said, translucent
from jointopt.insight.search_frames import n_good, say_good

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go
    from numpy.typing import NDArray

    from jointopt.insight.search_frames import Scale

__all__ = ["plot_parallel"]

INACTIVE: Final = -0.14
"""Where a line of parallel coordinates passes below an axis that its trial does not have."""
MOST_TICKS: Final = 9
LONGEST_TITLE: Final = 22
LONGEST_TICK: Final = 13
WIDE: Final = 30.0
"""Ratio of a parameter's values from which on its axis is logarithmic."""
GROUND: Final = "rgba(255, 255, 255, 0.8)"
"""Under labels that lines pass; a page puts its own in its place."""


def plot_parallel(frame: pd.DataFrame, metric: Scale) -> go.Figure:
    """Plot `parallel_frame`: a line per trial through its parameters, the good ones on top."""
    import plotly.graph_objects as go

    names = [name for name in frame.columns if name not in ("trial", "score")]
    figure = go.Figure()
    if frame.empty:
        return said(dressed(figure, 460), "no trial finished")
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
    dressed(figure, 460, below=40, left=20)
    figure.update_layout(legend={"y": 0})
    figure.update_xaxes(visible=False, range=[-0.35, len(heights) - 0.4])
    return figure.update_yaxes(visible=False, range=[-0.2, 1.36])


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
    heading = "<br>".join(_short(word, LONGEST_TITLE) for word in words)
    figure.add_annotation(
        y=1.05,
        text=f"<b>{heading}</b>",
        yanchor="bottom",
        # Neighbours at two heights, so that long titles do not meet.
        yshift=32 * (place % 2),
        font={"size": 11},
        **style,
    )
    for height, word in ticks.items():
        figure.add_annotation(
            y=height,
            text=_short(word, LONGEST_TICK),
            xanchor="left",
            xshift=4,
            font={"size": 11},
            bgcolor=GROUND,
            borderpad=1,
            **style,
        )


def _short(word: str, longest: int) -> str:
    """Return a word that ends before its neighbour begins.

    >>> _short("quantile_normal", 13)
    'quantile_nor…'
    """
    return plain(word if len(word) <= longest else f"{word[: longest - 1]}…")
