"""A fitted model and all it needs to take a new table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from jointopt.data import Task
from jointopt.errors import ModelError
from jointopt.evaluation.one_fold import predict

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd
    from numpy.typing import NDArray
    from sklearn.pipeline import Pipeline

    from jointopt.data import Schema
    from jointopt.space import Config

__all__ = ["FittedModel"]


@dataclass(frozen=True, slots=True)
class FittedModel:
    """A fitted pipeline with the schema of its table and the labels of its target.

    Attributes
    ----------
    pipeline : Pipeline
        Fitted on tables that the schema has normalised.
    schema : Schema
        The columns it was fitted on.
    task : Task
        What it predicts.
    classes : ndarray or None
        Labels in the order of the columns of `predict_proba`; None for a regression.
    target : str
        The target's name.
    config : Config
        What it was built from.
    facts : dict
        Plain values worth knowing of it: metric, validation score, version.
    """

    pipeline: Pipeline
    schema: Schema
    task: Task
    classes: NDArray[Any] | None
    target: str
    config: Config
    facts: Mapping[str, Any]

    def predict(self, frame: pd.DataFrame) -> NDArray[Any]:
        """Return labels or values, shape (n_rows,).

        Raises
        ------
        ModelError
            If the table lacks columns that the model needs.
        """
        if self.classes is None:
            return self._raw(frame)
        return np.asarray(self.classes[self._raw(frame).argmax(axis=1)])

    def predict_proba(self, frame: pd.DataFrame) -> NDArray[np.float64]:
        """Return probabilities, shape (n_rows, n_classes), columns in the order of `classes`.

        Raises
        ------
        ModelError
            If the table lacks columns that the model needs, or the model is a regression.
        """
        if self.task is Task.REGRESSION:
            raise ModelError("a regression has no class probabilities; use predict")
        return self._raw(frame)

    def _raw(self, frame: pd.DataFrame) -> NDArray[np.float64]:
        n_classes = 0 if self.classes is None else len(self.classes)
        return predict(self.pipeline, self.schema.apply(frame), n_classes)
