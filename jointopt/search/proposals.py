"""What a stage evaluates before its sampler draws."""

from __future__ import annotations

from itertools import chain, islice
from random import Random
from typing import TYPE_CHECKING

from jointopt.search.starts import Starts

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from jointopt.space import Config

__all__ = ["Proposals"]

WINDOW, WINDOW_OF_STARTS = 256, 4
"""Among how many of the next proposals one is taken at random; of starts, whose order counts and
which end by what was found before, among few."""


class Proposals:
    """Gives proposals in order, or scattered where several runs are at the same ones.

    Parameters
    ----------
    configs : iterable of Config
        May be long, and is read as far as needed.
    """

    def __init__(self, configs: Iterable[Config]) -> None:
        self._rest: Iterator[Config] = iter(configs)
        self._window = WINDOW_OF_STARTS if isinstance(configs, Starts) else WINDOW
        self._next: list[Config] = []
        self._scattered: Random | None = None

    def scatter(self) -> None:
        """Go on in an order of this run's own: in the same order, runs would meet at each one."""
        self._scattered = Random()

    def put_first(self, configs: Iterable[Config]) -> None:
        """Give others before what is left."""
        self._rest = chain(configs, self._rest)

    def pop(self) -> Config | None:
        """Return one that was not returned before; None if there is none."""
        if self._scattered is None:
            return next(self._rest, None)
        self._next += islice(self._rest, self._window - len(self._next))
        if not self._next:
            return None
        chosen = self._scattered.randrange(len(self._next))
        self._next[chosen], self._next[-1] = self._next[-1], self._next[chosen]
        return self._next.pop()
