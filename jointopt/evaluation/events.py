"""What a search tells of work that is under way; a trial that ended is told as its record."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jointopt.space import Config

__all__ = [
    "EvaluationBegun",
    "EvaluationEnded",
    "Event",
    "FitBegun",
    "FitEnded",
    "SearchEnded",
    "StageBegun",
    "Watcher",
]


@dataclass(frozen=True, slots=True)
class StageBegun:
    """A strategy's next stage.

    Attributes
    ----------
    study : str
        Name of its study within the search's.
    detail : str
        What tells it from other stages of that study, "" if nothing does.
    """

    study: str
    detail: str


@dataclass(frozen=True, slots=True)
class EvaluationBegun:
    """A configuration that is evaluated from now on.

    Attributes
    ----------
    number : int
        Of the evaluation, counted over all stages; a trial has its number once it has ended.
    config : Config
        The whole configuration.
    """

    number: int
    config: Config


@dataclass(frozen=True, slots=True)
class FitBegun:
    """A fit of a configuration, sent to a free worker.

    Attributes
    ----------
    number : int
        Of the evaluation.
    what : str
        Such as "fold 2 of 5".
    """

    number: int
    what: str


@dataclass(frozen=True, slots=True)
class FitEnded:
    """A fit that is over, of an evaluation that was under way until then.

    Attributes
    ----------
    number : int
        Of the evaluation.
    what : str
        As it was told when it began.
    """

    number: int
    what: str


@dataclass(frozen=True, slots=True)
class EvaluationEnded:
    """An evaluation that is over; its trial's record follows once that is stored."""

    number: int


@dataclass(frozen=True, slots=True)
class SearchEnded:
    """No stage follows; what still ran has been stopped."""


Event = StageBegun | EvaluationBegun | FitBegun | FitEnded | EvaluationEnded | SearchEnded
Watcher = Callable[[Event], None]
"""Called in the thread that searches, which waits for it."""
