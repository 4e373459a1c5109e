"""What a second worker is worth, and what a Dask cluster costs beside it: `make bench`."""

from __future__ import annotations

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

N_ROWS, N_COLUMNS, N_CONFIGS = 5_000, 20, 32
PARADIGMS = ("lightgbm", "xgboost", "extra_trees", "linear")


@pytest.fixture(scope="module")
def dataset():
    X, y = make_classification(N_ROWS, N_COLUMNS, n_informative=8, random_state=0)
    return dataset_from_arrays(X, y)


def the_same(n_configs):
    """Return a strategy that evaluates the same configurations in every run."""

    def strategy(space, starts, seed):
        del starts, seed
        study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
        axes = ("transforms", "features")
        yield Stage(
            "the_same",
            space,
            [
                space.freeze({"paradigm": PARADIGMS[i % len(PARADIGMS)]}, axes).suggest(
                    study.ask()
                )
                for i in range(n_configs)
            ],
        )

    return strategy


def evaluated(dataset, n_configs, how):
    options = RunOptions(
        strategy=the_same(n_configs), space=load_space("tabular"), final="single", **how
    )
    return [record.trial for record in run_table(dataset, options).result.records]


def trials_per_second(dataset, **how):
    """Return the rate after a run of one trial of each paradigm, which loads the libraries.

    Local workers are forked from a process that stays loaded, a new cluster's have to load; a
    search on either loads once.
    """
    evaluated(dataset, len(PARADIGMS), how)
    trials = evaluated(dataset, N_CONFIGS, how)
    took = max(t.datetime_complete for t in trials) - min(t.datetime_start for t in trials)
    return len(trials) / took.total_seconds()


def with_dask(dataset):
    """Return the rate on a cluster that is there for this run only: idle workers take time too."""
    cluster = distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=None, host="127.0.0.1"
    )
    with cluster, distributed.Client(cluster, set_as_default=False) as client:
        return trials_per_second(dataset, dask=client)


def beside(names, one, other, n_runs):
    """Return how many times the rate of `one` the other has: the median of runs in turn."""
    ratios = []
    for _ in range(n_runs):
        rates = one(), other()
        ratios.append(rates[1] / rates[0])
        shown = ", ".join(
            f"{rate:.3f} with {name}" for name, rate in zip(names, rates, strict=True)
        )
        sys.stdout.write(f"\n{N_ROWS} rows, trials per second: {shown}\n")
    assert np.isfinite(ratios).all()
    return statistics.median(ratios)


def two_workers(dataset):
    return trials_per_second(dataset, workers=2, cores=2)


@pytest.mark.slow
def test_a_second_worker(dataset):
    ratio = beside(
        ("one worker", "two"),
        lambda: trials_per_second(dataset, workers=1, cores=1),
        lambda: two_workers(dataset),
        n_runs=3,
    )
    sys.stdout.write(f"median: two workers {ratio:.2f} times one\n")
    assert ratio > 1


@pytest.mark.slow
def test_two_workers_of_dask(dataset):
    ratio = beside(
        ("two workers", "two of Dask"),
        lambda: two_workers(dataset),
        lambda: with_dask(dataset),
        n_runs=5,
    )
    sys.stdout.write(f"median: two of Dask {1 / ratio - 1:+.1%} time\n")
    assert ratio > 0.5, "Dask takes more than twice the time"
