"""Search spaces to YAML: groups and branches in block style, leaves one per line."""

from __future__ import annotations

from collections.abc import Mapping
from io import StringIO
from typing import Any, assert_never

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap

from jointopt.space.frozen_map import FrozenMap
from jointopt.space.leaves import UNSET, Categorical, Float, Int, Subset
from jointopt.space.nodes import ESTIMATOR, Choice, Group, Node, Repeat, Tree

__all__ = ["dump"]

WIDTH = 100_000
"""No line is broken: one leaf, one line."""


def dump(axes: Mapping[str, Tree]) -> str:
    """Return the YAML form of a tree.

    Examples
    --------
    >>> print(dump({"paradigm": Choice({"knn": {"k": Int(1, 40, log=True)}, "nb": {}})}), end="")
    paradigm:
      choice:
        knn:
          k: {int: [1, 40], log: true}
        nb: {}
    """
    yaml = YAML()
    yaml.width = WIDTH
    yaml.representer.ignore_aliases = lambda _: True
    text = StringIO()
    yaml.dump(CommentedMap({axis: _tree(tree) for axis, tree in axes.items()}), text)
    return text.getvalue()


def _tree(tree: Tree) -> CommentedMap:
    match tree:
        case FrozenMap():
            return _block({name: _tree(child) for name, child in tree.items()})
        case Choice(bodies=bodies, default=default):
            branches = {label: _branch(body, tree, label) for label, body in bodies.items()}
            given = {} if default is None else {"default": default}
            return _block({"choice": _block(branches)} | given | _unless(tree))
        case Repeat(count=count, tree=body):
            return _block({"repeat": count, "of": _tree(body)} | _unless(tree))
        case _:
            return _flow(_leaf(tree) | _unless(tree))


def _branch(body: Group, choice: Choice, label: str) -> CommentedMap:
    found: dict[str, Any] = {}
    if label in choice.estimators:
        found[ESTIMATOR] = _opaque(choice.estimators[label])
    return _block(found | {name: _tree(child) for name, child in body.items()})


def _leaf(leaf: Float | Int | Categorical | Subset) -> dict[str, Any]:
    match leaf:
        case Float() | Int():
            found: dict[str, Any] = {
                "float" if isinstance(leaf, Float) else "int": [leaf.low, leaf.high]
            }
            if leaf.log:
                found["log"] = True
            if leaf.step is not None and not (isinstance(leaf, Int) and leaf.step == 1):
                found["step"] = leaf.step
            if leaf.default is not None:
                found["default"] = leaf.default
            return found
        case Categorical(options=options, default=default):
            given = {} if default is UNSET else {"default": default}
            return {"categorical": list(options), **given}
        case Subset(members=members):
            return {"subset": members if isinstance(members, str) else list(members)}
        case _:
            assert_never(leaf)


def _unless(node: Node) -> dict[str, Any]:
    if node.unless is None:
        return {}
    return {"unless": _flow({path: list(values) for path, values in node.unless.items()})}


def _opaque(value: object) -> object:
    """Turn classes into their dotted paths."""
    match value:
        case type():
            return f"{value.__module__}.{value.__qualname__}"
        case Mapping():
            return {key: _opaque(below) for key, below in value.items()}
        case _:
            return value


def _block(items: Mapping[str, Any]) -> CommentedMap:
    found = CommentedMap(items)
    if items:
        found.fa.set_block_style()
    else:
        found.fa.set_flow_style()
    return found


def _flow(items: Mapping[str, Any]) -> CommentedMap:
    found = CommentedMap(items)
    found.fa.set_flow_style()
    return found
