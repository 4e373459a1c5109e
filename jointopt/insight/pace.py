"""How often something is done that others wait for."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Pace"]


class Pace:
    """Says when it is time again, such that little of all time is spent.

    Parameters
    ----------
    seconds : float
        The shortest pause.
    share : float
        Of the time that may be spent: what took long is not done again soon.
    growth : float, default=0.0
        The pause is at least that share of all the time that has passed.
    waits : bool, default=False
        Whether the first time comes after a pause.

    Examples
    --------
    >>> pace = Pace(60.0, 0.01)
    >>> pace.keep(lambda: True)
    >>> pace.is_due
    False
    """

    def __init__(
        self, seconds: float, share: float, *, growth: float = 0.0, waits: bool = False
    ) -> None:
        self._seconds = seconds
        self._share = share
        self._growth = growth
        self._start = time.monotonic()
        self._due = self._start + (seconds if waits else 0.0)
        self._has_begun = False

    @property
    def is_due(self) -> bool:
        """Whether it is time."""
        return time.monotonic() >= self._due

    def keep(self, work: Callable[[], bool]) -> None:
        """Do what is due, and set the next time by how long it took.

        Parameters
        ----------
        work : callable
            Returns whether there was something to be done; if not, it is time again at once, but
            for the share of the time that may be spent.
        """
        begun = time.monotonic()
        done = work()
        now = time.monotonic()
        pause = (now - begun) / self._share
        if done:
            # The first time loads libraries, which says nothing of how long the others take.
            pause = pause if self._has_begun else 0.0
            pause = max(pause, self._seconds, self._growth * (now - self._start))
            self._has_begun = True
        self._due = now + pause
