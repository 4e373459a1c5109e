"""Regret against evaluations: quartiles, how soon it is gone, and the picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from jointopt.insight.figures import NEUTRAL, colors_of, dressed, plain, translucent

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = ["evaluations_to", "regret_figure", "regret_of", "regret_quartiles"]

EXACTLY = 1e-9
"""Relative regrets that are as good as none."""


def regret_quartiles(regret: pd.DataFrame) -> pd.DataFrame:
    """Return the quartiles of the regret over repeated searches, by strategy and evaluation.

    Parameters
    ----------
    regret : DataFrame
        Columns `strategy`, `seed`, `evaluation`, `regret`. A search that ended early keeps its
        last regret; one that has completed nothing yet has the greatest of all.

    Returns
    -------
    DataFrame
        Columns `strategy`, `evaluation`, and of the regret `q25`, `median`, `q75`.
    """
    worst = regret["regret"].max()
    parts = []
    for strategy in dict.fromkeys(regret["strategy"]):
        own = regret[regret["strategy"] == strategy]
        wide = own.pivot(index="evaluation", columns="seed", values="regret")
        quartiles = wide.ffill().fillna(worst).quantile([0.25, 0.5, 0.75], axis=1).T
        part: pd.DataFrame = quartiles.set_axis(["q25", "median", "q75"], axis=1).reset_index()
        part.insert(0, "strategy", strategy)
        parts.append(part)
    whole: pd.DataFrame = pd.concat(parts, ignore_index=True)
    return whole


def evaluations_to(regret: pd.DataFrame, runs: pd.DataFrame, share: float) -> pd.DataFrame:
    """Return how many evaluations each strategy took to cover a share of the way.

    Parameters
    ----------
    regret : DataFrame
        Columns `strategy`, `seed`, `evaluation`, `relative`.
    runs : DataFrame
        Of the same searches; tells N + M and N × M.
    share : float
        Of the way from the median configuration to the best.
    """
    arrived = regret[regret["relative"] <= 1 - share + EXACTLY]
    first = arrived.groupby(["strategy", "seed"])["evaluation"].min()
    rows = []
    for strategy, own in runs.groupby("strategy", sort=False):
        taken = np.array([first.get((strategy, seed), np.inf) for seed in own["seed"]])
        # A median of nearest ranks, since infinity and a number have no middle.
        q25, median, q75 = np.quantile(taken, [0.25, 0.5, 0.75], method="inverted_cdf")
        rows.append(
            {
                "strategy": strategy,
                "q25": q25,
                "median": median,
                "q75": q75,
                "seeds_that_arrive": int(np.isfinite(taken).sum()),
                "seeds": len(taken),
                "n_plus_m": own["n_plus_m"].iloc[0],
                "n_times_m": own["n_times_m"].iloc[0],
            }
        )
    return pd.DataFrame(rows)


def regret_of(regret: pd.DataFrame, runs: pd.DataFrame) -> go.Figure:
    """Draw the regret of a comparison, N + M and the 99 % target marked.

    Parameters
    ----------
    regret, runs : DataFrame
        As for `evaluations_to`.
    """
    positive = regret[regret["relative"] > EXACTLY]
    floor = 0.5 * float(positive["regret"].min()) if len(positive) else 1e-3
    reach = float((positive["regret"] / positive["relative"]).median()) if len(positive) else 1.0
    quartiles = regret_quartiles(regret)
    return regret_figure(quartiles, floor, int(runs["n_plus_m"].iloc[0]), 0.01 * reach)


def regret_figure(frame: pd.DataFrame, floor: float, n_plus_m: int, near: float) -> go.Figure:
    """Draw `regret_frame`; the logarithmic axis has no zero, so the optimum is at the floor."""
    import plotly.graph_objects as go

    figure = go.Figure()
    for strategy, color in colors_of(frame["strategy"]).items():
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
            fillcolor=translucent(color),
            showlegend=False,
            hoverinfo="skip",
            **band,
        )
        figure.add_scatter(
            x=x,
            y=np.maximum(median, floor),
            customdata=median,
            mode="lines",
            name=plain(strategy),
            legendgroup=strategy,
            line={"color": color, "width": 2, "shape": "hv"},
            hovertemplate="%{x} evaluations: regret %{customdata:.4g}",
        )
    figure.add_vline(n_plus_m, line={"color": NEUTRAL, "dash": "dash"})
    figure.add_annotation(
        x=n_plus_m,
        y=1,
        yref="paper",
        yanchor="bottom",
        text=f"N + M = {n_plus_m}",
        showarrow=False,
    )
    for level, text in ((near, "99 % of the way"), (floor, "the optimum")):
        figure.add_hline(level, line={"color": NEUTRAL, "dash": "dot"})
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
    figure.update_layout(xaxis_title="evaluations", yaxis_title="regret", yaxis_type="log")
    return dressed(figure, 450, below=110)
