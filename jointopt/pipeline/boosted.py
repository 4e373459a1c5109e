"""What boosted trees predict: LightGBM's taken some at a time, which is sooner.

LightGBM takes each row through all trees before the next row. As many trees at a time as stay in
the processor's cache take about half as long, and sum to the same.

Which trees a call sums is kept in the booster (LightGBM's issue 6142): a call from another thread
would change it in the middle. So a booster serves one thread after the other, and several of
LightGBM's own threads where no other pipeline needs the cores.
"""

from __future__ import annotations

from threading import Lock, local
from typing import TYPE_CHECKING, Any, Literal
from weakref import WeakKeyDictionary

import numpy as np
from scipy.special import expit, softmax

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Array = NDArray[np.float64]

__all__ = ["is_lightgbm", "let_trees_use", "predict_boosted"]

LEAVES_AT_ONCE = 2_000
LEAVES_OF_A_STUMP = 12
"""A tree takes as much memory as so many leaves beside its own."""
FEW_ROWS = 100
"""Fewer are done before dividing the trees pays."""

_locks: WeakKeyDictionary[Any, Lock] = WeakKeyDictionary()
_allowed = local()


def let_trees_use(n_threads: int) -> None:
    """Let LightGBM predict with so many threads of its own when the calling thread asks it.

    Parameters
    ----------
    n_threads : int
        At least 1; a model's own `n_jobs` where it is greater.
    """
    _allowed.n_threads = n_threads


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
    with _locks.setdefault(model.booster_, Lock()):
        link = _link(model.booster_) if len(X) >= FEW_ROWS else None
        if link is None:
            return np.asarray(getattr(model, method)(X), dtype=float)
        return link(_sum_of_trees(model, X))


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
    n_threads = max(model.n_jobs or 0, getattr(_allowed, "n_threads", 0))
    total = sum(
        booster.predict(
            X,
            start_iteration=first,
            num_iteration=min(at_once, n_rounds - first),
            raw_score=True,
            num_threads=n_threads,
        )
        for first in range(0, n_rounds, at_once)
    )
    return np.asarray(total, dtype=float)
