"""Folds run the same wherever they run, and a worker that misbehaves costs its task only."""

from __future__ import annotations

import dataclasses
import importlib
import os
import subprocess
import sys
import tempfile
import threading
import time
from multiprocessing import get_all_start_methods
from pathlib import Path

import numpy as np
import psutil
import pytest

from jointopt import load_space
from jointopt.data import get_metric, make_dataset
from jointopt.errors import OptionError, StorageError
from jointopt.evaluation.executors import InProcess
from jointopt.evaluation.folds import make_folds
from jointopt.evaluation.limits import stop_greedy
from jointopt.evaluation.tasks import FoldTask, Refit, Setting
from jointopt.evaluation.worker_processes import WorkerProcesses
from jointopt.evaluation.worker_start import worker_context
from jointopt.pipeline.adapt import adapt_space, blueprint_of
from jointopt.pipeline.paradigms import Paradigm


@pytest.fixture
def regression(frames):
    make, target = frames["quick regression"]
    dataset = make_dataset(make(), target)
    space = adapt_space(load_space("tabular"), dataset)
    blueprint = blueprint_of(space, dataset)
    metric = get_metric(None, dataset.task)
    folds = make_folds(dataset, seed=0, n_folds=3)
    return Setting(dataset, folds, blueprint, metric, seed=0, threads=1), space


@pytest.mark.parametrize("method", ["forkserver", "spawn"])
def test_workers_and_this_process_agree(method, regression, monkeypatch):
    """Workers are forked from a server where systems can do that, else started anew."""
    methods = [name for name in (method, "spawn") if name in get_all_start_methods()]
    monkeypatch.setattr("multiprocessing.get_all_start_methods", lambda: methods)
    assert worker_context().get_start_method() == methods[0]
    setting, space = regression
    config = space.complete({"paradigm": "lightgbm"})
    with WorkerProcesses(setting, 2) as workers:
        here = InProcess(setting)
        found = {}
        for executor in (here, workers):
            for fold in range(3):
                executor.submit(fold, FoldTask(config, fold))
            results = {}
            while len(results) < 3:
                results |= dict(executor.collect(60))
            found[executor] = [results[fold].score for fold in range(3)]
        assert found[here] == pytest.approx(found[workers], rel=1e-9)
        wanted = [Refit(config, {"n_rounds": n_rounds}) for n_rounds in (20, 5, 10)]
        mine = here.refit(wanted, all_threads=False, timeout=None)
        theirs = workers.refit(wanted, all_threads=True, timeout=60)
        for a, b in zip(mine, theirs, strict=True):
            X = setting.dataset.X
            np.testing.assert_allclose(a.predict(X), b.predict(X))


def test_a_worker_that_dies_while_none_is_at_work_costs_nothing(regression):
    setting, space = regression
    config = space.complete({"paradigm": "linear"})
    task = FoldTask(config, 0)
    with WorkerProcesses(setting, 2) as workers:
        for pause in (0.0, 0.5):  # the pool sees it a moment later
            assert next(result_of(workers, task)).error is None
            kill_workers()
            time.sleep(pause)
        assert next(result_of(workers, task)).error is None
        kill_workers()
        (fitted,) = workers.refit([Refit(config, {})], all_threads=False, timeout=60)
        assert fitted.predict(setting.dataset.X).shape == setting.dataset.y.shape
        kill_workers()
        assert workers.explain(config, None)


def test_a_worker_that_dies_in_a_last_fit_costs_no_model(regression):
    setting, space = regression
    config = space.complete({"paradigm": "lightgbm"})
    with WorkerProcesses(setting, 1) as workers:
        assert next(result_of(workers, FoldTask(config, 0))).error is None
        killing = threading.Timer(0.3, kill_workers)
        killing.start()
        (fitted,) = workers.refit(
            [Refit(config, {"n_rounds": 3000})], all_threads=False, timeout=60
        )
        killing.join()
        assert fitted.predict(setting.dataset.X).shape == setting.dataset.y.shape


def result_of(workers, task):
    """Yield the task's result: what is collected may be nothing yet."""
    workers.submit(0, task)
    while True:
        yield from (result for _, result in workers.collect(60))


def kill_workers():
    idle = [p for p in psutil.Process().children(recursive=True) if p.ppid() != os.getpid()]
    for process in idle:
        process.kill()
    psutil.wait_procs(idle)


def test_a_fit_that_overruns_is_stopped_and_the_next_one_runs(regression, monkeypatch):
    setting, space = regression
    monkeypatch.setattr("jointopt.evaluation.worker_processes.GRACE_SECONDS", 0.2)
    endless = space.complete({"paradigm": "svm"})
    slow = Paradigm(regression="sklearn.svm.SVR", fixed={"all": {"tol": 1e-30, "max_iter": -1}})
    paradigms = dict(setting.blueprint.paradigms) | {"svm": slow}
    blueprint = dataclasses.replace(setting.blueprint, paradigms=paradigms)
    hard = endless | {
        "hyperparameters/svm/kernel": "linear",
        "hyperparameters/svm/C": 1e12,
        "hyperparameters/svm/epsilon": 0.0,
        "transforms/numeric/scale": "none",
    }
    hard.pop("hyperparameters/svm/kernel/rbf/gamma", None)
    with WorkerProcesses(dataclasses.replace(setting, blueprint=blueprint), 1) as workers:
        workers.submit(0, FoldTask(hard, 0, max_seconds=1.0))
        ((key, result),) = workers.collect(120)
        assert key == 0
        assert "stopped after 1 s" in result.error
        workers.submit(1, FoldTask(space.complete({"paradigm": "linear"}), 0))
        ((key, result),) = workers.collect(120)
        assert (key, result.error) == (1, None)


def test_nothing_is_run_without_time(regression):
    setting, space = regression
    here = InProcess(setting)
    here.submit(0, FoldTask(space.default(), 0))
    assert here.collect(0) == []


@pytest.mark.slow
def test_memory_is_looked_at_however_often_others_end(regression, monkeypatch):
    """A worker over its limit is stopped where another one's tasks end all the time."""
    monkeypatch.syspath_prepend(str(Path(__file__).parent / "faults"))
    setting, space = regression
    rows = setting.folds[2][1]
    hog = importlib.import_module("faulty_metrics").Hog(setting.dataset.y[rows][0])
    greedy = dataclasses.replace(setting, metric=hog)
    config = space.complete({"paradigm": "linear"})
    with WorkerProcesses(greedy, 2, memory_limit=1_500_000_000) as workers:
        workers.submit(0, FoldTask(config, 2))
        ended, key = {}, 0
        while 0 not in ended:
            key += 1
            workers.submit(key, FoldTask(config, 0))
            ended |= dict(workers.collect(60))
        assert "over the limit of 1.5 GB" in ended[0].error
        assert all(result.error is None for other, result in ended.items() if other)


def test_a_limit_that_no_worker_can_keep_is_refused(regression):
    with pytest.raises(OptionError, match=r"0.5 GB is less than the 1.0 GB"):
        WorkerProcesses(regression[0], 1, memory_limit=500_000_000)


def test_a_number_that_another_process_has_now_is_let_alone(tmp_path):
    """A worker's note outlives it; whoever has its number next is none of our business."""
    sleeper = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    note = tmp_path / f"{sleeper.pid}.pid"
    note.write_text("1.0")
    assert stop_greedy(tmp_path, limit=1) == {}
    assert sleeper.poll() is None
    assert not note.exists()
    sleeper.kill()
    sleeper.wait()


def test_a_table_that_finds_no_room_for_workers_is_told(regression, small_disk, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(small_disk.folder))
    small_disk.fill()
    with pytest.raises(StorageError, match=r"TMPDIR.*make room"):
        WorkerProcesses(regression[0], 1)
