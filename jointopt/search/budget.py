"""How long a search may go on: wall-clock seconds, trials, or both."""

from __future__ import annotations

import math
import re
import time
from typing import TYPE_CHECKING

from jointopt.errors import OptionError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Budget", "parse_seconds"]

UNITS = {"s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0}


def parse_seconds(text: str | float, what: str = "budget") -> float:
    """Return a duration in seconds.

    Parameters
    ----------
    text : str or float
        A number of seconds, or a number with a unit: `90s`, `1.5m`, `2h`, `1h30m`.
    what : str, default="budget"
        What it is, for the message of an error.

    Raises
    ------
    OptionError
        If it is no duration, or not above zero.

    Examples
    --------
    >>> parse_seconds("90s"), parse_seconds("1h30m"), parse_seconds(5)
    (90.0, 5400.0, 5.0)
    """
    seconds = _seconds(str(text).strip().lower())
    if seconds is None or not math.isfinite(seconds):
        raise OptionError(
            f"{what} {text!r} is not a duration; write a number with a unit, such as 60s, 5m or 1h"
        )
    if seconds <= 0:
        raise OptionError(f"{what} {text!r} leaves no time; give more than zero, such as 60s")
    return seconds


def _seconds(text: str) -> float | None:
    if re.fullmatch(r"[-+]?[\d.]+(e[-+]?\d+)?", text):
        try:
            return float(text)
        except ValueError:
            return None
    parts = re.findall(r"(\d+\.?\d*)\s*(min|s|m|h)", text)
    if not parts or re.sub(r"(\d+\.?\d*)\s*(min|s|m|h)\s*", "", text):
        return None
    return sum(float(number) * UNITS[unit] for number, unit in parts)


class Budget:
    """What may still be spent.

    Parameters
    ----------
    seconds : float or None, default=None
        Wall-clock time for everything, from `started` on.
    n_trials : int or None, default=None
        Evaluations. With neither, the search goes on until it is interrupted or exhausted.
    started : float or None, default=None
        The clock's reading at the start; now, by default.
    clock : callable, default=time.monotonic
        Returns seconds.

    Attributes
    ----------
    reserve : float
        Seconds at the end that a search must leave, for the final fit and the report.
    review : callable or None
        Sets `reserve` anew, where that is worth its while only once no time seems to be left.
    """

    def __init__(
        self,
        seconds: float | None = None,
        n_trials: int | None = None,
        *,
        started: float | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if n_trials is not None and n_trials < 1:
            raise OptionError(f"the number of trials must be at least 1, got {n_trials}")
        self.seconds = seconds
        self.n_trials = n_trials
        self.reserve = 0.0
        self.review: Callable[[], None] | None = None
        self._clock = clock
        self._started = clock() if started is None else started

    def elapsed(self) -> float:
        """Return seconds since the start."""
        return self._clock() - self._started

    def seconds_left(self) -> float | None:
        """Return seconds left for the search, None without a limit."""
        if self.seconds is None:
            return None
        left = self.seconds - self.reserve - self.elapsed()
        if left > 0 or self.review is None:
            return left
        self.review()
        return self.seconds - self.reserve - self.elapsed()

    def share_left(self) -> float:
        """Return the share of the time that is left, 1 to 0; 0 without a limit."""
        left = self.seconds_left()
        return 0.0 if left is None or not self.seconds else max(0.0, left / self.seconds)

    def share_used(self, n_done: int) -> float:
        """Return the share of the time or of the trials that is used, whichever is greater."""
        of_time = 1.0 - self.share_left() if self.seconds else 0.0
        return max(of_time, n_done / self.n_trials if self.n_trials else 0.0)

    def allows(self, n_done: int) -> bool:
        """Whether another trial may start after `n_done` that were started."""
        left = self.seconds_left()
        return (left is None or left > 0) and self.trials_left(n_done) > 0

    def trials_left(self, n_done: int) -> float:
        """Return how many more trials may start after `n_done`; infinity without a limit."""
        return math.inf if self.n_trials is None else self.n_trials - n_done
