"""Where a search starts."""

from __future__ import annotations

import time

import optuna
import pytest
from optuna.trial import TrialState

from jointopt.search.budget import Budget
from jointopt.search.result import TrialRecord
from jointopt.search.starts import Starts

CONFIGS = [{"paradigm": label, "k": k} for k in range(4) for label in ("knn", "linear")]


def told(config, state):
    value = 1.0 if state is TrialState.COMPLETE else None
    trial = optuna.trial.create_trial(state=state, value=value)
    return TrialRecord("joint", 0, config, trial)


@pytest.mark.parametrize("bad", [TrialState.PRUNED, TrialState.FAIL])
def test_a_paradigm_that_ended_early_twice_is_passed_over(bad):
    starts, met = Starts(CONFIGS, Budget()), []
    for config in starts:
        met.append(config)
        state = bad if config["paradigm"] == "knn" else TrialState.COMPLETE
        starts.learn(told(config, state))
    assert [c["k"] for c in met if c["paradigm"] == "knn"] == [0, 1]
    assert [c["k"] for c in met if c["paradigm"] == "linear"] == [0, 1, 2, 3]


def test_a_paradigm_of_which_one_came_through_is_not():
    starts, met = Starts(CONFIGS, Budget()), []
    for config in starts:
        met.append(config)
        state = TrialState.COMPLETE if config["k"] == 1 else TrialState.PRUNED
        starts.learn(told(config, state))
    assert met == CONFIGS


def test_starts_are_a_sequence():
    starts = Starts(CONFIGS, Budget())
    assert (len(starts), starts[0], list(starts[:2])) == (8, CONFIGS[0], CONFIGS[:2])


def test_they_end_when_half_of_the_trials_are_used():
    starts, met = Starts(CONFIGS, Budget(n_trials=6)), []
    for config in starts:
        met.append(config)
        starts.learn(told(config, TrialState.COMPLETE))
    assert met == CONFIGS[:3]


def test_they_end_when_half_of_the_time_is_used():
    past = time.monotonic() - 5.9
    assert list(Starts(CONFIGS, Budget(12.0, started=past))) == CONFIGS
    assert list(Starts(CONFIGS, Budget(10.0, started=past))) == []
