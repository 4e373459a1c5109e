"""From one tree to another: leave parts out, put a table's columns in."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, assert_never

from jointopt.errors import SpaceError
from jointopt.space import grid
from jointopt.space.flat import Where, axis_names, branch_children
from jointopt.space.frozen_map import FrozenMap
from jointopt.space.leaves import TABLE, UNSET, Categorical, Float, Int, PlacedError, Subset, Value
from jointopt.space.nodes import Choice, Group, Node, Repeat, Tree

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

__all__ = ["bind", "prune"]


def prune(axes: Mapping[str, Tree], paths: Sequence[str], *, missing_ok: bool) -> dict[str, Tree]:
    """Return the axes without some groups, nodes, branches, options or members.

    Parameters
    ----------
    axes : Mapping
        Axis to node or group.
    paths : sequence of str
        What to leave out, and all below it.
    missing_ok : bool
        Whether paths that nothing has are let pass.

    Raises
    ------
    SpaceError
        If a path is not known and must be, or nothing would be left of a choice, categorical or
        subset.
    """
    pruner = _Pruner(axis_names(axes), frozenset(paths))
    known = {
        path for axis, tree in axes.items() for path in _known(tree, Where(axis), pruner.axes)
    }
    known |= {path.rpartition("/")[0] for path in known}
    for path in paths:
        if path not in known and not missing_ok:
            raise SpaceError(
                f"{path!r} cannot be pruned: nothing has this path{grid.did_you_mean(path, known)}"
            )
    return {
        axis: pruner.rebuilt(tree, Where(axis))
        for axis, tree in axes.items()
        if axis not in pruner.gone
    }


def _known(tree: Tree, where: Where, axes: frozenset[str]) -> Iterator[str]:
    yield where.path
    match tree:
        case FrozenMap():
            for name, child in tree.items():
                yield from _known(child, where.child(name), axes)
        case Choice(bodies=bodies):
            for label, body in bodies.items():
                yield where.child(label).path
                for place, child in branch_children(where, label, body, axes).values():
                    yield from _known(child, place, axes)
        case Categorical(options=parts) | Subset(members=tuple(parts)):
            yield from (f"{where.path}/{part}" for part in parts)


@dataclass(frozen=True, slots=True)
class _Pruner:
    axes: frozenset[str]
    gone: frozenset[str]

    def is_gone(self, path: str) -> bool:
        parts = path.split("/")
        return any("/".join(parts[: i + 1]) in self.gone for i in range(len(parts)))

    def rebuilt(self, tree: Tree, where: Where) -> Tree:
        match tree:
            case FrozenMap():
                inside = {name: (where.child(name), child) for name, child in tree.items()}
                return FrozenMap(self._kept(inside))
            case Choice():
                return self._choice(tree, where)
            case Repeat(count=count, tree=body):
                # A copy is not told from the others in the tree, so that no path leads into one.
                return Repeat(count, self.rebuilt(body, where.child("")), self._unless(tree))
            case Categorical(options=options, default=default):
                left = self._left(options, where)
                kept = default if default in left else UNSET
                return Categorical(left, kept, self._unless(tree))
            case Subset(members=tuple(members)):
                return Subset(self._left(members, where), self._unless(tree))
            case Float() | Int() | Subset():
                return replace(tree, unless=self._unless(tree))
            case _:
                assert_never(tree)

    def _kept(self, children: Mapping[str, tuple[Where, Tree]]) -> dict[str, Tree]:
        """Rebuild children, without those that are gone and groups that lost all they had."""
        kept = {}
        for name, (where, tree) in children.items():
            if self.is_gone(where.path):
                continue
            rebuilt = self.rebuilt(tree, where)
            if not (isinstance(rebuilt, FrozenMap) and tree and not rebuilt):
                kept[name] = rebuilt
        return kept

    def _choice(self, choice: Choice, where: Where) -> Choice:
        bodies = {
            label: self._kept(branch_children(where, label, body, self.axes))
            for label, body in choice.bodies.items()
            if not self.is_gone(where.child(label).path)
        }
        if not bodies:
            raise PlacedError(where.path, "cannot be pruned of its last branch")
        default = choice.default if choice.default in bodies else None
        return Choice(bodies, default, self._unless(choice), estimators=choice.estimators)

    def _left(self, parts: Sequence[Any], where: Where) -> tuple[Any, ...]:
        left = tuple(part for part in parts if f"{where.path}/{part}" not in self.gone)
        if not left:
            raise PlacedError(where.path, "cannot be pruned of its last value")
        return left

    def _unless(self, node: Node) -> Mapping[str, Sequence[Value]] | None:
        """Forget what is gone in the node's condition."""
        kept = {
            path: [value for value in values if f"{path}/{value}" not in self.gone]
            for path, values in (node.unless or {}).items()
            if not self.is_gone(path)
        }
        return {path: values for path, values in kept.items() if values} or None


def bind(tree: Tree, members: Sequence[str]) -> Tree:
    """Return the tree with the members in place of every subset of a table's columns.

    Parameters
    ----------
    tree : node or group
        What to look through.
    members : sequence of str
        The columns.
    """
    match tree:
        case FrozenMap():
            return _bind_group(tree, members)
        case Choice(bodies=bodies):
            return replace(
                tree,
                branches={label: _bind_group(body, members) for label, body in bodies.items()},
            )
        case Repeat(tree=body):
            return replace(tree, body=bind(body, members))
        case Subset(members=str(unbound)) if unbound == TABLE:
            return Subset(members, tree.unless)
        case _:
            return tree


def _bind_group(group: Group, members: Sequence[str]) -> Group:
    return FrozenMap({name: bind(child, members) for name, child in group.items()})
