"""Where to look next: configurations worth asking the model about."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from jointopt.search.genome import Genome

    Rows = NDArray[np.float64]

__all__ = ["Candidates"]

N_CANDIDATES = 240


class Candidates:
    """Draws candidates.

    In all methods `ranked` are known rows of shape (n_known, n_parameters), the best first, and
    `branch` is the branch that all candidates shall be of, or None for any.

    Parameters
    ----------
    genome : Genome
        Of the space.
    rng : numpy.random.Generator
        For all draws.
    """

    def __init__(self, genome: Genome, rng: np.random.Generator) -> None:
        self._genome = genome
        self._rng = rng
        self._branches = genome.root_codes()

    def first(self, ranked: Rows, branch: float | None) -> Rows:
        """Return neighbours and crossings of the best, random ones, and some of each branch."""
        rng, n, quarter = self._rng, len(ranked), N_CANDIDATES // 4
        near = ranked[np.minimum(rng.exponential(2.0, 2 * quarter).astype(int), n - 1)]
        pairs = np.minimum(rng.exponential(4.0, (2, quarter)).astype(int), n - 1)
        first, second = (self._genome.filled(ranked[pick], ranked, rng) for pick in pairs)
        crossed = self._genome.crossed(first, second, rng)
        full = [crossed, self._genome.uniform(quarter, rng)]
        parts = [self.varied(near, ranked, branch)]
        if branch is None and len(self._branches) > 1:
            parts.append(self._of_branches(ranked))
        return np.concatenate([*parts, self.in_branch(np.concatenate(full), branch)])

    def varied(self, rows: Rows, ranked: Rows, branch: float | None) -> Rows:
        """Return a neighbour of each row."""
        full = self._genome.filled(rows, ranked, self._rng)
        return self.in_branch(self._genome.neighbours(rows, full, self._rng), branch)

    def in_branch(self, full: Rows, branch: float | Rows | None) -> Rows:
        """Return rows of configurations from full rows, moved to a branch, or each to its own."""
        if branch is not None and self._genome.root is not None:
            full[:, self._genome.root] = branch
        return self._genome.active(full, self._rng)

    def _of_branches(self, ranked: Rows) -> Rows:
        """Return, for each branch, neighbours of its best and of the best moved there."""
        each = max(2, N_CANDIDATES // 4 // len(self._branches))
        of_rows = self._genome.branches(ranked)
        best = [ranked[of_rows == branch][:1] for branch in self._branches]
        sources = [np.repeat(row if len(row) else ranked[:1], each, axis=0) for row in best]
        moved = np.repeat(ranked[:1], each * len(best), axis=0)
        full = self._genome.filled(np.concatenate([*sources, moved]), ranked, self._rng)
        branches = np.tile(np.repeat(self._branches, each), 2)
        rows = self.in_branch(full, branches)
        full = self._genome.filled(rows, ranked, self._rng)
        varied = self._genome.neighbours(rows, full, self._rng)
        return np.concatenate([rows, self.in_branch(varied, branches)])
