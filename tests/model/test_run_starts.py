"""How long a run goes on with the portfolio before its strategy proposes for itself."""

from __future__ import annotations

import pytest
from sklearn.datasets import load_iris

from jointopt import load_space
from jointopt.data import make_dataset
from jointopt.model.run import RunOptions, run_table
from jointopt.pipeline.adapt import adapt_space
from jointopt.pipeline.starts import load_portfolio, start_configs

N_TRIALS = 4
"""Of which two are half; the next one begins before the second has been told."""


@pytest.fixture(scope="module")
def space():
    """Return the default space with linear models alone, of which the portfolio has three."""
    space = load_space("tabular")
    others = [label for label in space.estimators() if label != "linear"]
    return space.prune([f"paradigm/{label}" for label in others])


@pytest.mark.parametrize(
    ("strategy", "portfolio", "n_starts"),
    [
        ("joint", True, N_TRIALS),
        ("alternating", True, 3),
        ("random", True, 3),
        ("joint", False, 1),
    ],
)
def test_only_the_joint_search_goes_on_with_the_portfolio(strategy, portfolio, n_starts, space):
    dataset = make_dataset(load_iris(as_frame=True).frame, "target")
    known = load_portfolio(space) if portfolio else []
    starts = start_configs(adapt_space(space, dataset), dataset.task, known)
    configs = [record.config for record in records_of(dataset, space, strategy, portfolio)]
    assert len(configs) == N_TRIALS
    assert configs[:n_starts] == starts[:n_starts]
    assert not any(config in starts for config in configs[n_starts:])


def test_the_sequential_search_comes_to_its_axes(space):
    dataset = make_dataset(load_iris(as_frame=True).frame, "target")
    stages = [record.stage for record in records_of(dataset, space, "sequential", portfolio=True)]
    assert stages == ["sequential/0-starts"] * 3 + ["sequential/1-transforms"]


def records_of(dataset, space, strategy, portfolio):
    options = RunOptions(space=space, strategy=strategy, portfolio=portfolio, n_trials=N_TRIALS)
    return run_table(dataset, options).result.records
