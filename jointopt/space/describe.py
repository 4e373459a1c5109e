"""A search space in a few lines of text."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from jointopt.space import grid
from jointopt.space.frozen_map import FrozenMap
from jointopt.space.leaves import Categorical, Float, Int, Subset, Value
from jointopt.space.nodes import Choice, Repeat, Tree

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

__all__ = ["describe"]

MAX_LINES = 40
MAX_NAMES = 6


def describe(axes: Mapping[str, Tree], frozen: Mapping[str, Value]) -> str:
    """Return the tree as indented text, cut after 40 lines.

    Examples
    --------
    >>> print(describe({"paradigm": Choice({"knn": {"k": Int(1, 40, log=True)}, "nb": {}})}, {}))
    Space
      paradigm: choice of knn, nb
        knn
          k: int from 1 to 40, log
    """
    lines = [line for axis, tree in axes.items() for line in _lines(axis, tree, 1)]
    if len(lines) > MAX_LINES:
        lines = [*lines[:MAX_LINES], f"  … {len(lines) - MAX_LINES} more lines"]
    held = f" with {len(frozen)} frozen" if frozen else ""
    return "\n".join([f"Space{held}", *lines])


def _lines(name: str, tree: Tree, depth: int) -> Iterator[str]:
    indent = "  " * depth
    match tree:
        case FrozenMap():
            yield f"{indent}{name}"
            for child, below in tree.items():
                yield from _lines(child, below, depth + 1)
        case Choice(bodies=bodies):
            yield f"{indent}{name}: choice of {_names(bodies)}"
            for label, body in bodies.items():
                if body:
                    yield from _lines(label, body, depth + 1)
        case Repeat(count=count, tree=body):
            yield f"{indent}{name}: repeated {count} times"
            yield from _lines("each", body, depth + 1)
        case _:
            yield f"{indent}{name}: {_leaf(tree)}"


def _leaf(leaf: Float | Int | Categorical | Subset) -> str:
    match leaf:
        case Float() | Int():
            word = "float" if isinstance(leaf, Float) else "int"
            scale = ", log" if leaf.log else ""
            return f"{word} {grid.describe(leaf.low, leaf.high, leaf.step)}{scale}"
        case Categorical(options=options):
            return f"one of {_names(options)}"
        case Subset(members=str()):
            return "subset of the table's columns"
        case Subset(members=members):
            return f"subset of {_names(members)}"
        case _:
            assert_never(leaf)


def _names(names: Iterable[object]) -> str:
    listed = [str(name) for name in names]
    more = f", … ({len(listed)})" if len(listed) > MAX_NAMES else ""
    return ", ".join(listed[:MAX_NAMES]) + more
