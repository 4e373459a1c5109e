"""Which of the trials so far an ensemble would be made of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from optuna.trial import TrialState

from jointopt.model.ensemble import FoldScore, greedy_selection

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


class Members:
    """Follows the trials that finished, and chooses from those whose models are kept.

    Parameters
    ----------
    setting : Setting
        The table, its folds and metric.
    evaluator : TableEvaluator
        Which keeps predictions and the models of the folds.
    """

    def __init__(self, setting: Setting, evaluator: TableEvaluator) -> None:
        self._kept = evaluator.kept
        self._metric = setting.metric
        self._score = FoldScore(setting.dataset, setting.folds, setting.metric)
        self._complete: list[TrialRecord] = []
        self._chosen: Weighted = []
        self._chosen_from = 0

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
        weights = greedy_selection(predictions, self._score)
        return [(candidates[i], weights[i]) for i in sorted(weights, key=lambda i: -weights[i])]

    def signed(self, record: TrialRecord) -> float:
        """Return the value so that greater is better; a metric's sign undoes itself."""
        return self._metric.display(record.trial.value or 0.0)

    def paths(self, record: TrialRecord) -> tuple[Path, ...]:
        """Return where a trial's fitted pipelines are, none if they were not kept."""
        number = record.evaluation
        return () if number is None else self._kept.models.get(number, ())

    def predictions(self, record: TrialRecord) -> NDArray[np.float32] | None:
        """Return a trial's predictions out of fold, if they were kept."""
        number = record.evaluation
        return None if number is None else self._kept.predictions.get(number)
