"""What a worker process may use, and that it ends with the process that started it."""

from __future__ import annotations

import os
import re
import threading
import time
from pathlib import Path

import psutil

from jointopt.errors import OptionError

__all__ = ["default_memory", "end_with_parent", "greedy", "parse_memory", "soft_limit"]

UNITS = {"b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12}
UNITS |= {"k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}
SHARE_OF_MACHINE = 0.8
LEAST_BYTES = 2 * 10**9
"""A worker that has the libraries loaded has half a gigabyte already."""
LOOK_SECONDS = 0.5
SOFT_SHARE = 0.85


def soft_limit(seconds: float) -> float:
    """Return when a fit that can stop by itself should: it still has to predict."""
    return SOFT_SHARE * seconds


def parse_memory(text: str | float, what: str = "memory_limit") -> int:
    """Return a size in bytes.

    Parameters
    ----------
    text : str or float
        A number of bytes, or a number with a unit: `500MB`, `1.5 GB`.
    what : str, default="memory_limit"
        What it is, for the message of an error.

    Raises
    ------
    OptionError
        If it is no size, or less than one byte.

    Examples
    --------
    >>> parse_memory("1.5 GB"), parse_memory(2e9)
    (1500000000, 2000000000)
    """
    found = re.fullmatch(r"(\d+\.?\d*(?:e\d+)?)\s*([kmgt]?b?)", str(text).strip().lower())
    n_bytes = int(float(found[1]) * UNITS.get(found[2], 1)) if found else 0
    if n_bytes < 1:
        raise OptionError(
            f"{what} {text!r} is not a size; write a number with a unit, such as 500MB"
        )
    return n_bytes


def default_memory(n_workers: int) -> int:
    """Return what one of several workers may use: its share of 80 %, and 2 GB at least."""
    share = SHARE_OF_MACHINE * psutil.virtual_memory().total / n_workers
    return max(LEAST_BYTES, int(share))


def greedy(folder: Path, limit: int) -> dict[int, int]:
    """Return which workers use more than the limit: process number to resident bytes.

    Parameters
    ----------
    folder : Path
        Where workers have written their numbers (`end_with_parent`).
    limit : int
        In bytes.
    """
    found = {}
    for note in folder.glob("*.pid"):
        try:
            used = psutil.Process(int(note.stem)).memory_info().rss
        except psutil.NoSuchProcess:
            note.unlink(missing_ok=True)
            continue
        if used > limit:
            found[int(note.stem)] = used
    return found


def end_with_parent(folder: str) -> None:
    """Begin a worker: write down its process number, and end it when its parent ends.

    A process that is killed has no time to stop its workers; they look for themselves.
    """
    Path(folder, f"{os.getpid()}.pid").touch()
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(LOOK_SECONDS)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
