"""What a worker process may use, and that it ends with the process that started it."""

from __future__ import annotations

import math
import os
import re
import threading
import time
from pathlib import Path

import psutil

from jointopt.errors import OptionError

__all__ = [
    "cgroup_limit",
    "default_memory",
    "end_with_parent",
    "parse_memory",
    "soft_limit",
    "stop_greedy",
]

UNITS = {"b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12}
UNITS |= {"k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}
SHARE_OF_MACHINE = 0.8
LEAST_BYTES = 2 * 10**9
NEEDED_BYTES = 10**9
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
        A number of bytes, or a number with a unit: `1500MB`, `1.5 GB`.
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
    n_bytes = float(found[1]) * UNITS.get(found[2], 1) if found else 0.0
    if not 1 <= n_bytes < math.inf:
        raise OptionError(
            f"{what} {text!r} is not a size; write a number with a unit, such as 2GB"
        )
    return int(n_bytes)


def default_memory(n_workers: int) -> int:
    """Return what one of several workers may use: its share of 80 %, or 2 GB if that is more.

    Of the machine's memory, or of what a container or a job scheduler allows. Never more than 80 %
    of it, so that the system has no reason to stop a process of its own choice.
    """
    usable = SHARE_OF_MACHINE * min(psutil.virtual_memory().total, cgroup_limit())
    return int(max(usable / n_workers, min(LEAST_BYTES, usable)))


def cgroup_limit(
    membership: Path = Path("/proc/self/cgroup"), root: Path = Path("/sys/fs/cgroup")
) -> float:
    """Return the bytes that Linux control groups, of version 1 or 2, let this process use.

    Parameters
    ----------
    membership : Path, default="/proc/self/cgroup"
        Tells the groups of this process.
    root : Path, default="/sys/fs/cgroup"
        Where groups are mounted.

    Returns
    -------
    float
        Infinity without a limit.
    """
    limits = [math.inf]
    for line in membership.read_text().splitlines() if membership.exists() else ():
        _, controllers, path = line.split(":", 2)
        place, name = root, "memory.max"
        if controllers:
            place, name = root / "memory", "memory.limit_in_bytes"
        if controllers and "memory" not in controllers.split(","):
            continue
        group = place / path.lstrip("/")
        # A group may use no more than those above it. In a container its path may lead nowhere.
        for folder in (group, *group.parents):
            file = folder / name
            if file.is_relative_to(place) and file.exists():
                text = file.read_text().strip()
                limits.append(math.inf if text == "max" else float(text))
    return min(limits)


def stop_greedy(folder: Path, limit: int) -> dict[int, int]:
    """Stop workers that use more than the limit.

    Parameters
    ----------
    folder : Path
        Where workers have written who they are (`end_with_parent`).
    limit : int
        Resident bytes.

    Returns
    -------
    dict of int to int
        Process number to resident bytes of those that were stopped.
    """
    stopped = {}
    for note in folder.glob("*.pid"):
        try:
            process = psutil.Process(int(note.stem))
            # The system may have given the number of a worker that ended to something else.
            if repr(process.create_time()) != note.read_text(encoding="ascii"):
                raise psutil.NoSuchProcess(process.pid)
            used = process.memory_info().rss
            if used > limit:
                process.kill()
                stopped[process.pid] = used
        except psutil.NoSuchProcess:
            note.unlink(missing_ok=True)
    return stopped


def end_with_parent(folder: str) -> None:
    """Begin a worker: write down who it is, and end it when its parent ends.

    A process that is killed has no time to stop its workers; they look for themselves.
    """
    own = psutil.Process()
    unready = Path(folder, f"{own.pid}.new")
    unready.write_text(repr(own.create_time()), encoding="ascii")
    unready.rename(unready.with_suffix(".pid"))
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(LOOK_SECONDS)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
