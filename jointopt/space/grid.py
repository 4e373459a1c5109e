"""Arithmetic of ranges: checks, the middle, the grid that a step makes, the option meant."""

from __future__ import annotations

import difflib
import math
import numbers
from decimal import Decimal
from typing import TYPE_CHECKING, TypeVar

from jointopt.errors import SpaceError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = [
    "check_range",
    "count",
    "describe",
    "did_you_mean",
    "middle",
    "option",
    "point",
    "real",
    "snap",
    "whole",
]

TOLERANCE = 1e-8
"""How far from a grid point, in steps, a value may be; Optuna's own."""

T = TypeVar("T")


def real(value: object, what: str) -> float:
    """Return a finite number as a float.

    Raises
    ------
    SpaceError
        If it is not one.
    """
    # The plain type first: asking the abstract one takes longer than all else that is done here.
    if not isinstance(value, float | numbers.Real) or isinstance(value, bool):
        raise SpaceError(f"{what} must be a number, got {value!r}")
    number = float(value)
    if not math.isfinite(number):
        raise SpaceError(f"{what} must be finite, got {value!r}")
    return number


def whole(value: object, what: str) -> int:
    """Return a whole number as an int.

    Raises
    ------
    SpaceError
        If it is not one.
    """
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
        raise SpaceError(f"{what} must be a whole number, got {value!r}")
    return int(value)


def option(value: object, options: Sequence[T], what: str = "value") -> T:
    """Return the option that equals a value; True is not taken for 1.

    Raises
    ------
    SpaceError
        If none does.
    """
    for candidate in options:
        if candidate == value and isinstance(candidate, bool) == isinstance(value, bool):
            return candidate
    names = ", ".join(map(repr, options))
    raise SpaceError(f"{what} must be one of {names}, got {value!r}{did_you_mean(value, options)}")


def did_you_mean(word: object, known: Iterable[object]) -> str:
    """Return `; did you mean 'x'?` for the known word most like the given one, or nothing.

    Examples
    --------
    >>> did_you_mean("defualt", ["default", "unless"])
    "; did you mean 'default'?"
    """
    words = [name for name in known if isinstance(name, str)]
    close = difflib.get_close_matches(word, words, n=1) if isinstance(word, str) else []
    return f"; did you mean {close[0]!r}?" if close else ""


def check_range(
    low: float, high: float, *, log: bool, step: float | None, whole: bool = False
) -> None:
    """Check that bounds, scale and step fit each other.

    Raises
    ------
    SpaceError
        If they do not.
    """
    if low > high:
        raise SpaceError(f"low must not be above high, got low={low} and high={high}")
    if not isinstance(log, bool):
        raise SpaceError(f"log must be True or False, got {log!r}")
    if log and low <= 0:
        raise SpaceError(f"low must be above 0 on a logarithmic scale, got low={low}")
    if step is None:
        return
    if step <= 0:
        raise SpaceError(f"step must be above 0, got step={step}")
    if log and not (whole and step == 1):
        raise SpaceError(f"step cannot be combined with log, got step={step}")
    if (Decimal(str(high)) - Decimal(str(low))) % Decimal(str(step)) != 0:
        raise SpaceError(f"step must divide the range, got low={low}, high={high} and step={step}")


def count(low: float, high: float, step: float) -> int:
    """Return how many points the grid has.

    Examples
    --------
    >>> count(0.0, 0.5, 0.1)
    6
    """
    return int((Decimal(str(high)) - Decimal(str(low))) / Decimal(str(step))) + 1


def point(low: float, step: float, index: int) -> float:
    """Return a grid point, in decimal arithmetic so that it reads well.

    Examples
    --------
    >>> point(0.0, 0.1, 3)
    0.3
    """
    return float(Decimal(str(low)) + index * Decimal(str(step)))


def snap(value: float, low: float, high: float, step: float | None) -> float | None:
    """Return the value, or the grid point that it means, or None if it is neither.

    Examples
    --------
    >>> snap(0.1 + 0.2, 0.0, 0.5, 0.1)
    0.3
    >>> snap(0.25, 0.0, 0.5, 0.1) is None
    True
    >>> snap(1e9 + 0.01, 1e9, 1e9 + 1, 0.01)
    1000000000.01
    """
    if step is None:
        return value if low <= value <= high else None
    index = round((value - low) / step)
    if not 0 <= index < count(low, high, step):
        return None
    meant = point(low, step, index)
    # Far from zero, where floats lie farther apart than that, sums of steps are off by their ulps.
    off = TOLERANCE * step + 2 * math.ulp(max(abs(low), abs(high)))
    return meant if abs(value - meant) < off else None


def middle(low: float, high: float, *, log: bool) -> float:
    """Return the middle of a range, the geometric one on a logarithmic scale.

    Examples
    --------
    >>> round(middle(1e-4, 1e-2, log=True), 9)
    0.001
    """
    found = math.exp((math.log(low) + math.log(high)) / 2) if log else low / 2 + high / 2
    return min(max(found, low), high)


def describe(low: float, high: float, step: float | None) -> str:
    """Say in words which values a range holds."""
    bounds = f"from {low} to {high}"
    return bounds if step in (None, 1) else f"{bounds} in steps of {step}"
