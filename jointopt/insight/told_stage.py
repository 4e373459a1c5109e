"""What has been told of a stage, in words and in order."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import TYPE_CHECKING, Final

import numpy as np
from optuna.trial import TrialState

from jointopt.insight.markdown import as_code
from jointopt.insight.words import describe

if TYPE_CHECKING:
    from collections.abc import Sequence

    import optuna

    from jointopt.data import Metric
    from jointopt.model.fitted import Member
    from jointopt.search.result import TrialRecord

__all__ = ["ToldStage"]

N_LEADING: Final = 3
"""Trials of a study that have files; those that had them before keep them."""
MOST_NOTES: Final = 1_000
"""Trials of a study that have a note: optuna-dashboard looks for each among all of them."""
STATES: Final = {
    TrialState.COMPLETE: "finished",
    TrialState.PRUNED: "stopped early",
    TrialState.FAIL: "failed",
}


@dataclass(slots=True)
class ToldStage:
    """What has been told of a stage, and how much of it is written.

    Parameters
    ----------
    study_name : str
        Of the stage.
    """

    study_name: str
    records: list[TrialRecord] = field(default_factory=list)
    counts: Counter[TrialState] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    best: TrialRecord | None = None
    study: optuna.Study | None = None
    conclusion: str = ""
    n_written: dict[str, int] = field(default_factory=dict)
    shown: set[int] = field(default_factory=set)
    noted: dict[int, int] = field(default_factory=dict)
    """Trials whose notes were looked at, and the version that was written; 0 where none was."""

    def take_in(self, record: TrialRecord, metric: Metric) -> None:
        """Count a trial in."""
        trial = record.trial
        self.records.append(record)
        self.counts[trial.state] += 1
        if trial.state is TrialState.FAIL:
            self.reasons[str(record.told.get("reason"))] += 1
        if trial.state is TrialState.COMPLETE and (
            self.best is None or _signed(record, metric) > _signed(self.best, metric)
        ):
            self.best = record

    def without_note(self) -> list[TrialRecord]:
        """Return the trials whose notes were not looked at yet, an earlier run's too."""
        new = [record for record in self.records if record.number not in self.noted]
        return new[: max(0, MOST_NOTES - len(self.noted))]

    def leading(self, metric: Metric) -> list[TrialRecord]:
        """Return the best trials that this search evaluated, without those that are shown."""
        best = sorted(self._own(), key=lambda record: -_signed(record, metric))[:N_LEADING]
        return [record for record in best if record.number not in self.shown]

    def members(self, members: Sequence[Member]) -> list[TrialRecord]:
        """Return the trials of members that this search evaluated, without those that are shown.

        A member tells its trial's number, which another stage may have too.
        """
        known = [(member.trial, member.config) for member in members]
        return [
            record
            for record in self._own()
            if record.number not in self.shown and (record.number, record.config) in known
        ]

    def _own(self) -> list[TrialRecord]:
        return [
            record
            for record in self.records
            if record.trial.state is TrialState.COMPLETE and record.evaluation is not None
        ]

    def note(self, about: str, metric: Metric) -> str:
        """Return Markdown; what comes from the table stands in code, where it is no markup."""
        parts = [as_code(about)]
        if self.best is not None:
            scores = self.best.told.get("fold_scores", [])
            parts.append(
                f"**{metric.name} {self.best.trial.value:.5g}** ± {np.std(scores):.2g} over "
                f"{len(scores)} folds, trial {self.best.number} (the best of many is a little too "
                "good)"
            )
            parts.append(as_code(describe(self.best.config), 450))
        if self.conclusion:
            parts.append(self.conclusion)
        told = ", ".join(f"{self.counts[state]} {word}" for state, word in STATES.items())
        now = dt.datetime.now().astimezone().strftime("%Y-%m-%d %H:%M:%S")
        parts.append(f"{self.counts.total()} trials by {now}: {told}")
        parts += [as_code(f"{n} × {reason}", 150) for reason, n in self.reasons.most_common(3)]
        parts.append(
            f"jointopt {version('jointopt')}; a trial's steps are folds; a trial's note says "
            "what came of it; the leading trials and the heaviest members of a model have files"
        )
        return "\n\n".join(parts)


def _signed(record: TrialRecord, metric: Metric) -> float:
    """Return the score so that greater is better."""
    return metric.display(record.trial.value or 0.0)
