"""What one decision can be set to: its default, whether a value is valid, how many there are."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, assert_never

from jointopt.errors import SpaceError
from jointopt.space import grid
from jointopt.space.leaves import (
    UNSET,
    Categorical,
    Config,
    Float,
    Int,
    PlacedError,
    Subset,
    Value,
)
from jointopt.space.nodes import Choice

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from jointopt.space.flat import Decision, Leaf

__all__ = [
    "allows",
    "assign",
    "canonical",
    "check_not_empty",
    "default_value",
    "is_finite",
    "members_of",
    "n_values",
    "values",
]


def default_value(node: Leaf) -> Value:
    """Return what a parameter is set to unless told otherwise; True for a member of a subset.

    Examples
    --------
    >>> default_value(Int(1, 100, log=True)), default_value(Categorical(["a", "b"]))
    (10, 'a')
    """
    match node:
        case Float() | Int():
            return _number_by_default(node)
        case Categorical(options=options, default=given):
            return options[0] if given is UNSET else given
        case Choice(branches=branches, default=given):
            return next(iter(branches)) if given is None else given
        case Subset():
            return True
        case _:
            assert_never(node)


def _number_by_default(node: Float | Int) -> float:
    if node.default is not None:
        return node.default
    low, high = node.low, node.high
    if isinstance(node, Int):
        if node.log:
            return round(grid.middle(low, high, log=True))
        return node.low + node.step * ((node.high - node.low) // node.step // 2)
    if node.step is None:
        return grid.middle(low, high, log=node.log)
    return grid.point(low, node.step, (grid.count(low, high, node.step) - 1) // 2)


def canonical(node: Leaf, value: object, path: str) -> Value:
    """Return the value as the space writes it: on its grid, the option itself, a plain number.

    Parameters
    ----------
    node : Float, Int, Categorical, Choice or Subset
        For a subset, the value is that of one member.
    value : object
        What was given.
    path : str
        The parameter, for the message.

    Raises
    ------
    PlacedError
        If the value is not one that the parameter can have.

    Examples
    --------
    >>> canonical(Float(0, 1, step=0.1), 0.1 + 0.2, "features/keep")
    0.3
    """
    try:
        return _canonical(node, value)
    except SpaceError as error:
        raise PlacedError(path, str(error)) from None


def allows(node: Leaf, value: object) -> bool:
    """Tell whether a parameter can have a value; of a subset, whether a member can.

    Examples
    --------
    >>> allows(Int(1, 9, step=2), 3), allows(Int(1, 9, step=2), 4)
    (True, False)
    """
    try:
        _canonical(node, value)
    except SpaceError:
        return False
    return True


def _canonical(node: Leaf, value: object) -> Value:
    match node:
        case Float(low=low, high=high, step=step):
            snapped = grid.snap(grid.real(value, "value"), low, high, step)
            if snapped is None:
                raise SpaceError(f"value must lie {grid.describe(low, high, step)}, got {value!r}")
            return snapped
        case Int(low=low, high=high, step=step):
            number = grid.whole(value, "value")
            if number not in range(low, high + 1, step):
                raise SpaceError(f"value must lie {grid.describe(low, high, step)}, got {value!r}")
            return number
        case Categorical(options=options):
            return grid.option(value, options)
        case Choice(branches=branches):
            return grid.option(value, tuple(branches))
        case Subset():
            return grid.option(value, (False, True))
        case _:
            assert_never(node)


def members_of(decision: Decision) -> tuple[str, ...]:
    """Return the decision's parameters, at least one.

    Raises
    ------
    PlacedError
        If it is a subset that is not bound to a table yet.
    """
    found = decision.parameters
    if not found:
        raise PlacedError(
            decision.path,
            "is a subset of a table's columns and the table is not known yet; "
            "call space.bind({'table': [...names]}) first",
        )
    return found


def assign(decision: Decision, given: Mapping[str, object], frozen: Mapping[str, Value]) -> Config:
    """Return the decision's parameters: frozen values first, then given ones, then defaults.

    Raises
    ------
    PlacedError
        If a given value is not valid, or no member of a subset is left.
    """
    config: Config = {}
    for path in members_of(decision):
        if path in frozen:
            config[path] = frozen[path]
        elif path in given:
            config[path] = canonical(decision.node, given[path], path)
        else:
            config[path] = default_value(decision.node)
    check_not_empty(decision, config)
    return config


def check_not_empty(decision: Decision, config: Mapping[str, Value]) -> None:
    """Check that a subset has a member.

    Raises
    ------
    PlacedError
        If all of them are off.
    """
    if isinstance(decision.node, Subset) and not any(config[p] for p in decision.parameters):
        raise PlacedError(decision.path, "at least one member must be True, got none")


def is_finite(decision: Decision, frozen: Mapping[str, Value]) -> bool:
    """Whether the decision has a finite number of values."""
    match decision.node:
        case Float(low=low, high=high, step=None):
            return low == high or decision.path in frozen
        case _:
            return True


def n_values(decision: Decision, frozen: Mapping[str, Value], resolution: int) -> int:
    """Return how many values the decision can take; a continuous one counts as `resolution`.

    Raises
    ------
    PlacedError
        If it is a subset that is not bound to a table yet.
    """
    paths = members_of(decision)
    match decision.node:
        case Subset():
            on = any(frozen.get(path) for path in paths)
            return (1 << sum(path not in frozen for path in paths)) - (0 if on else 1)
        case _ if decision.path in frozen:
            return 1
        case Float() | Int() as number:
            return _n_numbers(number, resolution)
        case Categorical(options=either) | Choice(branches=either):
            return len(either)
        case _:
            assert_never(decision.node)


def _n_numbers(node: Float | Int, resolution: int) -> int:
    if isinstance(node, Int):
        return (node.high - node.low) // node.step + 1
    if node.step is None:
        return 1 if node.low == node.high else resolution
    return grid.count(node.low, node.high, node.step)


def values(decision: Decision, frozen: Mapping[str, Value]) -> Iterator[Config]:
    """Yield every way to set the decision's parameters.

    Raises
    ------
    PlacedError
        If it is continuous, or a subset that is not bound to a table yet.
    """
    paths = members_of(decision)
    if isinstance(decision.node, Subset):
        choices = [(frozen[p],) if p in frozen else (True, False) for p in paths]
        for flags in product(*choices):
            if any(flags):
                yield dict(zip(paths, flags, strict=True))
    elif decision.path in frozen:
        yield {decision.path: frozen[decision.path]}
    else:
        for value in _values(decision.node, decision.path):
            yield {decision.path: value}


def _values(node: Float | Int | Categorical | Choice, path: str) -> Iterable[Value]:
    match node:
        case Float(low=low, high=high, step=None):
            if low != high:
                raise PlacedError(path, "is continuous, so it cannot be enumerated")
            return (low,)
        case Float(low=low, high=high, step=float(step)):
            return (grid.point(low, step, i) for i in range(grid.count(low, high, step)))
        case Int(low=low, high=high, step=whole):
            return range(low, high + 1, whole)
        case Categorical(options=options):
            return options
        case Choice(branches=branches):
            return branches
        case _:
            raise AssertionError(node)
