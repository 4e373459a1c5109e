"""Which of the trials so far an ensemble would be made of."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from optuna.trial import TrialState

from jointopt.evaluation.attempt import attempt
from jointopt.model.ensemble import FEW_ROUNDS, FoldScore, greedy_selection

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from jointopt.evaluation.table_evaluator import TableEvaluator
    from jointopt.evaluation.tasks import Setting
    from jointopt.search.result import TrialRecord

    Weighted = list[tuple[TrialRecord, float]]

__all__ = ["Members"]

MAX_CANDIDATES = 25
"""The best trials, of which an ensemble is selected."""
MAX_SECONDS: Final = 3.0
"""For a selection: a metric of the user's own may be slow, and the budget is nearly over. Others
take a second at most."""
LAST_SCORES: Final = 3
"""Of the members' average, and twice of its probabilities when these are tuned."""


class Members:
    """Follows the trials that finished, and chooses from those whose models are kept.

    Parameters
    ----------
    setting : Setting
        The table, its folds and metric.
    evaluator : TableEvaluator
        Which keeps predictions and the models of the folds.
    timed : bool, default=False
        Whether time is limited: then a selection may take some seconds, and else what it takes.
    """

    def __init__(
        self, setting: Setting, evaluator: TableEvaluator, *, timed: bool = False
    ) -> None:
        self._kept = evaluator.kept
        self._metric = setting.metric
        self._score = FoldScore(setting.dataset, setting.folds, setting.metric)
        self._complete: list[TrialRecord] = []
        self._chosen: Weighted = []
        self._chosen_from = 0
        self._max_scores: float | None = None if timed else math.inf

    def add(self, record: TrialRecord) -> None:
        """Take in a trial; only those that finished count."""
        if record.trial.state is TrialState.COMPLETE and record.trial.value is not None:
            self._complete.append(record)

    def best(self) -> TrialRecord:
        """Return the best trial, whether its models are kept or not."""
        return max(self._complete, key=self.signed)

    def chosen(self) -> Weighted:
        """Return the members and their weights, the heaviest first; none if no model is kept."""
        # Models may go, for want of room, before the trial that took it is told.
        lost = any(not self.paths(record) for record, _ in self._chosen)
        if lost or self._chosen_from < len(self._complete):
            self._chosen, self._chosen_from = self._select(), len(self._complete)
        return self._chosen

    def _select(self) -> Weighted:
        ranked = sorted(self._complete, key=self.signed, reverse=True)
        candidates = [record for record in ranked if self.paths(record)][:MAX_CANDIDATES]
        if not candidates:
            return []
        rows = self._score.rows
        predictions = [self._kept.predictions[r.evaluation or 0][rows] for r in candidates]
        most = self._affordable_scores()
        weights = greedy_selection(predictions, self._score, max_scores=most)
        return [(candidates[i], weights[i]) for i in sorted(weights, key=lambda i: -weights[i])]

    def slow_seconds(self) -> float:
        """Return what choosing and the last step's scores take by a slow metric, else 0."""
        affordable = self._affordable_scores()
        if affordable >= FEW_ROUNDS * MAX_CANDIDATES:
            return 0.0
        return MAX_SECONDS * (1.0 + LAST_SCORES / affordable)

    def _affordable_scores(self) -> float:
        """Return how many scores there is time for in a selection."""
        if self._max_scores is None:
            # Whoever asks has told a trial whose predictions are kept.
            some = next(iter(self._kept.predictions.values()))
            taken = attempt(lambda: self._score.seconds(some[self._score.rows]))
            # Where it fails the selection does so too, which the last step tells.
            self._max_scores = math.inf if isinstance(taken, Exception) else MAX_SECONDS / taken
        return self._max_scores

    def signed(self, record: TrialRecord) -> float:
        """Return the value so that greater is better; a metric's sign undoes itself."""
        return self._metric.display(record.trial.value or 0.0)

    def paths(self, record: TrialRecord) -> tuple[Path, ...]:
        """Return where a trial's fitted pipelines are, none if they were not kept."""
        number = record.evaluation
        return () if number is None else self._kept.models.get(number, ())

    def predictions(self, record: TrialRecord) -> NDArray[np.floating] | None:
        """Return a trial's predictions out of fold, if they were kept."""
        number = record.evaluation
        return None if number is None else self._kept.predictions.get(number)
