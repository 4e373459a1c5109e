"""The leaves of a search space: plain values, checked when they are made."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from numbers import Integral, Real
from typing import Any, Final, Literal, TypeAlias

from jointopt.errors import SpaceError
from jointopt.space import grid
from jointopt.space.frozen_map import FrozenMap

__all__ = [
    "AXES",
    "TABLE",
    "UNSET",
    "Categorical",
    "Config",
    "Float",
    "Int",
    "PlacedError",
    "Subset",
    "Unset",
    "Value",
    "freeze_unless",
]

Value: TypeAlias = bool | int | float | str | None
"""What one parameter can be set to."""

Config: TypeAlias = dict[str, Value]
"""Parameter path to value, active parameters only."""

AXES: Final = ("transforms", "features", "paradigm", "architecture", "hyperparameters")
"""The standard axes, in pipeline order."""

TABLE: Final = "table"


class Unset(Enum):
    """Tells a default that was not given from None, which can be an option."""

    UNSET = "unset"


UNSET: Final = Unset.UNSET


class PlacedError(SpaceError):
    """A `SpaceError` that knows the path at which it arose.

    Attributes
    ----------
    path : str
        The path of the node or group; the message begins with it.
    """

    def __init__(self, path: str, message: str) -> None:
        super().__init__(f"{path}: {message}")
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle as the plain error: the path is in the message."""
        return SpaceError, self.args


@dataclass(frozen=True, slots=True)
class Float:
    """A real number from `low` to `high`, both included.

    Parameters
    ----------
    low, high : float
        The bounds.
    log : bool, default=False
        Whether it is searched on a logarithmic scale; not together with `step`.
    step : float or None, default=None
        The distance of neighbouring values; it must divide the range.
    default : float or None, default=None
        None for the middle of the range, the geometric one if `log`.
    unless : Mapping or None, default=None
        `{path: values}`: the parameter does not exist while that one has one of the values.

    Raises
    ------
    SpaceError
        If the bounds, the step or the default do not fit each other.

    Examples
    --------
    >>> Float(1e-4, 1e-1, log=True)
    Float(low=0.0001, high=0.1, log=True, step=None, default=None, unless=None)
    """

    low: float
    high: float
    log: bool = field(default=False, kw_only=True)
    step: float | None = field(default=None, kw_only=True)
    default: float | None = field(default=None, kw_only=True)
    unless: Mapping[str, Sequence[Value]] | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        """Check the fields and bring them into their final form."""
        for name in ("low", "high", "step", "default"):
            value = getattr(self, name)
            if value is not None or name in ("low", "high"):
                object.__setattr__(self, name, grid.real(value, name))
        grid.check_range(self.low, self.high, log=self.log, step=self.step)
        if self.default is not None:
            snapped = grid.snap(self.default, self.low, self.high, self.step)
            if snapped is None:
                raise SpaceError(
                    f"default must lie {grid.describe(self.low, self.high, self.step)}, "
                    f"got {self.default}"
                )
            object.__setattr__(self, "default", snapped)
        object.__setattr__(self, "unless", freeze_unless(self.unless))


@dataclass(frozen=True, slots=True)
class Int:
    """A whole number from `low` to `high`, both included.

    Parameters
    ----------
    low, high : int
        The bounds.
    log : bool, default=False
        Whether it is searched on a logarithmic scale; not together with a `step` other than 1.
    step : int, default=1
        The distance of neighbouring values; it must divide the range.
    default : int or None, default=None
        None for the middle of the range, the geometric one if `log`.
    unless : Mapping or None, default=None
        `{path: values}`: the parameter does not exist while that one has one of the values.

    Raises
    ------
    SpaceError
        If the bounds, the step or the default do not fit each other.

    Examples
    --------
    >>> Int(1, 40, log=True, default=5).default
    5
    >>> Int(1, 9, step=3)
    Traceback (most recent call last):
        ...
    jointopt.errors.SpaceError: step must divide the range, got low=1, high=9 and step=3
    """

    low: int
    high: int
    log: bool = field(default=False, kw_only=True)
    step: int = field(default=1, kw_only=True)
    default: int | None = field(default=None, kw_only=True)
    unless: Mapping[str, Sequence[Value]] | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        """Check the fields and bring them into their final form."""
        for name in ("low", "high", "step", "default"):
            value = getattr(self, name)
            if value is not None or name != "default":
                object.__setattr__(self, name, grid.whole(value, name))
        grid.check_range(self.low, self.high, log=self.log, step=self.step, whole=True)
        if self.default is not None and self.default not in range(
            self.low, self.high + 1, self.step
        ):
            raise SpaceError(
                f"default must lie {grid.describe(self.low, self.high, self.step)}, "
                f"got {self.default}"
            )
        object.__setattr__(self, "unless", freeze_unless(self.unless))


@dataclass(frozen=True, slots=True)
class Categorical:
    """One of several plain values.

    Parameters
    ----------
    options : sequence of bool, int, float, str or None
        No two of them equal; 1 and True are equal for Python and for Optuna.
    default : bool, int, float, str or None, optional
        The first option if not given.
    unless : Mapping or None, default=None
        `{path: values}`: the parameter does not exist while that one has one of the values.

    Raises
    ------
    SpaceError
        If there is no option, two are equal, or the default is not one of them.

    Examples
    --------
    >>> Categorical(["none", "standard"], default="standard").options
    ('none', 'standard')
    >>> Categorical(["none", "standard"], default="standrad")
    Traceback (most recent call last):
        ...
    jointopt.errors.SpaceError: default must be one of 'none', 'standard', got 'standrad'; did you
        mean 'standard'?
    """

    options: Sequence[Value]
    default: Value | Unset = UNSET
    unless: Mapping[str, Sequence[Value]] | None = None

    def __post_init__(self) -> None:
        """Check the fields and bring them into their final form."""
        options = _values(self.options, "options")
        if not options:
            raise SpaceError("options must hold at least one value, got none")
        for i, option in enumerate(options):
            for earlier in options[:i]:
                if option == earlier:
                    raise SpaceError(
                        f"options must differ from each other, got {earlier!r} and {option!r}"
                    )
        object.__setattr__(self, "options", options)
        if self.default is not UNSET:
            object.__setattr__(self, "default", grid.option(self.default, options, "default"))
        object.__setattr__(self, "unless", freeze_unless(self.unless))


@dataclass(frozen=True, slots=True)
class Subset:
    """Some of several members, one boolean each, never none of them; all of them by default.

    Parameters
    ----------
    members : sequence of str, or "table"
        "table" stands for the columns of a table that is not known yet, see `Space.bind`.
    unless : Mapping or None, default=None
        `{path: values}`: the subset does not exist while that one has one of the values.

    Raises
    ------
    SpaceError
        If there is no member, or they are not different strings.

    Examples
    --------
    >>> from jointopt import Space
    >>> space = Space(features={"columns": Subset(["age", "bmi"])})
    >>> space.default()
    {'features/columns/age': True, 'features/columns/bmi': True}
    >>> list(space.enumerate())[0]
    {'features/columns/age': True, 'features/columns/bmi': True}
    """

    members: Sequence[str] | Literal["table"]
    unless: Mapping[str, Sequence[Value]] | None = None

    def __post_init__(self) -> None:
        """Check the fields and bring them into their final form."""
        object.__setattr__(self, "unless", freeze_unless(self.unless))
        if isinstance(self.members, str):
            if self.members != TABLE:
                raise SpaceError(
                    f"members must be a list of names or 'table', got {self.members!r}"
                )
            return
        members = _values(self.members, "members")
        if not members:
            raise SpaceError("members must hold at least one name, got none")
        for member in members:
            if not isinstance(member, str) or not member:
                raise SpaceError(f"members must be non-empty strings, got {member!r}")
            if members.count(member) > 1:
                raise SpaceError(f"members must differ from each other, got {member!r} twice")
        object.__setattr__(self, "members", members)


def _values(given: object, what: str) -> tuple[Value, ...]:
    if isinstance(given, str) or not isinstance(given, Sequence):
        raise SpaceError(f"{what} must be a list, got {given!r}")
    return tuple(_plain(value, what) for value in given)


def _plain(value: object, what: str) -> Value:
    """Return a value that YAML and JSON can express, of NumPy's or of an enumeration too."""
    match value:
        case None | bool():
            return value
        case str():
            return str(value)
        case Integral():
            return int(value)
        case Real() if math.isfinite(value):
            return float(value)
        case Real():
            raise SpaceError(f"{what} must be finite, got {value!r}")
    raise SpaceError(f"{what} must be plain values or None, got {value!r}")


def freeze_unless(
    unless: Mapping[str, Sequence[Value]] | None,
) -> FrozenMap[tuple[Value, ...]] | None:
    """Return the condition as an immutable one, None if there is none.

    Raises
    ------
    SpaceError
        If it is not a mapping from paths to lists of plain values.
    """
    if unless is None:
        return None
    if not isinstance(unless, Mapping):
        raise SpaceError(f"unless must be a mapping from a path to values, got {unless!r}")
    return FrozenMap({path: _values(values, f"unless/{path}") for path, values in unless.items()})
