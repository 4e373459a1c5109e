"""What a sampler knows: finished configurations as arrays, added to and never rebuilt."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from jointopt.search.coding import code_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from jointopt.search.coding import Coded
    from jointopt.space import Config, Space, Value

__all__ = ["History"]


class History:
    """Configurations and their scores.

    Parameters
    ----------
    space : Space
        Whose configurations they are.

    Attributes
    ----------
    paths : list of str
        The parameters, in the space's order: the columns of `codes`.
    coded : dict of str to Coded
        How each is coded.
    """

    def __init__(self, space: Space) -> None:
        self.coded: dict[str, Coded] = {}
        for decision in space.decisions:
            self.coded |= code_of(decision)
        self.paths = list(self.coded)
        self.column = {path: j for j, path in enumerate(self.paths)}
        self.keys: set[frozenset[tuple[str, Value]]] = set()
        self._codes = np.full((64, len(self.paths)), np.nan)
        self._scores = np.full(64, -np.inf)
        self._complete = np.zeros(64, dtype=bool)
        self.n = 0

    @property
    def codes(self) -> NDArray[np.float64]:
        """Codes of shape (n, n_parameters); NaN where a parameter was not active."""
        return self._codes[: self.n]

    @property
    def scores(self) -> NDArray[np.float64]:
        """Scores of shape (n,), greater being better; minus infinity for failures."""
        return self._scores[: self.n]

    @property
    def complete(self) -> NDArray[np.bool_]:
        """Whether each was evaluated to the end, shape (n,)."""
        return self._complete[: self.n]

    def add(self, config: Config, score: float, *, complete: bool) -> None:
        """Take in a finished configuration."""
        if self.n == len(self._scores):
            self._codes = np.concatenate([self._codes, np.full_like(self._codes, np.nan)])
            self._scores = np.concatenate([self._scores, np.full_like(self._scores, -np.inf)])
            self._complete = np.concatenate([self._complete, np.zeros_like(self._complete)])
        self._codes[self.n] = self.encode(config)
        self._scores[self.n] = score
        self._complete[self.n] = complete
        self.n += 1
        self.keys.add(frozenset(config.items()))

    def encode(self, config: Mapping[str, Value]) -> NDArray[np.float64]:
        """Return codes of shape (n_parameters,)."""
        row = np.full(len(self.paths), np.nan)
        for path, value in config.items():
            if path in self.column:
                row[self.column[path]] = self.coded[path].encode(value)
        return row

    def order(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return rows from the best to the worst; unfinished ones after all finished."""
        return rows[np.lexsort((-self._scores[rows], ~self._complete[rows]))]
