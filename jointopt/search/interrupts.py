"""Ctrl-C, which ends a search wherever it comes."""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

__all__ = ["Interrupts"]


class Interrupts:
    """Remembers that Ctrl-C was pressed.

    The exception alone does not end a search for certain: raised while a finalizer or a
    weak-reference callback happens to run, it is written to stderr and dropped. It is raised all
    the same, as before, for what takes long between two looks at `count`.

    Attributes
    ----------
    count : int
        How often it was pressed.
    """

    def __init__(self) -> None:
        self.count = 0
        self._is_held = False
        self._late: tuple[int, FrameType | None] | None = None
        self._before: Callable[[int, FrameType | None], object] = signal.default_int_handler

    def caught(self) -> None:
        """Note an exception that was caught, which need not come from the keyboard."""
        self.count = max(self.count, 1)

    @contextmanager
    def noted(self) -> Iterator[None]:
        """Note interrupts meanwhile; outside the main thread, where none arrive, do nothing."""
        before = signal.getsignal(signal.SIGINT)
        if threading.current_thread() is not threading.main_thread() or not callable(before):
            yield
            return
        self._before = before
        try:
            signal.signal(signal.SIGINT, self._note)
            yield
        finally:
            signal.signal(signal.SIGINT, before)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.count += 1
        if self._is_held and self.count == 1:
            self._late = (number, frame)
        else:
            self._before(number, frame)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Raise the first interrupt that comes meanwhile at the end, and a second one at once.

        What is broken off halfway may leave a database locked.
        """
        self._is_held = True
        try:
            yield
        finally:
            self._is_held = False
            late, self._late = self._late, None
        if late is not None:
            self._before(*late)
