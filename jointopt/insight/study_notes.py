"""What optuna-dashboard shows of a study beside its trials, kept true while the search runs."""

from __future__ import annotations

import time
import warnings
from collections import Counter, deque
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import TYPE_CHECKING

import numpy as np
import optuna
from optuna.exceptions import ExperimentalWarning
from optuna.trial import TrialState

from jointopt.insight.learning_curves import has_learning_curve, plot_learning_curves
from jointopt.insight.words import describe
from jointopt.search.place import place_of, plain_storage_errors

if TYPE_CHECKING:
    from optuna.storages import BaseStorage
    from optuna.trial import FrozenTrial

    from jointopt.data import Metric
    from jointopt.search.result import TrialRecord

__all__ = ["StudyNotes"]

PAUSE_SECONDS = 5.0
"""Between two notes of a study: the search waits for each."""
CURVES_SECONDS = 30.0
"""Between two figures of learning curves."""
MOST_CURVES = 40
"""The newest ones are shown."""
CURVES_ID = "learning-curves"
STATES = {
    TrialState.COMPLETE: "finished",
    TrialState.PRUNED: "stopped early",
    TrialState.FAIL: "failed",
}


class StudyNotes:
    """Writes the note and the learning curves of each stage's study, and names its objective.

    Parameters
    ----------
    storage : BaseStorage
        Where the studies are.
    name : str
        Studies are named `name/stage`.
    metric : Metric
        Of the search.
    about : str
        What is predicted, in a line.
    """

    def __init__(self, storage: BaseStorage, name: str, metric: Metric, about: str) -> None:
        self._storage = storage
        self._name = name
        self._metric = metric
        self._about = about
        self._stages: dict[str, _Stage] = {}

    def __call__(self, record: TrialRecord) -> None:
        """Take in a trial."""
        stage = self._stages.setdefault(record.stage, _Stage())
        stage.take_in(record, self._metric)
        if time.monotonic() > stage.written + PAUSE_SECONDS:
            self._write(record.stage)

    def finish(self) -> None:
        """Write what is not written yet."""
        for name, stage in self._stages.items():
            if stage.changed:
                stage.drawn = -np.inf
                self._write(name)

    def _write(self, name: str) -> None:
        from optuna_dashboard import save_note, save_plotly_graph_object

        stage = self._stages[name]
        with plain_storage_errors(place_of(self._storage)):
            study = optuna.load_study(study_name=f"{self._name}/{name}", storage=self._storage)
            if not stage.written:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore", ExperimentalWarning)
                    study.set_metric_names([self._metric.name])
            save_note(study, stage.note(self._about, self._metric))
            if stage.curves and time.monotonic() > stage.drawn + CURVES_SECONDS:
                figure = plot_learning_curves(stage.curves)
                save_plotly_graph_object(study, figure, graph_object_id=CURVES_ID)
                stage.drawn = time.monotonic()
        stage.written, stage.changed = time.monotonic(), False


@dataclass(slots=True)
class _Stage:
    """What has been told of a stage."""

    counts: Counter[TrialState] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    best: TrialRecord | None = None
    curves: deque[FrozenTrial] = field(default_factory=lambda: deque(maxlen=MOST_CURVES))
    written: float = 0.0
    drawn: float = -np.inf
    changed: bool = True

    def take_in(self, record: TrialRecord, metric: Metric) -> None:
        trial = record.trial
        self.changed = True
        self.counts[trial.state] += 1
        if has_learning_curve(trial):
            self.curves.append(trial)
        if trial.state is TrialState.FAIL:
            self.reasons[str(trial.user_attrs.get("reason"))] += 1
        if trial.state is TrialState.COMPLETE and (
            self.best is None
            or metric.display(trial.value or 0.0) > metric.display(self.best.trial.value or 0.0)
        ):
            self.best = record

    def note(self, about: str, metric: Metric) -> str:
        """Return Markdown; what comes from the table stands in code, where it is no markup."""
        parts = [_code(about)]
        if self.best is not None:
            scores = self.best.trial.user_attrs.get("fold_scores", [])
            parts.append(
                f"**{metric.name} {self.best.trial.value:.5g}** ± {np.std(scores):.2g} over "
                f"{len(scores)} folds, trial {self.best.number} (the best of many is a little too "
                "good)"
            )
            parts.append(_code(describe(self.best.config)))
        told = ", ".join(f"{self.counts[state]} {word}" for state, word in STATES.items())
        parts.append(f"{self.counts.total()} trials: {told}")
        parts += [_code(f"{n} × {reason}") for reason, n in self.reasons.most_common(3)]
        parts.append(f"jointopt {version('jointopt')}; a trial's steps are folds")
        return "\n\n".join(parts)


def _code(text: str) -> str:
    return f"`{text.replace('`', chr(39))}`"
