"""The same search on a Dask cluster: a real scheduler and real workers, which may be lost."""

from __future__ import annotations

import importlib
import os
import re
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from jointopt import JointRegressor, load_space
from jointopt.data import make_dataset
from jointopt.errors import OptionError
from jointopt.evaluation.executors import InProcess, make_executor
from jointopt.evaluation.tasks import FoldTask
from jointopt.model.run import RunOptions, run_table

distributed = pytest.importorskip("distributed", reason="Dask is not installed")

FAULTS = Path(__file__).with_name("faults")


def start(program, *arguments):
    command = [str(Path(sys.executable).with_name("dask")), program, *arguments]
    paths = os.pathsep.join([str(FAULTS), os.environ.get("PYTHONPATH", "")])
    return subprocess.Popen(
        command,
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "PYTHONPATH": paths},
    )


def worker(address):
    options = ("--nthreads", "1", "--no-nanny", "--no-dashboard", "--death-timeout", "30")
    return start("worker", address, *options)


def scheduled():
    """Start a scheduler and return it with its address."""
    scheduler = start("scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard")
    address = None
    while address is None:
        found = re.search(r"tcp://127\.0\.0\.1:\d+", scheduler.stderr.readline())
        address = found and found[0]
    return scheduler, address


@pytest.fixture(scope="module")
def cluster():
    """Return the address of a scheduler, and the processes of its workers."""
    scheduler, address = scheduled()
    workers = [worker(address) for _ in range(2)]
    with distributed.Client(address, set_as_default=False) as client:
        client.wait_for_workers(2, timeout=60)
    yield address, workers
    for process in (*workers, scheduler):
        process.terminate()
        process.communicate()


@pytest.fixture
def dataset(frames):
    """One task will do: what runs on a worker is the same as elsewhere."""
    make, target = frames["quick regression"]
    return make_dataset(make(), target)


@pytest.fixture
def tasks(setting, space):
    configs = [space.complete({"paradigm": "lightgbm"}), space.complete({"paradigm": "linear"})]
    return [FoldTask(config, fold) for config in configs for fold in range(len(setting.folds))]


def results_of(executor, tasks):
    for key, task in enumerate(tasks):
        executor.submit(key, task)
    found = {}
    while len(found) < len(tasks):
        found |= dict(executor.collect(60))
    return [found[key] for key in range(len(tasks))]


@pytest.mark.slow
def test_a_cluster_and_this_process_agree(cluster, setting, tasks):
    here, there = InProcess(setting), make_executor(setting, None, cluster=cluster[0])
    assert there.capacity == 2
    for mine, theirs in zip(results_of(here, tasks), results_of(there, tasks), strict=True):
        assert theirs.error is None
        np.testing.assert_allclose(mine.predictions, theirs.predictions, rtol=1e-6, atol=1e-6)
    there.close()


def test_a_lost_worker_costs_nothing(cluster, setting, tasks):
    """What it was at, and the data that it held, go to the others."""
    address, workers = cluster
    extra = worker(address)
    with distributed.Client(address, set_as_default=False) as client:
        client.wait_for_workers(3, timeout=60)
        executor = make_executor(setting, None, cluster=client)
        for key, task in enumerate(tasks):
            executor.submit(key, task)
        found = dict(executor.collect(60))
        extra.kill()
        extra.communicate()
        while len(found) < len(tasks):
            found |= dict(executor.collect(60))
        assert all(result.error is None for result in found.values())
        until = time.monotonic() + 60
        while executor.capacity > 2:
            assert time.monotonic() < until
            time.sleep(0.2)
        executor.close()
    assert all(process.poll() is None for process in workers)


@pytest.mark.slow
def test_a_cluster_without_workers_is_told(setting):
    scheduler, address = scheduled()
    try:
        with pytest.raises(OptionError, match=f"{address} has no workers; start some"):
            make_executor(setting, None, cluster=address)
    finally:
        scheduler.kill()
        scheduler.communicate()


def test_the_threads_of_a_cluster_say_what_a_budget_affords(cluster):
    """It allows a holdout where one fit runs at a time, three folds where two do."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(2_000, 60))).rename(columns="x{}".format)
    dataset = make_dataset(frame.assign(y=frame["x0"]), "y")
    options = RunOptions(space="small", n_trials=1, seconds=7.0, dask=cluster[0])
    assert run_table(dataset, options).n_folds == 3


def test_workers_of_this_machine_are_refused_beside_a_cluster(cluster, frames):
    make, target = frames["regression"]
    frame = make()
    model = JointRegressor(n_trials=1, dask=cluster[0], workers=2, space="small")
    with pytest.raises(OptionError, match=r"workers, here 2, .* leave out one of the two"):
        model.fit(frame.drop(columns=target), frame[target])


def test_a_search_on_a_cluster_ends_with_a_model(cluster, frames):
    make, target = frames["regression"]
    frame = make()
    space = load_space("small")
    options = {"budget": None, "n_trials": 10, "dask": cluster[0], "space": space}
    model = JointRegressor(**options).fit(frame.drop(columns=target), frame[target])
    assert (model.search_result_.trials["state"] != "fail").all()
    assert len(model.ensemble_) >= 1
    assert np.isfinite(model.predict(frame.drop(columns=target))).all()


@pytest.mark.slow
def test_time_counts_from_when_the_fit_begins(cluster, setting, space, monkeypatch):
    """A task waits longer than a fit may take; one that takes longer is told before it ends."""
    monkeypatch.syspath_prepend(str(FAULTS))
    sleeper = importlib.import_module("faulty_metrics").Sleeper
    monkeypatch.setattr("jointopt.evaluation.dask_cluster.GRACE_SECONDS", 0.5)
    config = space.complete({"paradigm": "linear"})
    with distributed.Client(cluster[0], set_as_default=False) as client:
        waits = [client.submit(time.sleep, 3, pure=False) for _ in cluster[1]]
        executor = make_executor(setting, None, cluster=client)
        executor.submit(0, FoldTask(config, 0, max_seconds=1.0))
        ((_, waited),) = executor.collect(60)
        assert all(future.done() for future in waits)
        assert waited.error is None
        executor.close()
        slow = make_executor(replace(setting, metric=sleeper(4)), None, cluster=client)
        slow.submit(0, FoldTask(config, 0, max_seconds=1.0))
        ((_, late),) = slow.collect(60)
        assert late.error == "not done after 1 s, the limit for one fit"
        slow.close()


def test_no_cluster_is_told(setting, monkeypatch):
    monkeypatch.setattr("jointopt.evaluation.dask_cluster.CONNECT_SECONDS", 1)
    with pytest.raises(OptionError, match=r"no Dask scheduler answers at 'tcp://127.0.0.1:9'"):
        make_executor(setting, None, cluster="tcp://127.0.0.1:9")
    with pytest.raises(OptionError, match="no Dask scheduler answers at 'nonsense://x'"):
        make_executor(setting, None, cluster="nonsense://x")
