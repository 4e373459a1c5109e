"""What leads its paradigm is stopped later, and what leads all goes first."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_diabetes

from jointopt import Choice, Float, Space
from jointopt.data import get_metric, make_dataset
from jointopt.evaluation.events import FitEnded
from jointopt.evaluation.executors import InProcess
from jointopt.evaluation.folds import make_folds
from jointopt.evaluation.one_fold import run_fold
from jointopt.evaluation.outcome import State
from jointopt.evaluation.racing import Race
from jointopt.evaluation.stop_rule import LEADER_Z, StopRule
from jointopt.evaluation.table_evaluator import TableEvaluator
from jointopt.evaluation.tasks import FoldResult, FoldTask, Setting
from jointopt.pipeline.adapt import adapt_space, blueprint_of

RIDGE = {
    "estimator": "sklearn.linear_model.Ridge",
    "hyperparameters": {"alpha": Float(1e-3, 1e3, log=True)},
}
N_FOLDS = 5


@pytest.fixture(scope="module")
def setting():
    dataset = make_dataset(load_diabetes(as_frame=True).frame, "target")
    space = adapt_space(Space(paradigm=Choice({"one": RIDGE, "other": RIDGE})), dataset)
    return Setting(
        dataset=dataset,
        folds=make_folds(dataset, seed=0, n_folds=N_FOLDS),
        blueprint=blueprint_of(space, dataset),
        metric=get_metric("rmse", dataset.task),
        seed=0,
        threads=1,
    )


def config(paradigm, alpha):
    return {"paradigm": paradigm, f"hyperparameters/{paradigm}/alpha": alpha}


def scores_of(setting, one):
    return [run_fold(setting, FoldTask(one, fold)).score for fold in range(N_FOLDS)]


def stopped_after(race, scores):
    """Return after how many folds the race alone would stop a leader."""
    folds = (j for j in range(1, N_FOLDS) if race.hopeless(scores[:j], z=LEADER_Z))
    return next(folds, N_FOLDS)


def test_a_leader_that_has_passed_half_of_the_folds_passes_all(setting):
    evaluator = TableEvaluator(setting, InProcess(setting))
    race = Race(N_FOLDS)
    good = [config("one", alpha) for alpha in (0.05, 0.1)]
    for one in good:
        race.finished(scores_of(setting, one))
    by_time = {}
    for alpha in np.geomspace(0.4, 30.0, 60):
        one = config("other", float(alpha))
        by_time.setdefault(stopped_after(race, scores_of(setting, one)), one)
    early, late = by_time[1], by_time.get(3) or by_time[4]

    states = {}
    for number, one in enumerate([*good, early, late, early]):
        evaluator.submit(number, one)
        while not (outcomes := evaluator.collect(None)):
            pass
        states[number] = outcomes[0].state
    assert [states[number] for number in range(2)] == [State.COMPLETE] * 2
    assert states[2] is State.PRUNED, "too far behind for any patience"
    assert states[3] is State.COMPLETE
    assert states[4] is State.PRUNED


def test_luck_on_the_first_fold_makes_no_leader_of_the_next_ones():
    rule = StopRule(n_folds=4)
    for scores in ([0.9, 0.9, 0.9, 0.9], [0.89, 0.9, 0.89, 0.9]):
        rule.finished(scores, [])

    def stopped(scores):
        results = [FoldResult(fold, score) for fold, score in enumerate(scores)]
        return rule.why_to_stop("other", results, []) is not None

    leader = [0.7, 0.7, 0.7]
    assert [stopped(leader[:n]) for n in (2, 3)] == [False, False], "half of the folds are passed"
    assert not stopped([0.89])
    assert stopped([0.89, 0.3]), "the leader was better on these two"
    assert not stopped([0.72, 0.72]), "a new leader"


def first_outcome(evaluator):
    while not (outcomes := evaluator.collect(None)):
        pass
    return outcomes


def one_ended(setting, two_places):
    """Return an evaluator for which a poor configuration ended, and what tells fits since then."""
    executor = two_places(setting)
    evaluator = TableEvaluator(setting, executor)
    evaluator.submit(0, config("one", 30.0))
    assert first_outcome(evaluator)[0].state is State.COMPLETE
    executor.begun.clear()
    return evaluator, lambda: [(number, task.fold) for number, task in executor.begun]


def test_what_leads_takes_the_places_that_come_free(setting, two_places):
    evaluator, begun_since = one_ended(setting, two_places)
    evaluator.submit(1, config("one", 40.0))
    evaluator.submit(2, config("other", 0.1))
    (ended,) = first_outcome(evaluator)
    assert (ended.number, ended.state) == (2, State.COMPLETE)
    # The other one went on until the leader had shown itself, and waits since then.
    begun = begun_since()
    assert begun[:3] == [(1, 0), (2, 0), (1, 1)]
    assert begun[3:7] == [(2, fold) for fold in range(1, N_FOLDS)]


def test_of_two_leaders_the_one_that_is_nearer_to_its_end_goes_first(setting, two_places):
    evaluator, begun_since = one_ended(setting, two_places)
    evaluator.submit(1, config("one", 1.0))
    evaluator.submit(2, config("other", 0.1))
    (ended,) = first_outcome(evaluator)
    assert (ended.number, ended.state) == (1, State.COMPLETE)
    begun = begun_since()
    assert begun == [(1, 0), (2, 0), *((1, fold) for fold in range(1, N_FOLDS)), (2, 1)]


def test_what_was_stopped_tells_how_many_folds_were_begun_in_vain(setting, two_places):
    executor, events = two_places(setting), []
    evaluator = TableEvaluator(setting, executor, watch=events.append)
    in_vain = []
    for number, alpha in enumerate([0.05, 0.1, 0.3, *np.geomspace(0.4, 30.0, 20)]):
        evaluator.submit(number, config("one", float(alpha)))
        ended = first_outcome(evaluator)[0]
        begun = sum(key == number for key, _ in executor.begun)
        told = ended.attributes.get("folds_in_vain", 0)
        assert begun == len(ended.details["fold_scores"]) + told
        n_ended = sum(isinstance(e, FitEnded) and e.number == number for e in events)
        assert n_ended == begun - told
        in_vain.append((ended.state, told))
    assert set(in_vain) == {(State.COMPLETE, 0), (State.PRUNED, 0), (State.PRUNED, 1)}


def test_places_that_went_are_not_filled(setting, two_places):
    executor = two_places(setting)
    evaluator = TableEvaluator(setting, executor)
    for number, alpha in enumerate((1.0, 0.1)):
        evaluator.submit(number, config("one", alpha))
    executor.capacity = 1
    while not (outcomes := evaluator.collect(None)):
        assert executor.n_waiting <= 1
    assert outcomes[0].state is State.COMPLETE
