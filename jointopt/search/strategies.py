"""Strategies: plans that yield stages and may look at what earlier stages found.

A strategy is a generator. It is sent a `StageResult` for every `Stage` it yields, knows nothing of
Optuna or of data, and so can be run by hand, with `next` and `send`.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from jointopt.errors import OptionError

if TYPE_CHECKING:
    from jointopt.space import Config, Space

__all__ = ["STRATEGIES", "Stage", "StageResult", "Strategy", "get_strategy"]


@dataclass(frozen=True, slots=True)
class Stage:
    """One Optuna study of a plan.

    Attributes
    ----------
    name : str
        The study's name, within the search's.
    space : Space
        What is searched; parameters that the stage holds fixed are frozen in it.
    sampler : {"tpe", "random"}
        Which configuration comes next.
    share : float
        Of what is left of the budget, above 0 and at most 1.
    starts : tuple of Config
        Tried first.
    """

    name: str
    space: Space
    sampler: Literal["tpe", "random"] = "tpe"
    share: float = 1.0
    starts: tuple[Config, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class StageResult:
    """What a stage found: its best configuration (None if no trial succeeded) and value."""

    best_config: Config | None
    best_value: float | None
    n_trials: int


Strategy = Callable[["Space", Sequence["Config"]], Generator[Stage, StageResult, None]]
"""Takes the space and the starting configurations."""


def joint(space: Space, starts: Sequence[Config]) -> Generator[Stage, StageResult, None]:
    """Search all axes in one study."""
    yield Stage("joint", space, starts=tuple(starts))


def random(space: Space, starts: Sequence[Config]) -> Generator[Stage, StageResult, None]:
    """Draw configurations at random: the baseline."""
    yield Stage("random", space, sampler="random", starts=tuple(starts))


STRATEGIES: dict[str, Strategy] = {"joint": joint, "random": random}


def get_strategy(strategy: str | Strategy) -> Strategy:
    """Return a strategy by name; a callable is taken as it is.

    Raises
    ------
    OptionError
        If no strategy has that name.
    """
    if callable(strategy):
        return strategy
    if strategy not in STRATEGIES:
        raise OptionError(
            f"strategy {strategy!r} is not known; choose from {', '.join(STRATEGIES)}"
        )
    return STRATEGIES[strategy]
