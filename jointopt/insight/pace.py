"""How often something is done that others wait for."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

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
    >>> with pace.keeping():
    ...     pass
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

    @property
    def is_due(self) -> bool:
        """Whether it is time."""
        return time.monotonic() >= self._due

    @contextmanager
    def keeping(self) -> Iterator[None]:
        """Do what is due within, and set the next time by how long it took."""
        begun = time.monotonic()
        yield
        now = time.monotonic()
        took, passed = now - begun, now - self._start
        self._due = now + max(self._seconds, took / self._share, self._growth * passed)
