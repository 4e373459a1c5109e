"""Strategies by name."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from jointopt.errors import OptionError
from jointopt.search.alternating import alternating
from jointopt.search.strategies import exhaustive, joint, random, sequential
from jointopt.search.told_function import told_function

if TYPE_CHECKING:
    from jointopt.search.strategies import Strategy

__all__ = ["COMPARED", "STRATEGIES", "get_strategy", "told_strategy"]

STRATEGIES: dict[str, Strategy] = {
    "joint": joint,
    "sequential": sequential,
    "alternating": alternating,
    "random": random,
    "exhaustive": exhaustive,
}


COMPARED = ("joint", "sequential", "alternating", "random")
"""What is compared where nothing else is said, the baseline first."""


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


def told_strategy(strategy: str | Strategy) -> str:
    """Return the name of a strategy with what it was given, which tells it from others.

    One that is not of jointopt is told by a digest of its code, too.

    >>> told_strategy("joint"), told_strategy(partial(sequential, order=["paradigm"]))
    ('joint', "sequential(order=['paradigm'])")
    """
    match strategy:
        case str():
            return strategy
        case partial(func=function, args=args, keywords=keywords):
            given = [
                *map(repr, args),
                *(f"{k}={v!r}" for k, v in keywords.items() if v is not None),
            ]
            return f"{told_strategy(function)}({', '.join(given)})"
        case _:
            own = (name for name, known in STRATEGIES.items() if known is strategy)
            return next(own, None) or told_function(strategy)
