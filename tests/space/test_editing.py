from __future__ import annotations

import pytest

from jointopt.errors import SpaceError
from jointopt.space import Categorical, Choice, Int, Repeat, Space, Subset


@pytest.fixture
def space():
    unless = {"paradigm": ["trees"]}
    return Space(
        transforms={
            "numeric": {
                "scale": Categorical(["none", "box_cox"], default="box_cox", unless=unless),
                "derive": Choice({"none": {}, "products": {"n": Int(1, 2)}}, "products", unless),
            },
            "text": {"words": Int(1, 2)},
        },
        features={"columns": Subset(["a", "b"])},
        paradigm=Choice(
            {
                "trees": {"hyperparameters": {"leaves": Int(1, 2)}},
                "mlp": {"architecture": {"depth": Int(1, 2), "width": Repeat("depth", Int(1, 2))}},
            }
        ),
    )


@pytest.mark.parametrize(
    ("path", "gone"),
    [
        ("transforms/text", {"transforms/text/words"}),
        ("transforms/text/words", {"transforms/text/words"}),
        ("transforms/numeric/scale", {"transforms/numeric/scale"}),
        ("transforms/numeric/derive",
         {"transforms/numeric/derive", "transforms/numeric/derive/products/n"}),
        ("transforms/numeric/derive/products", {"transforms/numeric/derive/products/n"}),
        ("transforms/numeric/derive/none", set()),
        ("paradigm/trees", {"hyperparameters/trees/leaves"}),
        ("hyperparameters/trees", {"hyperparameters/trees/leaves"}),
        ("hyperparameters", {"hyperparameters/trees/leaves"}),
        ("architecture/mlp/width", {"architecture/mlp/width/0", "architecture/mlp/width/1"}),
        ("features/columns/a", {"features/columns/a"}),
        ("features", {"features/columns/a", "features/columns/b"}),
        ("transforms/numeric/scale/box_cox", set()),
    ],
)  # fmt: skip
def test_prune(space, path, gone):
    pruned = space.prune([path])
    assert set(space.parameters) - set(pruned.parameters) == gone
    pruned.validate(pruned.default())
    assert Space.from_yaml(pruned.to_yaml()) == pruned


def test_a_pruned_default_becomes_the_first_that_is_left(space):
    pruned = space.prune(
        ["transforms/numeric/scale/box_cox", "transforms/numeric/derive/products"]
    )
    default = pruned.complete({"paradigm": "mlp"})
    assert default["transforms/numeric/scale"] == "none"
    assert default["transforms/numeric/derive"] == "none"
    assert space.prune(["paradigm/trees"]).default()["paradigm"] == "mlp"


def test_conditions_on_what_is_gone_are_forgotten(space):
    without = space.prune(["paradigm"])
    assert without.decisions[0].conditions == ()
    assert "transforms/numeric/scale" in without.default()


def test_conditions_on_what_is_in_a_pruned_group_are_forgotten():
    unless = {"transforms/numeric/products": [True]}
    space = Space(
        transforms={"numeric": {"products": Categorical([False, True])}},
        features={"keep": Int(1, 2, unless=unless)},
        architecture={
            "depth": Int(1, 2),
            "layer": Repeat("depth", {"width": Int(1, 2, unless=unless)}),
        },
    )
    assert "features/keep" not in space.complete({"transforms/numeric/products": True})
    for path in ("transforms/numeric/products", "transforms/numeric", "transforms"):
        pruned = space.prune([path])
        assert set(space.parameters) - set(pruned.parameters) == {"transforms/numeric/products"}
        assert not [c for d in pruned.decisions for c in d.conditions if path in c.path]
        assert Space.from_yaml(pruned.to_yaml()) == pruned


def test_conditions_of_copies_on_a_pruned_option_are_forgotten():
    body = {"width": Int(1, 2, unless={"transforms": ["squash"]})}
    space = Space(
        transforms=Categorical(["none", "squash"]),
        architecture={"depth": Int(1, 2), "layer": Repeat("depth", body)},
    )
    pruned = space.prune(["transforms/squash"])
    assert "architecture/layer/0/width" in pruned.default()


def test_frozen_values_follow(space):
    frozen = space.freeze({"paradigm": "trees", "transforms/text/words": 2})
    assert frozen.prune(["transforms/text"]).frozen == {"paradigm": "trees"}
    assert frozen.prune(["paradigm/trees"]).frozen == {"transforms/text/words": 2}
    columns = space.freeze({"features/columns/a": False})
    assert columns.prune(["features/columns/b"]).frozen == {}


@pytest.mark.parametrize(
    ("paths", "match"),
    [
        (
            ["paradigm/tree"],
            r"'paradigm/tree' cannot be pruned: .*; did you mean 'paradigm/trees'",
        ),
        (["paradigm/trees", "paradigm/mlp"], "paradigm: cannot be pruned of its last branch"),
        (["features/columns/a", "features/columns/b"], "columns: cannot be pruned of its last"),
        (["architecture/mlp/depth"], "architecture/mlp/width: repeats 'depth', which must be"),
    ],
)
def test_prune_refuses(space, paths, match):
    with pytest.raises(SpaceError, match=match):
        space.prune(paths)


def test_bind_reaches_every_subset():
    space = Space(
        features=Choice({"all": {}, "mask": {"group": {"columns": Subset("table")}}}),
        other={"n": Int(1, 2), "each": Repeat("n", {"columns": Subset("table")})},
    ).freeze({"features": "mask"})
    bound = space.bind({"table": ["a"]})
    assert "features/mask/group/columns/a" in bound.parameters
    assert "other/each/1/columns/a" in bound.parameters
    assert bound.frozen == {"features": "mask"}
    with pytest.raises(SpaceError, match="members must hold at least one name"):
        space.bind({"table": []})
