"""Time that is kept for the last step while the search runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from optuna.trial import TrialState

from jointopt.model.held_parts import MAX_ROWS

if TYPE_CHECKING:
    from pathlib import Path

    from jointopt.evaluation.table_evaluator import TableEvaluator
    from jointopt.evaluation.tasks import Setting
    from jointopt.search.budget import Budget
    from jointopt.search.result import TrialRecord

__all__ = ["Reserve", "writing_seconds"]

FINISH_SECONDS, START_SECONDS = 2.7, 3.0
"""What saving, the report, and the interpreter's start and exit take, where loading libraries and
a small table takes so long."""
MOST_SLOWER = 2.0
"""A start that takes longer than by this factor is that of a large table."""
RETURN_SECONDS = 0.2
"""What is left to do where nothing is written."""
MOST_AFTER, MOST_FOR_SINGLE = 0.3, 0.4
"""The greatest shares of the budget that are kept for what follows the model, and for one fit."""
ANALYSIS_TRIALS, ANALYSIS_SECONDS = 100, 1.5
"""From how many trials on the report tells how axes interact, and what that takes."""
REFIT_MARGIN = 1.3
"""How much longer than predicted the final fit may take."""
LEAST_SECONDS, LEAST_SHARE = 3.0, 0.05
"""For a final fit that comes late, in seconds or of the budget: a late model is worth more than
none, and than one that is only fast to fit."""
MOST_RESERVED = 0.25
"""The greatest share of the budget that is kept for an ensemble."""
EXPECTED_MEMBERS = 5
"""For which time is kept."""
SELECTION_SECONDS, FEW = 1.0, 25
"""What selecting an ensemble takes, of that many trials or more, on as many rows as it sees."""
LOADED_BYTES_PER_SECOND = 4e8
SAVED_BYTES_PER_SECOND = 1.5e8
SAVING_SECONDS = 0.04
"""What writing a small pipeline in safe form takes."""


def writing_seconds(start_seconds: float) -> float:
    """Return what saving a model and a report will take.

    Parameters
    ----------
    start_seconds : float
        What loading libraries and the table took: one machine differs from another, and from
        itself at another hour, by a factor of two. It counts half, being itself by chance.
    """
    slower = min(max(start_seconds / START_SECONDS, 1.0), MOST_SLOWER)
    return FINISH_SECONDS * (1.0 + slower) / 2.0


class Reserve:
    """Keeps time for a model of the best trials so far, and for a report.

    Parameters
    ----------
    budget : Budget
        Its `reserve` follows what was found so far.
    setting : Setting
        The folds and the metric.
    evaluator : TableEvaluator
        Which keeps the models of the folds.
    writing_seconds : float or None
        What saving the model and a report will take; None if nothing is written.
    """

    def __init__(
        self,
        budget: Budget,
        setting: Setting,
        evaluator: TableEvaluator,
        *,
        writing_seconds: float | None,
    ) -> None:
        self._budget = budget
        self._evaluator = evaluator
        self._metric = setting.metric
        self._seen = len(setting.folds[0][0]) / setting.dataset.n_rows
        self._of_rows = min(1.0, setting.dataset.n_rows / MAX_ROWS)
        self._saves = writing_seconds is not None
        self._after = RETURN_SECONDS if writing_seconds is None else writing_seconds
        if budget.seconds is not None:
            self._after = min(self._after, MOST_AFTER * budget.seconds)
        budget.reserve = self._after
        self._n_told = 0
        self._best = -np.inf
        self._costs: list[tuple[float, float, float]] = []

    def learn(self, record: TrialRecord) -> None:
        """Reserve what a model of the best so far, and a report of the trials, would take."""
        trial = record.trial
        self._n_told += 1
        if self._saves and self._n_told == ANALYSIS_TRIALS:
            self._after += ANALYSIS_SECONDS
            self._budget.reserve += ANALYSIS_SECONDS
        if trial.state is not TrialState.COMPLETE or trial.value is None:
            return
        if self.paths(record):
            costs = self.seconds_to_keep(record), self.seconds_to_fit(record)
            self._costs.append((self.signed(record), *costs))
            best = sorted(self._costs, reverse=True)[:EXPECTED_MEMBERS]
            most = MOST_RESERVED * (self._budget.seconds or np.inf)
            keeping = sum(seconds for _, seconds, _ in best)
            # What takes longer is not fitted on all rows.
            refits = [seconds for *_, seconds in best if REFIT_MARGIN * seconds <= most]
            refitting = max([0.0, *refits, sum(refits) / self._evaluator.capacity])
            expected = keeping + REFIT_MARGIN * refitting
            of_trials = min(1.0, len(self._costs) / FEW)
            selecting = SELECTION_SECONDS * of_trials * self._of_rows
            self._budget.reserve = self._after + min(selecting + expected, most)
        elif self.signed(record) > self._best:
            limit = MOST_FOR_SINGLE * (self._budget.seconds or np.inf)
            predicted = REFIT_MARGIN * self.seconds_to_fit(record)
            self._budget.reserve = self._after + min(predicted, limit)
        self._best = max(self._best, self.signed(record))

    def paths(self, record: TrialRecord) -> tuple[Path, ...]:
        """Return where a trial's fitted pipelines are, none if they were not kept."""
        number = record.evaluation
        return () if number is None else self._evaluator.kept.models.get(number, ())

    def seconds_to_keep(self, record: TrialRecord) -> float:
        """Return about what loading a trial's pipelines, and writing them in safe form, takes."""
        paths = self.paths(record)
        n_pipelines = len(paths) + 1
        n_bytes = sum(path.stat().st_size for path in paths) * n_pipelines / len(paths)
        saving = SAVING_SECONDS * n_pipelines + n_bytes / SAVED_BYTES_PER_SECOND
        return n_bytes / LOADED_BYTES_PER_SECOND + saving * self._saves

    def signed(self, record: TrialRecord) -> float:
        """Return the value so that greater is better; a metric's sign undoes itself."""
        return self._metric.display(record.trial.value or 0.0)

    def seconds_to_fit(self, record: TrialRecord) -> float:
        """Return about what a fit on all rows takes, of which folds see a part."""
        passed = len(record.told.get("fold_scores", ())) or 1
        return float(record.told.get("fit_seconds", 0.0)) / passed / self._seen

    def kept(self) -> float:
        """Return how many seconds are kept for a model of what was found, without the report."""
        return self._budget.reserve - self._after

    def seconds_left(self, least: float | None = None) -> float | None:
        """Return what is left for the last step, at least so much; None without a limit."""
        seconds = self._budget.seconds
        if seconds is None:
            return None
        if least is None:
            least = max(LEAST_SECONDS, LEAST_SHARE * seconds)
        return max(seconds - self._budget.elapsed() - self._after, least)
