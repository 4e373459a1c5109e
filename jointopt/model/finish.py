"""The last step: the best configuration is fitted on all rows, in the time kept for it."""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING

import numpy as np
from optuna.trial import TrialState

from jointopt.errors import SearchError
from jointopt.evaluation.attempt import attempt, reason_of
from jointopt.model.fitted import FittedModel

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

    from jointopt.data import Dataset, Metric
    from jointopt.evaluation.executors import Executor
    from jointopt.search.budget import Budget
    from jointopt.search.result import SearchResult, TrialRecord

__all__ = ["Finish"]

FINISH_SECONDS = 3.5
"""What saving, the report and the interpreter's exit take."""
REFIT_MARGIN = 1.3
"""How much longer than predicted the final fit may take."""
LEAST_SECONDS = 3.0
"""For a final fit that comes late: a late model is worth more than none."""
LONG_SECONDS = 2.0
"""A final fit that takes longer uses all threads."""
MAX_TRIES = 4
"""Final fits that may fail before the run does."""


class Finish:
    """Keeps time for the final fit while the search runs, then does it.

    Parameters
    ----------
    budget : Budget
        Its `reserve` follows the best configuration so far.
    metric : Metric
        Of the study.
    n_folds : int
        From which the time of a fit on all rows is predicted.
    writes_report : bool
        Whether a report follows.
    """

    def __init__(
        self, budget: Budget, metric: Metric, n_folds: int, *, writes_report: bool
    ) -> None:
        self._budget = budget
        self._metric = metric
        self._n_folds = n_folds
        self._after = FINISH_SECONDS if writes_report else 0.2
        if budget.seconds is not None:
            self._after = min(self._after, 0.3 * budget.seconds)
        budget.reserve = self._after
        self._best = -np.inf

    def reserve(self, record: TrialRecord) -> None:
        """Reserve what the best configuration so far would take to fit on all rows."""
        trial = record.trial
        if trial.state is not TrialState.COMPLETE or trial.value is None:
            return
        if self._signed(record) > self._best:
            self._best = self._signed(record)
            limit = 0.4 * (self._budget.seconds or np.inf)
            predicted = REFIT_MARGIN * self._predicted(record)
            self._budget.reserve = self._after + min(predicted, limit)

    def _signed(self, record: TrialRecord) -> float:
        """Return the value so that greater is better; a metric's sign undoes itself."""
        return self._metric.display(record.trial.value or 0.0)

    def _predicted(self, record: TrialRecord) -> float:
        """Fold fits see (k - 1) / k of the rows; a holdout sees four fifths."""
        n = self._n_folds
        rows = 5 / 4 if n == 1 else n / (n - 1)
        return float(record.trial.user_attrs.get("fit_seconds", 0.0)) / n * rows

    def fit(
        self, executor: Executor, result: SearchResult, dataset: Dataset
    ) -> tuple[FittedModel, tuple[str, ...]]:
        """Fit the best configuration on all rows; the next best that fits in time otherwise."""
        notes: list[str] = []
        ranked = self._ranked(result)
        for _ in range(min(len(ranked), MAX_TRIES)):
            record = self._next(ranked)
            ranked.remove(record)
            pipeline = self._try(executor, record, notes)
            if pipeline is not None:
                model = FittedModel(
                    pipeline=pipeline,
                    schema=dataset.schema,
                    task=dataset.task,
                    classes=dataset.classes,
                    target=dataset.target,
                    config=dict(record.config),
                    facts={
                        "metric": self._metric.name,
                        "validation_score": record.trial.value,
                        "trial": record.number,
                        "n_rows": dataset.n_rows,
                        "jointopt": version("jointopt"),
                    },
                )
                return model, tuple(notes)
        raise SearchError("no configuration could be fitted on all rows: " + "; ".join(notes))

    def _ranked(self, result: SearchResult) -> list[TrialRecord]:
        """Return the trials that may become the model, the best first."""
        scored = [r for r in result.records if r.trial.value is not None]
        complete = [r for r in scored if r.trial.state is TrialState.COMPLETE]
        ranked = sorted(complete or scored, key=self._signed, reverse=True)
        return self._overtaken(ranked[0], scored) + ranked if complete else ranked

    def _next(self, ranked: list[TrialRecord]) -> TrialRecord:
        """Return the best that can be fitted in what is left; if none can, the fastest."""
        left = self._seconds_left()
        in_time = (r for r in ranked if left is None or self._predicted(r) <= left)
        return next(in_time, None) or min(ranked, key=self._predicted)

    def _seconds_left(self) -> float | None:
        seconds = self._budget.seconds
        if seconds is None:
            return None
        return max(seconds - self._budget.elapsed() - self._after, LEAST_SECONDS)

    def _overtaken(self, best: TrialRecord, scored: list[TrialRecord]) -> list[TrialRecord]:
        """Return the trial, if any, that was ahead of the best on the same folds when time ended.

        The race never stops a trial that is ahead, so it is one that the budget cut short. At
        least half of the folds must speak for it.
        """
        reference = best.trial.user_attrs["fold_scores"]
        leads = []
        for record in scored:
            scores = record.trial.user_attrs["fold_scores"]
            if record.trial.state is TrialState.PRUNED and 2 * len(scores) >= len(reference):
                behind = np.mean(reference[: len(scores)])
                lead = self._metric.display(float(np.mean(scores) - behind))
                if lead > 0:
                    leads.append((lead, -record.number, record))
        return [max(leads)[2]] if leads else []

    def _try(self, executor: Executor, record: TrialRecord, notes: list[str]) -> Pipeline | None:
        left = self._seconds_left()
        refit_params = record.trial.user_attrs.get("refit_params", {})
        # Threads that wait for each other cost more than they bring where a fit is short.
        many = self._predicted(record) > LONG_SECONDS
        fitted = attempt(
            lambda: executor.refit(record.config, refit_params, all_threads=many, timeout=left)
        )
        if isinstance(fitted, Exception):
            why = reason_of(fitted)
            notes.append(f"trial {record.number} could not be fitted on all rows: {why}")
            return None
        return fitted
