"""Which of the evaluated models to average, and with which weights."""

from __future__ import annotations

import math
import timeit
from collections import Counter
from typing import TYPE_CHECKING, Final

import numpy as np

from jointopt.model.held_parts import sampled

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from jointopt.data import Dataset, Metric
    from jointopt.evaluation.folds import Fold

    Predictions = NDArray[np.floating]

__all__ = ["FEW_ROUNDS", "FoldScore", "greedy_selection"]

MAX_ROUNDS = 25
MAX_MEMBERS = 6
"""Different members, so that a prediction stays cheap and few weights are fitted."""
PATIENCE = 5
"""Rounds without a gain after which the selection ends."""
FEWEST, FEW_ROUNDS = 2, 10
"""Where few scores can be computed: the least candidates, and rounds that they shall do for."""
N_TIMED: Final = 3


def greedy_selection(
    predictions: Sequence[Predictions],
    score: Callable[[Predictions], float],
    *,
    max_members: int = MAX_MEMBERS,
    max_scores: float = math.inf,
) -> dict[int, float]:
    """Choose members, with replacement, each time the one that helps the average most.

    The selection of R. Caruana et al., "Ensemble selection from libraries of models", ICML 2004,
    begun with the best single model. Its size is that at which the score was best, so that it is
    never worse on the rows it is scored on than that model.

    Parameters
    ----------
    predictions : sequence of ndarray of shape (n_rows,) or (n_rows, n_classes)
        Out of fold, one for each candidate, the best first.
    score : callable
        Of predictions of that shape; greater is better.
    max_members : int, default=6
        The most different members.
    max_scores : float, default=inf
        The most scores that are computed. With few only the first candidates are looked at, with
        less than two none but the first.

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
    if min(len(predictions), max_scores) < FEWEST:
        return {0: 1.0}
    n_candidates = int(min(len(predictions), max(FEWEST, max_scores / FEW_ROUNDS)))
    chosen: list[int] = []
    best_score, best_size = -np.inf, 0
    total = np.zeros_like(predictions[0], dtype=np.float64)
    while len(chosen) < MAX_ROUNDS and len(chosen) < best_size + PATIENCE:
        full = len(set(chosen)) >= max_members
        eligible = sorted(set(chosen)) if full else range(n_candidates)
        max_scores -= len(eligible)
        if max_scores < 0:
            break
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
        return float(np.mean([self._of_part(found, part) for part in self._parts]))

    def seconds(self, predictions: Predictions) -> float:
        """Return about how long the score of such predictions takes."""
        found = np.asarray(predictions, dtype=np.float64)
        # The fastest of a few: the first loads what it needs, and another process may hold up one.
        one = timeit.repeat(lambda: self._of_part(found, self._parts[0]), number=1, repeat=N_TIMED)
        return min(one) * len(self._parts)

    def _of_part(self, found: NDArray[np.float64], part: NDArray[np.int64]) -> float:
        return self._metric.score(self._y[part], found[part], self._n_classes)
