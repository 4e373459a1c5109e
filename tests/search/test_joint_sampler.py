"""The sampler in plain Optuna studies: what it may propose, and what it learns."""

from __future__ import annotations

import copy
import pickle
import time
from datetime import datetime, timedelta

import numpy as np
import optuna
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from threadpoolctl import threadpool_info

from jointopt import Categorical, Choice, Float, Int, JointSampler, Repeat, Space, Subset

optuna.logging.set_verbosity(optuna.logging.WARNING)

SPACE = Space(
    transforms={
        "scale": Categorical(["none", "standard"], unless={"paradigm": ["tree"]}),
        "derive": Choice({"none": {}, "pca": {"share": Float(0.5, 1.0)}}),
    },
    features={"columns": Subset(list("abcdefgh"))},
    paradigm=Choice(
        {
            "tree": {"hyperparameters": {"leaf": Int(1, 64, log=True)}},
            "mlp": {
                "architecture": {
                    "depth": Int(1, 3),
                    "width": Repeat("depth", Int(8, 256, log=True)),
                },
                "hyperparameters": {
                    "rate": Float(1e-4, 1, log=True),
                    "drop": Float(0, 0.5, step=0.1),
                },
            },
            "bayes": {},
        }
    ),
)

RATE = "hyperparameters/mlp/rate"


def run(space, objective, n_trials, *, seed=0, **how):
    study = optuna.create_study(sampler=JointSampler(space, seed=seed), **how)
    configs = []

    def call(trial):
        configs.append(space.suggest(trial))
        return objective(configs[-1])

    study.optimize(call, n_trials=n_trials)
    return study, configs


def continued(study, sampler):
    """The study as another sampler's: choices may have other options there."""
    other = optuna.create_study(sampler=sampler)
    for trial in study.trials:
        other.add_trial(trial)
    return other


def loss(config):
    """A network with two useful columns and a rate of 0.01 is best."""
    on = {p[-1] for p, v in config.items() if p.startswith("features/") and v is True}
    value = 0.1 * len(on ^ {"b", "e"}) + 1.0
    if config["paradigm"] == "mlp":
        value += abs(np.log10(config["hyperparameters/mlp/rate"]) + 2) - 1.5
    return value


def test_every_proposal_is_valid_and_new():
    _, configs = run(SPACE, loss, 150)
    for config in configs:
        SPACE.validate(config)
    assert len({frozenset(c.items()) for c in configs}) == len(configs)


@settings(deadline=None, max_examples=25)
@given(data=st.data(), seed=st.integers(0, 99))
def test_proposals_are_valid_in_any_space(data, seed, any_spaces):
    space = data.draw(any_spaces)
    rng = np.random.default_rng(seed)
    study, configs = run(space, lambda _: rng.normal(), 14, seed=seed)
    for trial, config in zip(study.trials, configs, strict=True):
        space.validate(config)
        assert set(trial.params) <= set(config)


def test_values_come_from_the_proposal_and_not_from_independent_draws():
    study, configs = run(SPACE, loss, 40)
    for trial, config in zip(study.trials, configs, strict=True):
        assert SPACE.complete(trial.params) == config


def test_every_branch_is_tried_and_the_best_one_found():
    _, configs = run(SPACE, loss, 120)
    tried = [config["paradigm"] for config in configs]
    assert min(tried.count(label) for label in ("tree", "mlp", "bayes")) >= 5
    assert tried[:60].count("mlp") > 30
    assert min(loss(config) for config in configs) < -0.4


def test_a_branch_that_starts_badly_is_not_lost():
    space = Space(
        paradigm=Choice({"flat": {"x": Float(0, 1)}, "peak": {"x": Float(0, 1), "y": Float(0, 1)}})
    )

    def deceptive(config):
        if config["paradigm"] == "flat":
            return 0.3 + 0.01 * config["paradigm/flat/x"]
        x, y = config["paradigm/peak/x"], config["paradigm/peak/y"]
        return 4 * ((x - 0.8) ** 2 + (y - 0.2) ** 2)

    found = [run(space, deceptive, 120, seed=s)[0].best_value for s in range(5)]
    assert np.median(found) < 0.1


def test_proposals_change_a_sensible_number_of_columns():
    space = Space(features={"columns": Subset([f"c{i}" for i in range(60)])})
    useful = {f"features/columns/c{i}" for i in range(8)}

    def miss(config):
        return len({p for p, on in config.items() if on} ^ useful)

    study, configs = run(space, miss, 120)
    assert study.best_value == 0
    best = min(configs[:40], key=miss)
    flips = [sum(c[p] != best[p] for p in c) for c in configs[40:]]
    assert np.median(flips) < 12


@pytest.mark.parametrize("direction", ["minimize", "maximize"])
def test_both_directions(direction):
    sign = 1 if direction == "minimize" else -1
    study, _ = run(SPACE, lambda config: sign * loss(config), 120, direction=direction)
    assert sign * study.best_value < 0


def test_the_same_seed_proposes_the_same():
    first, again, other = (run(SPACE, loss, 50, seed=s)[1] for s in (3, 3, 4))
    assert first == again != other


def test_frozen_parameters_stay_and_are_not_suggested():
    frozen = SPACE.freeze({"paradigm": "mlp", "architecture/mlp/depth": 2})
    study, configs = run(frozen, loss, 40)
    assert all(c["paradigm"] == "mlp" and c["architecture/mlp/depth"] == 2 for c in configs)
    assert all("paradigm" not in trial.params for trial in study.trials)


def bowl(config):
    return (config["hyperparameters/x"] - 0.63) ** 2 + (config["hyperparameters/y"] - 0.21) ** 2


FREE = {"x": Float(0, 1), "y": Float(0, 1)}
MANY = {f"held{i}": Float(0, 1) for i in range(20)}
HELD = {
    "numbers": Space(hyperparameters=FREE | MANY).freeze(
        {f"hyperparameters/{name}": 0.5 for name in MANY}
    ),
    "subset": Space(features={"columns": Subset(list(MANY))}, hyperparameters=FREE).freeze(
        axes=["features"]
    ),
    "one option": Space(hyperparameters=FREE | {name: Categorical(["a"]) for name in MANY}),
    "branches": Space(
        transforms={"derive": Choice({"none": {}, "much": MANY})},
        hyperparameters=FREE,
        paradigm=Choice({name: {"hyperparameters": {"z": Float(0, 1)}} for name in "abc"}),
    ).freeze({"transforms/derive": "none", "paradigm": "a"}),
}


@pytest.mark.parametrize("kind", HELD)
def test_what_cannot_vary_does_not_keep_it_from_the_optimum(kind):
    best = [run(HELD[kind], bowl, 40, seed=seed)[0].best_value for seed in range(3)]
    assert np.median(best) < 1e-5


def test_a_frozen_number_is_proposed_as_it_was_given():
    """Its place in the range, from which proposals are made, may stand for a number beside it."""
    for rate in (0.3, 0.007, 1e-4 + 1e-9):
        sampler = JointSampler(SPACE.freeze({"paradigm": "mlp", RATE: rate}), seed=0)
        study = optuna.create_study()
        assert sampler.propose(study, study.ask().number)[RATE] == rate


def test_it_learns_from_trials_that_the_study_holds_already():
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    study.optimize(lambda trial: loss(SPACE.suggest(trial)), n_trials=30)
    known = {frozenset(SPACE.complete(t.params).items()) for t in study.trials}
    study.sampler = JointSampler(SPACE, seed=9)
    study.optimize(lambda trial: loss(SPACE.suggest(trial)), n_trials=12)
    later = study.trials[30:]
    assert not known & {frozenset(SPACE.complete(t.params).items()) for t in later}
    assert np.median([t.value for t in later]) < np.median([t.value for t in study.trials[:30]])


def test_failed_and_pruned_trials_do_no_harm():
    def fragile(trial):
        config = SPACE.suggest(trial)
        if config["paradigm"] == "tree":
            raise ValueError("no trees")
        trial.report(loss(config), 0)
        if loss(config) > 1.2:
            raise optuna.TrialPruned
        return loss(config)

    study = optuna.create_study(sampler=JointSampler(SPACE, seed=0))
    study.optimize(fragile, n_trials=100, catch=ValueError)
    states = {trial.state.name for trial in study.trials}
    assert states == {"COMPLETE", "PRUNED", "FAIL"}
    assert study.best_value < 0.4


def test_asking_for_several_before_telling_gives_different_ones():
    study = optuna.create_study(sampler=JointSampler(SPACE, seed=0))
    for _ in range(10):
        trials = [study.ask() for _ in range(8)]
        configs = [SPACE.suggest(trial) for trial in trials]
        assert len({frozenset(c.items()) for c in configs}) == 8
        for trial, config in zip(trials, configs, strict=True):
            study.tell(trial, loss(config))


def test_what_is_not_part_of_the_space_is_drawn_at_random():
    study = optuna.create_study(sampler=JointSampler(SPACE, seed=0))
    study.optimize(lambda t: loss(SPACE.suggest(t)) + t.suggest_float("noise", 0, 1), n_trials=10)
    assert all(0 <= t.params["noise"] <= 1 for t in study.trials)


@pytest.mark.parametrize("timed", [False, True])
def test_what_takes_long_is_proposed_less_while_time_is_left(timed):
    space = Space(paradigm=Choice({b: {"x": Float(0, 1)} for b in ("fast", "slow")}))
    start = datetime(2026, 1, 1)

    def later(share):
        rng = np.random.default_rng(0)
        study = optuna.create_study(sampler=JointSampler(space, 0, share_left=lambda: share))
        for i in range(24):
            branch = ("fast", "slow")[i % 2]
            config = {"paradigm": branch, f"paradigm/{branch}/x": rng.random()}
            seconds = 1 if branch == "fast" else 100
            # What waits for others, or passes more folds, takes no longer by itself.
            n_folds = 200 if branch == "fast" else 1
            told = {
                "fold_scores": [0.5] * n_folds,
                "fit_seconds": float(seconds * n_folds),
                "predict_seconds": 0.0,
            }
            study.add_trial(
                optuna.trial.FrozenTrial(
                    number=i,
                    trial_id=i,
                    state=optuna.trial.TrialState.COMPLETE,
                    value=rng.random(),
                    params=config,
                    distributions=space.distributions(config),
                    datetime_start=start,
                    datetime_complete=start
                    + timedelta(seconds=100 / seconds if timed else seconds),
                    intermediate_values={},
                    user_attrs=told if timed else {},
                    system_attrs={},
                )
            )
        asked = [space.suggest(study.ask())["paradigm"] for _ in range(20)]
        return asked.count("slow")

    assert later(1.0) < later(0.0)


def test_a_root_with_one_branch_left_is_still_learned():
    space = Space(
        paradigm=Choice({"only": {"x": Float(0, 1), "y": Float(0, 1), "z": Float(0, 1)}})
    )
    study = optuna.create_study(sampler=JointSampler(space, seed=0))

    def miss(trial):
        config = space.suggest(trial)
        return sum((v - 0.7) ** 2 for v in config.values() if isinstance(v, float))

    study.optimize(miss, n_trials=40)
    assert study.best_value < 1e-3


def test_the_callers_threads_are_left_as_they_were():
    study = optuna.create_study(sampler=JointSampler(SPACE, seed=0))
    before = [library["num_threads"] for library in threadpool_info()]
    study.optimize(lambda trial: len(SPACE.suggest(trial)), n_trials=8)
    assert [library["num_threads"] for library in threadpool_info()][: len(before)] == before


def test_steps_that_are_not_finite_teach_nothing():
    """A network that diverges reports infinity or NaN before it recovers, fails or is pruned."""
    space = Space(hyperparameters={"x": Float(0, 1)})
    study = optuna.create_study(sampler=JointSampler(space, seed=0))

    def objective(trial):
        x = space.suggest(trial)["hyperparameters/x"]
        trial.report(np.inf if x > 0.5 else np.nan, 0)
        trial.report(x, 1)
        if trial.number % 3 == 0:
            trial.report(np.nan, 2)
            raise optuna.TrialPruned
        return x

    study.optimize(objective, n_trials=25)
    assert study.best_value < 0.05


def test_a_pruner_may_show_a_part_of_the_trials():
    """Hyperband shows those of one bracket, whose numbers are not their places."""
    pruner = optuna.pruners.HyperbandPruner(min_resource=1, max_resource=9, reduction_factor=3)
    study = optuna.create_study(sampler=JointSampler(SPACE, seed=0), pruner=pruner)
    configs = []

    def objective(trial):
        configs.append(SPACE.suggest(trial))
        for step in range(9):
            trial.report(loss(configs[-1]) + 1 / (1 + step), step)
            if trial.should_prune():
                raise optuna.TrialPruned
        return loss(configs[-1])

    study.optimize(objective, n_trials=60)
    assert len({frozenset(c.items()) for c in configs}) == len(configs)
    assert study.best_value < 0.4


def test_trials_outside_the_space_are_passed_over():
    """Of a wider range, another option, or another value of what is frozen now."""
    x, branch = "hyperparameters/x", "paradigm"
    space = Space(hyperparameters={"x": Int(0, 5)}, paradigm=Choice({"a": {}, "b": {}}))
    space = space.freeze({branch: "a"})
    study = optuna.create_study()
    for number, label in [(50, "a"), (1, "a"), (3, "c"), (4, "b"), (0, "a"), (2, "a")]:
        study.enqueue_trial({x: number, branch: label})
    study.optimize(
        lambda t: t.suggest_int(x, 0, 99) + len(t.suggest_categorical(branch, list("abc"))),
        n_trials=6,
    )
    study = continued(study, JointSampler(space, seed=0))
    assert {space.suggest(study.ask())[x] for _ in range(3)} == {3, 4, 5}


def test_a_value_enqueued_out_of_range_fails_that_trial_alone():
    space = Space(hyperparameters={"x": Int(0, 5)})
    study = optuna.create_study(sampler=JointSampler(space, seed=0))
    study.enqueue_trial({"hyperparameters/x": 7})
    with pytest.warns(UserWarning, match="out of range"):
        study.optimize(lambda t: len(space.suggest(t)), n_trials=1, catch=ValueError)
    study.optimize(lambda t: len(space.suggest(t)), n_trials=6)
    assert {t.params["hyperparameters/x"] for t in study.trials[1:]} == set(range(6))


@pytest.mark.parametrize("state", ["RUNNING", "FAIL", "WAITING"])
def test_a_trial_without_parameters_is_none_of_the_default_configuration(state):
    space = Space(hyperparameters={"x": Float(0, 1)})
    study = optuna.create_study(sampler=JointSampler(space, seed=0))
    asked, other = study.ask(), study.ask()
    if state == "FAIL":
        study.tell(other, state=optuna.trial.TrialState.FAIL)
    if state == "WAITING":
        study.tell(other, 0.0)
        study.enqueue_trial({"hyperparameters/x": 0.2})
    assert study.trials[-1].state.name == state
    assert space.suggest(asked) == space.complete({})


def test_threads_share_it_and_copies_go_on_alike():
    def objective(trial):
        time.sleep(0.001)  # for other threads to begin
        return loss(SPACE.suggest(trial))

    study = optuna.create_study(sampler=JointSampler(SPACE, seed=0))
    study.optimize(objective, n_trials=60, n_jobs=4)
    configs = {frozenset(SPACE.complete(trial.params).items()) for trial in study.trials}
    assert len(configs) == len(study.trials) == 60
    assert study.best_value < 0.4
    copies = [copy.deepcopy(study), pickle.loads(pickle.dumps(study))]
    assert len({frozenset(SPACE.suggest(s.ask()).items()) for s in [study, *copies]}) == 1


@pytest.mark.parametrize("names", [(None, None), ("same", "same")])
def test_another_study_is_begun_anew(names):
    space = Space(hyperparameters={"k": Int(1, 9)})
    sampler = JointSampler(space, seed=0)
    studies = [optuna.create_study(sampler=sampler, study_name=name) for name in names]
    for study in studies:
        study.optimize(lambda trial: sum(space.suggest(trial).values()), n_trials=7)
    for _ in range(2):
        for study in studies:
            study.tell(trial := study.ask(), sum(space.suggest(trial).values()))
    for study in studies:
        assert {t.params["hyperparameters/k"] for t in study.trials} == set(range(1, 10))


def test_a_branch_in_which_nothing_is_left_is_not_proposed_again():
    few = {"bayes": {}, "grid": {"k": Int(1, 3)}}
    space = Space(paradigm=Choice({**few, "net": {"x": Float(0, 1), "y": Float(0, 1)}}))
    x, y = "paradigm/net/x", "paradigm/net/y"
    study, configs = run(space, lambda c: (c.get(x, 0.3) - 0.7) ** 2 + c.get(y, 0.5) ** 2, 120)
    assert len({frozenset(c.items()) for c in configs}) == len(configs)
    assert study.best_value < 1e-3


@pytest.mark.parametrize("low", [1e9, -1e7])
def test_steps_far_from_zero_are_searched(low):
    space = Space(hyperparameters={"x": Float(low, low + 10, step=0.01)})
    x = "hyperparameters/x"
    study, configs = run(space, lambda config: abs(config[x] - (low + 7.31)), 40)
    assert [config[x] for config in configs] == [trial.params[x] for trial in study.trials]
    assert len({config[x] for config in configs}) == 40
    assert study.best_value < 0.005


def found_beside(extreme, is_extreme):
    """Return the median over seeds of the best score that is not extreme."""
    space = Space(hyperparameters={name: Float(0, 1) for name in "xyz"})

    def objective(trial):
        x = np.array([*space.suggest(trial).values()])
        return extreme if is_extreme(trial.number, x) else float(((x - 0.7) ** 2).sum())

    best = []
    for seed in range(3):
        study = optuna.create_study(sampler=JointSampler(space, seed=seed))
        study.optimize(objective, n_trials=50)
        best.append(min(trial.value for trial in study.trials if abs(trial.value) < 3))
    return np.median(best)


def test_scores_far_worse_than_most_do_not_hide_the_others():
    """Of models that diverge when a rate is large, or penalties."""
    assert found_beside(1e9, lambda _, x: x[0] > 0.8) < 0.02


def test_an_infinitely_good_score_does_not_hide_the_others():
    assert found_beside(-np.inf, lambda number, _: number == 7) < 0.02
