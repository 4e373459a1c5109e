"""What a proposal promises: the expected improvement of the score, by its cost in time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from jointopt.search.gaussian_process import GaussianProcess
from jointopt.search.history import worst_of_use

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from jointopt.search.genome import Genome
    from jointopt.search.history import History

    Rows = NDArray[np.float64]

__all__ = ["Promise", "model_of"]

MOST_MODELLED = 112
"""Configurations that the model is made of: the better half of them the best, the rest drawn."""
MOST_SINCE = 16
"""Newer ones that it takes in before they are chosen again."""
REFIT_GROWTH = 0.1
"""The model's weights are found anew when so much has been added."""
SHORTEST = 0.02
"""Seconds: what takes less is not told apart from other costs of a trial."""
TAIL = -5.0
"""In standard deviations: below it, an expected improvement loses its digits."""
TINY = 1e-300
CLIPPED_BELOW = 1.0
"""In standard deviations below the mean: how bad the worst are says nothing of the best."""


class Promise:
    """Says how much each candidate promises.

    The improvement is that of D. Jones et al., "Efficient global optimization of expensive
    black-box functions", 1998; it is divided by the expected seconds to a power that falls as the
    budget is spent (cost cooling: E. H. Lee et al., "Cost-aware Bayesian optimization", 2020).

    Parameters
    ----------
    genome : Genome
        Of the space.
    rng : numpy.random.Generator
        Chooses what is modelled of a long history.
    """

    def __init__(self, genome: Genome, rng: np.random.Generator) -> None:
        self._genome = genome
        self._rng = rng
        self._scores, self._costs = model_of(genome), model_of(genome)
        self._n_fitted = 0
        self._members: NDArray[np.int64] = np.zeros(0, dtype=np.int64)
        self._n_members_of = 0
        self._power = 0.0
        self._scale = 1.0
        self._to_beat = 0.0

    def learn(
        self, history: History, under_way: Sequence[Rows], branch: float | None, power: float
    ) -> None:
        """Take in what is known.

        Parameters
        ----------
        history : History
            Finished configurations; not all of them failed.
        under_way : sequence of ndarray of shape (n_parameters,)
            They count as if they had the scores that are expected of them.
        branch : float or None
            Whose best is to be beaten; None for the best of all.
        power : float
            Of the expected seconds, 0 to leave them out.
        """
        chosen = self._chosen(history)
        rows, noise = history.rows[chosen], history.noise()[chosen]
        branches = self._genome.branches(rows)
        scores = _standardised(history.scores()[chosen], branches)
        self._scores.observe(rows, branches, scores, noise)
        grown = history.n >= self._n_fitted + max(3, REFIT_GROWTH * history.n)
        if grown:
            self._scores.fit()
            self._n_fitted = history.n
        self._scores.condition()
        expected = self._scores.expected()
        own = branches == branch
        self._to_beat = float(expected[own].max() if own.any() else expected.max())
        self._learn_costs(rows, history.seconds()[chosen], power, fit=grown)
        if under_way:
            more = np.array(under_way)
            of_more = self._genome.branches(more)
            imagined = self._scores.mean(more, of_more)
            self._scores.observe(
                np.concatenate([rows, more]),
                np.concatenate([branches, of_more]),
                np.concatenate([scores, imagined]),
                np.concatenate([noise, np.ones(len(more))]),
            )
            self._scores.condition()

    def of(self, rows: Rows) -> Rows:
        """Return the logarithm of what each row promises, shape (n_rows,)."""
        branches = self._genome.branches(rows)
        mean, deviation = self._scores.predict(rows, branches)
        value = _log_expected_improvement(mean, deviation, self._to_beat)
        if not self._power:
            return value
        return value - self._power * self._scale * self._costs.mean(rows, branches)

    def _chosen(self, history: History) -> NDArray[np.int64]:
        """Return what the model is made of: what it was and what is new, then chosen again."""
        new = np.arange(self._n_members_of, history.n)
        self._n_members_of = history.n
        self._members = np.concatenate([self._members, new])
        if len(self._members) > MOST_MODELLED + MOST_SINCE:
            order, half = history.order(), MOST_MODELLED // 2
            others = self._rng.choice(order[half:], MOST_MODELLED - half, replace=False)
            self._members = np.concatenate([order[:half], others])
        return self._members

    def _learn_costs(self, rows: Rows, seconds: Rows, power: float, *, fit: bool) -> None:
        known = np.isfinite(seconds)
        self._power = power if known.any() else 0.0
        if not self._power:
            return
        rows, costs = rows[known], np.log(np.maximum(seconds[known], SHORTEST))
        self._scale = float(costs.std()) or 1.0
        scaled = (costs - costs.mean()) / self._scale
        self._costs.observe(rows, self._genome.branches(rows), scaled, np.ones(len(rows)))
        if fit:
            self._costs.fit()
        self._costs.condition()


def model_of(genome: Genome) -> GaussianProcess:
    """Return a model of rows of a space, which is told their branches apart."""
    options, n_branches = genome.n_options.copy(), len(genome.root_codes())
    if genome.root is not None:
        options[genome.root] = 1
    private = genome.private & (n_branches > 1)
    return GaussianProcess(options, private, genome.optional, n_branches, genome.varying)


def _standardised(scores: Rows, branches: Rows) -> Rows:
    """Return scores of mean zero and variance one; what is bad for its branch is drawn near.

    How bad the worst are says nothing of where the best are; failures count as the worst, and
    what is infinitely good as the best.
    """
    finite = scores[np.isfinite(scores)]
    clipped = np.clip(scores, worst_of_use(finite), finite.max())
    for branch in np.unique(branches):
        own = branches == branch
        least = clipped[own].mean() - CLIPPED_BELOW * clipped[own].std()
        clipped[own] = np.maximum(clipped[own], least)
    return np.asarray((clipped - clipped.mean()) / (clipped.std() or 1.0))


def _log_expected_improvement(mean: Rows, deviation: Rows, best: float) -> Rows:
    """Return the logarithm of the improvement over the best that a normal variable promises.

    Far below the best it is taken from the tail's expansion, where the value itself is zero.
    """
    from scipy.special import ndtr

    z = (mean - best) / deviation
    log_density = -0.5 * z * z - 0.5 * np.log(2 * np.pi)
    plain = np.maximum(z * ndtr(z) + np.exp(log_density), TINY)
    tail = log_density - 2 * np.log(np.maximum(np.abs(z), 1.0))
    return np.asarray(np.where(z > TAIL, np.log(plain), tail) + np.log(deviation))
