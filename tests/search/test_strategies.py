"""Strategies run by hand, without data, Optuna or clocks; then through the engine."""

from __future__ import annotations

import math

import pytest

from jointopt import Categorical, Choice, Float, Int, Repeat, Space, Subset, search
from jointopt.search.alternating import alternating
from jointopt.search.catalogue import STRATEGIES, get_strategy
from jointopt.search.strategies import (
    Evaluated,
    Stage,
    StageResult,
    exhaustive,
    joint,
    sequential,
)

SPACE = Space(
    transforms={"scale": Categorical(["none", "standard", "quantile"])},
    features={"columns": Subset(["a", "b", "c", "d", "e"])},
    paradigm=Choice(
        {
            "knn": {"hyperparameters": {"k": Int(1, 9)}},
            "mlp": {
                "architecture": {"depth": Int(1, 3), "width": Repeat("depth", Int(8, 64))},
                "hyperparameters": {"rate": Float(0.01, 1, log=True)},
            },
        }
    ),
)
USEFUL = {"features/columns/b", "features/columns/d"}


def value(config, trial=None):
    """Best with quantiles, columns b and d, and knn with k = 7; scale and paradigm interact."""
    del trial
    columns = {p for p, on in config.items() if p.startswith("features/columns/") and on}
    score = -0.1 * len(columns ^ USEFUL)
    if config["paradigm"] == "knn":
        score -= 0.02 * abs(config["hyperparameters/knn/k"] - 7)
        score += {"none": 0.0, "standard": 0.05, "quantile": 0.2}[config["transforms/scale"]]
    else:
        score += {"none": 0.1, "standard": 0.08, "quantile": -0.2}[config["transforms/scale"]]
    return score


def evaluate(stage, limit=20):
    configs = [config for config, _ in zip(stage.proposals, range(limit), strict=False)]
    return StageResult(tuple(Evaluated(c, value(c), complete=True) for c in configs))


def play(plan, n_stages=100):
    """Run a plan by hand: each stage evaluates its proposals."""
    stages = [next(plan)]
    while len(stages) < n_stages:
        try:
            stages.append(plan.send(evaluate(stages[-1])))
        except StopIteration:
            break
    return stages


def test_joint_is_one_stage_with_all_free():
    (stage,) = play(joint(SPACE, [SPACE.default()], 0))
    assert stage.space == SPACE
    assert stage.proposals == [SPACE.default()]


def test_sequential_settles_axis_by_axis_and_passes_over_what_has_no_choice():
    stages = play(sequential(SPACE, [SPACE.default()], 0))
    assert [s.study for s in stages] == [
        "sequential/0-starts",
        "sequential/1-transforms",
        "sequential/2-features",
        "sequential/3-paradigm",
        "sequential/5-hyperparameters",
    ], "knn has no architecture"
    for stage in stages[1:]:
        axis = stage.study.partition("-")[2]
        free = set(stage.space.distributions(stage.space.default()))
        assert {path.split("/")[0] for path in free} == {axis}
    assert [s.share for s in stages[1:]] == pytest.approx([1 / 5, 1 / 4, 1 / 3, 1 / 1])


def test_sequential_keeps_earlier_winners_and_searches_a_network_s_shape():
    plan = sequential(SPACE, [SPACE.default()], 0)
    next(plan)
    start = Evaluated(SPACE.default(), 0.0, complete=True)
    plan.send(StageResult((start,)))
    won = SPACE.complete({"transforms/scale": "standard"})
    stage = plan.send(StageResult((Evaluated(won, 1.0, complete=True),)))
    assert stage.study == "sequential/2-features"
    assert stage.space.default()["transforms/scale"] == "standard"
    stage = plan.send(StageResult((Evaluated(won, 0.5, complete=True),)))
    network = SPACE.complete({"transforms/scale": "standard", "paradigm": "mlp"})
    stage = plan.send(StageResult((Evaluated(network, 2.0, complete=True),)))
    assert stage.study == "sequential/4-architecture"
    assert stage.space.frozen["paradigm"] == "mlp"


def test_order_and_shares_of_a_sequential_search_can_be_set():
    plan = sequential(
        SPACE,
        [SPACE.default()],
        0,
        order=["paradigm", "hyperparameters"],
        shares={"paradigm": 1, "hyperparameters": 3},
    )
    stages = play(plan)
    assert [s.study for s in stages[1:]] == [
        "sequential/1-paradigm",
        "sequential/2-hyperparameters",
    ]
    assert stages[1].share == pytest.approx(0.25)


def test_exhaustive_proposes_every_point_once():
    finite = SPACE.prune(["paradigm/mlp"])
    (stage,) = play(exhaustive(finite, [], 0))
    keys = {frozenset(config.items()) for config in stage.proposals}
    # `play` has taken 21 of them already.
    assert len(keys) == finite.size().joint - 21 == 3 * 31 * 9 - 21


def test_alternating_takes_turns_and_each_half_sees_the_other_s_result():
    stages = play(alternating(SPACE, [SPACE.default()], 0), n_stages=41)
    halves = [(s.notes["round"], s.notes["half"]) for s in stages]
    assert halves[:5] == [
        (0, "starts"),
        (1, "features"),
        (1, "genetic"),
        (2, "features"),
        (2, "genetic"),
    ]
    assert {s.study for s in stages} == {"alternating"}
    best = -math.inf
    incumbent = None
    for stage in stages:
        for config in stage.proposals:
            SPACE.validate(config)
            if stage.notes["half"] == "genetic" and incumbent is not None:
                mask = {p: v for p, v in config.items() if p.startswith("features/")}
                assert mask.items() <= incumbent.items(), "children keep the surviving columns"
            if stage.notes["half"] == "features":
                changed = {p for p in config if config[p] != incumbent.get(p)}
                assert all(p.startswith("features/") for p in changed)
        for config in stage.proposals:
            if value(config) > best:
                best, incumbent = value(config), config


def test_alternating_drops_what_matters_least_and_offers_it_again():
    plan = alternating(SPACE, [SPACE.default()], 0)
    next(plan)
    importances = {
        f"features/columns/{c}": float(c in "bd") + 0.01 * i for i, c in enumerate("abcde")
    }
    start = Evaluated(SPACE.default(), 0.0, complete=True)
    stage = plan.send(StageResult((start,), importances))
    off = [{p for p, on in c.items() if on is False} for c in stage.proposals]
    assert {"features/columns/a"} in off
    smaller = SPACE.complete({"features/columns/a": False, "features/columns/e": False})
    stage = plan.send(StageResult((Evaluated(smaller, 1.0, complete=True),)))
    stage = plan.send(StageResult(()))
    back = [c for c in stage.proposals if c["features/columns/a"]]
    assert back


def test_alternating_offers_dropped_columns_again_where_nothing_ranks_columns():
    space = Space(features={"columns": Subset([f"c{i}" for i in range(30)])})
    plan = alternating(space, [space.default()], 0)
    next(plan)
    smaller = space.complete({"features/columns/c0": False, "features/columns/c1": False})
    stage = plan.send(StageResult((Evaluated(smaller, 1.0, complete=True),)))
    n_columns = [sum(config.values()) for config in stage.proposals]
    assert sorted(n_columns) == [23, 26, 27, 29, 29]


def test_alternating_goes_on_without_gains():
    plan = alternating(SPACE, [SPACE.default()], 0)
    stage, n_tried = next(plan), 0
    for number in range(200):
        n_tried += len(stage.proposals)
        worse = (Evaluated(c, -1.0 - number, complete=True) for c in stage.proposals)
        stage = plan.send(StageResult(tuple(worse)))
    assert n_tried > 300


def test_alternating_ends_where_nothing_is_left_to_try():
    space = Space(
        features={"columns": Subset(["a", "b"])},
        paradigm=Choice({"knn": {"hyperparameters": {"k": Int(1, 3)}}}),
    )
    found = search(space, lambda *_: 0.0, "alternating", n_trials=None)
    tried = {frozenset(record.config.items()) for record in found.records}
    assert 3 < len(tried) == len(found.trials) <= space.size().joint


def test_alternating_passes_over_columns_that_are_never_there():
    """Pruned to the one branch for which they are refused."""
    never = Subset(["a", "b", "c"], unless={"paradigm": ["tree"]})
    for others in ({}, {"columns": Subset(["a", "b", "c"])}):
        space = Space(
            features={"never": never, **others},
            paradigm=Choice({"tree": {}, "knn": {}}),
            hyperparameters={"k": Int(1, 50)},
        ).prune(["paradigm/knn"])
        found = search(space, lambda c, _: c["hyperparameters/k"], "alternating", n_trials=30)
        halves = {record.trial.user_attrs["half"] for record in found.records}
        assert ("features" in halves) == bool(others)


@pytest.mark.parametrize("name", [n for n in STRATEGIES if n != "exhaustive"])
def test_every_strategy_runs_counts_its_starts_and_repeats_itself(name):
    found, again = (search(SPACE, value, name, n_trials=60, seed=4) for _ in range(2))
    assert len(found.trials) <= 60
    assert found.records[0].config == SPACE.default()
    assert [r.config for r in found.records] == [r.config for r in again.records]
    assert all(value(r.config) == r.trial.value for r in found.records)
    for record in found.records:
        SPACE.validate(record.config)
    assert found.best_score > value(SPACE.default())


@pytest.mark.parametrize("name", ["sequential", "alternating"])
def test_no_stage_evaluates_again_what_another_one_did(name):
    evaluated = []

    def objective(config, _):
        evaluated.append(frozenset(config.items()))
        return value(config)

    found = search(SPACE, objective, name, n_trials=60, seed=1)
    assert len(evaluated) == len(set(evaluated)) == len(found.trials)


def test_a_stage_begins_with_what_others_know_of_its_part_of_the_space():
    space = Space(
        paradigm=Categorical(["a", "b"], default="a"),
        hyperparameters={"k": Int(1, 6), "z": Float(0, 1, default=0.5)},
    )
    first = [
        {"paradigm": p, "hyperparameters/k": k, "hyperparameters/z": z}
        for p, k, z in [("a", 1, 0.5), ("a", 2, 0.5), ("a", 3, 0.2), ("b", 4, 0.5), ("b", 1, 0.5)]
    ]

    def two_stages(space, *_):
        yield Stage("1-first", space, first)
        held = space.freeze({"paradigm": "a", "hyperparameters/z": 0.5}, ["paradigm"])
        yield Stage("2-second", held, [first[1], first[0]], sampler="joint")

    found = search(space, lambda config, _: config["hyperparameters/k"], two_stages, n_trials=30)
    stages = found.trials["stage"].value_counts().to_dict()
    assert stages == {"1-first": 5, "2-second": 4}, "two of six points were known"
    rest = {r.config["hyperparameters/k"] for r in found.records if r.stage == "2-second"}
    assert rest == {3, 4, 5, 6}


def test_sequential_studies_share_a_storage(tmp_path):
    import optuna

    url = f"sqlite:///{tmp_path / 's.db'}"
    search(SPACE, value, "sequential", n_trials=40, storage=url, name="t")
    names = optuna.study.get_all_study_names(url)
    assert "t/sequential/1-transforms" in names
    assert "t/sequential/5-hyperparameters" in names


def test_exhaustive_finds_the_optimum_of_a_finite_space():
    finite = SPACE.prune(["paradigm/mlp"])
    found = search(finite, value, "exhaustive", n_trials=None)
    assert len(found.trials) == finite.size().joint
    assert found.best_score == pytest.approx(0.2)


def test_rounds_and_halves_are_told_with_each_trial():
    found = search(SPACE, value, "alternating", n_trials=50)
    notes = {(r.trial.user_attrs["round"], r.trial.user_attrs["half"]) for r in found.records}
    assert {(0, "starts"), (1, "features"), (1, "genetic")} <= notes


def test_names_are_those_of_the_contract():
    assert list(STRATEGIES) == ["joint", "sequential", "alternating", "random", "exhaustive"]
    assert get_strategy(joint) is joint
