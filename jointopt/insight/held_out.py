"""How good a model is on rows that no search has seen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import pandas as pd

from jointopt.errors import DataError, SearchError
from jointopt.evaluation.attempt import attempt, reason_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from jointopt.model.run import TableRun

__all__ = ["HeldOut"]


@dataclass(frozen=True, slots=True)
class HeldOut:
    """A model's score on rows that no search has seen.

    Attributes
    ----------
    score : float
        In the metric's own unit.
    n_rows : int
        How many rows there were.
    """

    score: float
    n_rows: int

    @classmethod
    def of(cls, run: TableRun, X: pd.DataFrame, y: NDArray[Any]) -> Self:
        """Score a run's model.

        Parameters
        ----------
        run : TableRun
            What came out.
        X : DataFrame of shape (n_samples, n_features)
            Rows that were held out.
        y : ndarray of shape (n_samples,)
            Their class codes or values.

        Raises
        ------
        SearchError
            If the model cannot predict them.
        """
        model, metric = run.model, run.metric

        def signed() -> float:
            told = model.predict(X) if model.classes is None else model.predict_proba(X)
            if metric.needs == "predict" and model.decision_weights is not None:
                told = told * model.decision_weights
            return metric.score(y, told, run.dataset.n_classes)

        found = attempt(signed)
        if isinstance(found, Exception):
            raise SearchError(f"the model could not be tested: {reason_of(found)}") from found
        return cls(metric.display(found), len(y))

    @classmethod
    def of_table(cls, run: TableRun, frame: pd.DataFrame) -> Self:
        """Score a run's model on a table that has the target.

        Parameters
        ----------
        run : TableRun
            What came out.
        frame : DataFrame
            Rows that were held out.

        Raises
        ------
        DataError
            If a label is not among those of the training table.
        SearchError
            If the model cannot predict them.
        """
        truth, classes = frame[run.model.target], run.model.classes
        X = frame.drop(columns=run.model.target)
        if classes is None:
            return cls.of(run, X, truth.to_numpy(dtype=float))
        codes = pd.Index(classes).get_indexer(pd.Index(truth))
        if (codes < 0).any():
            unknown = truth[codes < 0].iloc[0]
            raise DataError(f"the held-out rows have a label that training did not: {unknown!r}")
        return cls.of(run, X, codes)
