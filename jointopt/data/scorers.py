"""Any scikit-learn scorer as a function of stored predictions.

A scorer wants an estimator; it gets a stand-in whose table is the predictions themselves.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.metrics import get_scorer, get_scorer_names

from jointopt.data.tasks import Task

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

__all__ = ["ScorerScore", "known_scorers", "methods_used", "usable_scorers"]

LEAST_PROBABILITY = 1e-7
N_BINARY = 2


class _Values(RegressorMixin, BaseEstimator):
    """A regressor whose predictions are its table."""

    def __init__(self, used: set[str]) -> None:
        self.used = used

    def predict(self, X: NDArray[np.float64]) -> NDArray[np.float64]:
        self.used.add("predict")
        return X


class _Probabilities(ClassifierMixin, BaseEstimator):
    """A classifier whose probabilities are its table.

    Many scorers refuse rows that lack a class: `predict_proba` gives the classes that occur only.
    """

    def __init__(self, labels: NDArray[Any], columns: NDArray[np.int64], used: set[str]) -> None:
        self.labels = labels
        self.columns = columns
        self.used = used
        self.classes_ = labels[columns]

    def predict(self, X: NDArray[np.float64]) -> NDArray[Any]:
        self.used.add("predict")
        return np.asarray(self.labels[X.argmax(axis=1)])

    def predict_proba(self, X: NDArray[np.float64]) -> NDArray[np.float64]:
        self.used.add("proba")
        return self._of_classes(X)

    def decision_function(self, X: NDArray[np.float64]) -> NDArray[np.float64]:
        self.used.add("decision")
        logs = np.log(np.clip(self._of_classes(X), LEAST_PROBABILITY, 1.0))
        return logs[:, 1] - logs[:, 0] if logs.shape[1] == N_BINARY else logs

    def _of_classes(self, X: NDArray[np.float64]) -> NDArray[np.float64]:
        if len(self.columns) == X.shape[1]:
            return X  # as it is: a division more could break ties
        kept = np.clip(X[:, self.columns], LEAST_PROBABILITY, 1.0)
        return np.asarray(kept / kept.sum(axis=1, keepdims=True))


@dataclass(frozen=True, slots=True, eq=False)
class ScorerScore:
    """A scorer's natural value of stored predictions.

    Attributes
    ----------
    scorer : str or callable
        A scikit-learn scorer's name, or a scorer `f(estimator, X, y)`.
    sign : int
        -1 for a loss that the scorer has turned round, else 1.
    classes : ndarray of shape (n_classes,) or None, default=None
        The labels that the scorer gets for class codes; by default it gets the codes.
    """

    scorer: str | Callable[..., float]
    sign: int = 1
    classes: NDArray[Any] | None = None

    def __call__(self, y: NDArray[Any], pred: NDArray[np.float64], n_classes: int) -> float:
        """Return the value; see `Metric.score` for the arguments."""
        labels = np.arange(n_classes) if self.classes is None else self.classes
        with warnings.catch_warnings():
            # Of classes that were predicted but do not occur in these rows, and the like.
            warnings.simplefilter("ignore")
            return self.sign * _score(self.scorer, y, pred, labels, set())


def _score(
    scorer: str | Callable[..., float],
    y: NDArray[Any],
    pred: NDArray[np.float64],
    labels: NDArray[Any],
    used: set[str],
) -> float:
    called = get_scorer(scorer) if isinstance(scorer, str) else scorer
    pred = np.asarray(pred, dtype=float)
    if pred.ndim == 1:
        return float(called(_Values(used), pred, y))
    occurring = np.unique(y)
    # With two classes both columns stay: scorers of two classes look at the second.
    columns = np.arange(N_BINARY) if len(labels) == N_BINARY else occurring
    return float(called(_Probabilities(labels, columns, used), pred, labels[y]))


@cache
def methods_used(name: str, task: Task) -> frozenset[str]:
    """Try a scorer on a few rows and return what it asked for; empty if it does not fit the task.

    >>> sorted(methods_used("neg_brier_score", Task.BINARY))
    ['proba']
    >>> sorted(methods_used("neg_mean_squared_error", Task.BINARY))
    []
    """
    n_classes = {Task.BINARY: 2, Task.MULTICLASS: 3, Task.REGRESSION: 0}[task]
    is_regression = _tried(name, 0)
    if n_classes == 0:
        return is_regression
    # A measure of numbers would give some number for class codes too.
    return frozenset() if is_regression else _tried(name, n_classes)


def _tried(name: str, n_classes: int) -> frozenset[str]:
    used: set[str] = set()
    if n_classes:
        y: NDArray[Any] = np.arange(12) % n_classes
        pred = np.random.default_rng(0).dirichlet(np.ones(n_classes), 12)
    else:
        y = np.linspace(0.5, 3.0, 12)
        pred = y + 0.25
    try:
        with warnings.catch_warnings():
            # Clustering measures only warn of numbers that are no labels.
            warnings.simplefilter("error")
            value = _score(name, y, pred, np.arange(n_classes), used)
    except (ValueError, TypeError, AttributeError, IndexError, UserWarning):
        return frozenset()
    return frozenset(used) if np.isfinite(value) else frozenset()


def known_scorers() -> list[str]:
    """Return the names of all scikit-learn scorers, whatever their task."""
    return list(get_scorer_names())


@cache
def usable_scorers(task: Task) -> tuple[str, ...]:
    """Return the names of the scorers that fit the task.

    >>> "r2" in usable_scorers(Task.REGRESSION), "r2" in usable_scorers(Task.BINARY)
    (True, False)
    """
    return tuple(name for name in get_scorer_names() if methods_used(name, task))
