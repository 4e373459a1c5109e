"""How sure a model should be: probabilities sharpened or softened as a whole.

An average of models is often not sure enough, and a single boosted model too sure. The order of
the classes stays as it is, so that only metrics that look at probabilities can gain.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import minimize_scalar

from jointopt.data.scores import LEAST_PROBABILITY
from jointopt.model.held_parts import cross_fitted, sampled, several

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from jointopt.data import Dataset, Metric

    Rows = NDArray[np.int64]
    Values = NDArray[np.float64]

__all__ = ["calibrate", "fit_temperature"]

SHARPEST, SOFTEST = 0.25, 4.0


def calibrate(probabilities: Values, temperature: float) -> Values:
    """Return probabilities raised to the power 1 / temperature, made to sum to 1.

    Parameters
    ----------
    probabilities : ndarray of shape (n_rows, n_classes)
    temperature : float
        Less than 1 sharpens, more than 1 softens, 1 changes nothing.

    Examples
    --------
    >>> calibrate(np.array([[0.8, 0.2]]), 0.5).round(3)
    array([[0.941, 0.059]])
    """
    if temperature == 1.0:
        return probabilities
    powers = np.maximum(probabilities, LEAST_PROBABILITY) ** (1 / temperature)
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def fit_temperature(
    probabilities: Values, dataset: Dataset, parts: Sequence[Rows], metric: Metric
) -> tuple[float, list[float]]:
    """Fit one temperature to predictions out of fold, if that is worth it.

    The temperature of C. Guo et al., "On calibration of modern neural networks", ICML 2017, by log
    loss to the targets of J. Platt, "Probabilistic outputs for support vector machines", 1999: of
    n rows, one more and one wrong could have come next, so that a model that made no mistake on
    a few rows does not become certain. It is worth it if temperatures fitted on the other parts
    gain on average, by more than the gain's standard error.

    Parameters
    ----------
    probabilities : ndarray of shape (n_rows, n_classes)
        Of rows that their models were not fitted on.
    dataset : Dataset
        With the true codes.
    parts : sequence of ndarray
        The rows that each fold scores.
    metric : Metric
        That the model is judged by.

    Returns
    -------
    temperature : float
        1 where the metric does not look at probabilities, or nothing is gained.
    scores : list of float
        Signed, of each part by the temperature of the others; empty where it stays 1.
    """
    if metric.needs != "proba" or not dataset.n_classes:
        return 1.0, []
    parts = sampled(several(parts))

    def fitted(on: Sequence[Rows]) -> float:
        rows = np.concatenate(on)

        def loss(log_temperature: float) -> float:
            changed = calibrate(probabilities[rows], float(np.exp(log_temperature)))
            return _doubting_loss(changed, dataset.y[rows])

        found = minimize_scalar(loss, bounds=np.log([SHARPEST, SOFTEST]), method="bounded")
        return float(np.exp(found.x))

    def score(rows: Rows, temperature: float) -> float:
        changed = calibrate(probabilities[rows], temperature)
        return metric.score(dataset.y[rows], changed, dataset.n_classes)

    return cross_fitted(parts, fitted, score, 1.0) or (1.0, [])


def _doubting_loss(probabilities: Values, codes: NDArray[np.int64]) -> float:
    """Return the log loss to targets of (n + 1) / (n + 2) for the true class."""
    logs = np.log(np.maximum(probabilities, LEAST_PROBABILITY))
    n_rows, n_classes = logs.shape
    doubt = 1 / (n_rows + 2)
    of_true = logs[np.arange(n_rows), codes]
    of_others = (logs.sum(axis=1) - of_true) / (n_classes - 1)
    return -float(np.mean((1 - doubt) * of_true + doubt * of_others))
