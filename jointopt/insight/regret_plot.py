"""Regret against evaluations, as a picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from jointopt.insight.plots import COLORS

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

__all__ = ["regret_figure"]


def regret_figure(frame: pd.DataFrame, floor: float, n_plus_m: int, near: float) -> go.Figure:
    """Draw `regret_frame`; the logarithmic axis has no zero, so the optimum is at the floor."""
    import plotly.graph_objects as go

    figure = go.Figure()
    strategies = list(dict.fromkeys(frame["strategy"]))
    for color, strategy in zip(np.resize(COLORS, len(strategies)), strategies, strict=True):
        part = frame[frame["strategy"] == strategy]
        x, low, median, high = (
            part[name].to_numpy(dtype=float) for name in ("evaluation", "q25", "median", "q75")
        )
        band = {"mode": "lines", "legendgroup": strategy, "line": {"width": 0, "shape": "hv"}}
        figure.add_scatter(
            x=x, y=np.maximum(high, floor), showlegend=False, hoverinfo="skip", **band
        )
        figure.add_scatter(
            x=x,
            y=np.maximum(low, floor),
            fill="tonexty",
            fillcolor=_translucent(str(color)),
            showlegend=False,
            hoverinfo="skip",
            **band,
        )
        figure.add_scatter(
            x=x,
            y=np.maximum(median, floor),
            customdata=median,
            mode="lines",
            name=strategy,
            legendgroup=strategy,
            line={"color": str(color), "width": 2, "shape": "hv"},
            hovertemplate="%{x} evaluations: regret %{customdata:.4g}",
        )
    figure.add_vline(n_plus_m, line={"color": "#555555", "dash": "dash"})
    figure.add_annotation(
        x=n_plus_m,
        y=1,
        yref="paper",
        yanchor="bottom",
        text=f"N + M = {n_plus_m}",
        showarrow=False,
    )
    for level, text in ((near, "99 % of the way"), (floor, "the optimum")):
        figure.add_hline(level, line={"color": "#999999", "dash": "dot"})
        # Plotly takes an annotation's place on a logarithmic axis as an exponent.
        figure.add_annotation(
            x=1,
            xref="paper",
            xanchor="right",
            y=float(np.log10(level)),
            yanchor="bottom",
            text=text,
            showarrow=False,
        )
    figure.update_layout(
        xaxis_title="evaluations",
        yaxis_title="regret",
        yaxis_type="log",
        template="plotly_white",
        height=420,
        margin={"t": 30, "r": 10, "b": 50, "l": 60},
        legend={"orientation": "h", "y": -0.22},
    )
    return figure


def _translucent(color: str) -> str:
    """Return a colour that lets others shine through.

    >>> _translucent("#4269d0")
    'rgba(66, 105, 208, 0.2)'
    """
    red, green, blue = (int(color[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red}, {green}, {blue}, 0.2)"
