"""What several configurations have in common on a fold is computed once.

Configurations that differ in their model alone share their transformed columns, those that treat
one kind of columns alike share these, and those that keep another share of the columns by the same
ranking share the ranking.
"""

from __future__ import annotations

import pickle
import time
from collections import OrderedDict
from copy import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import numpy as np
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.preprocessing import FunctionTransformer

if TYPE_CHECKING:
    from collections.abc import Hashable

    from numpy.typing import NDArray
    from sklearn.pipeline import Pipeline

    from jointopt.data import Dataset
    from jointopt.evaluation.folds import Fold

__all__ = ["FoldCache", "Prepared"]

T = TypeVar("T")

MAX_BYTES = 256_000_000
"""What a process remembers at most; beyond it, what was used longest ago goes."""
MAX_RANKINGS = 256


@dataclass(frozen=True, slots=True)
class Prepared:
    """A fold's rows as the next step of a pipeline sees them.

    Attributes
    ----------
    steps : tuple of (str, transformer)
        Fitted on the fold's training rows.
    fitted, scored : DataFrame or ndarray
        The training rows and the others, transformed.
    fit_seconds, transform_seconds : float
        What fitting took, and transforming the other rows, or had taken when it was remembered.
    """

    steps: tuple[tuple[str, Any], ...]
    fitted: Any
    scored: Any
    fit_seconds: float = 0.0
    transform_seconds: float = 0.0


class FoldCache:
    """Transforms the folds of one table and remembers the results.

    Parameters
    ----------
    dataset : Dataset
        The training table.
    max_bytes : int, default=256_000_000
        Of all tables that are remembered.
    """

    def __init__(self, dataset: Dataset, max_bytes: int = MAX_BYTES) -> None:
        self._dataset = dataset
        self._known = _Recent[Prepared](max_bytes)
        self._rankings = _Recent[tuple[Any, float]](MAX_RANKINGS)

    def prepare(self, pipeline: Pipeline, rows: Fold, name: Hashable) -> Prepared:
        """Fit all steps of a pipeline but the model, and transform both parts of a fold.

        Parameters
        ----------
        pipeline : Pipeline
            As `build_pipeline` makes it; it is not fitted itself.
        rows : tuple of ndarray
            Row numbers to fit on, and row numbers to score on.
        name : hashable
            Tells these rows from others.
        """
        return self._after(pipeline.steps[:-1], rows, name)

    def _after(self, steps: list[tuple[str, Any]], rows: Fold, name: Hashable) -> Prepared:
        if not steps:
            fit_rows, scored_rows = (self._dataset.X.iloc[part] for part in rows)
            return Prepared((), fit_rows, scored_rows)
        *before, (label, step) = steps
        if hasattr(step, "choice_params"):
            return self._selected(steps, self._after(before, rows, name), rows, name)
        key = (name, pickle.dumps(steps))
        if (known := self._known.get(key)) is None:
            earlier = self._after(before, rows, name)
            if label == "columns":
                known = self._by_kind(steps, earlier, rows, name)
            else:
                known = _followed(earlier, label, clone(step), self._dataset.y[rows[0]])
            self._known.put(key, known, _n_bytes(known))
        return known

    def _by_kind(
        self, steps: list[tuple[str, Any]], earlier: Prepared, rows: Fold, name: Hashable
    ) -> Prepared:
        """Transform each kind of columns by itself, so that it is known to others."""
        *before, (label, step) = steps
        parts = {}
        for kind, transformer, columns in step.transformers:
            key = (name, pickle.dumps([*before, kind, transformer, columns]))
            if (known := self._known.get(key)) is None:
                own = Prepared((), earlier.fitted[columns], earlier.scored[columns])
                chosen = (
                    FunctionTransformer() if transformer == "passthrough" else clone(transformer)
                )
                known = _followed(own, kind, chosen, self._dataset.y[rows[0]])
                self._known.put(key, known, _n_bytes(known))
            parts[kind] = known
        whole = clone(step).set_params(
            transformers=[
                (kind, FrozenEstimator(parts[kind].steps[-1][1]), columns)
                for kind, _, columns in step.transformers
            ]
        )
        return Prepared(
            (*earlier.steps, (label, whole.fit(earlier.fitted.iloc[:1]))),
            np.hstack([part.fitted for part in parts.values()]),
            np.hstack([part.scored for part in parts.values()]),
            earlier.fit_seconds + sum(part.fit_seconds for part in parts.values()),
            earlier.transform_seconds + sum(part.transform_seconds for part in parts.values()),
        )

    def _selected(
        self, steps: list[tuple[str, Any]], earlier: Prepared, rows: Fold, name: Hashable
    ) -> Prepared:
        """Return the columns that are kept; which ones makes no difference to the ranking."""
        *before, (label, selector) = steps
        given, usual = selector.get_params(), type(selector)().get_params()
        ranking = clone(selector).set_params(**{p: usual[p] for p in selector.choice_params})
        key = (name, pickle.dumps([*before, ranking]))
        if (ranked := self._rankings.get(key)) is None:
            started = time.perf_counter()
            ranking.fit(earlier.fitted, self._dataset.y[rows[0]])
            ranked = (ranking, time.perf_counter() - started)
            self._rankings.put(key, ranked, 1)
        fitted = copy(ranked[0]).set_params(**{p: given[p] for p in selector.choice_params})
        return Prepared(
            (*earlier.steps, (label, fitted)),
            fitted.transform(earlier.fitted),
            fitted.transform(earlier.scored),
            earlier.fit_seconds + ranked[1],
            earlier.transform_seconds,
        )


class _Recent(Generic[T]):
    """Remembers up to a total size; what was used longest ago goes first."""

    def __init__(self, most: int) -> None:
        self._most, self._size = most, 0
        self._known: OrderedDict[tuple[Hashable, bytes], tuple[T, int]] = OrderedDict()

    def get(self, key: tuple[Hashable, bytes]) -> T | None:
        if key not in self._known:
            return None
        self._known.move_to_end(key)
        return self._known[key][0]

    def put(self, key: tuple[Hashable, bytes], value: T, size: int) -> None:
        if size > self._most:
            return
        self._known[key] = (value, size)
        self._size += size
        while self._size > self._most:
            _, (_, freed) = self._known.popitem(last=False)
            self._size -= freed


def _n_bytes(prepared: Prepared) -> int:
    return sum(
        int(part.memory_usage().sum()) if hasattr(part, "memory_usage") else part.nbytes
        for part in (prepared.fitted, prepared.scored)
    )


def _followed(earlier: Prepared, label: str, step: Any, y: NDArray[Any]) -> Prepared:
    started = time.perf_counter()
    # Not fit and transform: a target encoder's training rows must not see their own targets.
    fitted = step.fit_transform(earlier.fitted, y)
    between = time.perf_counter()
    scored = step.transform(earlier.scored)
    ended = time.perf_counter()
    return Prepared(
        (*earlier.steps, (label, step)),
        fitted,
        scored,
        earlier.fit_seconds + between - started,
        earlier.transform_seconds + ended - between,
    )
