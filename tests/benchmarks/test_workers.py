"""What a second worker is worth, and what a Dask cluster costs beside it: `make bench`."""

from __future__ import annotations

import importlib
import statistics
import sys

import numpy as np
import optuna
import pytest
from sklearn.datasets import make_classification

from jointopt import load_space
from jointopt.data import dataset_from_arrays
from jointopt.model.run import RunOptions, run_table
from jointopt.search.strategies import Stage

distributed = pytest.importorskip("distributed", reason="Dask is not installed")

N_ROWS, N_COLUMNS, N_CONFIGS, N_RUNS = 5_000, 20, 16, 3
PARADIGMS = ("lightgbm", "xgboost", "extra_trees", "linear")


@pytest.fixture(scope="module")
def dataset():
    X, y = make_classification(N_ROWS, N_COLUMNS, n_informative=8, random_state=0)
    return dataset_from_arrays(X, y)


def the_same(space, starts, seed):
    """Evaluate the same configurations in every run."""
    del starts, seed
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    axes = ("transforms", "features")
    yield Stage(
        "the_same",
        space,
        [
            space.freeze({"paradigm": PARADIGMS[i % len(PARADIGMS)]}, axes).suggest(study.ask())
            for i in range(N_CONFIGS)
        ],
    )


def trials_per_second(dataset, **how):
    found = run_table(
        dataset,
        RunOptions(strategy=the_same, space=load_space("tabular"), final="single", **how),
    )
    trials = [record.trial for record in found.result.records]
    took = max(t.datetime_complete for t in trials) - min(t.datetime_start for t in trials)
    return len(trials) / took.total_seconds()


def with_dask(dataset):
    """Return the rate on a cluster that is there for this run only: idle workers take time too."""
    cluster = distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=None, host="127.0.0.1"
    )
    with cluster, distributed.Client(cluster, set_as_default=False) as client:
        client.run(importlib.import_module, "jointopt.evaluation.preload")
        return trials_per_second(dataset, dask=client)


@pytest.mark.slow
def test_workers(dataset):
    rates = {"one worker": [], "two workers": [], "two of Dask": []}
    for _ in range(N_RUNS):
        rates["one worker"].append(trials_per_second(dataset, workers=1, cores=1))
        rates["two workers"].append(trials_per_second(dataset, workers=2, cores=2))
        rates["two of Dask"].append(with_dask(dataset))
        latest = ", ".join(f"{of[-1]:.3f} with {name}" for name, of in rates.items())
        sys.stdout.write(f"\n{N_ROWS} rows, trials per second: {latest}\n")
    one, two, dask = (statistics.median(of) for of in rates.values())
    sys.stdout.write(
        f"medians: two workers {two / one:.2f} times one, two of Dask {two / dask - 1:+.1%} time\n"
    )
    assert np.isfinite([one, two, dask]).all()
    assert two > one
