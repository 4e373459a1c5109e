"""The last step: what was found becomes a model, in the time kept for it.

Either the models that were fitted on the folds are averaged, or the best configuration is fitted
on all rows.
"""

from __future__ import annotations

import pickle
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np
from optuna.trial import TrialState

from jointopt.errors import SearchError
from jointopt.evaluation.attempt import attempt, reason_of
from jointopt.model.calibration import fit_temperature
from jointopt.model.decision import decision_weights
from jointopt.model.ensemble import fold_score, greedy_selection
from jointopt.model.fitted import FittedModel, Member

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray
    from sklearn.pipeline import Pipeline

    from jointopt.evaluation.executors import Executor
    from jointopt.evaluation.one_fold import Setting
    from jointopt.evaluation.table_evaluator import TableEvaluator
    from jointopt.search.budget import Budget
    from jointopt.search.result import Found, TrialRecord

__all__ = ["Finish"]

FINISH_SECONDS = 3.5
"""What saving, the report and the interpreter's exit take."""
ANALYSIS_TRIALS, ANALYSIS_SECONDS = 100, 1.5
"""From how many trials on the report tells how axes interact, and what that takes."""
REFIT_MARGIN = 1.3
"""How much longer than predicted the final fit may take."""
LEAST_SECONDS = 3.0
"""For a final fit that comes late: a late model is worth more than none."""
LONG_SECONDS = 2.0
"""A final fit that takes longer uses all threads."""
MAX_CANDIDATES = 25
"""The best trials, of which an ensemble is selected."""
EXPECTED_MEMBERS = 5
"""For which time is kept."""
SELECTION_SECONDS = 1.0
LOADED_BYTES_PER_SECOND = 4e8
SAVED_BYTES_PER_SECOND = 1.5e8
SAVING_SECONDS = 0.12
"""What writing a small pipeline in safe form takes."""
MAX_TRIES = 4
"""Final fits that may fail before the run does."""


class Finish:
    """Keeps time for the last step while the search runs, then does it.

    Parameters
    ----------
    budget : Budget
        Its `reserve` follows what was found so far.
    setting : Setting
        The table, its folds and metric.
    evaluator : TableEvaluator
        Whose predictions and models an ensemble is made of.
    final : {"ensemble", "single"}
        What the model shall be.
    writes_report : bool
        Whether the model is saved and a report follows.
    """

    def __init__(
        self,
        budget: Budget,
        setting: Setting,
        evaluator: TableEvaluator,
        *,
        final: Literal["ensemble", "single"],
        writes_report: bool,
    ) -> None:
        self._budget = budget
        self._setting = setting
        self._evaluator = evaluator
        self._final = final
        self._metric = setting.metric
        self._n_folds = len(setting.folds)
        self._saves = writes_report
        self._after = FINISH_SECONDS if writes_report else 0.2
        if budget.seconds is not None:
            self._after = min(self._after, 0.3 * budget.seconds)
        budget.reserve = self._after
        self._n_told = 0
        self._best = -np.inf
        self._costs: list[tuple[float, float]] = []

    def reserve(self, record: TrialRecord) -> None:
        """Reserve what a model of the best so far, and a report of the trials, would take."""
        trial = record.trial
        self._n_told += 1
        if self._saves and self._n_told == ANALYSIS_TRIALS:
            self._after += ANALYSIS_SECONDS
            self._budget.reserve += ANALYSIS_SECONDS
        if trial.state is not TrialState.COMPLETE or trial.value is None:
            return
        limit = 0.4 * (self._budget.seconds or np.inf)
        if self._paths(record):
            self._costs.append((self._signed(record), self._seconds_to_keep(record)))
            best = sorted(self._costs, reverse=True)[:EXPECTED_MEMBERS]
            expected = SELECTION_SECONDS + sum(seconds for _, seconds in best)
            self._budget.reserve = self._after + min(expected, 0.5 * limit)
        elif self._signed(record) > self._best:
            predicted = REFIT_MARGIN * self._predicted(record)
            self._budget.reserve = self._after + min(predicted, limit)
        self._best = max(self._best, self._signed(record))

    def _paths(self, record: TrialRecord) -> tuple[Path, ...]:
        """Return where a trial's fitted pipelines are, none if they were not kept."""
        number = record.evaluation
        return () if number is None else self._evaluator.models.get(number, ())

    def _seconds_to_keep(self, record: TrialRecord) -> float:
        """Return about what loading a trial's pipelines, and writing them in safe form, takes."""
        paths = self._paths(record)
        n_bytes = sum(path.stat().st_size for path in paths)
        saving = SAVING_SECONDS * len(paths) + n_bytes / SAVED_BYTES_PER_SECOND
        return n_bytes / LOADED_BYTES_PER_SECOND + saving * self._saves

    def _signed(self, record: TrialRecord) -> float:
        """Return the value so that greater is better; a metric's sign undoes itself."""
        return self._metric.display(record.trial.value or 0.0)

    def _predicted(self, record: TrialRecord) -> float:
        """Fold fits see (k - 1) / k of the rows; a holdout sees four fifths."""
        n = self._n_folds
        rows = 5 / 4 if n == 1 else n / (n - 1)
        passed = len(record.trial.user_attrs.get("fold_scores", ())) or 1
        return float(record.trial.user_attrs.get("fit_seconds", 0.0)) / passed * rows

    def fit(self, executor: Executor, result: Found) -> tuple[FittedModel, tuple[str, ...]]:
        """Return the model, and notes on what did not go as planned.

        An ensemble is made if it was asked for and is better than anything that was not kept for
        it. Else the best configuration is fitted on all rows, or the next best that fits in time.

        Raises
        ------
        SearchError
            If no configuration could be fitted on all rows.
        """
        notes: list[str] = []
        if self._final == "ensemble":
            model = attempt(lambda: self._ensemble(result))
            if isinstance(model, FittedModel):
                executor.cancel()
                return model, ()
            if isinstance(model, Exception):
                notes.append(f"the models could not be averaged: {reason_of(model)}")
        ranked = self._ranked(result)
        for _ in range(min(len(ranked), MAX_TRIES)):
            record = self._next(ranked)
            ranked.remove(record)
            pipeline = self._try(executor, record, notes)
            if pipeline is not None:
                member = self._member(record, 1.0, (pipeline,))
                model = self._model((member,), record, self._scores(record), self._kept(record))
                return model, tuple(notes)
        raise SearchError("no configuration could be fitted on all rows: " + "; ".join(notes))

    def _ensemble(self, result: Found) -> FittedModel | None:
        """Average the models of the folds; None if there are none, or a refit promises more."""
        complete = [r for r in result.records if r.trial.state is TrialState.COMPLETE]
        ranked = sorted(complete, key=self._signed, reverse=True)
        kept = [r for r in ranked if self._paths(r)][:MAX_CANDIDATES]
        if not kept:
            return None
        predictions = [self._evaluator.out_of_fold[r.evaluation or 0] for r in kept]
        dataset, folds = self._setting.dataset, self._setting.folds
        weights = greedy_selection(predictions, fold_score(dataset, folds, self._metric))
        weights = self._affordable(weights, kept)
        blended = np.sum([weight * predictions[i] for i, weight in weights.items()], axis=0)
        scores = [
            self._metric.score(dataset.y[rows], blended[rows], dataset.n_classes)
            for _, rows in folds
        ]
        if self._signed(ranked[0]) > np.mean(scores):
            if kept[0] is not ranked[0]:
                return None
            # On rows that the selection did not look at, or by rounding alone.
            weights, blended, scores = {0: 1.0}, predictions[0], self._scores(ranked[0])
        members = tuple(
            self._member(kept[i], weight, tuple(map(_load, self._paths(kept[i]))))
            for i, weight in sorted(weights.items(), key=lambda item: -item[1])
        )
        return self._model(members, ranked[0], scores, blended)

    def _kept(self, record: TrialRecord) -> NDArray[np.float32] | None:
        """Return a trial's predictions out of fold, if they were kept."""
        number = record.evaluation
        return None if number is None else self._evaluator.out_of_fold.get(number)

    def _scores(self, record: TrialRecord) -> list[float]:
        """Return a trial's scores on the folds that it passed, greater being better."""
        return [self._metric.display(score) for score in record.trial.user_attrs["fold_scores"]]

    def _affordable(
        self, weights: Mapping[int, float], kept: Sequence[TrialRecord]
    ) -> dict[int, float]:
        """Leave out the lightest members for which no time is left; one always stays."""
        left = self._seconds_left()
        ordered = sorted(weights, key=lambda i: -weights[i])
        if left is not None:
            costs = [self._seconds_to_keep(kept[i]) for i in ordered]
            n_members = int(np.searchsorted(np.cumsum(costs), left, side="right"))
            ordered = ordered[: max(1, n_members)]
        total = sum(weights[i] for i in ordered)
        return {i: weights[i] / total for i in ordered}

    @staticmethod
    def _member(record: TrialRecord, weight: float, pipelines: tuple[Pipeline, ...]) -> Member:
        value = record.trial.value
        return Member(
            weight=weight,
            pipelines=pipelines,
            config=dict(record.config),
            trial=record.number,
            score=np.nan if value is None else value,
        )

    def _model(
        self,
        members: tuple[Member, ...],
        best: TrialRecord,
        scores: Sequence[float],
        predictions: NDArray[Any] | None,
    ) -> FittedModel:
        """Put it together, with decisions and probabilities tuned where the metric judges them."""
        dataset = self._setting.dataset
        weights, temperature = None, 1.0
        if predictions is not None:
            parts = [rows for _, rows in self._setting.folds]
            weights, tuned = decision_weights(predictions, dataset, parts, self._metric)
            temperature, softened = fit_temperature(predictions, dataset, parts, self._metric)
            scores = tuned or softened or scores
        fold_scores = list(map(self._metric.display, scores))
        return FittedModel(
            members=members,
            schema=dataset.schema,
            task=dataset.task,
            classes=dataset.classes,
            target=dataset.target,
            config=dict(best.config),
            facts={
                "metric": self._metric.name,
                "validation_score": float(np.mean(fold_scores)) if scores else best.trial.value,
                "fold_scores": fold_scores,
                "best_single_score": best.trial.value,
                "trial": best.number,
                "n_rows": dataset.n_rows,
                "jointopt": version("jointopt"),
            },
            decision_weights=weights,
            temperature=temperature,
        )

    def _ranked(self, result: Found) -> list[TrialRecord]:
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
            half = scores and 2 * len(scores) >= len(reference)
            if record.trial.state is TrialState.PRUNED and reference and half:
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


def _load(path: Path) -> Pipeline:
    # Written by a worker of this run, in a folder that only this user may enter.
    return cast("Pipeline", pickle.loads(path.read_bytes()))
