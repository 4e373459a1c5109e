"""Ctrl-C, which ends a search wherever it comes."""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

__all__ = ["Interrupts"]


class Interrupts:
    """Remembers that Ctrl-C was pressed.

    The exception alone does not end a search for certain: raised while a finalizer or a
    weak-reference callback happens to run, it is written to stderr and dropped. It is raised all
    the same, as before, for what takes long between two looks at `came`.

    Attributes
    ----------
    came : bool
        Whether it was pressed. May be set by whoever catches a KeyboardInterrupt.
    """

    def __init__(self) -> None:
        self.came = False
        self._is_held = self._came_meanwhile = False

    @contextmanager
    def noted(self) -> Iterator[None]:
        """Note interrupts meanwhile; outside the main thread, where none arrive, do nothing."""
        before = signal.getsignal(signal.SIGINT)
        if threading.current_thread() is not threading.main_thread() or not callable(before):
            yield
            return

        def note(number: int, frame: FrameType | None) -> None:
            waits = self._is_held and not self.came
            self.came = True
            if waits:
                self._came_meanwhile = True
            else:
                before(number, frame)

        signal.signal(signal.SIGINT, note)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before)

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
        if self._came_meanwhile:
            self._came_meanwhile = False
            raise KeyboardInterrupt
