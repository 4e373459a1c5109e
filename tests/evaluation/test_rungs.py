"""On large tables configurations are first fitted on samples of the first fold's rows."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from jointopt.data import Task
from jointopt.evaluation.executors import InProcess
from jointopt.evaluation.folds import rungs_for, sample_rows
from jointopt.evaluation.one_fold import run_fold
from jointopt.evaluation.outcome import State
from jointopt.evaluation.racing import MIN_GAINS, Race
from jointopt.evaluation.table_evaluator import TableEvaluator
from jointopt.evaluation.tasks import FoldTask

GOOD = {"paradigm": "linear"}
STRENGTH = ("hyperparameters/linear/C", "hyperparameters/linear/alpha")
TOO_STRONG = {STRENGTH[0]: 1e-3, STRENGTH[1]: 1e3}


def evaluate(evaluator, number, config):
    evaluator.submit(number, config)
    while not (outcomes := evaluator.collect(None)):
        pass
    return outcomes[0]


@pytest.fixture
def dataset(one_task):
    return one_task


@pytest.fixture
def sampled(setting):
    return dataclasses.replace(setting, rungs=(30, 60))


def linear(space, strengths):
    """Return a linear model with the strength that its task has."""
    known = {decision.path for decision in space.decisions}
    return space.complete(GOOD | {p: v for p, v in strengths.items() if p in known})


def good_configs(space, n):
    for value in np.geomspace(0.5, 2.0, n):
        yield linear(space, dict.fromkeys(STRENGTH, float(value)))


def test_small_tables_have_no_rungs():
    assert rungs_for(15_999) == ()
    assert all(rungs[0] >= 4_000 for rungs in map(rungs_for, range(16_000, 10**6, 50_000)))


@pytest.mark.parametrize("n_rows", [1, 10, 50])
def test_samples_are_nested_and_keep_every_class(dataset, n_rows):
    rows = np.arange(dataset.n_rows)[::2]
    small, large = (sample_rows(dataset, rows, n, seed=3) for n in (n_rows, 2 * n_rows))
    assert set(small) <= set(large) <= set(rows)
    assert abs(len(large) - min(2 * n_rows, len(rows))) <= max(dataset.n_classes, 1)
    if dataset.task is not Task.REGRESSION:
        assert set(dataset.y[small]) == set(dataset.y[rows])


def test_what_finishes_has_passed_the_samples_first(sampled, space):
    with_samples = TableEvaluator(sampled, InProcess(sampled))
    plain = dataclasses.replace(sampled, rungs=())
    config = space.complete(GOOD)
    outcome = evaluate(with_samples, 0, config)
    alone = evaluate(TableEvaluator(plain, InProcess(plain)), 0, config)
    assert outcome.state is State.COMPLETE
    assert outcome.value == alone.value, "samples are no part of the score"
    assert outcome.attributes["fold_scores"] == alone.attributes["fold_scores"]
    assert len(outcome.attributes["sample_scores"]) == 2
    assert list(outcome.intermediate) == list(range(2 + len(sampled.folds)))


def test_the_hopeless_stop_on_a_sample_and_cost_no_fold(sampled, space):
    evaluator = TableEvaluator(sampled, InProcess(sampled))
    found = [evaluate(evaluator, k, config) for k, config in enumerate(good_configs(space, 8))]
    assert sum(outcome.state is State.COMPLETE for outcome in found) >= MIN_GAINS
    outcome = evaluate(evaluator, 8, linear(space, TOO_STRONG))
    assert outcome.state is State.PRUNED
    assert outcome.reason == "behind the best on the same sample of rows"
    assert outcome.attributes["fold_scores"] == []
    assert list(outcome.intermediate) == [0]
    assert outcome.value == outcome.intermediate[0]


def test_targets_of_the_scored_rows_are_not_in_a_sample(sampled, space):
    dataset = sampled.dataset
    y = dataset.y.copy()
    rows = sampled.folds[0][1]
    y[rows] = np.random.default_rng(0).permutation(y[rows])
    other = dataclasses.replace(sampled, dataset=dataclasses.replace(dataset, y=y))
    task = FoldTask(space.complete(GOOD), 0, n_rows=40)
    first, second = run_fold(sampled, task), run_fold(other, task)
    assert first.error is None
    np.testing.assert_array_equal(first.predictions, second.predictions)


def test_a_sample_that_fails_ends_the_trial_with_its_reason(sampled, space):
    evaluator = TableEvaluator(sampled, InProcess(sampled))
    wrong = {p: -1.0 for p in space.complete(GOOD) if p in STRENGTH}
    outcome = evaluate(evaluator, 0, space.complete(GOOD) | wrong)
    assert outcome.state is State.FAILED
    assert "must be a float in the range" in outcome.reason
    assert outcome.value is None


def test_time_that_ends_after_a_sample_leaves_a_value(sampled, space):
    evaluator = TableEvaluator(sampled, InProcess(sampled))
    evaluator.submit(0, space.complete(GOOD))
    assert not evaluator.has_partial()
    assert evaluator.collect(None) == []
    assert evaluator.has_partial()
    (outcome,) = evaluator.abandon()
    assert outcome.state is State.PRUNED
    assert outcome.value is not None
    assert outcome.attributes["fit_seconds"] > 0


def test_a_sample_decides_only_when_some_have_finished():
    race = Race(n_folds=1)
    for gain in (0.10, 0.11, 0.09):
        race.finished([0.8 + gain], [0.8])
    assert not race.hopeless_on_sample([0.1])
    race.finished([0.9], [0.8])
    assert race.hopeless_on_sample([0.1])
    assert not race.hopeless_on_sample([0.79])


def test_what_gains_differently_from_samples_is_given_more_room():
    """Where configurations catch up with more rows, being behind on a sample says little."""
    steady, varied = Race(n_folds=1), Race(n_folds=1)
    for race, spread in ((steady, 0.001), (varied, 0.1)):
        for k in range(6):
            race.finished([0.9 - 0.001 * k], [0.8 - spread * k])
    assert steady.hopeless_on_sample([0.75])
    assert not varied.hopeless_on_sample([0.75])


def test_with_two_places_each_sample_is_fitted_once_and_in_order(sampled, space, two_places):
    executor = two_places(sampled)
    evaluator = TableEvaluator(sampled, executor)
    for number, config in enumerate(good_configs(space, 2)):
        evaluator.submit(number, config)
    ended = []
    while len(ended) < 2:
        ended += evaluator.collect(None)
    for number in (0, 1):
        begun = [(task.n_rows, task.fold) for key, task in executor.begun if key == number]
        assert begun == [(30, 0), (60, 0), (None, 0), (None, 1), (None, 2)]
