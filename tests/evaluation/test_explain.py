"""Which columns a configuration relies on, wherever it is asked."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from jointopt import load_space
from jointopt.data import make_dataset
from jointopt.evaluation.executors import make_executor
from jointopt.evaluation.table_evaluator import TableEvaluator
from jointopt.pipeline.adapt import adapt_space


@pytest.fixture
def dataset():
    """Of `self`, a name like any other, nothing depends, and of one more than of another."""
    rng = np.random.default_rng(0)
    table = pd.DataFrame(rng.normal(size=(200, 4)), columns=["self", "half", "whole", "off"])
    return make_dataset(table.assign(y=table["whole"] + 0.5 * table["half"]), "y")


@pytest.fixture
def space(dataset):
    return adapt_space(load_space("small"), dataset)


@pytest.mark.parametrize("workers", [None, 1])
def test_what_carries_the_signal_ranks_above_noise(space, setting, workers):
    config = space.complete({"paradigm": "linear", "features/columns/off": False})
    executor = make_executor(setting, workers)
    try:
        evaluator = TableEvaluator(setting, executor)
        found = evaluator.explain(config)
        assert evaluator.notes == []
        assert evaluator.explain({"paradigm": "nothing of the kind"}) == {}
        assert len(evaluator.notes) == 1
        assert "columns could not be ranked" in evaluator.notes[0]
    finally:
        executor.close()
    columns = [path.rpartition("/")[2] for path in sorted(found, key=found.__getitem__)]
    assert columns == ["self", "half", "whole"]
