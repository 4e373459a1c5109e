"""Axes alone and together: known decompositions are found, and too little evidence is said."""

from __future__ import annotations

import numpy as np
import pytest

from jointopt import Categorical, Choice, Float, Int, OptionError, Space, Subset, search
from jointopt.insight.axis_analysis import axis_interactions
from jointopt.insight.variance import hybrids, nested_axes, variance_by_axes

SPACE = Space(transforms={"x": Float(-1, 1)}, hyperparameters={"z": Float(-1, 1)})
NESTED = Space(
    transforms={"x": Float(-1, 1)},
    paradigm=Choice({name: {"hyperparameters": {"z": Float(-1, 1)}} for name in "ab"}),
)


def learn(space, score, strategy="random", n_trials=150, direction="maximize", **options):
    found = search(
        space, lambda config, _: score(config), strategy, n_trials=n_trials, direction=direction
    )
    return axis_interactions(found, space, **options)


def shares(found):
    frame = found.frame()
    return dict(
        zip(zip(frame["first"], frame["second"], strict=True), frame["share"], strict=True)
    )


def test_axes_that_add_up_do_not_interact():
    found = learn(SPACE, lambda c: 2 * c["transforms/x"] + c["hyperparameters/z"], best_share=1.0)
    known = shares(found)
    assert known["transforms", ""] == pytest.approx(0.8, abs=0.05)
    assert known["hyperparameters", ""] == pytest.approx(0.2, abs=0.05)
    assert known["transforms", "hyperparameters"] < 0.01
    assert sum(known.values()) == pytest.approx(1)
    assert found.price.loss < 0.1
    assert found.price.pair is None
    assert (found.frame()["low"] <= found.frame()["share"]).all()


@pytest.mark.parametrize("direction", ["maximize", "minimize"])
def test_a_product_is_all_interaction(direction):
    sign = 1 if direction == "maximize" else -1
    found = learn(
        SPACE,
        lambda c: sign * c["transforms/x"] * c["hyperparameters/z"],
        direction=direction,
        best_share=1.0,
    )
    assert shares(found)["transforms", "hyperparameters"] > 0.95
    assert found.leading_pair == ("transforms", "hyperparameters")
    text = {str(cell) for line in found.plot().data[0].text for cell in line}
    assert any(cell.startswith(("9", "100")) for cell in text)


def test_a_sequence_that_walks_into_a_trap_pays_for_it():
    def score(config):
        x, z = config["transforms/x"], config["hyperparameters/z"]
        return np.exp(-8 * ((x - 0.7) ** 2 + (z - 0.7) ** 2)) - 0.3 * x * (z < 0.4)

    found = learn(SPACE, score, "joint", 200)
    assert found.price.loss > 0.2
    assert found.price.low <= found.price.loss <= found.price.high
    assert found.price.pair == ("transforms", "hyperparameters")
    assert "rmse worse than the joint optimum" in found.conclusion("rmse")


def test_what_hyperparameters_do_in_their_branch_is_their_own():
    def score(config):
        z = {"a": 1.0, "b": -1.0}[config["paradigm"]]
        return z * config[f"hyperparameters/{config['paradigm']}/z"]

    assert nested_axes(NESTED) == {"hyperparameters": frozenset({"paradigm"})}
    found = learn(NESTED, score, best_share=1.0)
    known = shares(found)
    assert ("paradigm", "hyperparameters") not in known
    assert known["hyperparameters", ""] > 0.9


def test_the_estimate_is_that_of_the_closed_form():
    # x + 2 y z of independent standard normal variables: 1/5 alone, 4/5 of one pair.
    rng = np.random.default_rng(0)
    pair = rng.normal(size=(2, 40_000, 3))
    at = hybrids(*pair, [np.array([j]) for j in range(3)])
    values = at[..., 0] + 2 * at[..., 1] * at[..., 2]
    found = variance_by_axes(values, np.ones(len(values)), ["x", "y", "z"], {})
    exact = {frozenset("x"): 1.0, frozenset("yz"): 4.0}
    assert len(found) == 7
    for axes, variance in found.items():
        assert variance == pytest.approx(exact.get(axes, 0.0), abs=0.15)
    assert sum(found.values()) == pytest.approx(5, abs=0.2)


def test_a_paradigm_without_parameters_may_be_the_best():
    """It is half of the space and two configurations, which score the same."""
    body = {"hyperparameters": {"z": Float(0, 1)}}
    space = Space(
        transforms={"s": Categorical(["a", "b"])}, paradigm=Choice({"plain": {}, "other": body})
    )

    def score(config):
        return config.get("hyperparameters/other/z", 2.0) / 2

    found = learn(space, score)
    assert found.is_reliable
    assert shares(found)["paradigm", ""] > 0.95
    assert found.best_share == pytest.approx(0.5, abs=0.02)
    assert "Of what sets the best 50 % apart" in found.conclusion()


def test_noise_is_not_told_as_if_it_were_evidence():
    rng = np.random.default_rng(0)
    found = learn(SPACE, lambda _: rng.normal())
    assert not found.is_reliable
    assert "do not suffice" in found.conclusion()


def test_what_cannot_be_told_is_refused():
    def add(config):
        return config["transforms/x"] + config["hyperparameters/z"]

    with pytest.raises(OptionError, match="20 trials have a score"):
        learn(SPACE, add, n_trials=20)
    with pytest.raises(OptionError, match="by the joint strategy"):
        learn(SPACE, add, "sequential", 150)
    with pytest.raises(OptionError, match="same score"):
        learn(SPACE, lambda _: 1.0, n_trials=100)
    with pytest.raises(OptionError, match="hardly any trial has another score"):
        learn(SPACE, lambda c: float(c["transforms/x"] > -0.95), n_trials=100)
    with pytest.raises(OptionError, match="one axis"):
        learn(SPACE.freeze({"transforms/x": 0.0}), add, n_trials=5)
    with pytest.raises(OptionError, match="best_share"):
        learn(SPACE, add, n_trials=5, best_share=0.0)


def flat(n_axes):
    """Return a space of bare nodes, each an axis of its own, and its score."""
    names = [f"x{i}" for i in range(n_axes)]
    space = Space(**dict.fromkeys(names, Float(0, 1)))
    return space, lambda config: sum(config[name] for name in names)


def test_more_axes_than_draws_suffice_for_are_refused():
    found = learn(*flat(7))
    known = shares(found)
    # By a million draws of the sum itself.
    assert sum(known[axis, ""] for axis in found.axes) == pytest.approx(0.29, abs=0.06)
    with pytest.raises(OptionError, match=r"8 axes with .* at most 7: group"):
        learn(*flat(8))


def test_axes_with_nothing_to_decide_are_left_out():
    space = Space(
        transforms={"x": Float(0, 1), "only": Categorical(["standard"])},
        features={"columns": Subset(["age"])},
        paradigm=Choice({"linear": {}, "mlp": {"architecture": {"depth": Int(1, 3)}}}),
        hyperparameters={"z": Float(0, 1)},
        constants={"depth": Int(2, 2), "width": Float(0.5, 0.5)},
    ).freeze({"paradigm": "linear"})
    found = learn(space, lambda c: c["transforms/x"] * c["hyperparameters/z"], n_trials=110)
    assert found.axes == ["transforms", "hyperparameters"]
    assert found.n_trials == 110


def test_one_member_left_of_a_subset_is_nothing_to_decide():
    space = Space(
        transforms={"x": Float(0, 1)},
        features={"columns": Subset(["age", "bmi"])},
        hyperparameters={"z": Float(0, 1)},
    ).freeze({"features/columns/bmi": False})
    found = learn(space, lambda c: c["transforms/x"] * c["hyperparameters/z"], n_trials=110)
    assert found.axes == ["transforms", "hyperparameters"]


def test_a_study_is_read_like_the_search_that_made_it():
    space = Space(transforms={"s": Categorical(["a", "b"])}, hyperparameters={"z": Float(0, 1)})
    found = search(
        space,
        lambda c, _: c["hyperparameters/z"] * (c["transforms/s"] == "a"),
        "random",
        n_trials=120,
    )
    study = next(iter(found.studies.values()))
    one, other = axis_interactions(found, space), axis_interactions(study, space)
    assert one.frame().equals(other.frame())
