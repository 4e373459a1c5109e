"""Threads of numeric libraries let others run."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

TOLD = "import os, jointopt; print(os.environ.get('GOMP_SPINCOUNT'))"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({}, "300"),
        ({"GOMP_SPINCOUNT": "7"}, "7"),
        ({"OMP_WAIT_POLICY": "active"}, "None"),
    ],
)
def test_waiting_threads_sleep_soon_unless_the_environment_says_otherwise(before, after):
    known = ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY")
    others = {name: value for name, value in os.environ.items() if name not in known}
    command = [sys.executable, "-c", TOLD]
    told = subprocess.run(command, env=others | before, capture_output=True, text=True, check=True)
    assert told.stdout.strip() == after


LATER = """
import threadpoolctl
from jointopt.evaluation.threads import limited_threads
with limited_threads(1):
    pass
import lightgbm
with limited_threads(1):
    print([found["num_threads"] for found in threadpoolctl.threadpool_info()])
"""


def test_a_library_that_is_loaded_later_is_kept_to_its_threads_too():
    command = [sys.executable, "-c", LATER]
    many = os.environ | {"OMP_NUM_THREADS": "3"}
    told = subprocess.run(command, env=many, capture_output=True, text=True, check=True)
    assert set(json.loads(told.stdout)) == {1}
