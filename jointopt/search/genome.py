"""Configurations as rows of numbers: thousands are drawn, varied and crossed at once.

A full row has a code for every parameter of the space; in a configuration's own row those that are
not active are NaN.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from jointopt.search.coding import Grid, code_of
from jointopt.search.conditions import SAME, Conditions
from jointopt.space import Choice, Subset
from jointopt.space.counting import undetermined
from jointopt.space.distributions import all_distributions

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from jointopt.search.coding import Coded
    from jointopt.space import Config, Decision, Space, Value

__all__ = ["Genome", "largest_choice"]

STEPS = (0.05, 0.15, 0.4)
"""Standard deviations of a number's steps, in units of its range."""
SECOND_CHANGE = 0.35
"""How often a neighbour differs in two decisions."""
SUBSET_WEIGHT = 6.0
"""How many other parameters a subset's members together weigh at most when one is changed."""


class Genome:
    """The coding of a space.

    Parameters
    ----------
    space : Space
        It may hold frozen parameters.

    Attributes
    ----------
    paths : list of str
        The parameters in the space's order: the columns of rows.
    column : dict of str to int
        Where each is.
    coded : list of Coded
        How each is coded.
    distributions : dict of str to BaseDistribution
        Of each parameter that is not frozen.
    n_options : ndarray of shape (n_parameters,)
        Of categorical parameters; 0 for numbers.
    root : int or None
        The column of the root's largest choice.
    private : ndarray of shape (n_parameters,)
        Which parameters exist only in some branches of that choice.
    optional : ndarray of shape (n_parameters,)
        Which parameters exist only in some configurations.
    varying : ndarray of shape (n_parameters,)
        Which parameters differ between configurations: what is held or has one value does not,
        nor what no configuration has because of that.
    """

    def __init__(self, space: Space) -> None:
        self._space = space
        by_path: dict[str, Coded] = {}
        for decision in space.decisions:
            by_path |= code_of(decision)
        self.distributions = all_distributions(space)
        self.paths = list(by_path)
        self.coded = list(by_path.values())
        self.column = {path: j for j, path in enumerate(self.paths)}
        self.n_options = np.array([coded.n_options for coded in self.coded], dtype=np.int64)
        self._is_number = self.n_options == 0
        self._numbers = np.flatnonzero(self._is_number)
        self._grid = Grid([self.coded[j] for j in self._numbers])
        self._place = np.cumsum(self._is_number) - 1
        self._coarse = self._numbers[self._grid.stepped]
        self._coarse_grid = self._grid.at(np.flatnonzero(self._grid.stepped))
        self._conditions = Conditions(space, self.column, self.coded)
        self._subsets = [
            np.array([self.column[path] for path in decision.parameters])
            for decision in space.decisions
            if isinstance(decision.node, Subset) and decision.parameters
        ]
        self._held = {
            self.column[path]: self.coded[self.column[path]].encode(value)
            for path, value in space.frozen.items()
            if path in self.column
        }
        choice = largest_choice(space)
        self.root = None if choice is None else self.column[choice.path]
        self.private = self._conditions.under(self.root)
        self.optional = self._conditions.optional
        free = undetermined(space.decisions, space.frozen)
        self.varying = np.array([path in free for path in self.paths], dtype=bool)
        self._weights = self._change_weights()

    # ---------------------------------------------------------------- to and from values

    def encode(self, config: Mapping[str, Value]) -> NDArray[np.float64]:
        """Return a configuration's row, shape (n_parameters,)."""
        row = np.full(len(self.paths), np.nan)
        for path, value in config.items():
            if (j := self.column.get(path)) is not None:
                row[j] = self.coded[j].encode(value) if self.coded[j].n_options else value
        row[self._numbers] = self._grid.codes(row[self._numbers])
        return row

    def decode(self, row: NDArray[np.float64]) -> Config:
        """Return the configuration of its own row, NaN where not active.

        Nothing is completed or checked.
        """
        row = row.copy()
        row[self._numbers] = self._grid.values(row[self._numbers])
        values = {
            path: coded.decode(code) if coded.n_options else coded.typed(code)
            for path, coded, code in zip(self.paths, self.coded, row.tolist(), strict=True)
            if not math.isnan(code)
        }
        # A frozen number's code may stand for one next to it.
        return values | {path: v for path, v in self._space.frozen.items() if path in values}

    def branches(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the branch of each row, shape (n_rows,); zero in a space without choices."""
        return np.zeros(len(rows)) if self.root is None else rows[:, self.root]

    def root_codes(self) -> list[float]:
        """Return the branches that a row may have."""
        if self.root is None:
            return [0.0]
        if self.root in self._held:
            return [self._held[self.root]]
        return [float(code) for code in range(self.n_options[self.root])]

    # ---------------------------------------------------------------- rows from full rows

    def active(self, full: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
        """Return rows of configurations: valid, numbers on their grids, NaN where not active.

        A subset of which nothing is left gets one member at random.
        """
        rows = self.valid(full, rng)
        rows[~self._conditions.active(rows)] = np.nan
        return rows

    def valid(self, full: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
        """Return full rows of which each parameter and each subset is valid, active or not."""
        rows = full.copy()
        for j, code in self._held.items():
            rows[:, j] = code
        if len(self._coarse):
            rows[:, self._coarse] = self._coarse_grid.snapped(rows[:, self._coarse])
        for members in self._subsets:
            empty = np.flatnonzero(rows[:, members].sum(axis=1) == 0)
            free = [j for j in members if j not in self._held]
            if len(empty) and free:
                rows[empty, rng.choice(free, len(empty))] = 1.0
        return rows

    def filled(
        self,
        rows: NDArray[np.float64],
        usual: NDArray[np.float64],
        rng: np.random.Generator,
    ) -> NDArray[np.float64]:
        """Return full rows: what a row lacks is as usual, or at random.

        Parameters
        ----------
        rows : ndarray of shape (n_rows, n_parameters)
            To be filled.
        usual : ndarray of shape (n_parameters,)
            A good value of each parameter; NaN where none is known.
        """
        drawn = self.uniform(len(rows), rng)
        alike = rng.integers(2, size=(len(rows), 1)) == 1
        others = np.where(alike & ~np.isnan(usual), usual, drawn)
        return np.asarray(np.where(np.isnan(rows), others, rows))

    def in_branch(
        self,
        full: NDArray[np.float64],
        branch: float | NDArray[np.float64] | None,
        rng: np.random.Generator,
    ) -> NDArray[np.float64]:
        """Return rows of configurations from full rows, moved to a branch, or each to its own."""
        if branch is not None and self.root is not None:
            full[:, self.root] = branch
        return self.active(full, rng)

    # ---------------------------------------------------------------- full rows at random

    def uniform(self, n: int, rng: np.random.Generator) -> NDArray[np.float64]:
        """Return full rows at random; of a subset each size is equally likely."""
        rows = rng.random((n, len(self.paths)))
        chosen = self.n_options > 0
        rows[:, chosen] = np.floor(rows[:, chosen] * self.n_options[chosen])
        for members in self._subsets:
            share = rng.random((n, 1))
            rows[:, members] = rng.random((n, len(members))) < share
        return rows

    def neighbours(
        self,
        rows: NDArray[np.float64],
        full: NDArray[np.float64],
        rng: np.random.Generator,
    ) -> NDArray[np.float64]:
        """Return full rows that differ from others in one or two active parameters.

        Parameters
        ----------
        rows, full : ndarray of shape (n_rows, n_parameters)
            Configurations, and the same filled.
        """
        wait = rng.exponential(size=rows.shape) / self._weights
        wait[np.isnan(rows) | ~self.varying] = np.inf
        every = np.arange(len(rows))
        first = wait.argmin(axis=1)
        changed = np.isfinite(wait[every, first])
        at, columns = every[changed], first[changed]
        wait[every, first] = np.inf
        second = wait.argmin(axis=1)
        twice = np.isfinite(wait[every, second]) & (rng.random(len(rows)) < SECOND_CHANGE)
        at = np.concatenate([at, every[twice]])
        columns = np.concatenate([columns, second[twice]])
        found = full.copy()
        found[at, columns] = self._other_values(full[at, columns], columns, rng)
        return found

    def crossed(
        self,
        first: NDArray[np.float64],
        second: NDArray[np.float64],
        rng: np.random.Generator,
    ) -> NDArray[np.float64]:
        """Return full rows that have each parameter from one of two parents."""
        return np.where(rng.integers(2, size=first.shape) == 1, first, second)

    def _other_values(
        self, old: NDArray[np.float64], columns: NDArray[np.int64], rng: np.random.Generator
    ) -> NDArray[np.float64]:
        """Return another value for each of these, of shape (n,); numbers are near the old."""
        number = self._is_number[columns]
        options = np.maximum(self.n_options[columns], 1)
        shift = 1 + np.floor(rng.random(len(old)) * np.maximum(options - 1, 1))
        found = (old + shift) % options
        near = old[number]
        moved = np.abs(near + rng.choice(STEPS, near.size) * rng.normal(size=near.size)) % 2.0
        moved = np.where(moved > 1.0, 2.0 - moved, moved)
        # A step too small for a coarse grid would change nothing.
        places, reached = self._place[columns[number]], moved.copy()
        if (coarse := self._grid.stepped[places]).any():
            reached[coarse] = self._grid.at(places[coarse]).snapped(moved[coarse])
        stays = np.abs(reached - near) < SAME
        found[number] = np.where(stays, rng.random(stays.shape), moved)
        return np.asarray(found)

    def _change_weights(self) -> NDArray[np.float64]:
        """Return how often each parameter is changed, relative to others."""
        weights = np.ones(len(self.paths))
        for members in self._subsets:
            weights[members] = min(1.0, SUBSET_WEIGHT / len(members))
        return weights


def largest_choice(space: Space) -> Decision | None:
    """Return the choice, active in every configuration, on which most parameters depend."""
    roots = [d for d in space.decisions if isinstance(d.node, Choice) and not d.conditions]
    dependents = {
        root.path: sum(c.path == root.path for d in space.decisions for c in d.conditions)
        for root in roots
    }
    return max(roots, key=lambda root: dependents[root.path], default=None)
