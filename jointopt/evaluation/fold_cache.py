"""What several configurations have in common on a fold is computed once.

Configurations that differ in their model alone share their transformed columns, and those that
keep another share of the columns by the same ranking share the ranking.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from copy import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import joblib
from sklearn.base import clone

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from sklearn.pipeline import Pipeline

    from jointopt.data import Dataset
    from jointopt.evaluation.folds import Fold

__all__ = ["FoldCache", "Prepared"]

MAX_BYTES = 256_000_000
"""What a process remembers at most; beyond it, what was used longest ago goes."""
MAX_RANKINGS = 256


@dataclass(frozen=True, slots=True)
class Prepared:
    """A fold's rows as a model sees them.

    Attributes
    ----------
    steps : tuple of (str, transformer)
        Fitted on the fold's training rows.
    fitted, scored : ndarray
        The training rows and the others, transformed.
    fit_seconds, transform_seconds : float
        What fitting them took, and transforming the other rows, or had taken when it was
        remembered.
    """

    steps: tuple[tuple[str, Any], ...]
    fitted: NDArray[Any]
    scored: NDArray[Any]
    fit_seconds: float
    transform_seconds: float

    @property
    def n_bytes(self) -> int:
        """Size of the arrays."""
        return int(self.fitted.nbytes + self.scored.nbytes)


class FoldCache:
    """Transforms the folds of one table and remembers the results.

    Parameters
    ----------
    max_bytes : int, default=256_000_000
        Of all arrays that are remembered.
    """

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        self._max_bytes = max_bytes
        self._columns: OrderedDict[str, Prepared] = OrderedDict()
        self._rankings: OrderedDict[str, _Ranking] = OrderedDict()

    def prepare(self, pipeline: Pipeline, dataset: Dataset, fold: Fold) -> Prepared:
        """Fit all steps of a pipeline but the model, and transform both parts of a fold.

        Parameters
        ----------
        pipeline : Pipeline
            As `build_pipeline` makes it; it is not fitted itself.
        dataset : Dataset
            The training table, always the same.
        fold : tuple of ndarray
            Row numbers to fit on, and row numbers to score on.
        """
        fit_rows, _ = fold
        columns, y = pipeline.named_steps["columns"], dataset.y[fit_rows]
        key = joblib.hash((fit_rows, columns))
        known = self._columns.pop(key, None) or _transformed(columns, dataset, fold)
        self._remember(key, known)
        if (selector := pipeline.named_steps.get("select")) is None:
            return known
        return self._selected(key, known, selector, y)

    def _remember(self, key: str, prepared: Prepared) -> None:
        self._columns[key] = prepared
        while sum(kept.n_bytes for kept in self._columns.values()) > self._max_bytes:
            self._columns.popitem(last=False)

    def _selected(self, key: str, known: Prepared, selector: Any, y: NDArray[Any]) -> Prepared:
        """Return the columns that are kept; how many makes no difference to the ranking."""
        ranking = clone(selector).set_params(keep=1.0)
        key = joblib.hash((key, ranking))
        ranked = self._rankings.pop(key, None) or _ranked(ranking, known.fitted, y)
        self._rankings[key] = ranked
        if len(self._rankings) > MAX_RANKINGS:
            self._rankings.popitem(last=False)
        fitted = copy(ranked.selector).set_params(keep=selector.keep)
        return Prepared(
            (*known.steps, ("select", fitted)),
            fitted.transform(known.fitted),
            fitted.transform(known.scored),
            known.fit_seconds + ranked.seconds,
            known.transform_seconds,
        )


@dataclass(frozen=True, slots=True)
class _Ranking:
    selector: Any
    seconds: float


def _ranked(selector: Any, X: NDArray[Any], y: NDArray[Any]) -> _Ranking:
    started = time.perf_counter()
    return _Ranking(selector.fit(X, y), time.perf_counter() - started)


def _transformed(columns: Any, dataset: Dataset, fold: Fold) -> Prepared:
    fit_rows, scored_rows = fold
    columns = clone(columns)
    started = time.perf_counter()
    # Not fit and transform: a target encoder's training rows must not see their own targets.
    fitted = columns.fit_transform(dataset.X.iloc[fit_rows], dataset.y[fit_rows])
    between = time.perf_counter()
    scored = columns.transform(dataset.X.iloc[scored_rows])
    ended = time.perf_counter()
    return Prepared((("columns", columns),), fitted, scored, between - started, ended - between)
