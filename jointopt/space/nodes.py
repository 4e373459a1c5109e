"""The kinds of node that a search space is made of: plain values, checked when they are made.

A space is a tree. Its leaves are `Float`, `Int`, `Categorical` and `Subset`; `Choice` has a branch
per label and `Repeat` a body that occurs several times. Between them stand groups, which are
mappings from names to nodes or further groups.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias, cast

from jointopt.errors import SpaceError
from jointopt.space import grid
from jointopt.space.frozen_map import FrozenMap
from jointopt.space.leaves import Categorical, Float, Int, Subset, Value, freeze_unless

__all__ = ["RESERVED", "Choice", "Group", "Node", "Repeat", "Tree", "check_name", "freeze_group"]

ESTIMATOR: Final = "estimator"
RESERVED: Final = frozenset(
    (
        "float",
        "int",
        "choice",
        "repeat",
        "subset",
        "of",
        "default",
        "log",
        "step",
        "unless",
        "from",
    )
)
"""Words of the YAML form; `categorical` is free, as its value there is always a list."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One of several branches, each with parameters of its own.

    Parameters
    ----------
    branches : Mapping
        Label to body. A body is a group; `{}` or None for a branch without parameters. A key of a
        body that is the name of an axis moves what is below it to that axis. The key `estimator`
        is not searched: its value is kept as it is, in `estimators`.
    default : str or None, default=None
        None for the first branch.
    unless : Mapping or None, default=None
        `{path: values}`: the choice does not exist while that one has one of the values.
    estimators : Mapping, default={}
        Label to the value of `estimator`; those in the bodies are put here too.

    Raises
    ------
    SpaceError
        If there is no branch, a label or body is not valid, or the default is not a label.

    Examples
    --------
    >>> from jointopt import Space
    >>> kernel = Choice({"linear": {}, "rbf": {"gamma": Float(1e-4, 1.0, log=True, default=0.05)}})
    >>> space = Space(hyperparameters={"kernel": kernel})
    >>> space.default()
    {'hyperparameters/kernel': 'linear'}
    >>> space.complete({"hyperparameters/kernel": "rbf"})
    {'hyperparameters/kernel': 'rbf', 'hyperparameters/kernel/rbf/gamma': 0.05}
    """

    branches: Mapping[str, Mapping[str, Any] | None]
    default: str | None = None
    unless: Mapping[str, Sequence[Value]] | None = None
    estimators: Mapping[str, object] = field(default_factory=dict, kw_only=True)

    def __post_init__(self) -> None:
        """Check the fields and bring them into their final form."""
        given_branches: object = self.branches
        if not isinstance(given_branches, Mapping) or not given_branches:
            raise SpaceError(
                f"branches must be a mapping with at least one label, got {self.branches!r}"
            )
        bodies: dict[str, Group] = {}
        estimators = dict(self.estimators)
        for label, given in self.branches.items():
            check_name(label, "branch")
            body = {} if given is None else given
            if not isinstance(body, Mapping):
                raise SpaceError(f"branch {label!r} must be a mapping, got {body!r}")
            if ESTIMATOR in body:
                estimators[label] = body[ESTIMATOR]
            bodies[label] = freeze_group({n: t for n, t in body.items() if n != ESTIMATOR})
        object.__setattr__(self, "branches", FrozenMap(bodies))
        kept = {label: estimators[label] for label in bodies if label in estimators}
        object.__setattr__(self, "estimators", FrozenMap(kept))
        if self.default is not None:
            grid.option(self.default, tuple(bodies), "default")
        object.__setattr__(self, "unless", freeze_unless(self.unless))

    @property
    def bodies(self) -> FrozenMap[Group]:
        """The branches in their final form: label to immutable group.

        Examples
        --------
        >>> list(Choice({"linear": None, "rbf": {"gamma": Float(0.1, 1.0)}}).bodies["rbf"])
        ['gamma']
        """
        return cast("FrozenMap[Group]", self.branches)


@dataclass(frozen=True, slots=True)
class Repeat:
    """A body that occurs as often as a neighbouring `Int` says, such as the layers of a network.

    Parameters
    ----------
    count : str
        The name of an `Int` in the same group.
    body : node or Mapping
        Copy i has the path `name/i` and exists while the count is above i.
    unless : Mapping or None, default=None
        `{path: values}`: no copy exists while that one has one of the values.

    Raises
    ------
    SpaceError
        If the count is not a name or the body is neither a node nor a group.

    Examples
    --------
    >>> from jointopt import Space
    >>> space = Space(architecture={"depth": Int(1, 3), "width": Repeat("depth", Int(16, 64))})
    >>> space.parameters
    ('architecture/depth', 'architecture/width/0', 'architecture/width/1', 'architecture/width/2')
    >>> space.complete({"architecture/depth": 2})
    {'architecture/depth': 2, 'architecture/width/0': 40, 'architecture/width/1': 40}
    """

    count: str
    body: Node | Mapping[str, Any]
    unless: Mapping[str, Sequence[Value]] | None = None

    def __post_init__(self) -> None:
        """Check the fields and bring them into their final form."""
        check_name(self.count, "count")
        object.__setattr__(self, "body", _freeze_tree(self.body, "body"))
        object.__setattr__(self, "unless", freeze_unless(self.unless))

    @property
    def tree(self) -> Tree:
        """The body in its final form: a node or an immutable group.

        Examples
        --------
        >>> Repeat("depth", Int(16, 64)).tree.high
        64
        """
        return cast("Tree", self.body)


Node: TypeAlias = Float | Int | Categorical | Choice | Repeat | Subset
Group: TypeAlias = "FrozenMap[Tree]"
Tree: TypeAlias = "Node | FrozenMap[Tree]"


def check_name(name: object, what: str = "name") -> str:
    """Return a name that may be part of a path.

    Raises
    ------
    SpaceError
        If it is no string, empty, holds a slash, or is a word of the YAML form.
    """
    if not isinstance(name, str):
        raise SpaceError(f"{what} must be a string, got {name!r}")
    if not name or "/" in name:
        raise SpaceError(f"{what} must be a non-empty string without '/', got {name!r}")
    if name in RESERVED:
        raise SpaceError(f"{what} {name!r} is a word of the YAML form; choose another")
    return name


def freeze_group(group: Mapping[str, Any]) -> Group:
    """Return the group as an immutable one, every name and value in it checked.

    Raises
    ------
    SpaceError
        If a name is not valid, or a value is neither a node nor a mapping.
    """
    return FrozenMap(
        {check_name(name): _freeze_tree(tree, repr(name)) for name, tree in group.items()}
    )


def _freeze_tree(tree: object, what: str) -> Tree:
    match tree:
        case Float() | Int() | Categorical() | Choice() | Repeat() | Subset():
            return tree
        case Mapping():
            return freeze_group(tree)
        case _:
            raise SpaceError(
                f"{what} must be a node (Float, Int, Categorical, Choice, Repeat, Subset) "
                f"or a mapping, got {tree!r}"
            )
