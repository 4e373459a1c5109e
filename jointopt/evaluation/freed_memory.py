"""What becomes of memory that a fit frees, in a worker of Dask."""

from __future__ import annotations

import ctypes
import os
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["freed_memory_kept"]

TRIM, MMAP = -1, -3
"""glibc's numbers of the two thresholds: mallopt(3)."""
MMAP_BYTES = 128 * 1024
"""What glibc begins with."""
KEPT_BYTES = 32 * 1024 * 1024
"""What glibc itself may raise that to, as a process frees larger and larger blocks."""


@contextmanager
def freed_memory_kept() -> Iterator[None]:
    """Let this process keep what is freed meanwhile, where it was told to give it back at once.

    Dask starts its workers with `MALLOC_TRIM_THRESHOLD_`, which also has glibc map every array of
    128 kB and more anew: fits on 5,000 rows took some 12 % longer. Afterwards the memory
    is given back, as Dask wants it.
    """
    libc = _glibc()
    told = os.environ.get("MALLOC_TRIM_THRESHOLD_", "")
    if libc is None or not told.isdigit() or "MALLOC_MMAP_THRESHOLD_" in os.environ:
        yield
        return
    libc.mallopt(MMAP, KEPT_BYTES)
    libc.mallopt(TRIM, 2 * KEPT_BYTES)
    try:
        yield
    finally:
        # If another of the worker's threads is at a fit, that goes on a little slower.
        libc.mallopt(MMAP, MMAP_BYTES)
        libc.mallopt(TRIM, int(told))
        libc.malloc_trim(0)


def _glibc() -> ctypes.CDLL | None:
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None)
    return libc if hasattr(libc, "mallopt") else None
