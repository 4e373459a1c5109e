"""Whatever happens in a worker costs its trial, is told with its reason, and ends nothing else."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import psutil
import pytest

from jointopt import JointRegressor, load_space
from jointopt.errors import OptionError, SearchError

FAULTS = Path(__file__).parent / "faults"
N_TRIALS = 8


@pytest.fixture
def faulty(monkeypatch):
    monkeypatch.syspath_prepend(str(FAULTS))
    return importlib.import_module("faulty_metrics")


@pytest.fixture
def table(frames):
    make, target = frames["quick regression"]
    frame = make()
    return frame.drop(columns=target), frame[target]


@pytest.mark.parametrize(
    ("name", "reason", "limits"),
    [
        pytest.param(
            "sleeps",
            "stopped after 4 s, the limit for one fit",
            {"trial_timeout": "4s"},
            marks=pytest.mark.slow,
        ),
        ("allocates", "of memory, over the limit of 1.5 GB", {"memory_limit": "1.5GB"}),
        ("exits", "the worker process ended", {}),
        ("exits_at_the_pipe", "the worker process ended", {}),
        ("exits_in_a_message", "the worker process ended", {}),
        pytest.param("raises", "ArithmeticError: an unlucky fold", {}, marks=pytest.mark.slow),
        ("nothing", "the metric nothing gave nan on a fold of", {}),
    ],
)
def test_a_fault_costs_its_trial(faulty, table, monkeypatch, name, reason, limits):
    monkeypatch.setattr("jointopt.evaluation.worker_processes.GRACE_SECONDS", 0.2)
    model = JointRegressor(
        metric=getattr(faulty, name),
        space=load_space("small"),
        budget=None,
        n_trials=N_TRIALS,
        workers=2,
        final="single",
        **limits,
    ).fit(*table)
    trials = model.search_result_.trials
    failed = trials[trials["state"] == "fail"]
    assert len(trials) == N_TRIALS
    assert 0 < len(failed) < N_TRIALS
    assert failed["reason"].str.contains(reason, regex=False).all()
    assert np.isfinite(model.best_score_)
    assert not workers_left()


def test_a_metric_that_fails_at_the_end_still_leaves_a_model(faulty, table):
    """An ensemble is scored many times, so that it meets what no fold has."""
    space = load_space("small")
    options = {"metric": faulty.raises, "space": space, "budget": None, "n_trials": 2 * N_TRIALS}
    with pytest.warns(UserWarning, match="could not be averaged: ArithmeticError"):
        model = JointRegressor(**options).fit(*table)
    assert np.isfinite(model.predict(table[0])).all()


@pytest.mark.parametrize("limit", [None, "1s"])
def test_the_first_fit_may_be_late_if_no_limit_was_asked_for(faulty, table, monkeypatch, limit):
    monkeypatch.setattr("jointopt.evaluation.worker_processes.GRACE_SECONDS", 0.2)
    options = {"metric": faulty.late, "space": load_space("small"), "final": "single"}
    model = JointRegressor(budget="1s", workers=1, trial_timeout=limit, **options)
    if limit is None:
        assert np.isfinite(model.fit(*table).predict(table[0])).all()
    else:
        with pytest.raises(SearchError, match="stopped after 1 s, the limit for one fit"):
            model.fit(*table)


def test_without_time_for_a_last_fit_there_is_one_on_fewer_rows(frames, monkeypatch):
    # Of dates and texts: a fit of theirs takes longer than what is left.
    make, target = frames["regression"]
    frame = make()
    X = frame.drop(columns=target)
    monkeypatch.setattr("jointopt.model.reserve.LEAST_SECONDS", 0.001)
    monkeypatch.setattr("jointopt.model.reserve.LEAST_SHARE", 0.0)
    options = {"space": load_space("small"), "final": "single", "workers": 1}
    with pytest.warns(UserWarning, match="was fitted on .* rows: no time was left for more"):
        model = JointRegressor(budget="1s", **options).fit(X, frame[target])
    assert np.isfinite(model.predict(X)).all()


def workers_left():
    """Return what is still running a while later of what the server of workers has forked."""
    servers = [p for p in psutil.Process().children() if "forkserver" in " ".join(p.cmdline())]
    assert servers
    return psutil.wait_procs([worker for s in servers for worker in s.children()], timeout=5)[1]


def test_limits_are_checked(table):
    with pytest.raises(OptionError, match="memory_limit '2 elephants' is not a size"):
        JointRegressor(memory_limit="2 elephants", workers=1).fit(*table)
    with pytest.raises(OptionError, match="trial_timeout 'soon' is not a duration"):
        JointRegressor(trial_timeout="soon").fit(*table)
    with pytest.raises(OptionError, match="a memory limit needs worker processes"):
        JointRegressor(memory_limit="2GB").fit(*table)


def test_a_script_without_a_guard_is_told_what_it_lacks(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "import numpy as np\n"
        "from jointopt import JointRegressor\n"
        "X = np.random.default_rng(0).normal(size=(60, 2))\n"
        "JointRegressor(budget=None, n_trials=2, workers=1).fit(X, X[:, 0])\n"
    )
    ended = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, timeout=120, check=False
    )
    assert ended.returncode == 1
    assert 'under `if __name__ == "__main__":`' in ended.stderr.splitlines()[-1]
