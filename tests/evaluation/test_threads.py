"""Threads of numeric libraries let others run."""

from __future__ import annotations

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
