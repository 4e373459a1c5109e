"""The folds of a study: fixed by the table and the seed, the same for every configuration."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np
from sklearn.model_selection import KFold, StratifiedKFold

from jointopt.data import Task

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from jointopt.data import Dataset

__all__ = ["Fold", "make_folds", "n_folds_for"]

Fold = tuple["NDArray[np.int64]", "NDArray[np.int64]"]
"""Row numbers to fit on, and row numbers to score on."""

N_FOLDS_BY_ROWS = ((1_000, 8), (20_000, 5), (100_000, 3))
"""Fewer rows make a fold's score noisier and a fit cheaper, so they get more folds."""


def n_folds_for(n_rows: int) -> int:
    """Return how many folds a table of that many rows gets; 1 is a single holdout.

    8 up to 1,000 rows, 5 up to 20,000, 3 up to 100,000 and above that one holdout of a fifth;
    never more than there are rows.

    >>> [n_folds_for(n) for n in (6, 500, 5_000, 50_000, 1_000_000)]
    [6, 8, 5, 3, 1]
    """
    for most, n_folds in N_FOLDS_BY_ROWS:
        if n_rows <= most:
            return min(n_folds, n_rows)
    return 1


def make_folds(dataset: Dataset, *, seed: int, n_folds: int | None = None) -> tuple[Fold, ...]:
    """Split the rows, by class for a classification.

    A class of a single row is fitted on in every fold and scored in none; any other class has
    at least one row to fit on in each fold.

    Parameters
    ----------
    dataset : Dataset
        The training table.
    seed : int
        Of the shuffle.
    n_folds : int or None, default=None
        1 for a holdout of a fifth of the rows; by default `n_folds_for` decides.

    Returns
    -------
    tuple of (ndarray, ndarray)
        For each fold the sorted numbers of the rows to fit on and of those to score on.
    """
    wanted = n_folds_for(dataset.n_rows) if n_folds is None else n_folds
    n_splits = min(5 if wanted == 1 else wanted, dataset.n_rows)
    rows = np.arange(dataset.n_rows)
    if dataset.task is Task.REGRESSION:
        parts = [
            scored for _, scored in KFold(n_splits, shuffle=True, random_state=seed).split(rows)
        ]
    else:
        parts = _by_class(dataset.y, n_splits, seed)
    folds = [(np.setdiff1d(rows, scored), np.sort(scored)) for scored in parts]
    return tuple(folds[: max(wanted, 1)])


def _by_class(y: NDArray[np.int64], n_splits: int, seed: int) -> list[NDArray[np.int64]]:
    counts = np.bincount(y)
    n_splits = min(n_splits, int(counts.max()))
    splitter = StratifiedKFold(n_splits, shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        # A class with fewer rows than folds is dealt with below.
        warnings.filterwarnings("ignore", message="The least populated class")
        parts = [scored for _, scored in splitter.split(y, y)]
    single = np.isin(y, np.flatnonzero(counts == 1))
    return [scored[~single[scored]] for scored in parts]
