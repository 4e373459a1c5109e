"""Which of the evaluated models to average, and with which weights."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from jointopt.model.held_parts import sampled

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from jointopt.data import Dataset, Metric
    from jointopt.evaluation.folds import Fold

    Predictions = NDArray[np.float32] | NDArray[np.float64]

__all__ = ["FoldScore", "greedy_selection"]

MAX_ROUNDS = 25
MAX_MEMBERS = 6
"""Different members, so that a prediction stays cheap and few weights are fitted."""
PATIENCE = 5
"""Rounds without a gain after which the selection ends."""


def greedy_selection(
    predictions: Sequence[Predictions],
    score: Callable[[Predictions], float],
    *,
    max_members: int = MAX_MEMBERS,
) -> dict[int, float]:
    """Choose members, with replacement, each time the one that helps the average most.

    The selection of R. Caruana et al., "Ensemble selection from libraries of models", ICML 2004,
    begun with the best single model. Its size is that at which the score was best, so that it is
    never worse on the rows it is scored on than that model.

    Parameters
    ----------
    predictions : sequence of ndarray of shape (n_rows,) or (n_rows, n_classes)
        Out of fold, one for each candidate.
    score : callable
        Of predictions of that shape; greater is better.
    max_members : int, default=6
        The most different members.

    Returns
    -------
    dict of int to float
        Weight of each chosen candidate, by its place; they sum to 1.

    Examples
    --------
    >>> y = np.array([0.0, 1.0, 2.0])
    >>> too_high, too_low, wild = y + 0.5, y - 0.5, -3 * y
    >>> greedy_selection([too_high, too_low, wild], lambda p: -float(np.mean((p - y) ** 2)))
    {0: 0.5, 1: 0.5}
    """
    chosen: list[int] = []
    best_score, best_size = -np.inf, 0
    total = np.zeros_like(predictions[0], dtype=np.float64)
    while len(chosen) < MAX_ROUNDS and len(chosen) < best_size + PATIENCE:
        full = len(set(chosen)) >= max_members
        eligible = sorted(set(chosen)) if full else range(len(predictions))
        scores = {i: score((total + predictions[i]) / (len(chosen) + 1)) for i in eligible}
        pick = max(scores, key=lambda i: scores[i])
        chosen.append(pick)
        total += predictions[pick]
        if scores[pick] > best_score:
            best_score, best_size = scores[pick], len(chosen)
    counts = Counter(chosen[:best_size])
    return {i: count / best_size for i, count in counts.items()}


class FoldScore:
    """The score of out-of-fold predictions: the mean over folds, as trials have it.

    At most 8,000 rows are looked at.

    Parameters
    ----------
    dataset : Dataset
        The training table.
    folds : sequence of (ndarray, ndarray)
        Rows to fit on and rows to score on.
    metric : Metric
        Signed so that greater is better.

    Attributes
    ----------
    rows : ndarray of shape (n_looked_at,)
        Numbers of the rows that are looked at.
    """

    def __init__(self, dataset: Dataset, folds: Sequence[Fold], metric: Metric) -> None:
        parts = sampled([rows for _, rows in folds])
        self.rows = np.concatenate(parts)
        self._parts = np.split(np.arange(len(self.rows)), np.cumsum([*map(len, parts)])[:-1])
        self._y = dataset.y[self.rows]
        self._n_classes = dataset.n_classes
        self._metric = metric

    def __call__(self, predictions: Predictions) -> float:
        """Return the score of predictions of `rows`, in their order."""
        found = np.asarray(predictions, dtype=np.float64)
        scores = [self._metric.score(self._y[p], found[p], self._n_classes) for p in self._parts]
        return float(np.mean(scores))
