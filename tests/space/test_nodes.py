from __future__ import annotations

import numpy as np
import pytest

from jointopt.errors import SpaceError
from jointopt.space import Categorical, Choice, Float, Int, Repeat, Space, Subset


@pytest.mark.parametrize(
    ("node", "default"),
    [
        (Float(0, 1), 0.5),
        (Float(1, 100, log=True), 10.0),
        (Float(0, 1, step=0.25), 0.5),
        (Float(0, 0.5, step=0.1), 0.2),
        (Float(0, 1, default=0.75), 0.75),
        (Float(0, 1, step=0.1, default=0.1 + 0.2), 0.3),
        (Int(1, 4), 2),
        (Int(1, 100, log=True), 10),
        (Int(0, 10, step=5), 5),
        (Int(1, 4, default=4), 4),
        (Int(np.int64(1), np.int64(1)), 1),
        (Categorical(["a", None]), "a"),
        (Categorical(["a", None], None), None),
        (Categorical(["a", "b"], default="b"), "b"),
        (Choice({"a": {}, "b": {}}), "a"),
        (Choice({"a": {}, "b": {}}, "b"), "b"),
    ],
)
def test_defaults(node, default):
    found = Space(a=node).default()["a"]
    assert found == pytest.approx(default) if isinstance(default, float) else found == default
    assert type(found) is type(default)


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda: Float(1, 0), "low must not be above high, got low=1.0 and high=0.0"),
        (lambda: Float("1", 2), "low must be a number, got '1'"),
        (lambda: Float(low=True, high=2), "low must be a number, got True"),
        (lambda: Float(0, float("inf")), "high must be finite, got inf"),
        (lambda: Float(0, 1, log=True), "low must be above 0 on a logarithmic scale, got low=0.0"),
        (lambda: Float(1, 2, log=True, step=0.1), "step cannot be combined with log"),
        (lambda: Float(1, 2, log=1), "log must be True or False, got 1"),
        (lambda: Float(0, 1, step=0.3), "step must divide the range, got low=0.0, high=1.0 and"),
        (lambda: Float(0, 1, step=0), "step must be above 0, got step=0.0"),
        (lambda: Float(0, 1, default=2), "default must lie from 0.0 to 1.0, got 2.0"),
        (lambda: Float(0, 1, step=0.5, default=0.1), "in steps of 0.5, got 0.1"),
        (lambda: Int(1, 2.0), "high must be a whole number, got 2.0"),
        (lambda: Int(1, 10, step=2), "step must divide the range"),
        (lambda: Int(1, 9, step=2, log=True), "step cannot be combined with log, got step=2"),
        (lambda: Int(1, 9, default=10), "default must lie from 1 to 9, got 10"),
        (lambda: Categorical([]), "options must hold at least one value, got none"),
        (lambda: Categorical("abc"), "options must be a list, got 'abc'"),
        (lambda: Categorical([1, True]), "options must differ from each other, got 1 and True"),
        (lambda: Categorical(["a", "a"]), "options must differ"),
        (lambda: Categorical([(1, 2)]), "options must be plain values or None, got"),
        (lambda: Categorical([float("nan")]), "options must be finite, got nan"),
        (lambda: Categorical(["std"], "sdt"), r"default must be one of 'std', got 'sdt'; did you"),
        (lambda: Categorical([0], default=False), "default must be one of 0, got False"),
        (lambda: Categorical(["a"], unless=["a"]), "unless must be a mapping"),
        (lambda: Categorical(["a"], unless={"b": "c"}), "unless/b must be a list, got 'c'"),
        (lambda: Choice({}), "branches must be a mapping with at least one label, got {}"),
        (lambda: Choice(["a"]), "branches must be a mapping"),
        (lambda: Choice({"a": Int(1, 2)}), "branch 'a' must be a mapping, got Int"),
        (lambda: Choice({"a/b": {}}), "branch must be a non-empty string without '/'"),
        (lambda: Choice({"from": {}}), "branch 'from' is a word of the YAML form"),
        (lambda: Choice({"a": {}}, "b"), "default must be one of 'a', got 'b'"),
        (lambda: Repeat(3, Int(1, 2)), "count must be a string, got 3"),
        (lambda: Repeat("n", 3), "body must be a node .* got 3"),
        (lambda: Subset([]), "members must hold at least one name, got none"),
        (lambda: Subset("columns"), "members must be a list of names or 'table', got 'columns'"),
        (lambda: Subset(["a", "a"]), "members must differ from each other, got 'a' twice"),
        (lambda: Subset([1]), "members must be non-empty strings, got 1"),
    ],
)
def test_nodes_that_do_not_fit(make, match):
    with pytest.raises(SpaceError, match=match):
        make()


def test_nodes_cannot_be_changed():
    with pytest.raises(AttributeError):
        Int(1, 2).low = 0
    body = {"x": Int(1, 2)}
    choice = Choice({"a": body})
    body["y"] = Int(1, 2)
    assert list(choice.branches["a"]) == ["x"]
    with pytest.raises(TypeError):
        choice.branches["b"] = {}


def test_order_matters_for_equality():
    assert Choice({"a": {}, "b": {}}) != Choice({"b": {}, "a": {}})
    assert Choice({"a": {}, "b": {}}) == Choice({"a": None, "b": None})
