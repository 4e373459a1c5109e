"""What holds for every search space."""

from __future__ import annotations

import pickle
from itertools import islice

import optuna
import pytest
from hypothesis import assume, given, reject, settings
from hypothesis import strategies as st

from jointopt.errors import SpaceError
from jointopt.space import Space, Subset

LIMIT = 3000
unhurried = settings(deadline=None, max_examples=60)


def study(seed):
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=seed))


def projections(space, configs):
    """The distinct assignments of each axis, the slow way."""
    axis_of = {p: d.axis for d in space.decisions for p in d.parameters}
    return {
        axis: len(
            {
                tuple(sorted((p, repr(v)) for p, v in config.items() if axis_of[p] == axis))
                for config in configs
            }
        )
        for axis in space.axis_names
    }


@unhurried
@given(data=st.data())
def test_size_is_the_number_of_enumerated_configurations(data, finite_spaces):
    space = data.draw(finite_spaces)
    size = space.size()
    assume(size.joint <= LIMIT)
    configs = list(space.enumerate())
    assert size.joint == len(configs) == len({repr(c) for c in configs})
    assert dict(size) == projections(space, configs)
    assert size.sequential == sum(size.values())
    assert space.is_finite
    for config in configs[:50]:
        space.validate(config)


@unhurried
@given(data=st.data())
def test_frozen_sizes(data, finite_spaces):
    space = data.draw(finite_spaces)
    assume(space.parameters)
    configs = list(islice(space.enumerate(), LIMIT))
    config = data.draw(st.sampled_from(configs))
    paths = data.draw(st.lists(st.sampled_from(space.parameters), unique=True))
    axes = data.draw(st.lists(st.sampled_from(space.axis_names), max_size=1))
    values = {p: config[p] for p in paths if p in config}
    try:
        frozen = space.freeze(values, axes)
    except SpaceError:
        reject()
    assume(frozen.size().joint <= LIMIT)
    held = list(frozen.enumerate())
    assert frozen.size().joint == len(held)
    assert dict(frozen.size()) == projections(space, held)
    assert all(c.get(p, v) == v for c in held for p, v in values.items())
    for one in held[:20]:
        frozen.validate(one)
        space.validate(one)
    axis_of = {p: d.axis for d in space.decisions for p in d.parameters}
    assert {p for p in space.parameters if axis_of[p] in axes} <= set(frozen.frozen)


@unhurried
@given(data=st.data(), seed=st.integers(0, 1000))
def test_suggestions_are_valid(data, seed, any_spaces):
    space = data.draw(any_spaces)
    sampler = study(seed)
    for _ in range(3):
        trial = sampler.ask()
        config = space.suggest(trial)
        space.validate(config)
        assert list(config) == [p for d in space.active(config) for p in d.parameters]
        assert space.complete(config) == config
        assert space.complete(trial.params) == config
        assert space.suggest(optuna.trial.FixedTrial(config)) == config
        free = space.distributions(config)
        assert set(trial.params) <= set(free)
        assert set(free) == set(config)
        assert all(trial.distributions[p] == free[p] for p in trial.params)


@unhurried
@given(data=st.data(), seed=st.integers(0, 1000))
def test_frozen_parameters_are_not_suggested(data, seed, any_spaces):
    space = data.draw(any_spaces)
    axis = data.draw(st.sampled_from(space.axis_names))
    frozen = space.freeze(axes=[axis])
    trial = study(seed).ask()
    config = frozen.suggest(trial)
    frozen.validate(config)
    space.validate(config)
    assert not set(trial.params) & set(frozen.frozen)
    assert set(config) - set(trial.params) >= set(config) & set(frozen.frozen)
    assert frozen.distributions(config).keys() == set(config) - set(frozen.frozen)


@unhurried
@given(data=st.data())
def test_defaults_are_valid(data, any_spaces):
    space = data.draw(any_spaces)
    space.validate(space.default())
    by_branch = space.defaults_by_branch()
    assert list(by_branch) == list(space.axes["paradigm"].branches)
    for label, config in by_branch.items():
        assert config["paradigm"] == label
        space.validate(config)


@unhurried
@given(data=st.data())
def test_yaml_and_pickle_round_trip(data, any_spaces):
    space = data.draw(any_spaces)
    again = Space.from_yaml(space.to_yaml())
    assert again == space
    assert again.to_yaml() == space.to_yaml()
    assert again.decisions == space.decisions
    assert pickle.loads(pickle.dumps(space)) == space
    assert repr(space).startswith("Space")


@unhurried
@given(data=st.data())
def test_parents_come_first(data, any_spaces):
    space = data.draw(any_spaces)
    seen = set()
    for decision in space.decisions:
        assert {c.path for c in decision.conditions} <= seen
        seen.add(decision.path)


@unhurried
@given(data=st.data())
def test_every_decision_can_be_pruned(data, finite_spaces):
    space = data.draw(finite_spaces)
    decision = data.draw(st.sampled_from(space.decisions))
    assume("/count" not in decision.path)
    copied = any(part.isdigit() for part in decision.path.split("/"))
    assume(not copied)  # one copy of a repeated body cannot be pruned
    pruned = space.prune([decision.path])
    left = set(pruned.parameters)
    assert left < set(space.parameters)
    assert not any(p == decision.path or p.startswith(f"{decision.path}/") for p in left)
    pruned.validate(pruned.default())


@unhurried
@given(data=st.data())
def test_every_branch_can_be_pruned(data, finite_spaces):
    space = data.draw(finite_spaces)
    label = data.draw(st.sampled_from(list(space.axes["paradigm"].branches)))
    if len(space.axes["paradigm"].branches) == 1:
        with pytest.raises(SpaceError, match="last branch"):
            space.prune([f"paradigm/{label}"])
        return
    pruned = space.prune([f"paradigm/{label}"])
    assert (
        pruned.size().joint == space.size().joint - space.freeze({"paradigm": label}).size().joint
    )
    pruned.validate(pruned.default())


@unhurried
@given(data=st.data())
def test_a_group_can_be_pruned_though_conditions_name_what_is_in_it(data, finite_spaces):
    space = data.draw(finite_spaces)
    assume("held" in space.axes)
    pruned = space.prune(["held/group"])
    assert set(pruned.parameters) == {*space.parameters} - {"held/group/mode"}
    pruned.validate(pruned.default())


def test_subset_last_member_is_forced_on():
    space = Space(features={"columns": Subset(["a", "b"])})
    trial = optuna.trial.FixedTrial({"features/columns/a": False})
    assert space.suggest(trial) == {"features/columns/a": False, "features/columns/b": True}
