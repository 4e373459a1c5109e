"""Which parameters are active: the space's conditions, for many rows of codes at once."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from jointopt.search.coding import Coded
    from jointopt.space import Condition, Space

__all__ = ["Conditions"]

SAME = 1e-9
"""How near the codes of equal numbers are."""


class Conditions:
    """The conditions of all parameters of a space.

    Parameters
    ----------
    space : Space
        It may hold frozen parameters.
    column : mapping of str to int
        Where each parameter is in a row.
    coded : sequence of Coded
        How each is coded.

    Attributes
    ----------
    optional : ndarray of shape (n_parameters,)
        Which parameters exist only in some configurations.
    """

    def __init__(self, space: Space, column: Mapping[str, int], coded: Sequence[Coded]) -> None:
        rules: dict[tuple[Condition, ...], list[int]] = {}
        for decision in space.decisions:
            if decision.parameters:
                own = [column[path] for path in decision.parameters]
                rules.setdefault(decision.conditions, []).extend(own)
        tests = {condition: k for k, condition in enumerate(dict.fromkeys(chain(*rules)))}
        self._rule_of = np.zeros(len(column), dtype=np.int64)
        for number, columns in enumerate(rules.values()):
            self._rule_of[columns] = number
        self._tests_of = [np.array([tests[c] for c in rule], dtype=np.int64) for rule in rules]
        self._tested = np.array([column[c.path] for c in tests], dtype=np.int64)
        most = max((len(c.allowed) for c in tests), default=0)
        self._allowed = np.full((len(tests), most), np.nan)
        for k, (j, condition) in enumerate(zip(self._tested, tests, strict=True)):
            self._allowed[k, : len(condition.allowed)] = [
                coded[j].encode(value) for value in condition.allowed
            ]
        self.optional = np.array([bool(rule) for rule in rules], dtype=bool)[self._rule_of]

    def active(self, full: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Return which parameters each full row's configuration has, of its shape."""
        far = np.abs(full.T[self._tested][:, None] - self._allowed[:, :, None])
        passes = (far < SAME).any(axis=1)
        holds = np.ones((len(self._tests_of), len(full)), dtype=bool)
        for number, tests in enumerate(self._tests_of):  # parents come before their children
            if len(tests):
                parents = holds[self._rule_of[self._tested[tests]]]
                holds[number] = (passes[tests] & parents).all(axis=0)
        return np.asarray(holds[self._rule_of].T)

    def under(self, root: int | None) -> NDArray[np.bool_]:
        """Return which parameters exist only for some values of one, shape (n_parameters,)."""
        below = np.zeros(len(self._rule_of), dtype=bool)
        for number, tests in enumerate(self._tests_of):
            parents = self._tested[tests]
            below[self._rule_of == number] = any(j == root or below[j] for j in parents)
        return below
