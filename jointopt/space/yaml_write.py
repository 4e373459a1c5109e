"""Search spaces to YAML: groups and branches in block style, leaves one per line."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from io import StringIO
from numbers import Integral, Real
from typing import Any, TypeAlias, assert_never

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap

from jointopt.space.frozen_map import FrozenMap
from jointopt.space.leaves import UNSET, Categorical, Float, Int, PlacedError, Subset
from jointopt.space.nodes import ESTIMATOR, Choice, Group, Node, Repeat, Tree

__all__ = ["dump"]

WIDTH = 100_000
"""No line is broken: one leaf, one line."""

Tell: TypeAlias = Callable[[object, str], object]
"""Puts something plain in place of a value that YAML does not have; takes its path, too."""


def _refuse(value: object, path: str) -> object:
    raise PlacedError(
        path,
        f"a value of type {type(value).__name__} cannot be written to YAML; a space that holds it "
        "can be used in Python alone",
    )


def dump(axes: Mapping[str, Tree], tell: Tell = _refuse) -> str:
    """Return the YAML form of a tree.

    Parameters
    ----------
    axes : Mapping
        Axis to node or group.
    tell : callable, optional
        Takes a value of an estimator that YAML does not have, and its path; returns what stands
        in its place. By default such a value is refused.

    Raises
    ------
    SpaceError
        If such a value is refused.

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
    yaml.dump(CommentedMap({axis: _tree(tree, axis, tell) for axis, tree in axes.items()}), text)
    return text.getvalue()


def _tree(tree: Tree, path: str, tell: Tell) -> CommentedMap:
    match tree:
        case FrozenMap():
            return _block(_group(tree, path, tell))
        case Choice(bodies=bodies, default=default):
            branches = {label: _branch(tree, label, f"{path}/{label}", tell) for label in bodies}
            given = {} if default is None else {"default": default}
            return _block({"choice": _block(branches)} | given | _unless(tree))
        case Repeat(count=count, tree=body):
            return _block({"repeat": count, "of": _tree(body, path, tell)} | _unless(tree))
        case _:
            return _flow(_leaf(tree) | _unless(tree))


def _group(group: Group, path: str, tell: Tell) -> dict[str, Any]:
    return {name: _tree(child, f"{path}/{name}", tell) for name, child in group.items()}


def _branch(choice: Choice, label: str, path: str, tell: Tell) -> CommentedMap:
    found: dict[str, Any] = {}
    if label in choice.estimators:
        found[ESTIMATOR] = _opaque(choice.estimators[label], f"{path}/{ESTIMATOR}", tell)
    return _block(found | _group(choice.bodies[label], path, tell))


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


def _opaque(value: object, path: str, tell: Tell) -> object:
    """Turn classes into their dotted paths, and values of NumPy's into plain ones."""
    match value:
        case None | bool() | str() | Integral() | Real():
            return _plain(value)
        case type():
            return f"{value.__module__}.{value.__qualname__}"
        case Mapping():
            return {
                _opaque(key, path, tell): _opaque(below, f"{path}/{key}", tell)
                for key, below in value.items()
            }
        case list() | tuple():
            return [_opaque(one, f"{path}/{i}", tell) for i, one in enumerate(value)]
        case _ if _is_truth(value):
            return bool(value)
        case _:
            return tell(value, path)


def _plain(value: Any) -> object:
    match value:
        case None | bool():
            return value
        case str():
            return str(value)
        case Integral():
            return int(value)
        case _:
            return float(value)


def _is_truth(value: object) -> bool:
    """Whether it is a truth value of NumPy's, which is neither a bool nor a number."""
    return str(getattr(value, "dtype", "")) == "bool" and getattr(value, "ndim", None) == 0


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
