"""Which class to predict, given probabilities: not always the most probable one.

Metrics such as f1 and balanced accuracy judge decisions. What the most probable class is says
nothing of what a mistake costs there, so each class gets a weight by which its probability counts
in the decision; with two classes that is a threshold.
"""

from __future__ import annotations

import timeit
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from jointopt.model.held_parts import cross_fitted, sampled, several

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from jointopt.data import Dataset, Metric

    Rows = NDArray[np.int64]
    Values = NDArray[np.float64]

__all__ = ["decide", "decision_weights"]

N_STEPS: Final = 32
"""So many weights of a class are tried above that of the others, and as many below."""
LEAST_OCTAVES: Final = 4.0
"""How far they go at least."""
BEYOND_OCTAVES: Final = 2.0
"""How far they go beyond that by which all classes count alike, the best for balanced accuracy of
probabilities that are right; those of models may be too low or too high."""
SMOOTHED: Final = 5
"""Neighbouring weights over which scores are averaged, so that no lucky one is taken."""
ROUNDING: Final = 1e-12
"""By which equal scores may differ."""
BINARY, MAX_CLASSES, N_PASSES = 2, 10, 2
N_TIMED: Final = 3
MAX_SECONDS: Final = 3.0
"""A metric of the user's own may be slow, and the budget is nearly over."""


def decide(probabilities: Values, weights: Values | None) -> Rows:
    """Return the code of each row's class.

    Parameters
    ----------
    probabilities : ndarray of shape (n_rows, n_classes)
    weights : ndarray of shape (n_classes,) or None
        None for the most probable class.

    Examples
    --------
    >>> decide(np.array([[0.7, 0.3], [0.9, 0.1]]), np.array([1.0, 3.0]))
    array([1, 0])
    """
    weighted = probabilities if weights is None else probabilities * weights
    return np.asarray(weighted.argmax(axis=1))


def _factors(n_own: int, n_others: float) -> Values:
    """Return the weights of a class that are tried.

    Parameters
    ----------
    n_own, n_others : int, float
        Rows of the class, and of each of the others on average.
    """
    alike = np.log2(n_others / n_own)
    least = max(LEAST_OCTAVES, BEYOND_OCTAVES - alike)
    most = max(LEAST_OCTAVES, BEYOND_OCTAVES + alike)
    smaller = np.linspace(-least, 0.0, N_STEPS, endpoint=False)
    return np.asarray(2.0 ** np.append(smaller, np.linspace(0.0, most, N_STEPS + 1)))


def _best(scores: Values, factors: Values) -> int:
    """Return which factor is best, of equal ones that which changes least."""
    # Weights for which a metric is not defined are none to take.
    told = np.where(np.isfinite(scores), scores, -np.inf)
    padded = np.pad(told, SMOOTHED // 2, mode="edge")
    smooth = sliding_window_view(padded, SMOOTHED).mean(axis=1)
    equal = np.flatnonzero(smooth >= smooth.max() - ROUNDING)
    return int(equal[np.abs(np.log(factors[equal])).argmin()])


def decision_weights(
    probabilities: Values, dataset: Dataset, parts: Sequence[Rows], metric: Metric
) -> tuple[Values | None, list[float]]:
    """Tune the weights of classes on predictions out of fold, if that is worth it.

    It is if weights tuned on the other parts gain on average, by more than the gain's standard
    error: what is tuned on the rows that it is judged by always seems to gain. Where trying them
    would take more than some seconds there are none.

    Parameters
    ----------
    probabilities : ndarray of shape (n_rows, n_classes)
        Of rows that their models were not fitted on.
    dataset : Dataset
        With the true codes.
    parts : sequence of ndarray
        The rows that each fold scores.
    metric : Metric
        What to tune for. Those that look at probabilities or at their order need no weights.

    Returns
    -------
    weights : ndarray of shape (n_classes,) or None
        The first is 1; None for the most probable class.
    scores : list of float
        Signed, of each part by weights tuned on the others; empty without weights.
    """
    if metric.needs != "predict" or not BINARY <= dataset.n_classes <= MAX_CLASSES:
        return None, []
    parts = sampled(several(parts))

    def score(rows: Rows, weights: Values) -> float:
        return metric.score(dataset.y[rows], probabilities[rows] * weights, dataset.n_classes)

    # Two classes need one weight; of more, each depends on the others.
    n = dataset.n_classes
    turns = [1] if n == BINARY else [*range(n)] * N_PASSES
    counts = np.bincount(dataset.y, minlength=n)
    factors = [_factors(own, (counts.sum() - own) / (n - 1)) for own in counts]

    def tuned(on: Sequence[Rows]) -> Values:
        weights = np.ones(n)
        for code in turns:
            tried = np.repeat(weights[None], len(factors[code]), axis=0)
            tried[:, code] *= factors[code]
            found = np.array([np.mean([score(rows, w) for rows in on]) for w in tried])
            weights = tried[_best(found, factors[code])]
        return np.asarray(weights / weights[0])

    # The fastest of a few: the first loads what it needs, and another process may hold up one.
    seconds = min(timeit.repeat(lambda: score(parts[0], np.ones(n)), number=1, repeat=N_TIMED))
    if len(factors[0]) * len(turns) * len(parts) ** 2 * seconds > MAX_SECONDS:
        return None, []
    return cross_fitted(parts, tuned, score, np.ones(n)) or (None, [])
