"""Functions in words that tell one from another, whatever both are called."""

from __future__ import annotations

import hashlib
import re
from functools import partial
from inspect import getattr_static
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["DIGEST_BYTES", "told_function"]

DIGEST_BYTES: Final = 6
"""Short enough to be read; what differs by mistake is told apart by much less."""

DEPTH: Final = 12
"""A function may be among what it holds itself."""

ADDRESS: Final = re.compile(r" at 0x[0-9a-f]+", re.IGNORECASE)
"""In the repr of what has none of its own: another one in each process."""


def told_function(function: object) -> str:
    """Return a callable's module and qualified name with a digest of its code and what it holds.

    All lambdas of a scope have one name, and an edited function keeps its own. What it
    calls by name is not looked at. Another version of Python makes other code of the same text.

    Parameters
    ----------
    function : callable or object
        A function, or an object of any kind, which is told by its class and what it holds.

    Examples
    --------
    >>> twice, also_twice, thrice = (lambda x: 2 * x), (lambda x: 2 * x), (lambda x: 3 * x)
    >>> told_function(twice) == told_function(also_twice)
    True
    >>> told_function(twice) == told_function(thrice)
    False
    """
    digest = hashlib.blake2b(_content(function, DEPTH).encode(), digest_size=DIGEST_BYTES)
    return f"{_name(function)} (code {digest.hexdigest()})"


def _name(value: object) -> str:
    named = value if hasattr(value, "__qualname__") else type(value)
    return f"{named.__module__}.{named.__qualname__}"


def _content(value: object, depth: int) -> str:
    """Return all that a value is made of, the same in each process."""
    parts: Iterable[object]
    match value:
        case CodeType():
            parts = (value.co_code, value.co_names, value.co_consts)
        case FunctionType():
            cells = [cell.cell_contents for cell in value.__closure__ or ()]
            parts = (value.__code__, value.__defaults__, value.__kwdefaults__, cells)
        case MethodType():
            parts = (value.__func__, value.__self__)
        case partial():
            parts = (value.func, value.args, value.keywords)
        case tuple() | list():
            parts = value
        case set() | frozenset():
            # Their order is another one in each process.
            parts = sorted(_content(one, depth) for one in value)
        case dict():
            parts = value.items()
        case _ if isinstance(value, type | ModuleType) or not hasattr(value, "__dict__"):
            return ADDRESS.sub("", repr(value))
        case _:
            parts = (_name(value), getattr_static(value, "__call__", None), vars(value))
    return f"({', '.join(_content(part, depth - 1) for part in parts)})" if depth else ""
