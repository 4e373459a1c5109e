"""One run of a comparison: a strategy searches some rows of a table, others test its model."""

from __future__ import annotations

import importlib
import json
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING, Any, Final, Protocol, Self

import numpy as np
from optuna.trial import TrialState

from jointopt.data import Task, as_frame, as_series, dataset_from_arrays, get_metric, has_target
from jointopt.errors import SearchError
from jointopt.evaluation.seeds import derive_seed
from jointopt.evaluation.worker_start import worker_context
from jointopt.insight.held_out import HeldOut
from jointopt.insight.kept_trials import kept_space, kept_trials
from jointopt.insight.words import describe
from jointopt.model.run import RunOptions, run_table

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from jointopt.data import Dataset, Metric
    from jointopt.evaluation.events import Event
    from jointopt.model.run import TableRun
    from jointopt.search.result import TrialRecord

__all__ = ["Job", "Outcome", "Table", "one_run", "outer_split"]

TEST_SHARE: Final = 0.25
OUTER: Final = 7_919
"""Sets the seed of the outer split apart from all that derives from the same seed inside."""


def outer_split(
    y: NDArray[Any], seed: int, *, stratify: bool
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the rows to search on, and a quarter of the rows to test on.

    Parameters
    ----------
    y : ndarray of shape (n_rows,)
        Class codes or values.
    seed : int
        The comparison's seed.
    stratify : bool
        Hold out a quarter of each class: at least one row, unless it is the class's only one.

    Examples
    --------
    >>> y = np.array([0] * 8 + [1] * 4 + [2])
    >>> train, test = outer_split(y, 0, stratify=True)
    >>> y[test].tolist()
    [0, 0, 1]
    """
    rng = np.random.default_rng(derive_seed(seed, OUTER))
    groups = [np.flatnonzero(y == c) for c in np.unique(y)] if stratify else [np.arange(len(y))]
    held = [rng.permutation(rows)[: _n_held(len(rows))] for rows in groups]
    test = np.sort(np.concatenate(held))
    return np.setdiff1d(np.arange(len(y)), test), test


def _n_held(n_rows: int) -> int:
    return min(n_rows - 1, max(1, round(TEST_SHARE * n_rows)))


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """A table as it was given, rows without a target left out.

    Attributes
    ----------
    X : DataFrame of shape (n_rows, n_columns)
        Nothing has been learnt of it yet.
    labels : Series of shape (n_rows,)
        The target as it was given.
    y : ndarray of shape (n_rows,)
        The target as class codes or values.
    task : Task
        What is predicted.
    """

    X: pd.DataFrame
    labels: pd.Series
    y: NDArray[Any]
    task: Task

    @classmethod
    def of(cls, X: Any, y: Any, metric: str | Callable[..., float] | Metric | None = None) -> Self:
        """Check a table and its target, and find the task, which the metric may decide.

        Raises
        ------
        DataError
            If they cannot be used.
        """
        whole = dataset_from_arrays(X, y, metric=metric)
        frame = as_frame(X).reset_index(drop=True)
        labels = as_series(y).reset_index(drop=True).rename(whole.target)
        present = has_target(labels)
        return cls(
            X=frame[present].reset_index(drop=True),
            labels=labels[present].reset_index(drop=True),
            y=whole.y,
            task=whole.task,
        )

    def split(self, seed: int) -> tuple[Dataset, pd.DataFrame, NDArray[Any]]:
        """Return the data set to search, whose columns were read on its rows alone, and the test.

        Raises
        ------
        DataError
            If too few rows are left to search.
        """
        stratify = self.task is not Task.REGRESSION
        train, test = outer_split(self.y, seed, stratify=stratify)
        dataset = dataset_from_arrays(self.X.iloc[train], self.labels.iloc[train], self.task)
        return dataset, self.X.iloc[test], self.y[test]


@dataclass(frozen=True, slots=True, eq=False)
class Job:
    """A run to do; `options` holds the strategy and the seed."""

    dataset: str
    strategy: str
    table: Table
    options: RunOptions

    @property
    def key(self) -> tuple[str, str, int]:
        """Data set, strategy, seed."""
        return self.dataset, self.strategy, self.options.seed


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run came to, as plain values.

    Attributes
    ----------
    row : dict
        Of the frame of runs.
    seconds : list of float
        Since the run's start, by evaluation.
    best : list of (float or None)
        Best validation score so far, by evaluation.
    trials : list of dict
        The scored trials, as `kept_trials` gives them; none of a run without a model.
    space : str
        What was searched, as `kept_space` gives it.
    """

    row: dict[str, Any]
    seconds: list[float]
    best: list[float | None]
    trials: list[dict[str, Any]] = field(default_factory=list)
    space: str = ""


class RunObserver(Protocol):
    """Is told what goes on in a run."""

    def begin(self, job: Job, metric: Metric, started: float) -> None:
        """Take in that it begins; `started` is a reading of `time.monotonic`."""

    def see(self, event: Event) -> None:
        """Take in what is under way."""

    def hear(self, record: TrialRecord) -> None:
        """Take in a trial that ended."""


def one_run(job: Job, observer: RunObserver | None = None) -> Outcome:
    """Search, fit and test.

    A search without any usable result is an outcome, too: without scores, and with its reason.

    Raises
    ------
    DataError, OptionError, SpaceError
        If the table or an option cannot be used.
    """
    if job.options.seconds is not None:
        _load_libraries(in_workers=job.options.workers is not None)
    dataset, X_test, y_test = job.table.split(job.options.seed)
    metric = get_metric(job.options.metric, dataset.task, dataset.classes)
    clock, started = time.monotonic(), datetime.now()
    if observer is not None:
        observer.begin(job, metric, clock)
    records: list[TrialRecord] = []
    trials: list[dict[str, Any]] = []
    space = ""
    row: dict[str, Any] = {
        "dataset": job.dataset,
        "strategy": job.strategy,
        "seed": job.options.seed,
        "metric": metric.name,
        "greater_is_better": metric.greater_is_better,
        "budget": _budget(job.options),
        "n_train": dataset.n_rows,
        "n_test": len(y_test),
    }
    try:
        found = run_table(
            dataset,
            job.options,
            started=clock,
            listeners=[records.append, *([] if observer is None else [observer.hear])],
            watch=None if observer is None else observer.see,
        )
        row["seconds"] = time.monotonic() - clock
        row |= _scores(found, X_test, y_test)
        sign = 1.0 if metric.greater_is_better else -1.0
        trials = kept_trials(found.result.records, found.space, sign)
        space = kept_space(found.space)
    except SearchError as error:
        row = {"seconds": time.monotonic() - clock, **row, **_nothing(str(error))}
    return Outcome(row | _counts(records), *_anytime(records, metric, started), trials, space)


@cache
def _load_libraries(*, in_workers: bool) -> None:
    """Load what models need before any clock runs, or the first strategy would pay for all."""
    libraries = "jointopt.evaluation.preload"
    if in_workers:
        context: Any = worker_context()
        process = context.Process(target=importlib.import_module, args=(libraries,))
        process.start()
        process.join()
    else:
        importlib.import_module(libraries)


def _scores(run: TableRun, X: pd.DataFrame, y: NDArray[Any]) -> dict[str, Any]:
    metric = run.metric
    test = HeldOut.of(run, X, y).score
    validation = float(run.model.facts["validation_score"])
    size = run.space.size()
    return {
        "test": test,
        "validation": validation,
        "gap": metric.display(validation) - metric.display(test),
        # `str` of an int ends at 4,300 digits.
        "n_plus_m": str(Decimal(size.sequential)),
        "n_times_m": str(Decimal(size.joint)),
        "sizes": json.dumps({axis: str(Decimal(count)) for axis, count in size.items()}),
        "found": describe(run.model.config),
        "error": "",
    }


def _nothing(reason: str) -> dict[str, Any]:
    scores = dict.fromkeys(("test", "validation", "gap"))
    sizes = dict.fromkeys(("n_plus_m", "n_times_m", "found"), "")
    return {**scores, **sizes, "sizes": "{}", "error": reason}


def _counts(records: Sequence[TrialRecord]) -> dict[str, int]:
    states = Counter(record.trial.state for record in records)
    return {
        "n_trials": len(records),
        "n_complete": states[TrialState.COMPLETE],
        "n_pruned": states[TrialState.PRUNED],
        "n_failed": states[TrialState.FAIL],
    }


def _anytime(
    records: Sequence[TrialRecord], metric: Metric, started: datetime
) -> tuple[list[float], list[float | None]]:
    """Return seconds and best score by evaluation; only trials with all folds count as found."""
    seconds, found = [], []
    best: float | None = None
    for record in records:
        trial = record.trial
        if trial.state is TrialState.COMPLETE and trial.value is not None:
            value = float(trial.value)
            if best is None or metric.display(value) > metric.display(best):
                best = value
        end = trial.datetime_complete or started
        seconds.append((end - started).total_seconds())
        found.append(best)
    return seconds, found


def _budget(options: RunOptions) -> str:
    limits = [] if options.seconds is None else [f"{options.seconds:g} s"]
    limits += [] if options.n_trials is None else [f"{options.n_trials} evaluations"]
    return " and at most ".join(limits)
