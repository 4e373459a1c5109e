"""What is to be fitted and scored, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, Self

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from jointopt.data import Dataset, Metric
    from jointopt.evaluation.folds import Fold
    from jointopt.evaluation.learning_curves import LearningCurve
    from jointopt.pipeline.blueprint import Blueprint
    from jointopt.space import Config

__all__ = ["FoldResult", "FoldTask", "Refit", "Setting"]


@dataclass(frozen=True, slots=True)
class Setting:
    """What all fold tasks of a study share; workers receive it once.

    Attributes
    ----------
    dataset : Dataset
        The training table.
    folds : tuple of Fold
        Rows to fit on and to score on.
    blueprint : Blueprint
        How configurations become pipelines.
    metric : Metric
        What is maximised (signed so that greater is better).
    seed : int
        The study's seed.
    threads : int
        Numeric threads of one fit.
    rungs : tuple of int, default=()
        On how many rows of the first fold a configuration is fitted before it meets whole folds.
    fold_rows : int or None, default=None
        Of about how many rows a fold is made, if not of all.
    """

    dataset: Dataset
    folds: tuple[Fold, ...]
    blueprint: Blueprint
    metric: Metric
    seed: int
    threads: int
    rungs: tuple[int, ...] = ()
    fold_rows: int | None = None


@dataclass(frozen=True, slots=True)
class FoldTask:
    """One configuration on one fold, fitted on a sample of its rows if `n_rows` is given.

    The fitted pipeline is written to `keep` if that is given. A network stops where its held-out
    loss is not as low as `must_reach` says, by share of its schedule.
    """

    config: Config
    fold: int
    n_rows: int | None = None
    max_seconds: float | None = None
    keep: Path | None = None
    must_reach: Mapping[float, float] | None = None


class Refit(NamedTuple):
    """A configuration to fit on all rows, or a sample, with what the folds found best for it.

    With `params` empty, estimators that stop early hold rows out once more.
    """

    config: Config
    params: Mapping[str, int]
    n_rows: int | None = None


@dataclass(frozen=True, slots=True)
class FoldResult:
    """What one fold told.

    Attributes
    ----------
    fold : int
        Its number.
    n_rows : int or None
        Rows of a sample that was fitted; None for the whole fold.
    score : float
        Signed so that greater is better; NaN when the fit failed.
    predictions : ndarray or None
        For the scored rows, shape (n_rows, n_classes) as float32, or (n_rows,) as
        float64.
    fit_seconds, predict_seconds : float
        Wall time, with that of transforms which were remembered.
    n_features : int
        Columns that the model itself saw.
    refit_params : dict of str to int
        Constructor arguments for a fit on all rows, such as the rounds or epochs that early
        stopping found best.
    model_bytes : int
        Size of the pipeline that was kept; 0 if none was.
    curve : LearningCurve or None
        Of a network, on rows held out of those that it was fitted on.
    stopped : bool
        Whether its training ended because of the task's `must_reach`; the score is that of the
        best epoch until then.
    error : str or None
        Why the fit failed, in one line.
    """

    fold: int
    score: float
    n_rows: int | None = None
    predictions: NDArray[np.floating] | None = None
    fit_seconds: float = 0.0
    predict_seconds: float = 0.0
    n_features: int = 0
    refit_params: Mapping[str, int] = field(default_factory=dict)
    model_bytes: int = 0
    curve: LearningCurve | None = None
    stopped: bool = False
    error: str | None = None

    @classmethod
    def failed(cls, task: FoldTask, error: str, fit_seconds: float = 0.0) -> Self:
        """Return the result of a task that came to nothing.

        Parameters
        ----------
        task : FoldTask
            What was to be done.
        error : str
            Why it was not, in one line.
        fit_seconds : float, default=0.0
            Time that was spent on it.
        """
        return cls(task.fold, np.nan, n_rows=task.n_rows, fit_seconds=fit_seconds, error=error)
