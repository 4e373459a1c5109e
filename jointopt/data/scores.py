"""The measures that jointopt knows by itself, as natural values.

Each takes the true codes (or values), the probabilities of all classes of shape (n_samples,
n_classes) (or values of shape (n_samples,)) and the number of classes. A fold may lack some
classes, so none of these needs all of them; scikit-learn is imported when first needed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

__all__ = [
    "accuracy",
    "average_precision",
    "balanced_accuracy",
    "f1",
    "log_loss",
    "mae",
    "r2",
    "rmse",
    "roc_auc",
]

LEAST_PROBABILITY = 1e-7
N_BINARY = 2
UNDEFINED_AUC = 0.5
"""Where rows are all of one class: what a model that knows nothing would get."""


def roc_auc(y: NDArray[Any], pred: Floats, n_classes: int) -> float:
    """Return the area under the ROC curve; of several classes, the mean of one versus rest.

    >>> roc_auc(np.array([0, 0, 1]), np.array([[0.9, 0.1], [0.2, 0.8], [0.3, 0.7]]), 2)
    0.5
    """
    tested = _tested_classes(y, n_classes)
    ranks = pd.DataFrame(np.asarray(pred)[:, tested]).rank().to_numpy()
    positive = y[:, None] == tested
    n_positive = positive.sum(axis=0)
    n_pairs = n_positive * (len(y) - n_positive)
    wins = np.where(positive, ranks, 0.0).sum(axis=0) - n_positive * (n_positive + 1) / 2
    areas = (wins / np.maximum(n_pairs, 1))[n_pairs > 0]
    return float(areas.mean()) if len(areas) else UNDEFINED_AUC


def _tested_classes(y: NDArray[Any], n_classes: int) -> NDArray[np.int64]:
    return np.array([1]) if n_classes == N_BINARY else np.unique(y)


def average_precision(y: NDArray[Any], pred: Floats, n_classes: int) -> float:
    """Return the average precision; of several classes, the mean of one versus rest.

    >>> average_precision(np.array([0, 1]), np.array([[0.9, 0.1], [0.3, 0.7]]), 2)
    1.0
    """
    from sklearn.metrics import average_precision_score

    present = [code for code in _tested_classes(y, n_classes) if (y == code).any()]
    found = [average_precision_score(y == code, np.asarray(pred)[:, code]) for code in present]
    return float(np.mean(found)) if found else 0.0


def log_loss(y: NDArray[Any], pred: Floats, _n_classes: int) -> float:
    """Return the mean negative log probability of the true class, at least 1e-7.

    >>> round(log_loss(np.array([1]), np.array([[1.0, 0.0]]), 2), 3)
    16.118
    """
    probabilities = np.clip(np.asarray(pred, dtype=float), LEAST_PROBABILITY, 1.0)
    true = probabilities[np.arange(len(y)), y]
    return float(np.mean(np.log(probabilities.sum(axis=1)) - np.log(true)))


def accuracy(y: NDArray[Any], pred: Floats, _n_classes: int) -> float:
    """Return the share of rows whose most probable class is the true one."""
    return float(np.mean(_codes(pred) == y))


def balanced_accuracy(y: NDArray[Any], pred: Floats, n_classes: int) -> float:
    """Return the mean over the classes that occur of the share found.

    >>> balanced_accuracy(np.array([0, 0, 1]), np.array([[0.9, 0.1], [0.2, 0.8], [0.3, 0.7]]), 2)
    0.75
    """
    counts = np.bincount(y, minlength=n_classes)
    found = np.bincount(y[_codes(pred) == y], minlength=n_classes)
    return float(np.mean(found[counts > 0] / counts[counts > 0]))


def f1(y: NDArray[Any], pred: Floats, n_classes: int) -> float:
    """Return F1 of class 1, or the mean of all classes' if there are more than two."""
    # Decisions are tuned by it a thousand times: scikit-learn's takes fifty times as long.
    codes = _codes(pred)
    found = np.bincount(y[codes == y], minlength=n_classes)
    counts = np.bincount(y, minlength=n_classes) + np.bincount(codes, minlength=n_classes)
    if n_classes == N_BINARY:
        return float(2 * found[1] / max(counts[1], 1))
    return float(np.mean(2 * found[counts > 0] / counts[counts > 0]))


def _codes(pred: Floats) -> NDArray[np.int64]:
    return np.asarray(np.asarray(pred).argmax(axis=1), dtype=np.int64)


def rmse(y: NDArray[Any], pred: Floats, _n_classes: int) -> float:
    """Return the root of the mean squared error."""
    return float(np.sqrt(np.mean((y - np.asarray(pred, dtype=float)) ** 2)))


def mae(y: NDArray[Any], pred: Floats, _n_classes: int) -> float:
    """Return the mean absolute error."""
    return float(np.mean(np.abs(y - np.asarray(pred, dtype=float))))


def r2(y: NDArray[Any], pred: Floats, _n_classes: int) -> float:
    """Return the share of variance explained; as in scikit-learn 0 or 1 if there is none.

    >>> r2(np.array([1.0, 3.0]), np.array([1.0, 2.0]), 0)
    0.5
    """
    residual = float(np.sum((y - np.asarray(pred, dtype=float)) ** 2))
    total = float(np.sum((y - np.mean(y)) ** 2))
    if total == 0:
        return float(residual == 0)
    return 1 - residual / total
