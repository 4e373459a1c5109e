"""What boosted trees predict: LightGBM's taken some at a time, which is sooner.

LightGBM takes each row through all trees before the next row. As many trees at a time as stay in
the processor's cache take about half as long, and sum to the same.

Which trees a call sums is kept in the booster (LightGBM's issue 6142), and with how many threads
in its library, which makes room for so many and then asks once more: a call from another thread
would change either in the middle. So a booster serves one call after the other, and calls of
different boosters go together only with as many threads each.
"""

from __future__ import annotations

from contextlib import contextmanager
from threading import Condition, Lock, local
from typing import TYPE_CHECKING, Any, Literal
from weakref import WeakKeyDictionary

import numpy as np
from joblib import effective_n_jobs
from scipy.special import expit, softmax

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    Array = NDArray[np.float64]

__all__ = ["is_lightgbm", "let_trees_use", "predict_boosted"]

LEAVES_AT_ONCE = 2_000
LEAVES_OF_A_STUMP = 12
"""A tree takes as much memory as so many leaves beside its own."""
FEW_ROWS = 100
"""Fewer are done before dividing the trees pays."""

_allowed = local()


def let_trees_use(n_threads: int) -> None:
    """Let LightGBM predict with so many threads of its own when the calling thread asks it.

    Parameters
    ----------
    n_threads : int
        At least 1. A model's own `n_jobs` counts where it says more.
    """
    _allowed.n_threads = n_threads


class _Gate:
    """Lets calls in together that are of different boosters and take as many threads."""

    def __init__(self) -> None:
        self._next = Lock()
        self._changed = Condition()
        self._n_inside = self._n_threads = 0
        self._locks: WeakKeyDictionary[Any, Lock] = WeakKeyDictionary()

    @contextmanager
    def call(self, booster: Any, n_threads: int) -> Iterator[None]:
        """Wait until nothing is in the way of a call."""
        with self._locks.setdefault(booster, Lock()):
            # Who is next and has to wait is not passed by others, who could go on for ever.
            with self._next, self._changed:
                self._changed.wait_for(lambda: self._n_threads == n_threads or not self._n_inside)
                self._n_threads = n_threads
                self._n_inside += 1
            try:
                yield
            finally:
                with self._changed:
                    self._n_inside -= 1
                    self._changed.notify_all()


_gate = _Gate()


def is_lightgbm(booster: type) -> bool:
    """Whether a class of boosters is LightGBM's, which need not be loaded for that."""
    return booster.__module__.startswith("lightgbm")


def predict_boosted(
    model: Any, X: NDArray[Any], method: Literal["predict", "predict_proba"]
) -> Array:
    """Return what a fitted LightGBM or XGBoost model's own method does.

    Parameters
    ----------
    model : LGBMModel or XGBModel
        Fitted.
    X : ndarray of shape (n_samples, n_features)
        The rows.
    method : {"predict", "predict_proba"}
        Of a regressor or a classifier.
    """
    if not is_lightgbm(type(model)):
        return np.asarray(getattr(model, method)(X), dtype=float)
    link = _link(model.booster_) if len(X) >= FEW_ROWS else None
    if link is not None:
        return link(_sum_of_trees(model, X))
    n_threads = _n_threads(model)
    with _gate.call(model.booster_, n_threads):
        return np.asarray(getattr(model, method)(X, num_threads=n_threads), dtype=float)


def _n_threads(model: Any) -> int:
    """Return with how many threads a model predicts, at least 1."""
    own: int = effective_n_jobs(model.n_jobs or -1)
    return max(own, int(getattr(_allowed, "n_threads", 1)))


def _link(booster: Any) -> Callable[[Array], Array] | None:
    """Return what becomes of the trees' sum, None where that is not plain."""
    told = booster.model_to_string(num_iteration=1).partition("\nTree=")[0].splitlines()
    objective = next((line for line in told if line.startswith("objective=")), "")
    if "average_output" in told:
        return None
    match objective.removeprefix("objective=").split():
        case ["regression"]:
            return _as_it_is
        case ["binary", "sigmoid:1"]:
            return _of_two_classes
        case ["multiclass", _]:
            return _of_classes
    return None


def _as_it_is(total: Array) -> Array:
    return total


def _of_two_classes(total: Array) -> Array:
    positive = expit(total)
    return np.column_stack([1 - positive, positive])


def _of_classes(total: Array) -> Array:
    return np.asarray(softmax(total, axis=1))


def _sum_of_trees(model: Any, X: NDArray[Any]) -> Array:
    """Return what the trees sum to, shape (n_samples,) or (n_samples, n_classes)."""
    booster = model.booster_
    n_rounds = (
        booster.best_iteration if booster.best_iteration > 0 else booster.current_iteration()
    )
    # Each time the rows are copied, so that more columns want more trees.
    n_trees = max(LEAVES_AT_ONCE // (model.num_leaves + LEAVES_OF_A_STUMP), X.shape[1])
    at_once = max(1, n_trees // booster.num_model_per_iteration())
    n_threads = _n_threads(model)
    total: Any = 0.0
    for first in range(0, n_rounds, at_once):
        with _gate.call(booster, n_threads):
            total += booster.predict(
                X,
                start_iteration=first,
                num_iteration=min(at_once, n_rounds - first),
                raw_score=True,
                num_threads=n_threads,
            )
    return np.asarray(total, dtype=float)
