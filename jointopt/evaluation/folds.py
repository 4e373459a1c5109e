"""The folds of a study: fixed by the table and the seed, the same for every configuration."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np
from sklearn.model_selection import KFold, StratifiedKFold

from jointopt.data import Kind, Task

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from jointopt.data import Dataset

__all__ = [
    "HOLDOUT_PARTS",
    "Fold",
    "affordable_folds",
    "affordable_rows",
    "make_folds",
    "n_folds_for",
    "rungs_for",
    "sample_rows",
]

HOLDOUT_PARTS = 5
"""A holdout scores one of as many parts of the rows."""

Fold = tuple["NDArray[np.int64]", "NDArray[np.int64]"]
"""Row numbers to fit on, and row numbers to score on."""

ENOUGH_FOR_FOLDS, ENOUGH_FOR_ROWS = 40, 20
"""Configurations that a budget should allow to pass several folds, or a holdout of all rows."""
LEAST_FOLDS, FEW_ROWS, ENOUGH_FOR_FEW = 3, 2_000, 5
"""What is best on a holdout of so few rows is so by chance: five configurations are worth more."""
LEAST_SEARCHED_ROWS = 20_000
"""With fewer, what is best for them may not be so for all."""

N_FOLDS_BY_ROWS = ((1_000, 8), (20_000, 5), (100_000, 3))
"""Fewer rows make a fold's score noisier and a fit cheaper, so they get more folds."""
LEAST_SCORED_VALUES = 3
"""R² or a correlation of one row, or of two, says next to nothing of a regression."""


RUNG_FACTOR = 4
LEAST_RUNG_ROWS = 4_000
"""With fewer rows, which model is better says little of which is better with all of them."""


def n_folds_for(n_rows: int) -> int:
    """Return how many folds a table of that many rows gets; 1 is a single holdout.

    8 up to 1,000 rows, 5 up to 20,000, 3 up to 100,000 and above that one holdout of a fifth;
    never more than there are rows. Of few rows `make_folds` may make fewer.

    >>> [n_folds_for(n) for n in (6, 500, 5_000, 50_000, 1_000_000)]
    [6, 8, 5, 3, 1]
    """
    for most, n_folds in N_FOLDS_BY_ROWS:
        if n_rows <= most:
            return min(n_folds, n_rows)
    return 1


def affordable_folds(dataset: Dataset, budget_seconds: float | None) -> int:
    """Return how many folds this table gets within a budget, all workers' seconds together.

    What `n_folds_for` says, or fewer if 40 configurations could not pass that many: a budget
    buys more from many configurations on a holdout than from a few on many folds. Up to 2,000
    rows 5 configurations are enough for 3 folds, because a holdout would be too small to choose
    by. Where a class is rare, or a regression has few rows, `make_folds` makes fewer still.

    Parameters
    ----------
    dataset : Dataset
        The training table.
    budget_seconds : float or None
        None for no limit.
    """
    n_folds = n_folds_for(dataset.n_rows)
    if budget_seconds is None:
        return n_folds
    fits = budget_seconds / (dataset.n_rows * _seconds_a_row(dataset))
    for k in (n_folds, 5, LEAST_FOLDS):
        few = k <= LEAST_FOLDS and dataset.n_rows <= FEW_ROWS
        if k * (ENOUGH_FOR_FEW if few else ENOUGH_FOR_FOLDS) <= fits:
            return min(n_folds, k)
    return 1


def affordable_rows(dataset: Dataset, budget_seconds: float | None) -> int | None:
    """Return of how many rows the holdout of a large table is made within a budget.

    None, for all of them, if 20 configurations can pass it; else as many as they can, but at
    least 20,000.

    Parameters
    ----------
    dataset : Dataset
        The training table.
    budget_seconds : float or None
        All workers' seconds together; None for no limit.
    """
    if budget_seconds is None:
        return None
    affordable = int(budget_seconds / ENOUGH_FOR_ROWS / _seconds_a_row(dataset))
    n_rows = max(affordable, LEAST_SEARCHED_ROWS)
    return n_rows if n_rows < dataset.n_rows else None


def _seconds_a_row(dataset: Dataset) -> float:
    """Return about what a row costs each fit: for a column 1.3 µs a class, beside 10 columns.

    So much a boosted ensemble took on one core, of seven tables, and 4 µs in a regression, where
    more rounds pass before it stops; two classes count as one. A text is taken apart as well,
    which costs as much as 60 columns.
    """
    outputs = dataset.n_classes if dataset.task is Task.MULTICLASS else 1
    of_column = 4e-6 if dataset.task is Task.REGRESSION else 1.3e-6
    n_texts = len(dataset.schema.names(Kind.TEXT))
    return of_column * outputs * (10 + dataset.n_columns + 60 * n_texts)


def rungs_for(n_rows: int) -> tuple[int, ...]:
    """Return on how many rows configurations are fitted first, before a fold of that many.

    Each step has a quarter of the rows of the next one (successive halving: Jamieson and
    Talwalkar, 2016), and at least 4,000.

    >>> [rungs_for(n) for n in (8_000, 20_000, 80_000, 800_000)]
    [(), (5000,), (5000, 20000), (12500, 50000, 200000)]
    """
    rungs: list[int] = []
    while n_rows // RUNG_FACTOR >= LEAST_RUNG_ROWS:
        n_rows //= RUNG_FACTOR
        rungs.insert(0, n_rows)
    return tuple(rungs)


def sample_rows(
    dataset: Dataset, rows: NDArray[np.int64], n_rows: int, seed: int
) -> NDArray[np.int64]:
    """Return about `n_rows` of the rows, sorted; every class keeps its share and at least one.

    A smaller sample is part of a larger one of the same seed.
    """
    order = np.random.default_rng(seed).permutation(rows)
    if dataset.task is Task.REGRESSION:
        return np.sort(order[:n_rows])
    codes = dataset.y[order]
    of_class = [order[codes == code] for code in np.unique(codes)]
    share = n_rows / len(rows)
    parts = [own[: max(1, round(share * len(own)))] for own in of_class]
    return np.sort(np.concatenate(parts))


def make_folds(
    dataset: Dataset, *, seed: int, n_folds: int, n_rows: int | None = None
) -> tuple[Fold, ...]:
    """Split the rows, by class for a classification.

    A class of a single row is fitted on in every fold and scored in none; any other class has
    at least one row to fit on in each fold, and of two classes also one to score on. Of a
    regression each fold scores at least three rows.

    Parameters
    ----------
    dataset : Dataset
        The training table.
    seed : int
        Of the shuffle.
    n_folds : int
        1 for a holdout of a fifth of the rows. Fewer folds are made than that if the rarer of two
        classes, or the commonest of several, has fewer rows, or a regression less than three rows
        for each; at least two.
    n_rows : int or None, default=None
        Of about how many of the rows a fold is made, those to fit on and those to score on
        together; by default of all.

    Returns
    -------
    tuple of (ndarray, ndarray)
        For each fold the sorted numbers of the rows to fit on and of those to score on.
    """
    n_splits = min(HOLDOUT_PARTS if n_folds == 1 else n_folds, dataset.n_rows)
    rows = np.arange(dataset.n_rows)
    if dataset.task is Task.REGRESSION:
        n_splits = min(n_splits, dataset.n_rows // LEAST_SCORED_VALUES)
        splitter = KFold(n_splits, shuffle=True, random_state=seed)
        parts = [scored for _, scored in splitter.split(rows)]
    elif dataset.task is Task.BINARY:
        parts = _of_two_classes(dataset.y, n_folds, n_splits, seed)
    else:
        parts = _by_class(dataset.y, n_splits, seed)
    folds = [(np.setdiff1d(rows, scored), np.sort(scored)) for scored in parts]
    if n_rows is not None:
        share = n_rows / dataset.n_rows
        folds = [
            (
                sample_rows(dataset, fitted, round(share * len(fitted)), seed),
                sample_rows(dataset, scored, round(share * len(scored)), seed),
            )
            for fitted, scored in folds
        ]
    return tuple(folds[:n_folds])


def _of_two_classes(
    y: NDArray[np.int64], n_folds: int, n_splits: int, seed: int
) -> list[NDArray[np.int64]]:
    if n_folds > 1:
        return _by_class(y, min(n_splits, max(2, int(np.bincount(y).min()))), seed)
    # Where one class alone is scored, all models may look the same.
    return [max(_by_class(y, n_splits, seed), key=lambda scored: len(np.unique(y[scored])))]


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
