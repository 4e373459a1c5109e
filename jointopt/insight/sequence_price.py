"""What settling the axes one by one is expected to lose, by a model of the scores."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import combinations
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from jointopt.insight.surrogate import Surrogate
    from jointopt.space import Space

    Array = NDArray[np.float64]
    Axis = NDArray[np.int64]

__all__ = ["Price", "price_of_sequence"]

N_FOUND, N_DRAWN = 150, 150
"""Values of each axis that are tried: of the best trials, and at random."""
LEVEL: Final = 95
OF_A_PRICE: Final = 0.1
"""A pair is named if settling it together regains this share at least."""


@dataclass(frozen=True, slots=True)
class Price:
    """What settling one axis after another is expected to lose.

    Attributes
    ----------
    loss : float
        How much worse than the joint optimum it ends, in the metric's own unit; never negative.
    low, high : float
        The bootstrap's 95 % interval.
    order : tuple of str
        The axes as they are settled.
    pair : tuple of str or None
        The two axes whose settling together regains most of it; None if no pair does.
    regained : float
        How much that is.
    """

    loss: float
    low: float
    high: float
    order: tuple[str, ...]
    pair: tuple[str, str] | None
    regained: float


def price_of_sequence(
    surrogate: Surrogate, space: Space, axes: Mapping[str, Axis], rng: np.random.Generator
) -> Price:
    """Settle one axis after another on the model, and compare with the model's joint optimum.

    The sequence begins with the best branch's defaults. Each axis is settled exactly as far as
    the model goes: by the best of all values that the best trials have on it, and of many at
    random; the others stay at what was settled before, or at defaults. The joint optimum is the
    best of all trials by the model, improved along each axis in turn.

    Parameters
    ----------
    surrogate : Surrogate
        The model.
    space : Space
        What was searched.
    axes : mapping of str to ndarray
        In the order in which they are settled, the columns of each.
    rng : numpy.random.Generator
        For the values at random.
    """
    walk = _Walk(surrogate, space, rng)
    steps = [[columns] for columns in axes.values()]
    start = walk.best_of(walk.defaults())
    alone = walk.along(steps, start)
    together = walk.along(steps, walk.best_of(walk.known))
    losses = np.maximum(together.scores - alone.scores, 0.0)
    low, high = np.percentile(losses[1:], [50 - LEVEL / 2, 50 + LEVEL / 2])
    first = start.first()
    gains = {
        pair: walk.along(_merged(axes, pair), first).scores[0] - alone.scores[0]
        for pair in combinations(axes, 2)
    }
    pair, most = max(gains.items(), key=lambda item: item[1], default=(None, 0.0))
    loss, regained = float(losses[0]), float(min(most, losses[0]))
    named = pair if loss > 0 and regained >= OF_A_PRICE * loss else None
    return Price(loss, float(min(low, loss)), float(max(high, loss)), tuple(axes), named, regained)


def _merged(axes: Mapping[str, Axis], pair: tuple[str, str]) -> list[list[Axis]]:
    """Return the steps of a sequence in which two axes are settled together, with the first."""
    first, second = pair
    return [
        [columns, axes[second]] if axis == first else [columns]
        for axis, columns in axes.items()
        if axis != second
    ]


@dataclass(frozen=True, slots=True)
class _Stand:
    """Where each of the model's versions stands: full rows, and their scores."""

    rows: Array
    scores: Array

    def first(self) -> _Stand:
        return _Stand(self.rows[:1], self.scores[:1])


@dataclass(slots=True)
class _Walk:
    """Moves along axes on all versions of the model at once."""

    surrogate: Surrogate
    space: Space
    rng: np.random.Generator
    known: Array = field(init=False)
    _values: Array = field(init=False)

    def __post_init__(self) -> None:
        evidence = self.surrogate.evidence
        genome = evidence.genome
        order = np.argsort(-evidence.scores)
        found = evidence.rows[order[:N_FOUND]]
        filled = np.where(np.isnan(found), genome.uniform(len(found), self.rng), found)
        drawn = np.concatenate([filled, genome.uniform(N_DRAWN, self.rng)])
        self.known = filled
        self._values = genome.valid(drawn, self.rng)

    def defaults(self) -> Array:
        """Return each branch's full row of defaults."""
        genome = self.surrogate.evidence.genome
        row = genome.encode(self.space.freeze(axes=self.space.axis_names).frozen)
        rows = np.repeat(row[None], len(genome.root_codes()), axis=0)
        if genome.root is not None:
            rows[:, genome.root] = genome.root_codes()
        return rows

    def best_of(self, rows: Array) -> _Stand:
        """Return the row that each version of the model likes best."""
        scores = self._scores(rows, resampled=True)
        best = scores.argmax(axis=0)
        return _Stand(rows[best], scores[best, np.arange(len(best))])

    def along(self, steps: Sequence[Sequence[Axis]], stand: _Stand) -> _Stand:
        """Settle the axes of one step after another, those of a step together."""
        for axes in steps:
            stand = self._step(axes, stand)
        return stand

    def _step(self, axes: Sequence[Axis], stand: _Stand) -> _Stand:
        rows, version = np.unique(stand.rows, axis=0, return_inverse=True)
        tried = np.repeat(rows[:, None], len(self._values) * len(axes), axis=1)
        for number, columns in enumerate(axes):
            # Values of a configuration that had them together first, then in other pairs.
            pairs = [self._values[:, columns]]
            pairs += [self.rng.permutation(pairs[0]) if number else pairs[0]] * (len(axes) - 1)
            tried[:, :, columns] = np.concatenate(pairs)
        resampled = len(stand.rows) > 1
        scores = self._scores(tried.reshape(-1, rows.shape[1]), resampled=resampled)
        own = scores.reshape(len(rows), -1, scores.shape[1])[version, :, np.arange(len(version))]
        best = own.argmax(axis=1)
        every = np.arange(len(version))
        better = own[every, best] > stand.scores
        return _Stand(
            np.where(better[:, None], tried[version, best], stand.rows),
            np.where(better, own[every, best], stand.scores),
        )

    def _scores(self, rows: Array, *, resampled: bool) -> Array:
        genome = self.surrogate.evidence.genome
        return self.surrogate(genome.active(rows, self.rng), resampled=resampled)
