"""A mapping that cannot be changed, keeps its order and can be pickled."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TypeVar, final

__all__ = ["FrozenMap"]

V = TypeVar("V")


@final
class FrozenMap(Mapping[str, V]):
    """An immutable mapping from names to values.

    Two of them are equal when they hold equal items in the same order: the first branch of a
    choice is its default, so order has a meaning.

    Parameters
    ----------
    items : Mapping, default={}
        What it holds.

    Examples
    --------
    >>> FrozenMap({"a": 1})["a"]
    1
    >>> FrozenMap({"a": 1, "b": 2}) == FrozenMap({"b": 2, "a": 1})
    False
    """

    __slots__ = ("_held",)

    def __init__(self, items: Mapping[str, V] | None = None) -> None:
        self._held: dict[str, V] = dict(items or {})

    def __getitem__(self, name: str) -> V:
        """Return the value of a name."""
        return self._held[name]

    def __contains__(self, name: object) -> bool:
        """Whether the name is there."""
        return name in self._held

    def __iter__(self) -> Iterator[str]:
        """Return an iterator over the names."""
        return iter(self._held)

    def __len__(self) -> int:
        """Return the number of names."""
        return len(self._held)

    def __eq__(self, other: object) -> bool:
        """Whether the other holds equal items in the same order."""
        if isinstance(other, FrozenMap):
            return list(self._held.items()) == list(other.items())
        return self._held == other

    def __hash__(self) -> int:
        """Return a hash of the names; values need not have one."""
        return hash(tuple(self._held))

    def __repr__(self) -> str:
        """Return what a dict of the items would."""
        return repr(self._held)
