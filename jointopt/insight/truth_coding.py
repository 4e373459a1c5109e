"""Configurations of a finite space as whole numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from jointopt.space import Config, Value

__all__ = ["Coding"]

INACTIVE = -1


@dataclass(frozen=True, slots=True)
class Coding:
    """Every parameter's values by position; a configuration is then one whole number."""

    paths: tuple[str, ...]
    options: Mapping[str, list[Value]]
    _positions: tuple[tuple[str, Mapping[Value, int]], ...]
    _bases: tuple[int, ...]

    @classmethod
    def of(cls, configs: Iterable[Config], parameters: Iterable[str]) -> Self:
        """Give each value of a parameter a code, in the order in which they are met."""
        found: dict[str, dict[Value, None]] = {}
        for config in configs:
            for path, value in config.items():
                found.setdefault(path, {})[value] = None
        paths = tuple(path for path in parameters if path in found)
        options = {path: list(found[path]) for path in paths}
        positions = tuple((p, {v: i for i, v in enumerate(options[p])}) for p in paths)
        return cls(paths, options, positions, tuple(len(options[p]) + 1 for p in paths))

    def encode(self, config: Mapping[str, Value]) -> list[int]:
        """Return each parameter's code; KeyError for what no configuration of the space has."""
        codes = [
            positions[config[path]] if path in config else INACTIVE
            for path, positions in self._positions
        ]
        if len(codes) - codes.count(INACTIVE) != len(config):
            raise KeyError(next(path for path in config if path not in self.options))
        return codes

    def number(self, codes: Iterable[int]) -> int:
        """Return the codes as the digits of one number."""
        number = 0
        for code, base in zip(codes, self._bases, strict=True):
            number = number * base + code + 1
        return number

    def decode(self, codes: Sequence[int]) -> Config:
        """Return the configuration that has these codes."""
        return {
            path: self.options[path][code]
            for path, code in zip(self.paths, codes, strict=True)
            if code != INACTIVE
        }

    def values(self, path: str, codes: NDArray[np.int16]) -> list[Value]:
        """Return a parameter's values by their codes, None where it is inactive."""
        options = [*self.options[path], None]  # INACTIVE is the last position, too
        return [options[code] for code in codes.tolist()]
