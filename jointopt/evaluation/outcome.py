"""What an evaluation of one configuration can tell, and who evaluates."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    import optuna

    from jointopt.space import Config

__all__ = ["BUDGET_ENDED", "Evaluator", "Outcome", "State"]

BUDGET_ENDED: Final = "the budget ended"
"""The reason of what was stopped, but not for being behind."""


class State(StrEnum):
    """How an evaluation ended."""

    COMPLETE = "complete"
    PRUNED = "pruned"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Outcome:
    """The end of one evaluation.

    Attributes
    ----------
    number : int
        Under which it was submitted.
    state : State
        How it ended.
    value : float or None
        The objective in its natural unit; for a pruned trial of what it passed; None if failed.
    intermediate : dict of int to float
        Running value by step, as Optuna's pruners and optuna-dashboard show it.
    attributes : dict
        Plain values kept with the trial, as optuna-dashboard shows them: each in one line.
    details : dict
        Plain values kept with the trial that are too long to be shown; what an attribute of the
        same name tells in short is there in full.
    reason : str or None
        Why it failed or stopped.
    """

    number: int
    state: State
    value: float | None = None
    intermediate: Mapping[int, float] = field(default_factory=dict)
    attributes: Mapping[str, Any] = field(default_factory=dict)
    details: Mapping[str, Any] = field(default_factory=dict)
    reason: str | None = None


class Evaluator(Protocol):
    """Evaluates configurations; at most `capacity` at a time."""

    @property
    def capacity(self) -> int:
        """How many; it may change."""

    def submit(self, number: int, config: Config, trial: optuna.trial.Trial) -> None:
        """Start to evaluate a configuration."""

    def collect(self, timeout: float | None) -> list[Outcome]:
        """Wait for at least one evaluation to end, or for `timeout` seconds."""

    def has_partial(self) -> bool:
        """Whether something could be said of an evaluation that still runs."""

    def explain(self, config: Config) -> Mapping[str, float]:
        """Tell how much a configuration loses without each switch of a column mask, by path."""

    def learn(self, outcome: Outcome) -> None:
        """Take in the outcome of an evaluation in an earlier run."""

    def abandon(self) -> list[Outcome]:
        """Stop what still runs and return what can be said of it."""
