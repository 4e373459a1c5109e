"""Which columns a configuration relies on, wherever it is asked."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from jointopt import load_space
from jointopt.data import get_metric, make_dataset
from jointopt.evaluation.executors import make_executor
from jointopt.evaluation.folds import make_folds
from jointopt.evaluation.one_fold import Setting
from jointopt.evaluation.table_evaluator import TableEvaluator
from jointopt.pipeline.adapt import adapt_space, blueprint_of


@pytest.fixture
def space_and_setting():
    rng = np.random.default_rng(0)
    table = pd.DataFrame(rng.normal(size=(200, 4)), columns=["noise", "half", "whole", "off"])
    dataset = make_dataset(table.assign(y=table["whole"] + 0.5 * table["half"]), "y")
    space = adapt_space(load_space("small"), dataset)
    setting = Setting(
        dataset=dataset,
        folds=make_folds(dataset, seed=0, n_folds=4),
        blueprint=blueprint_of(space, dataset),
        metric=get_metric(None, dataset.task),
        seed=0,
        threads=1,
        rungs=(),
    )
    return space, setting


@pytest.mark.parametrize("workers", [None, 1])
def test_what_carries_the_signal_ranks_above_noise(space_and_setting, workers):
    space, setting = space_and_setting
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
    assert columns == ["noise", "half", "whole"]
