"""A fitted model and all it needs to take a new table."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice, pairwise
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd
from joblib import cpu_count

from jointopt.data import Task
from jointopt.errors import ModelError
from jointopt.evaluation.one_fold import load_libraries, predict
from jointopt.model.calibration import calibrate
from jointopt.model.decision import decide
from jointopt.pipeline.boosted import is_lightgbm, let_trees_use

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray
    from sklearn.pipeline import Pipeline

    from jointopt.data import Schema
    from jointopt.space import Config

__all__ = ["PREDICTION", "FittedModel", "Member"]


LATENCY_ROWS = 1_000
LEAST_ROWS, LEAST_ROWS_OF_TREES = 500, 100
"""With fewer, a thread of their own brings little."""
PREDICTION: Final = "prediction"
"""The column of predicted classes or values, beside those of the classes."""


@dataclass(frozen=True, slots=True)
class Member:
    """One configuration in a model.

    Attributes
    ----------
    weight : float
        Of its predictions; those of all members sum to 1.
    pipelines : tuple of Pipeline
        Fitted on tables that the schema has normalised: on all rows, on the training rows of
        up to four folds, or both.
    shares : tuple of float
        Of each pipeline in the member's predictions; they sum to 1.
    config : Config
        What they were built from.
    trial : int
        Its number in the study.
    score : float
        The trial's, in the metric's own unit.
    """

    weight: float
    pipelines: tuple[Pipeline, ...]
    shares: tuple[float, ...]
    config: Config
    trial: int
    score: float


def _encoded_once(
    pipelines: Iterable[Pipeline], X: pd.DataFrame
) -> Iterator[tuple[Pipeline, pd.DataFrame]]:
    """Yield what is left of each pipeline after its categories' codes, and its rows.

    Pipelines of one model mostly know the same categories, and strings are slow.
    """
    known: dict[tuple[tuple[str, ...], ...], pd.DataFrame] = {}
    for pipeline in pipelines:
        step = pipeline.named_steps.get("codes")
        if step is None:
            yield pipeline, X
            continue
        categories = tuple(map(tuple, step.categories_))
        if categories not in known:
            known[categories] = step.transform(X)
        yield pipeline[1:], known[categories]


@dataclass(frozen=True, slots=True)
class FittedModel:
    """Fitted pipelines with the schema of their table and the labels of their target.

    Attributes
    ----------
    members : tuple of Member
        Whose predictions are averaged, the heaviest first.
    schema : Schema
        The columns it was fitted on.
    task : Task
        What it predicts.
    classes : ndarray or None
        Labels in the order of the columns of `predict_proba`; None for a regression.
    target : str
        The target's name.
    config : Config
        The best single configuration.
    facts : dict
        Plain values worth knowing of it: metric, validation score, version.
    decision_weights : ndarray of shape (n_classes,) or None, default=None
        By which probabilities count when a class is chosen, tuned where the metric judges
        decisions; None for the most probable class.
    temperature : float, default=1.0
        By which probabilities are softened (or, below 1, sharpened), fitted where the metric
        judges probabilities.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from jointopt import Choice, JointClassifier, Space
    >>> space = Space(paradigm=Choice({"bayes": {"estimator": "sklearn.naive_bayes.GaussianNB"}}))
    >>> X, y = load_iris(return_X_y=True, as_frame=True)
    >>> options = {"n_trials": 1, "budget": None, "final": "single"}
    >>> model = JointClassifier(space=space, **options).fit(X, y).model_
    >>> model.predict(X.head(2)), model.predict_proba(X.head(2)).shape
    (array([0, 0]), (2, 3))
    >>> model.predictions(X.head(2)).columns.tolist()
    ['0', '1', '2', 'prediction']
    >>> sorted(model.latency(model.schema.apply(X)))
    ['model', 'single']
    """

    members: tuple[Member, ...]
    schema: Schema
    task: Task
    classes: NDArray[Any] | None
    target: str
    config: Config
    facts: Mapping[str, Any]
    decision_weights: NDArray[np.float64] | None = None
    temperature: float = 1.0

    def predict(self, frame: pd.DataFrame) -> NDArray[Any]:
        """Return labels or values, shape (n_rows,).

        Raises
        ------
        ModelError
            If the table lacks columns that the model needs.
        """
        if self.classes is None:
            return self._raw(frame)
        return np.asarray(self.classes[decide(self._raw(frame), self.decision_weights)])

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

    def predictions(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return all there is to say of each row.

        Returns
        -------
        DataFrame of shape (n_rows, n_classes + 1) or (n_rows, 1)
            A column of probabilities for each class, named by its label, and `prediction`.

        Raises
        ------
        ModelError
            If the table lacks columns that the model needs, or a class is named `prediction`.
        """
        if self.classes is not None and PREDICTION in map(str, self.classes):
            raise ModelError(
                f"target {self.target!r} has a class {PREDICTION!r}: its probabilities would "
                "stand in a column of the same name as the predicted classes; use predict and "
                "predict_proba, or rename the class and run again"
            )
        raw = self._raw(frame)
        if self.classes is None:
            return pd.DataFrame({PREDICTION: raw})
        found = pd.DataFrame({str(label): raw[:, i] for i, label in enumerate(self.classes)})
        return found.assign(**{PREDICTION: self.classes[decide(raw, self.decision_weights)]})

    def latency(self, X: pd.DataFrame) -> dict[str, float]:
        """Return how long predictions take, in milliseconds for 1,000 rows.

        Parameters
        ----------
        X : DataFrame
            Rows that the schema has normalised; at most 1,000 of them are predicted.

        Returns
        -------
        dict of str to float
            `model`, and `single`: its heaviest member fitted once.
        """
        X = X.head(LATENCY_ROWS)
        single = self.members[0].pipelines[0]
        found = {}
        for name, weighted in (("model", self._weighted()), ("single", [(single, 1.0)])):
            started = time.perf_counter()
            self._average(weighted, X)
            found[name] = 1e3 * (time.perf_counter() - started) * LATENCY_ROWS / len(X)
        return found

    def _raw(self, frame: pd.DataFrame) -> NDArray[np.float64]:
        found = self._average(self._weighted(), self.schema.apply(frame))
        return found if self.classes is None else calibrate(found, self.temperature)

    def _one(self, model: Any, X: Any) -> NDArray[np.float64]:
        return predict(model, X, 0 if self.classes is None else len(self.classes))

    def _weighted(self) -> list[tuple[Pipeline, float]]:
        return [
            (pipeline, member.weight * share)
            for member in self.members
            for pipeline, share in zip(member.pipelines, member.shares, strict=True)
        ]

    def _average(
        self, weighted: Sequence[tuple[Pipeline, float]], X: pd.DataFrame
    ) -> NDArray[np.float64]:
        # Not in a thread: others that ask whether rows are torch's would meet it half loaded.
        for pipeline, _ in weighted:
            load_libraries(pipeline)
        # Threads are enough: boosters and networks compute outside Python. More of them than cores
        # would wait for each other, so those that a pipeline has of its own count.
        at_once = max(1, cpu_count() // max(_threads(pipeline) for pipeline, _ in weighted))
        # Pipelines that are fewer than cores see the rows in parts, or use threads of their own.
        idle = at_once // len(weighted)
        most = max(1, min(idle, len(X) // LEAST_ROWS))
        n_parts = [1 if most == 1 or _divides_rows(pipeline) else most for pipeline, _ in weighted]
        n_threads = max(1, min(idle, len(X) // LEAST_ROWS_OF_TREES))
        encoded = _encoded_once((pipeline for pipeline, _ in weighted), X)
        with ThreadPoolExecutor(at_once, initializer=let_trees_use, initargs=(n_threads,)) as pool:
            parts = encoded if most == 1 else _divided(pool, [*encoded], n_parts)
            # `map` lets go of each result once it is added, and of the rest if one fails.
            predicted = pool.map(lambda part: self._one(*part), parts)
            found = sum(
                weight * np.concatenate([*islice(predicted, n)])
                for (_, weight), n in zip(weighted, n_parts, strict=True)
            )
        return np.asarray(found)


def _divided(
    pool: ThreadPoolExecutor,
    encoded: Sequence[tuple[Pipeline, pd.DataFrame]],
    n_parts: Sequence[int],
) -> Iterator[tuple[Any, Any]]:
    """Yield the last step of each pipeline with each part of its rows, in order.

    Rows are transformed whole: that is mostly Python, of which one thread runs at a time.
    """
    transformed = pool.map(lambda one: one[0][:-1].transform(one[1]), encoded)
    for (pipeline, _), rows, n in zip(encoded, transformed, n_parts, strict=True):
        ends = np.linspace(0, len(rows), n + 1).astype(int)
        for first, end in pairwise(ends):
            yield pipeline[-1], rows[first:end]


def _threads(pipeline: Pipeline) -> int:
    """Return how many threads a pipeline's estimator predicts with."""
    told = pipeline[-1].get_params().items()
    return max((value for name, value in told if name.endswith("n_jobs") and value), default=1)


def _divides_rows(pipeline: Pipeline) -> bool:
    """Whether it is LightGBM, of which calls wait for each other and divide rows by themselves."""
    model = pipeline[-1]
    return any(is_lightgbm(type(part)) for part in (model, *model.get_params().values()))
