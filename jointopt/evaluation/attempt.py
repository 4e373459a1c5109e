"""Calls that must not end the study when they fail."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["attempt", "reason_of"]

T = TypeVar("T")


def attempt(function: Callable[[], T]) -> T | Exception:
    """Return what the function returns, or the exception that it raised.

    A configuration may fail in whatever way a library or an objective can; the failure is
    recorded with its reason, and the search goes on.
    """
    try:
        return function()
    except Exception as error:  # noqa: BLE001
        return error


def reason_of(error: BaseException) -> str:
    """Return an exception in one line.

    >>> reason_of(ValueError("too   long to tell"))
    'ValueError: too long to tell'
    """
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}"[:300].rstrip(": ")
