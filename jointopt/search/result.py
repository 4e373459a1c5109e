"""What a search found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    import optuna
    import pandas as pd

    from jointopt.space import Config

__all__ = ["SearchResult", "TrialRecord", "trials_frame"]


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


@dataclass(frozen=True, slots=True)
class SearchResult:
    """What a search found.

    Attributes
    ----------
    best_config : Config
        The best configuration, all parameters.
    best_score : float
        Its value, in the objective's own unit.
    trials : DataFrame
        One row per trial: stage, number, state, value, seconds, reason, and a column for each
        parameter, empty where the parameter was not active.
    studies : dict of str to optuna.Study
        By stage.
    records : tuple of TrialRecord
        The trials themselves.
    """

    best_config: Config
    best_score: float
    trials: pd.DataFrame
    studies: Mapping[str, optuna.Study]
    records: tuple[TrialRecord, ...]

    def __repr__(self) -> str:
        """Say what was found and where the rest is."""
        states = self.trials["state"].value_counts().to_dict()
        told = ", ".join(f"{n} {state}" for state, n in states.items())
        return f"SearchResult(best_score={self.best_score:.6g}; {told}; see .best_config, .trials)"


def trials_frame(records: tuple[TrialRecord, ...]) -> pd.DataFrame:
    """Return one row per trial."""
    import pandas as pd

    rows = []
    for record in records:
        trial = record.trial
        duration = trial.duration
        rows.append(
            {
                "stage": record.stage,
                "number": record.number,
                "state": trial.state.name.lower(),
                "value": trial.value if trial.value is not None else _last(trial),
                "seconds": None if duration is None else duration.total_seconds(),
                "reason": trial.user_attrs.get("reason"),
                **record.config,
            }
        )
    return pd.DataFrame(rows)


def _last(trial: optuna.trial.FrozenTrial) -> float | None:
    """Return the value of what a pruned trial passed."""
    steps = trial.intermediate_values
    return steps[max(steps)] if steps else None
