from __future__ import annotations

import time

import optuna
import pytest

from jointopt.errors import SpaceError
from jointopt.space import (
    Categorical,
    Choice,
    Float,
    Int,
    Repeat,
    Space,
    Subset,
    load_space,
)


def test_paths_of_the_design_page(design):
    assert design.parameters == (
        "transforms/scale",
        "features/columns/age",
        "features/columns/bmi",
        "features/columns/sex",
        "paradigm",
        "hyperparameters/knn/k",
        "architecture/mlp/depth",
        "architecture/mlp/width/0",
        "architecture/mlp/width/1",
        "architecture/mlp/width/2",
        "architecture/mlp/width/3",
        "hyperparameters/mlp/learning_rate",
    )
    assert design.axis_names == (
        "transforms",
        "features",
        "paradigm",
        "architecture",
        "hyperparameters",
    )


def test_size_of_the_design_page(design):
    size = design.size()
    architectures = sum(497**depth for depth in range(1, 5))
    assert dict(size) == {
        "transforms": 3,
        "features": 7,
        "paradigm": 2,
        "architecture": 1 + architectures,
        "hyperparameters": 40 + 10,
    }
    assert size.joint == 3 * 7 * (40 + architectures * 10)
    assert size.resolution == 10
    assert design.size(20)["hyperparameters"] == 60


def test_size_of_independent_axes_is_their_product():
    space = Space(transforms={"a": Int(1, 3), "b": Int(1, 5)}, features=Categorical(["x", "y"]))
    assert space.size().joint == 30
    assert space.size().sequential == 17
    assert "joint=30" in repr(space.size())


def test_size_of_a_huge_space_is_quick():
    space = load_space("tabular").bind({"table": [f"column {i}" for i in range(60)]})
    space.size()
    start = time.perf_counter()
    assert space.size().joint > 10**30
    assert time.perf_counter() - start < 0.5


def test_size_of_any_number_of_digits_is_shown():
    size = Space(features=Subset([f"column {i}" for i in range(15_000)])).size()
    assert size.joint == 2**15_000 - 1
    assert "joint=281796" in repr(size)


def test_nested_choices_and_a_choice_at_the_root_of_an_axis():
    space = Space(
        features=Choice({"all": {}, "ranking": {"keep": Float(0.1, 1)}}),
        paradigm=Choice(
            {
                "svm": {
                    "hyperparameters": {
                        "kernel": Choice({"linear": None, "rbf": {"gamma": Float(0, 1)}})
                    }
                }
            }
        ),
    )
    assert space.parameters == (
        "features",
        "features/ranking/keep",
        "paradigm",
        "hyperparameters/svm/kernel",
        "hyperparameters/svm/kernel/rbf/gamma",
    )
    assert space.default() == {
        "features": "all",
        "paradigm": "svm",
        "hyperparameters/svm/kernel": "linear",
    }


def test_repeated_groups_have_copies():
    body = {"width": Int(1, 2), "act": Categorical(["relu", "tanh"])}
    space = Space(architecture={"layers": Repeat("depth", body), "depth": Int(0, 2)})
    assert space.parameters[0] == "architecture/depth"
    assert "architecture/layers/1/act" in space.parameters
    assert space.size().joint == 1 + 4 + 16


def test_unless_leaves_a_parameter_out():
    space = Space(
        transforms={"scale": Categorical(["a", "b"], unless={"paradigm": ["trees", "removed"]})},
        paradigm=Choice({"trees": {}, "knn": {}}),
    )
    assert space.parameters == ("paradigm", "transforms/scale")
    assert [list(c.values()) for c in space.enumerate()] == [["trees"], ["knn", "a"], ["knn", "b"]]
    assert dict(space.size()) == {"transforms": 3, "paradigm": 2}
    assert set(space.distributions({"paradigm": "trees"})) == {"paradigm"}
    assert set(space.distributions({"paradigm": "knn"})) == {"paradigm", "transforms/scale"}


def test_unless_can_look_at_several_parameters_and_at_none():
    space = Space(
        transforms={
            "on": Categorical([None, 1]),
            "a": Int(1, 2, unless={"paradigm": ["x"], "transforms/on": [None]}),
        },
        paradigm=Categorical(["x", "y"]),
    )
    active = [c for c in space.enumerate() if "transforms/a" in c]
    assert all(c["paradigm"] == "y" and c["transforms/on"] == 1 for c in active)
    assert len(active) == 2


@pytest.mark.parametrize(
    ("axes", "match"),
    [
        ({"a": {"x": Int(1, 2, unless={"pardigm": ["k"]})}, "paradigm": Choice({"k": {}})},
         r"a/x: unless names 'pardigm', which is not a parameter; did you mean 'paradigm'\?"),
        ({"a": {"x": Int(1, 2, unless={"a/y": [1]}), "y": Int(1, 2)}},
         "a/x: unless names 'a/y', which must be a Choice or Categorical that is always"),
        ({"a": {"x": Int(1, 2, unless={"b": ["z"]})}, "b": Categorical(["u", "v"])},
         "a/x: unless/b must list options of b, got 'z'"),
        ({"a": {"w": Repeat("dept", Int(1, 2)), "depth": Int(1, 2)}},
         r"a/w: repeats 'dept', which must be an Int in the same group; did you mean 'depth'\?"),
        ({"a": {"w": Repeat("n", Int(1, 2)), "n": Int(1, 1000)}},
         "a/n: counts copies and must lie from 0 to 256, got low=1 and high=1000"),
        ({"a": {"w": Repeat("n", Int(1, 2)), "n": Int(-1, 1)}}, "must lie from 0"),
        ({"a": {"x/y": Int(1, 2)}}, "name must be a non-empty string without '/', got 'x/y'"),
        ({"a": {"": Int(1, 2)}}, "non-empty"),
        ({"a": {3: Int(1, 2)}}, "name must be a string, got 3"),
        ({"a": {"default": Int(1, 2)}}, "name 'default' is a word of the YAML form"),
        ({"a": {"x": 3}}, "'x' must be a node .* or a mapping, got 3"),
        ({"a": Choice({"k": {"features": {"x": Int(1, 2)}}}),
          "features": {"k": {"x": Int(1, 3)}}}, "features/k/x: two parameters have this path"),
        ({"a": {"x": Subset(["y"]), "x/y": Int(1, 2)}}, "without '/'"),
    ],
)  # fmt: skip
def test_spaces_that_do_not_fit(axes, match):
    with pytest.raises(SpaceError, match=match):
        Space(**axes)


@pytest.mark.parametrize(
    "name", ["stage", "number", "state", "value", "seconds", "reason", "trial", "score"]
)
@pytest.mark.parametrize("node", [Float(0, 1), Choice({"a": {}, "b": {}})])
def test_a_bare_node_has_no_name_of_a_column_of_results(name, node):
    with pytest.raises(SpaceError, match=f"^{name}: results have a column of this name"):
        Space(**{name: node})
    assert Space(**{name: {"x": node}}).parameters == (f"{name}/x",)
    assert Space(**{name: Subset(["a"])}).parameters == (f"{name}/a",)
    with pytest.raises(SpaceError, match=f"line 1, .*{name}: results have a column of this name"):
        Space.from_yaml(f"{name}: {{int: [1, 9]}}")
    assert f"hyperparameters/{name}" in Space(hyperparameters={name: node}).parameters


def test_complete_takes_what_is_active(design):
    config = design.complete(
        {"paradigm": "mlp", "architecture/mlp/depth": 1, "hyperparameters/knn/k": 3}
    )
    assert "hyperparameters/knn/k" not in config
    assert "architecture/mlp/width/1" not in config
    assert config["architecture/mlp/depth"] == 1


@pytest.mark.parametrize(
    ("partial", "match"),
    [
        ({"paradgm": "mlp"}, r"'paradgm' is not a parameter of the space; did you"),
        ({"paradigm": "mpl"}, r"paradigm: value must be one of 'knn', 'mlp', got 'mpl'; did you"),
        ({"hyperparameters/knn/k": 41}, "hyperparameters/knn/k: value must lie from 1 to 40, got"),
        ({"hyperparameters/knn/k": 4.0}, "k: value must be a whole number, got 4.0"),
        ({"hyperparameters/knn/k": True}, "k: value must be a whole number, got True"),
        (dict.fromkeys(["features/columns/age", "features/columns/bmi", "features/columns/sex"],
                       False), "features/columns: at least one member must be True"),
        ({"features/columns/age": 1}, "age: value must be one of False, True, got 1"),
    ],
)  # fmt: skip
def test_complete_refuses(design, partial, match):
    with pytest.raises(SpaceError, match=match):
        design.complete(partial)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"nope": 1}, "nope: is not a parameter"),
        ({"architecture/mlp/depth": 1}, "architecture/mlp/depth: is not active in this"),
        ({"hyperparameters/knn/k": None}, "k: value must be a whole number, got None"),
        ({"hyperparameters/knn/k": ...}, "hyperparameters/knn/k: is active and has no value"),
        ({"paradigm": ["knn"]}, r"paradigm: value must be one of 'knn', 'mlp', got \['knn'\]"),
    ],
)
def test_validate_refuses(design, change, match):
    config = {p: v for p, v in (design.default() | change).items() if v is not ...}
    with pytest.raises(SpaceError, match=match):
        design.validate(config)


def test_validate_lists_a_few_of_many_faults(design):
    with pytest.raises(SpaceError, match="; and 5 more"):
        design.validate(design.default() | {f"unknown {i}": 0 for i in range(13)})


def test_validate_knows_frozen_values(design):
    frozen = design.freeze({"transforms/scale": "quantile"})
    with pytest.raises(SpaceError, match="scale: is frozen at 'quantile', got 'none'"):
        frozen.validate(design.default())


def test_values_are_brought_to_the_grid():
    space = Space(a={"x": Float(0, 1, step=0.1)})
    assert space.complete({"a/x": 0.1 + 0.2}) == {"a/x": 0.3}
    trial = optuna.trial.FixedTrial({"a/x": 0.30000000000000004})
    assert space.suggest(trial) == {"a/x": 0.3}
    with pytest.raises(SpaceError, match=r"value must lie .* in steps of 0.1, got 0.25"):
        space.complete({"a/x": 0.25})


def test_freeze_composes(design):
    first = design.freeze({"paradigm": "mlp", "hyperparameters/knn/k": 7})
    second = first.freeze({"paradigm": "knn"}, axes=["transforms", "hyperparameters"])
    assert second.frozen["paradigm"] == "knn"
    assert second.frozen["hyperparameters/knn/k"] == 7
    assert second.default()["hyperparameters/knn/k"] == 7
    assert second.size().joint == 7
    assert design.frozen == {}
    assert second != design
    assert second.defaults_by_branch().keys() == {"knn"}


def test_freeze_some_members(design):
    columns = {"features/columns/age": False, "features/columns/bmi": False}
    frozen = design.freeze(columns)
    assert frozen.size()["features"] == 1
    assert frozen.suggest(
        optuna.trial.FixedTrial({"transforms/scale": "none", "paradigm": "knn",
                                 "hyperparameters/knn/k": 1})
    )["features/columns/sex"]  # fmt: skip
    with pytest.raises(SpaceError, match="features/columns: at least one member"):
        frozen.freeze({"features/columns/sex": False})


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"values": {"transforms/scal": "none"}}, r"did you mean 'transforms/scale'\?"),
        ({"values": {"transforms/scale": "non"}}, r"scale: value must be one of .*, got 'non'"),
        ({"axes": ["transform"]}, r"'transform' is not an axis .*; did you mean 'transforms'\?"),
    ],
)
def test_freeze_refuses(design, arguments, match):
    with pytest.raises(SpaceError, match=match):
        design.freeze(**arguments)


def test_continuous_spaces_cannot_be_enumerated(design):
    assert not design.is_finite
    with pytest.raises(SpaceError, match="learning_rate: is continuous, so the space cannot be"):
        design.enumerate()
    assert design.freeze({"paradigm": "knn"}).is_finite
    assert design.freeze({"hyperparameters/mlp/learning_rate": 0.01}).is_finite


def test_an_unbound_subset_asks_for_the_table():
    space = Space(features={"columns": Subset("table")})
    for call in (space.size, space.default, space.distributions, lambda: list(space.enumerate())):
        with pytest.raises(SpaceError, match=r"features/columns: .* call space.bind"):
            call()
    bound = space.bind({"table": ["a", "b/c"]})
    assert bound.parameters == ("features/columns/a", "features/columns/b/c")
    assert bound.size().joint == 3
    with pytest.raises(SpaceError, match=r"bind takes {'table': names}, got the keys"):
        space.bind({"tables": ["a"]})


def test_defaults_by_branch_need_a_choice(design):
    with pytest.raises(SpaceError, match="'transforms/scale' is not a choice"):
        design.defaults_by_branch("transforms/scale")


def test_resolution_must_be_positive(design):
    with pytest.raises(SpaceError, match="resolution must be at least 1, got 0"):
        design.size(0)


def test_estimators_are_kept_by_every_edit():
    section = {"classification": "sklearn.naive_bayes.GaussianNB"}
    space = Space(
        features={"columns": Subset("table")},
        paradigm=Choice({"nb": {"estimator": section}, "knn": {"estimator": "x", "k": Int(1, 2)}}),
    )
    assert space.estimators() == {"nb": section, "knn": "x"}
    assert space.bind({"table": ["a"]}).estimators() == space.estimators()
    assert space.prune(["paradigm/knn/k"]).estimators() == space.estimators()
    assert space.prune(["paradigm/knn"]).estimators() == {"nb": section}
    assert Space.from_yaml(space.to_yaml()).estimators() == space.estimators()
    assert Space(a=Int(1, 2)).estimators() == {}


def test_an_empty_space_has_one_configuration():
    space = Space()
    assert list(space.enumerate()) == [{}]
    assert space.size().joint == 1


def test_repr_is_cut():
    space = Space(a={f"x{i}": Int(1, 2) for i in range(60)})
    assert repr(space).endswith("… 21 more lines")
    assert len(repr(space).splitlines()) == 42
    assert repr(space.freeze(axes=["a"])).startswith("Space with 60 frozen")
