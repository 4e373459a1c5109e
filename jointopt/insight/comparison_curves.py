"""What searches have found by what they spent: means over seeds, with confidence bands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

import numpy as np
import pandas as pd

from jointopt.errors import OptionError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["anytime_bands"]

N_BOOTSTRAP: Final = 2000
N_GRID: Final = 300


def anytime_bands(
    anytime: pd.DataFrame, x: Literal["evaluations", "seconds"] = "evaluations", seed: int = 0
) -> pd.DataFrame:
    """Return the mean over seeds of the best validation score so far, with its confidence band.

    A run that has ended keeps its best score; one without any is not among the seeds. A curve
    begins where every seed has a score.

    Parameters
    ----------
    anytime : DataFrame
        Columns dataset, strategy, seed, evaluation, seconds, best.
    x : {"evaluations", "seconds"}, default="evaluations"
        What is spent.
    seed : int, default=0
        Of the bootstrap.

    Returns
    -------
    DataFrame
        Columns dataset, strategy, `x`, n_seeds, mean, low, high; low to high is the bootstrap
        95 % interval of the mean over seeds.
    """
    columns = {"evaluations": "evaluation", "seconds": "seconds"}
    if x not in columns:
        raise OptionError(f"x must be 'evaluations' or 'seconds', got {x!r}")
    parts = []
    for dataset in anytime["dataset"].unique().tolist():
        here = anytime[anytime["dataset"] == dataset]
        grid = _grid(here[columns[x]].to_numpy(dtype=float), whole=x == "evaluations")
        for strategy in here["strategy"].unique().tolist():
            curves = [
                _curve(run[columns[x]].to_numpy(float), run["best"].to_numpy(float), grid)
                for _, run in here[here["strategy"] == strategy].groupby("seed")
                if run["best"].notna().any()
            ]
            if not curves:
                continue
            band = _band(np.array(curves), grid, seed).rename(columns={"x": x})
            band.insert(0, "strategy", strategy)
            band.insert(0, "dataset", dataset)
            parts.append(band)
    if not parts:
        return pd.DataFrame(columns=["dataset", "strategy", x, "n_seeds", "mean", "low", "high"])
    return pd.concat(parts, ignore_index=True)


def _grid(values: NDArray[np.float64], *, whole: bool) -> NDArray[np.float64]:
    if whole:
        return np.unique(np.linspace(1, values.max(), N_GRID).round())
    return np.linspace(0, values.max(), N_GRID)


def _curve(
    x: NDArray[np.float64], best: NDArray[np.float64], grid: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return a run's best so far at each point of the grid, NaN before its first."""
    order = np.argsort(x, kind="stable")
    at = np.searchsorted(x[order], grid, side="right") - 1
    return np.where(at >= 0, best[order][np.maximum(at, 0)], np.nan)


def _band(curves: NDArray[np.float64], grid: NDArray[np.float64], seed: int) -> pd.DataFrame:
    known = ~np.isnan(curves).any(axis=0)
    curves, grid = curves[:, known], grid[known]
    n_seeds = len(curves)
    rng = np.random.default_rng(seed)
    drawn = rng.multinomial(n_seeds, np.full(n_seeds, 1 / n_seeds), size=N_BOOTSTRAP) / n_seeds
    low, high = np.quantile(drawn @ curves, [0.025, 0.975], axis=0)
    return pd.DataFrame(
        {"x": grid, "n_seeds": n_seeds, "mean": curves.mean(axis=0), "low": low, "high": high}
    )
