"""What a search told, trial by trial, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from jointopt.evaluation.outcome import BUDGET_ENDED

if TYPE_CHECKING:
    from collections.abc import Mapping

    import optuna

    from jointopt.space import Config, Space

__all__ = ["DETAILS", "Found", "TrialRecord", "told_of"]

DETAILS: Final = "jointopt:details"
"""The system attribute, which optuna-dashboard does not show, of what is too long for its page."""


def told_of(trial: optuna.trial.FrozenTrial) -> dict[str, Any]:
    """Return what an evaluation told of a trial beside its value, nothing of it shortened."""
    return {**trial.user_attrs, **trial.system_attrs.get(DETAILS, {})}


@dataclass(frozen=True, slots=True)
class TrialRecord:
    """A trial as the engine told it.

    Attributes
    ----------
    stage : str
        Of the strategy.
    number : int
        The trial's number in the stage's study.
    config : Config
        The whole configuration, fixed parameters included.
    trial : optuna.trial.FrozenTrial
        As it is stored.
    evaluation : int or None, default=None
        Number under which the evaluator knows it; None if an earlier run evaluated it.
    """

    stage: str
    number: int
    config: Config
    trial: optuna.trial.FrozenTrial
    evaluation: int | None = None

    @property
    def fold_seconds(self) -> float:
        """Return what a fit on a fold took on average, or would take where it passed none."""
        passed = len(self.told.get("fold_scores", ()))
        return float(self.told.get("fit_seconds", 0.0)) / (passed or 1)

    @property
    def told(self) -> dict[str, Any]:
        """Return what its evaluation told beside the value, nothing of it shortened."""
        return told_of(self.trial)

    @property
    def is_cut_short(self) -> bool:
        """Whether nothing but the clock ended it: what it would have come to is not known."""
        return self.told.get("reason") == BUDGET_ENDED


@dataclass(frozen=True, slots=True)
class Found:
    """What the engine found; `SearchResult` is this with frames and pictures.

    Attributes
    ----------
    best_config : Config
        The best configuration, all parameters.
    best_score : float
        Its value, in the objective's own unit.
    studies : dict of str to optuna.Study
        By stage.
    records : tuple of TrialRecord
        The trials themselves.
    space : Space
        What was searched.
    direction : {"maximize", "minimize"}
        Of the objective.
    """

    best_config: Config
    best_score: float
    studies: Mapping[str, optuna.Study]
    records: tuple[TrialRecord, ...]
    space: Space
    direction: Literal["maximize", "minimize"]
