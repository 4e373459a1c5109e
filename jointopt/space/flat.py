"""The one iterator that flattens the tree into decisions, parents first.

Sampling, counting, validation and editing all read what is here: where a child lies (`Where`),
what is decided (`Decision`), and when (`Condition`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

from jointopt.space import grid
from jointopt.space.frozen_map import FrozenMap
from jointopt.space.leaves import AXES, Categorical, Float, Int, PlacedError, Subset, Value
from jointopt.space.nodes import Choice, Group, Repeat, Tree

__all__ = ["Condition", "Decision", "Leaf", "Where", "axis_names", "branch_children", "flatten"]

MAX_COPIES: Final = 256
"""The highest count that a `Repeat` may have."""
COLUMNS: Final = ("number", "reason", "score", "seconds", "stage", "state", "trial", "value")
"""Of results, beside a column per parameter; the paths of parameters in groups have a slash."""

Leaf = Float | Int | Categorical | Choice | Subset
"""What a decision is about: any node but `Repeat`, which is expanded."""

Siblings = Mapping[str, "tuple[Where, Tree]"]


@dataclass(frozen=True, slots=True)
class Where:
    """A place in the tree: its axis, and the names below it.

    Examples
    --------
    >>> Where("architecture", ("mlp",)).child("depth").path
    'architecture/mlp/depth'
    """

    axis: str
    trail: tuple[str, ...] = ()

    @property
    def path(self) -> str:
        """The path, axis first."""
        return "/".join((self.axis, *self.trail))

    def child(self, name: str) -> Where:
        """Return the place of a child."""
        return Where(self.axis, (*self.trail, name))


@dataclass(frozen=True, slots=True)
class Condition:
    """Holds when a parameter is active and has one of the allowed values.

    Attributes
    ----------
    path : str
        The parameter.
    allowed : frozenset
        The values.
    """

    path: str
    allowed: frozenset[Value]

    def holds(self, config: Mapping[str, Value]) -> bool:
        """Whether it holds in a configuration.

        Parameters
        ----------
        config : Mapping
            Parameter path to value, active parameters only.
        """
        return self.path in config and config[self.path] in self.allowed


@dataclass(frozen=True, slots=True)
class Decision:
    """One thing to decide: a leaf, which label of a choice, which members of a subset.

    Attributes
    ----------
    path : str
        Where it lies, axis first.
    axis : str
        The axis it belongs to.
    node : Float, Int, Categorical, Choice or Subset
        What can be decided.
    conditions : tuple of Condition
        It is active when all of them hold.
    """

    path: str
    axis: str
    node: Leaf
    conditions: tuple[Condition, ...] = ()

    @property
    def parameters(self) -> tuple[str, ...]:
        """The paths of its parameters: one, or one per member of a subset.

        A subset that is not bound to a table yet has none.
        """
        match self.node:
            case Subset(members=str()):
                return ()
            case Subset(members=members):
                return tuple(f"{self.path}/{member}" for member in members)
            case _:
                return (self.path,)

    def is_active(self, config: Mapping[str, Value]) -> bool:
        """Whether the decision exists, given the active values before it."""
        return all(condition.holds(config) for condition in self.conditions)


def axis_names(axes: Mapping[str, Tree]) -> frozenset[str]:
    """Return the names that switch the axis when they are keys of a branch."""
    return frozenset(AXES) | frozenset(axes)


def branch_children(
    where: Where, label: str, body: Group, axes: frozenset[str]
) -> dict[str, tuple[Where, Tree]]:
    """Return the children of a branch; a key that names an axis moves what is below to that axis.

    Parameters
    ----------
    where : Where
        The place of the choice.
    label, body : str, Group
        The branch.
    axes : frozenset of str
        The names that switch the axis.
    """
    inside = where.child(label)
    return {
        name: (Where(name, inside.trail) if name in axes else inside.child(name), tree)
        for name, tree in body.items()
    }


def flatten(axes: Mapping[str, Tree]) -> tuple[Decision, ...]:
    """Return all decisions of a tree, each after the parameters that its conditions look at.

    Parameters
    ----------
    axes : Mapping
        Axis to node or group.

    Raises
    ------
    PlacedError
        If two parameters have one path or one has a path that is a column of results, a `Repeat`
        lacks its count, or `unless` names a parameter that is not an always active choice or
        categorical.

    Examples
    --------
    >>> from jointopt.space.nodes import Categorical, freeze_group
    >>> scale = Categorical(["none", "standard"], unless={"paradigm": ["trees"]})
    >>> axes = {"transforms": {"scale": scale}, "paradigm": Categorical(["trees", "knn"])}
    >>> [decision.path for decision in flatten(freeze_group(axes))]
    ['paradigm', 'transforms/scale']
    """
    names = axis_names(axes)
    roots = {axis: (Where(axis), tree) for axis, tree in axes.items()}
    found: dict[str, Decision] = {}
    for decision in _children(roots, (), names):
        if decision.path in found:
            raise PlacedError(decision.path, "two parameters have this path; rename one of them")
        found[decision.path] = decision
    _check_paths(found)
    resolved = {path: _resolve_unless(decision, found) for path, decision in found.items()}
    return tuple(_parents_first(resolved))


def _children(
    siblings: Siblings, conditions: tuple[Condition, ...], axes: frozenset[str]
) -> Iterator[Decision]:
    for where, tree in siblings.values():
        yield from _walk(tree, where, conditions, axes, siblings)


def _walk(
    tree: Tree,
    where: Where,
    conditions: tuple[Condition, ...],
    axes: frozenset[str],
    siblings: Siblings,
) -> Iterator[Decision]:
    match tree:
        case FrozenMap():
            inside = {name: (where.child(name), child) for name, child in tree.items()}
            yield from _children(inside, conditions, axes)
        case Choice(bodies=bodies):
            yield Decision(where.path, where.axis, tree, conditions)
            for label, body in bodies.items():
                chosen = (Condition(where.path, frozenset((label,))),)
                yield from _children(branch_children(where, label, body, axes), chosen, axes)
        case Repeat(tree=body):
            for i, enough in _copies(tree, where, siblings):
                extra = (*conditions, enough)
                for decision in _walk(body, where.child(str(i)), extra, axes, {}):
                    yield _with_unless(decision, tree)
        case _:
            yield Decision(where.path, where.axis, tree, conditions)


def _copies(repeat: Repeat, where: Where, siblings: Siblings) -> Iterator[tuple[int, Condition]]:
    place, count = siblings.get(repeat.count, (where, None))
    if not isinstance(count, Int):
        ints = [name for name, (_, sibling) in siblings.items() if isinstance(sibling, Int)]
        raise PlacedError(
            where.path,
            f"repeats {repeat.count!r}, which must be an Int in the same group"
            f"{grid.did_you_mean(repeat.count, ints)}",
        )
    if count.low < 0 or count.high > MAX_COPIES:
        raise PlacedError(
            place.path,
            f"counts copies and must lie from 0 to {MAX_COPIES}, "
            f"got low={count.low} and high={count.high}",
        )
    values = range(count.low, count.high + 1, count.step)
    for i in range(count.high):
        yield i, Condition(place.path, frozenset(v for v in values if v > i))


def _with_unless(decision: Decision, repeat: Repeat) -> Decision:
    """Hand the `unless` of a repeat to its copies."""
    if not repeat.unless:
        return decision
    both = dict(decision.node.unless or {})
    for path, values in repeat.unless.items():
        both[path] = (*both.get(path, ()), *values)
    return replace(decision, node=replace(decision.node, unless=both))


def _check_paths(found: Mapping[str, Decision]) -> None:
    seen: set[str] = set()
    for decision in found.values():
        for path in decision.parameters:
            if path in COLUMNS:
                raise PlacedError(
                    path,
                    "results have a column of this name beside parameters (theirs are "
                    f"{', '.join(COLUMNS)}); rename the parameter, or put it in a group",
                )
            if path in seen or (path != decision.path and path in found):
                raise PlacedError(path, "two parameters have this path; rename one of them")
            seen.add(path)


def _resolve_unless(decision: Decision, found: Mapping[str, Decision]) -> Decision:
    allowed = {condition.path: condition.allowed for condition in decision.conditions}
    for path, refused in (decision.node.unless or {}).items():
        options = _always_active_options(decision, path, found)
        unknown = [value for value in refused if value not in options]
        if unknown and isinstance(found[path].node, Categorical):
            raise PlacedError(
                decision.path,
                f"unless/{path} must list options of {path}, got {unknown[0]!r}"
                f"{grid.did_you_mean(unknown[0], options)}",
            )
        left = frozenset(option for option in options if option not in refused)
        allowed[path] = allowed.get(path, left) & left
    return replace(decision, conditions=tuple(Condition(p, a) for p, a in allowed.items()))


def _always_active_options(
    decision: Decision, path: str, found: Mapping[str, Decision]
) -> tuple[Value, ...]:
    named = found.get(path)
    if named is None:
        raise PlacedError(
            decision.path,
            f"unless names {path!r}, which is not a parameter{grid.did_you_mean(path, found)}",
        )
    match named.node:
        case Choice(branches=branches, unless=None) if not named.conditions:
            return tuple(branches)
        case Categorical(options=options, unless=None) if not named.conditions:
            return tuple(options)
        case _:
            raise PlacedError(
                decision.path,
                f"unless names {path!r}, which must be a Choice or Categorical that is always "
                "active (at the root of its axis, without an unless of its own)",
            )


def _parents_first(decisions: Mapping[str, Decision]) -> Iterator[Decision]:
    done: set[str] = set()

    def emit(decision: Decision) -> Iterator[Decision]:
        if decision.path in done:
            return
        done.add(decision.path)
        for condition in decision.conditions:
            yield from emit(decisions[condition.path])
        yield decision

    for decision in decisions.values():
        yield from emit(decision)
