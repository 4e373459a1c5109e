"""Tables drawn at random, of the many shapes that real ones have."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.special import expit
from scipy.stats import norm

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Rows = NDArray[np.float64]

__all__ = ["simulate_table"]

N_ROWS = (400, 4000)
N_NUMERIC = (3, 40)
MOST_CATEGORICAL = 8
N_LEVELS = (2, 60)
MOST_CLASSES = 8
GAPPY, EXPONENTIAL = 0.2, 0.25
"""How often a column has gaps, and a number to predict is skewed."""
NOISE = (0.05, 1.5)
"""Standard deviation of the noise, in those of what can be learnt."""
MARGINS: tuple[Callable[[Rows], Rows], ...] = (
    lambda z: z,
    np.exp,
    lambda z: z**3,
    norm.cdf,
    lambda z: np.round(2 * z),
    lambda z: np.maximum(z, 0),
)
"""What makes columns of normal ones: skewed, heavy-tailed, bounded, of few values, often zero."""


def simulate_table(seed: int) -> pd.DataFrame:
    """Draw a table: correlated columns of several kinds, and a target that depends on some.

    The target is a random mixture of a linear function, smooth ridge functions (what networks
    learn), steps that depend on each other (what trees learn) and effects of categories, with
    noise; it is a number, one of two classes or one of up to eight. Some columns have gaps.

    Parameters
    ----------
    seed : int
        The same seed gives the same table.

    Returns
    -------
    DataFrame
        400 to 4,000 rows, 3 to 48 columns and `target`.

    Examples
    --------
    >>> simulate_table(3).equals(simulate_table(3))
    True
    """
    rng = np.random.default_rng(seed)
    n_rows = _log_uniform(rng, *N_ROWS)
    n_numeric = _log_uniform(rng, *N_NUMERIC)
    n_categorical = int(rng.integers(0, MOST_CATEGORICAL + 1))
    factors = rng.normal(size=(n_numeric + n_categorical, n_numeric + n_categorical))
    own = rng.uniform(0.3, 3.0) * np.eye(len(factors))
    latent = rng.normal(size=(n_rows, len(factors))) @ (own + factors / np.sqrt(len(factors)))
    latent = (latent - latent.mean(axis=0)) / latent.std(axis=0)
    columns: dict[str, pd.Series] = {}
    for i in range(n_numeric):
        margin = MARGINS[rng.integers(len(MARGINS))]
        columns[f"x{i}"] = _with_gaps(rng, pd.Series(margin(latent[:, i])))
    effects = np.zeros(n_rows)
    for i in range(n_categorical):
        labels, effect = _categories(rng, latent[:, n_numeric + i])
        columns[f"c{i}"] = _with_gaps(rng, labels)
        effects += effect
    parts = [_linear(rng, latent), _smooth(rng, latent), _steps(rng, latent), effects]
    weights = rng.dirichlet(np.full(len(parts), 0.7))
    signal = sum(w * _standardised(part) for w, part in zip(weights, parts, strict=True))
    return pd.DataFrame(columns).assign(target=_target(rng, _standardised(signal)))


def _log_uniform(rng: np.random.Generator, low: int, high: int) -> int:
    return round(float(np.exp(rng.uniform(np.log(low), np.log(high)))))


def _standardised(values: Rows) -> Rows:
    return np.asarray((values - values.mean()) / max(values.std(), 1e-12))


def _with_gaps(rng: np.random.Generator, column: pd.Series) -> pd.Series:
    share = rng.uniform(0.01, 0.3) if rng.random() < GAPPY else 0.0
    return column.mask(rng.random(len(column)) < share)


def _categories(rng: np.random.Generator, latent: Rows) -> tuple[pd.Series, Rows]:
    """Cut a column into levels without order, each with an effect of its own."""
    n_levels = _log_uniform(rng, *N_LEVELS)
    cuts = np.sort(rng.normal(size=n_levels - 1))
    codes = rng.permutation(n_levels)[np.searchsorted(cuts, latent)]
    return pd.Series(codes).map("level {}".format), rng.normal(size=n_levels)[codes]


def _relevant(rng: np.random.Generator, latent: Rows) -> Rows:
    """Return the columns that count: often few."""
    n_columns = latent.shape[1]
    n_relevant = _log_uniform(rng, min(2, n_columns), n_columns)
    return latent[:, rng.choice(n_columns, n_relevant, replace=False)]


def _linear(rng: np.random.Generator, latent: Rows) -> Rows:
    columns = _relevant(rng, latent)
    return np.asarray(columns @ rng.normal(size=columns.shape[1]))


def _smooth(rng: np.random.Generator, latent: Rows) -> Rows:
    columns = _relevant(rng, latent)
    n_ridges = int(rng.integers(2, 20))
    directions = rng.normal(size=(columns.shape[1], n_ridges)) / np.sqrt(columns.shape[1])
    ridges = np.tanh(rng.uniform(0.5, 4.0) * columns @ directions + rng.normal(size=n_ridges))
    return np.asarray(ridges @ rng.normal(size=n_ridges))


def _steps(rng: np.random.Generator, latent: Rows) -> Rows:
    """Add up random boxes: products of steps in one to four columns."""
    columns = _relevant(rng, latent)
    total = np.zeros(len(columns))
    for _ in range(int(rng.integers(5, 60))):
        depth = int(rng.integers(1, 5))
        of = rng.integers(columns.shape[1], size=depth)
        above = columns[:, of] > rng.normal(scale=0.7, size=depth)
        total += rng.normal() * (above == rng.integers(0, 2, size=depth)).all(axis=1)
    return total


def _target(rng: np.random.Generator, signal: Rows) -> pd.Series:
    noise = np.exp(rng.uniform(*np.log(NOISE)))
    task = rng.choice(["number", "two", "several"])
    if task == "two":
        chance = expit(4.0 / (noise + 0.5) * (signal + rng.normal()))
        return pd.Series(np.where(rng.random(len(signal)) < chance, "yes", "no"))
    noisy = signal + noise * rng.normal(size=len(signal))
    if task == "several":
        n_classes = int(rng.integers(3, MOST_CLASSES + 1))
        cuts = np.quantile(noisy, np.sort(rng.uniform(0.05, 0.95, size=n_classes - 1)))
        codes = rng.permutation(n_classes)[np.searchsorted(cuts, noisy)]
        return pd.Series(codes).map("class {}".format)
    return pd.Series(np.exp(noisy) if rng.random() < EXPONENTIAL else noisy)
