"""Places that would idle take further folds of what is under way."""

from __future__ import annotations

import contextlib
import dataclasses
from contextlib import ExitStack

import numpy as np
import pytest

from jointopt.evaluation.executors import InProcess
from jointopt.evaluation.folds import make_folds
from jointopt.evaluation.outcome import State
from jointopt.evaluation.table_evaluator import TableEvaluator

N_FOLDS = 4
STRENGTH = ("hyperparameters/linear/C", "hyperparameters/linear/alpha")


class Shuffled(InProcess):
    """Has three places, whose tasks end in no order."""

    capacity = 3

    def __init__(self, setting):
        super().__init__(setting)
        self._rng = np.random.default_rng(0)
        self.most = 0

    @property
    def n_waiting(self):
        return len(self._waiting)

    def collect(self, timeout):
        self.most = max(self.most, self.n_waiting)
        self._rng.shuffle(self._waiting)
        return super().collect(timeout)


@pytest.fixture
def dataset(one_task):
    return one_task


@pytest.fixture
def closing():
    """Close executors in the end, with what they kept."""
    with ExitStack() as stack:
        yield lambda executor: stack.enter_context(contextlib.closing(executor))


@pytest.fixture
def folded(setting):
    folds = make_folds(setting.dataset, seed=0, n_folds=N_FOLDS)
    return dataclasses.replace(setting, folds=folds)


@pytest.fixture
def strengths(space):
    """Return linear models of growing strength, of which the last are hopeless."""
    known = {decision.path for decision in space.decisions}
    own = [path for path in STRENGTH if path in known]
    return [
        space.complete({"paradigm": "linear"} | dict.fromkeys(own, value))
        for value in (1.0, 0.5, 1e-3, 1e3, 1e3)
    ]


def evaluated(setting, executor, configs):
    """Return outcomes, with what is under way alone: two at once at most."""
    evaluator = TableEvaluator(setting, executor, keep_models=True)
    waiting, outcomes = list(enumerate(configs)), {}
    n_running = 0
    while waiting or n_running:
        while waiting and n_running < min(2, executor.capacity):
            evaluator.submit(*waiting.pop(0))
            n_running += 1
        for outcome in evaluator.collect(None):
            outcomes[outcome.number] = outcome
            n_running -= 1
    return evaluator, outcomes


def test_folds_that_end_in_no_order_count_in_theirs(folded, strengths, closing):
    """The first ones make the race, so that they are evaluated by themselves."""
    executor = closing(Shuffled(folded))
    shuffled, found = evaluated(folded, executor, strengths)
    assert executor.most == executor.capacity, "none was idle"
    alone = {
        number: evaluated(folded, closing(InProcess(folded)), [config])[1][0]
        for number, config in enumerate(strengths)
    }
    for number, outcome in found.items():
        n = len(outcome.details["fold_scores"])
        assert outcome.details["fold_scores"] == alone[number].details["fold_scores"][:n]
        assert (n == N_FOLDS) == (outcome.state is State.COMPLETE)
        assert outcome.value == pytest.approx(np.mean(outcome.details["fold_scores"]))
    complete = [number for number, outcome in found.items() if outcome.state is State.COMPLETE]
    assert sorted(shuffled.kept.predictions) == sorted(shuffled.kept.models) == sorted(complete)


def test_nothing_is_left_of_what_was_begun_ahead_in_vain(folded, strengths, closing):
    executor = closing(Shuffled(folded))
    evaluator, found = evaluated(folded, executor, strengths)
    assert State.PRUNED in {outcome.state for outcome in found.values()}
    while executor.n_waiting:
        assert evaluator.collect(None) == []
    kept = {path for paths in evaluator.kept.models.values() for path in paths}
    assert set(executor.scratch.glob("*.pickle")) == kept
