"""Memory that a fit frees on a worker of Dask is used again by the next array."""

from __future__ import annotations

import os
import platform
import subprocess
import sys

import pytest

COUNT = """
import resource
import numpy as np
from jointopt.evaluation.freed_memory import freed_memory_kept

def mapped():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(20):
        np.ones(500_000)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

mapped()
before = mapped()
with freed_memory_kept():
    mapped()
    within = mapped()
print(before, within, mapped())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="of glibc's memory")
def test_freed_memory_is_kept_during_a_fit_and_given_back_afterwards():
    # As Dask's nanny starts its workers.
    told = os.environ | {"MALLOC_TRIM_THRESHOLD_": "65536"}
    done = subprocess.run(
        [sys.executable, "-c", COUNT], env=told, capture_output=True, text=True, check=True
    )
    before, within, after = map(int, done.stdout.split())
    assert within < before / 10
    assert after > 10 * within
