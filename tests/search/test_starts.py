"""Where a search starts."""

from __future__ import annotations

import optuna
import pytest
from optuna.trial import TrialState

from jointopt.evaluation.outcome import BUDGET_ENDED
from jointopt.search.budget import Budget
from jointopt.search.proposals import Proposals
from jointopt.search.result import TrialRecord
from jointopt.search.starts import Starts

CONFIGS = [{"paradigm": label, "k": k} for k in range(4) for label in ("knn", "linear")]


def told(config, state, **attributes):
    value = 1.0 if state is TrialState.COMPLETE else None
    trial = optuna.trial.create_trial(state=state, value=value, user_attrs=attributes)
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


def test_what_the_clock_ended_says_nothing_of_its_paradigm():
    starts, met = Starts(CONFIGS, Budget()), []
    for config in starts:
        met.append(config)
        starts.learn(told(config, TrialState.PRUNED, reason=BUDGET_ENDED))
    assert met == CONFIGS


def test_starts_are_a_sequence():
    starts = Starts(CONFIGS, Budget())
    assert (len(starts), starts[0], list(starts[:2])) == (8, CONFIGS[0], CONFIGS[:2])


MANY = [{"paradigm": label, "k": k} for k in range(12) for label in ("knn", "linear")]


@pytest.mark.parametrize(
    ("n_trials", "least", "n_starts"), [(6, 0, 3), (6, 8, 8), (16, 8, 8), (24, 8, 12)]
)
def test_they_end_when_half_of_the_trials_are_used(n_trials, least, n_starts):
    starts, met = Starts(MANY, Budget(n_trials=n_trials), least=least), []
    for config in starts:
        met.append(config)
        starts.learn(told(config, TrialState.COMPLETE))
    assert met == MANY[:n_starts]


@pytest.mark.parametrize(("seconds", "ended"), [(10.0, True), (12.0, False)])
def test_they_end_when_half_of_the_time_is_used_and_enough_is_known(seconds, ended):
    budget = Budget(seconds, started=0.0, clock=lambda: 5.9)
    assert list(Starts(MANY, budget)) == ([] if ended else MANY)
    starts = Starts(MANY, budget, least=8)
    for config in MANY[:7]:
        starts.learn(told(config, TrialState.COMPLETE))
    assert list(starts) == MANY
    starts.learn(told(MANY[7], TrialState.PRUNED))
    assert list(starts) == ([] if ended else MANY)


def test_runs_that_share_a_study_keep_to_the_order_of_starts():
    configs = [{"k": k} for k in range(20)]
    proposals = Proposals(Starts(configs, Budget(n_trials=100)))
    proposals.scatter()
    taken = [proposals.pop()["k"] for _ in configs]
    assert sorted(taken) == list(range(20))
    assert all(k < place + 4 for place, k in enumerate(taken))
