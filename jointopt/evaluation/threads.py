"""How many threads the numeric libraries use, and how they wait for each other."""

from __future__ import annotations

import os
import sys
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from threadpoolctl import ThreadpoolController

__all__ = ["fit_threads", "limited_threads", "wait_briefly"]

VALUES_PER_THREAD = 5_000
SPIN_COUNT = "300"
"""libgomp's own is 300,000 rounds, some milliseconds."""


def fit_threads(n_values: int, n_cores: int) -> int:
    """Return how many numeric threads one fit gets; on a small table more do not help.

    Parameters
    ----------
    n_values : int
        Rows by columns of the table.
    n_cores : int
        That it may use.

    Examples
    --------
    >>> fit_threads(300 * 20, 16), fit_threads(1_000 * 20, 16), fit_threads(50_000 * 20, 16)
    (1, 4, 16)
    """
    return max(1, min(n_cores, n_values // VALUES_PER_THREAD))


def limited_threads(n_threads: int) -> AbstractContextManager[object]:
    """Keep the numeric libraries that are loaded to that many threads.

    Parameters
    ----------
    n_threads : int
        Of each library.

    Returns
    -------
    context manager
        Which sets them back when left; without one the limit stays.

    Examples
    --------
    >>> with limited_threads(1):
    ...     pass
    """
    limited: AbstractContextManager[object] = _loaded(len(sys.modules)).limit(limits=n_threads)
    return limited


@lru_cache(maxsize=1)
def _loaded(n_modules: int) -> ThreadpoolController:
    """Return the handle of the libraries that are loaded while there are that many modules.

    Looking for them takes some milliseconds, as long as a small fit.
    """
    del n_modules
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


def wait_briefly() -> None:
    """Let a thread of libgomp that waits for others sleep soon; it must not be loaded yet.

    LightGBM's threads wait for each other after each small step. Where another process is on one
    of the cores, a thread that goes on asking keeps the one that it waits for from running. Two
    threads on two cores, one of them busy: LightGBM took 4 times as long as with one thread
    (500 rows), and with libgomp's own settings more than 100 times; on idle cores both take 0.6 of
    the time. What the environment says already stays.
    """
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", SPIN_COUNT)
