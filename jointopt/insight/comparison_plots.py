"""Figures of a comparison, drawn from its frames."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from jointopt.insight.figures import NEUTRAL, colors_of, dressed, plain, translucent

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

    from jointopt.insight.comparison_ranks import Friedman

__all__ = ["anytime_figure", "critical_difference_figure", "scores_figure"]

DASHES: Final = ("solid", "dash", "dot", "dashdot")
"""So that curves that lie on each other are seen."""
ROW_HEIGHT: Final = 300
SHOWN_FROM: Final = 0.15
"""Share of the curves' points that may lie outside the plot, so that the end can be seen."""


def anytime_figure(bands: pd.DataFrame, runs: pd.DataFrame, x: str) -> go.Figure:
    """Draw `anytime_bands`, one row of axes per data set."""
    colors = colors_of(runs["strategy"])
    dashes = np.resize(DASHES, len(colors))
    lines = {
        strategy: {"color": color, "dash": str(dash), "width": 2, "shape": "hv"}
        for (strategy, color), dash in zip(colors.items(), dashes, strict=True)
    }
    datasets = runs["dataset"].unique().tolist()
    figure = _rows(datasets)
    for row, dataset in enumerate(datasets, start=1):
        here = bands[bands["dataset"] == dataset]
        for strategy, line in lines.items():
            part = here[here["strategy"] == strategy]
            if len(part):
                _add_band(figure, part, x, str(strategy), line, row)
        info = runs[runs["dataset"] == dataset].iloc[0]
        figure.update_yaxes(title_text=plain(info["metric"]), row=row, col=1)
        if len(here):
            window = _window(here, greater_is_better=bool(info["greater_is_better"]))
            figure.update_yaxes(range=window, row=row, col=1)
    unit = "evaluations" if x == "evaluations" else "seconds since the start"
    figure.update_xaxes(rangemode="tozero")
    figure.update_xaxes(title_text=unit, row=len(datasets), col=1)
    return _whole(figure, len(datasets))


def _add_band(
    figure: go.Figure, part: pd.DataFrame, x: str, name: str, line: dict[str, Any], row: int
) -> None:
    at = part[x]
    edge = {"mode": "lines", "line": {"width": 0, "shape": "hv"}, "legendgroup": name}
    hidden = {"showlegend": False, "hoverinfo": "skip"}
    figure.add_scatter(x=at, y=part["high"], row=row, col=1, **edge, **hidden)
    fill = {"fill": "tonexty", "fillcolor": translucent(line["color"])}
    figure.add_scatter(x=at, y=part["low"], row=row, col=1, **edge, **hidden, **fill)
    figure.add_scatter(
        x=at,
        y=part["mean"],
        mode="lines",
        name=plain(name),
        legendgroup=name,
        showlegend=row == 1,
        line=line,
        hovertemplate="%{y:.5g} after %{x:.4g}<extra>" + plain(name) + "</extra>",
        row=row,
        col=1,
    )


def _window(bands: pd.DataFrame, *, greater_is_better: bool) -> list[float]:
    """Leave out the poor beginning, so that the differences at the end can be seen."""
    quantile = SHOWN_FROM if greater_is_better else 1 - SHOWN_FROM
    cut = float(bands["mean"].quantile(quantile))
    ends = bands[bands["mean"] >= cut] if greater_is_better else bands[bands["mean"] <= cut]
    low, high = float(ends["low"].min()), float(ends["high"].max())
    margin = 0.06 * (high - low) or 0.01 * abs(high) or 0.01
    return [low - margin, high + margin]


def scores_figure(runs: pd.DataFrame) -> go.Figure:
    """Draw the test score of each run, by strategy, one row of axes per data set."""
    colors = colors_of(runs["strategy"])
    datasets = runs["dataset"].unique().tolist()
    figure = _rows(datasets)
    for row, dataset in enumerate(datasets, start=1):
        here = runs[runs["dataset"] == dataset]
        for strategy, color in colors.items():
            part = here[here["strategy"] == strategy]
            figure.add_box(
                y=part["test"],
                x=[plain(strategy)] * len(part),
                name=plain(strategy),
                marker={"color": color, "size": 7},
                line={"width": 1.5},
                boxpoints="all",
                pointpos=0,
                jitter=0.3,
                showlegend=False,
                text=[f"seed {seed}" for seed in part["seed"]],
                hovertemplate="%{text}: %{y:.5g}<extra></extra>",
                row=row,
                col=1,
            )
        metric = plain(here["metric"].iloc[0])
        better = "greater" if bool(here["greater_is_better"].iloc[0]) else "smaller"
        figure.update_yaxes(title_text=f"test {metric} ({better} is better)", row=row, col=1)
    figure.update_xaxes(type="category")
    return _whole(figure, len(datasets), below=40)


def critical_difference_figure(found: Friedman) -> go.Figure:
    """Draw mean ranks; a bar joins strategies that Nemenyi's test does not part."""
    import plotly.graph_objects as go

    ranks = {str(name): float(rank) for name, rank in found.ranks.items()}
    figure = go.Figure()
    groups = found.groups()
    for depth, group in enumerate(groups, start=1):
        ends = [ranks[group[0]] - 0.03, ranks[group[-1]] + 0.03]
        figure.add_scatter(
            x=ends,
            y=[-0.5 * depth] * 2,
            mode="lines",
            line={"width": 6, "color": NEUTRAL},
            hovertemplate="no difference shown<extra></extra>",
        )
    top = -0.5 * (len(groups) + 1)
    for place, ((name, rank), color) in enumerate(
        zip(ranks.items(), colors_of(ranks).values(), strict=True)
    ):
        label = top - 0.6 * place
        figure.add_scatter(
            x=[rank, rank],
            y=[0, label],
            mode="lines+markers",
            line={"color": color, "width": 2},
            marker={"size": [9, 0]},
            hovertemplate=f"{plain(name)}: mean rank {rank:.3g}<extra></extra>",
        )
        left = rank > (len(ranks) + 1) / 2
        figure.add_annotation(
            x=rank,
            y=label,
            text=f" {plain(name)}  {rank:.2f} ",
            showarrow=False,
            xanchor="right" if left else "left",
        )
    figure.update_xaxes(
        range=[0.8, len(ranks) + 0.2], side="top", dtick=1, title_text="mean rank (1 is the best)"
    )
    figure.update_yaxes(visible=False, range=[top - 0.6 * len(ranks), 0.15])
    dressed(figure, 90 + 34 * (len(ranks) + len(groups)), below=10, left=10)
    return figure.update_layout(margin={"t": 60}, showlegend=False)


def _rows(datasets: list[Any]) -> go.Figure:
    from plotly.subplots import make_subplots

    titles = [plain(name) for name in datasets] if len(datasets) > 1 else None
    gap = 0.35 / len(datasets)
    return make_subplots(
        rows=len(datasets), cols=1, subplot_titles=titles, vertical_spacing=min(gap, 0.2)
    )


def _whole(figure: go.Figure, n_rows: int, below: int = 100) -> go.Figure:
    return dressed(figure, 30 + below + ROW_HEIGHT * n_rows, below=below)
