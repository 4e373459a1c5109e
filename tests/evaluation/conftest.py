from __future__ import annotations

import pytest

from jointopt import load_space
from jointopt.data import get_metric, make_dataset
from jointopt.evaluation.executors import InProcess
from jointopt.evaluation.folds import make_folds
from jointopt.evaluation.tasks import Setting
from jointopt.pipeline.adapt import adapt_space, blueprint_of


@pytest.fixture(params=["multiclass", pytest.param("regression", marks=pytest.mark.slow)])
def one_task(request, frames):
    """A dataset for tests of what is the same whatever the task is."""
    make, target = frames[request.param]
    return make_dataset(make(), target)


@pytest.fixture
def space(dataset):
    return adapt_space(load_space("tabular"), dataset)


@pytest.fixture
def setting(dataset, space):
    return Setting(
        dataset=dataset,
        folds=make_folds(dataset, seed=0, n_folds=3),
        blueprint=blueprint_of(space, dataset),
        metric=get_metric(None, dataset.task),
        seed=0,
        threads=1,
    )


class InTurn(InProcess):
    """Has two places, whose tasks end in the order in which they began."""

    capacity = 2

    def __init__(self, setting):
        super().__init__(setting)
        self.begun = []

    @property
    def n_waiting(self):
        return len(self._waiting)

    def submit(self, key, task):
        self.begun.append((key, task))
        super().submit(key, task)


@pytest.fixture
def two_places():
    return InTurn
