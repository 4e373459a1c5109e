"""Where to look next: configurations worth asking the model about."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from jointopt.search.genome import Genome

    Rows = NDArray[np.float64]

__all__ = ["Candidates"]

N_CANDIDATES = 120


class Candidates:
    """Draws candidates for one proposal.

    Parameters
    ----------
    genome : Genome
        Of the space.
    rng : numpy.random.Generator
        For all draws.
    rows : ndarray of shape (n_known, n_parameters)
        Known ones.
    order : ndarray of shape (n_known,)
        Their numbers, the best first.
    branch : float or None
        That all candidates shall be of; None for any.
    """

    def __init__(
        self,
        genome: Genome,
        rng: np.random.Generator,
        rows: Rows,
        order: NDArray[np.int64],
        branch: float | None,
    ) -> None:
        self._genome = genome
        self._rng = rng
        self._rows = rows
        self._order = order
        self._branch = branch

    @cached_property
    def _usual(self) -> NDArray[np.float64]:
        """The best known value of each parameter; NaN where there is none."""
        known = ~np.isnan(self._rows[self._order])
        best = self._order[known.argmax(axis=0)]
        return np.asarray(self._rows[best, np.arange(known.shape[1])])

    def first(self) -> Rows:
        """Return neighbours and crossings of the best, random ones, and some of each branch."""
        rng, quarter = self._rng, N_CANDIDATES // 4
        near = self._ranked(rng.exponential(2.0, 2 * quarter))
        first, second = (self._filled(self._ranked(p)) for p in rng.exponential(4.0, (2, quarter)))
        crossed = self._genome.crossed(first, second, rng)
        full = np.concatenate([crossed, self._genome.uniform(quarter, rng)])
        parts = [self.varied(near)]
        branches = self._genome.root_codes()
        if self._branch is None and len(branches) > 1:
            parts.append(self._of_branches(branches))
        return np.concatenate([*parts, self._genome.in_branch(full, self._branch, rng)])

    def _ranked(self, places: NDArray[np.float64]) -> Rows:
        """Return the known rows at these places, from the best on."""
        last = len(self._order) - 1
        return self._rows[self._order[np.minimum(places.astype(np.int64), last)]]

    def varied(self, rows: Rows) -> Rows:
        """Return a neighbour of each row."""
        varied = self._genome.neighbours(rows, self._filled(rows), self._rng)
        return self._genome.in_branch(varied, self._branch, self._rng)

    def _filled(self, rows: Rows) -> Rows:
        if not self._genome.optional.any():
            return rows
        return self._genome.filled(rows, self._usual, self._rng)

    def _of_branches(self, codes: list[float]) -> Rows:
        """Return, for each branch, neighbours of its best and of the best moved there."""
        each = max(2, N_CANDIDATES // 4 // len(codes))
        of_rows = self._genome.branches(self._rows)[self._order]
        # Of a branch that is not known, the best of all.
        best = [self._order[(of_rows == branch).argmax()] for branch in codes]
        moved = np.repeat(self._order[0], each * len(best))
        full = self._filled(self._rows[np.concatenate([np.repeat(best, each), moved])])
        branches = np.tile(np.repeat(codes, each), 2)
        rows = self._genome.in_branch(full, branches, self._rng)
        varied = self._genome.neighbours(rows, self._filled(rows), self._rng)
        return np.concatenate([rows, self._genome.in_branch(varied, branches, self._rng)])
