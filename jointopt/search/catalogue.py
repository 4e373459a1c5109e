"""Strategies by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jointopt.errors import OptionError
from jointopt.search.alternating import alternating
from jointopt.search.strategies import exhaustive, joint, random, sequential

if TYPE_CHECKING:
    from jointopt.search.strategies import Strategy

__all__ = ["STRATEGIES", "get_strategy"]

STRATEGIES: dict[str, Strategy] = {
    "joint": joint,
    "sequential": sequential,
    "alternating": alternating,
    "random": random,
    "exhaustive": exhaustive,
}


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
