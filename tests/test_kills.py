"""A search that is killed at any moment loses nothing that was told, and goes on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import optuna
import pandas as pd
import psutil
import pytest

SECONDS = 12
BETWEEN = (0.5, 4.0)
"""When the coordinator is killed, in seconds after its first trial."""


@pytest.fixture
def table(tmp_path):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(150, 4)), columns=list("abcd"))
    frame["y"] = frame["a"] - 2 * frame["b"] + 0.1 * rng.normal(size=150)
    path = tmp_path / "table.csv"
    frame.to_csv(path, index=False)
    return path


def start(table, folder, *more, seconds=SECONDS):
    jointopt = Path(sys.executable).with_name("jointopt")
    command = [str(jointopt), "run", str(table), "--target", "y"]
    command += ["--out", str(folder), "--budget", f"{seconds}s", "--workers", "2", *more]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def told(folder):
    """Return the trials in the study, as a reader of its database sees them."""
    study = optuna.load_study(study_name="table/joint", storage=f"sqlite:///{folder}/study.db")
    return {trial.number: repr(trial) for trial in study.get_trials()}


@pytest.fixture
def wait_for_trial(n_stored):
    def wait(process, folder):
        while not n_stored(folder / "study.db"):
            assert process.poll() is None, process.stdout.read()
            time.sleep(0.2)

    return wait


def family(process):
    return [process.pid, *(p.pid for p in psutil.Process(process.pid).children(recursive=True))]


def wait_until_gone(pids, seconds=10):
    until = time.monotonic() + seconds
    while any(psutil.pid_exists(pid) and alive(pid) for pid in pids):
        assert time.monotonic() < until, [pid for pid in pids if psutil.pid_exists(pid)]
        time.sleep(0.1)


def alive(pid):
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.mark.parametrize("seed", [0, pytest.param(range(1, 21), marks=pytest.mark.slow)])
def test_a_killed_coordinator_loses_nothing_and_leaves_nobody(
    seed, table, tmp_path, wait_for_trial
):
    for number in np.atleast_1d(seed):
        folder = tmp_path / f"out-{number}"
        process = start(table, folder)
        wait_for_trial(process, folder)
        time.sleep(np.random.default_rng(number).uniform(*BETWEEN))
        before, pids = told(folder), family(process)
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
        wait_until_gone(pids)
        after = told(folder)
        assert before.items() <= after.items()
        assert not any("RUNNING" in trial for trial in after.values())
        again = start(table, folder, "--resume")
        output, _ = again.communicate(timeout=120)
        assert again.returncode == 0, output
        assert after.items() <= told(folder).items()
        assert (folder / "model").is_dir()


@pytest.mark.slow
def test_a_killed_worker_costs_its_trial(table, tmp_path, wait_for_trial):
    folder = tmp_path / "out"
    process = start(table, folder, seconds=20)
    wait_for_trial(process, folder)
    workers = []
    while not workers:  # those of the search, or of the last fits that follow it
        assert process.poll() is None, process.stdout.read()
        family_of_run = psutil.Process(process.pid).children(recursive=True)
        workers = [p for p in family_of_run if p.ppid() != process.pid]
    workers[0].kill()
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 0, output
    assert (folder / "model").is_dir()
    assert sum("the worker process ended" in trial for trial in told(folder).values()) <= 1


@pytest.mark.parametrize("n_signals", [1, pytest.param(2, marks=pytest.mark.slow)])
@pytest.mark.usefixtures("hears_ctrl_c")
def test_ctrl_c_ends_in_seconds(n_signals, table, tmp_path, wait_for_trial):
    folder = tmp_path / "out"
    process = start(table, folder, seconds=300)
    wait_for_trial(process, folder)
    time.sleep(1.0)
    pids, started = family(process), time.monotonic()
    for _ in range(n_signals):
        os.kill(process.pid, signal.SIGINT)
        time.sleep(0.1)
    output, _ = process.communicate(timeout=60)
    took = time.monotonic() - started
    wait_until_gone(pids)
    if n_signals == 1:
        assert process.returncode == 0, output
        assert (folder / "model").is_dir(), "the best model so far is kept"
        assert took < 60, "long before the budget ends"
    else:
        assert process.returncode == 130, output
