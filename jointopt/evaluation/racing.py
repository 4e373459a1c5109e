"""Which configurations are worth another fold.

All configurations meet the same folds in the same order, so a configuration is compared with the
incumbent (the best one that finished all folds) fold by fold: paired differences cancel what makes
a fold easy or hard. After j of k folds with mean difference d it stops when

    d + z * s * sqrt(1/j - 1/k) < 0,

s being the standard deviation of paired differences. The square root is the standard error of the
mean of j folds as an estimate of the mean of all k (finite population correction), so nothing is
left uncertain after the last. With few folds a configuration's own s is not to be trusted, one
fold has none at all: it is shrunk towards the median s of the better half of those that finished
(what is far behind differs from fold to fold in ways that what is close does not). The rule is the
paired t-test race of Maron and Moore (1997) and of F-Race (Birattari et al., 2002), with a pooled
variance.

On a large table there are rungs before the first whole fold: fits on a sample of its rows, scored
on the same rows as the fold (successive halving: Jamieson and Talwalkar, 2016). What a
configuration gains from a rung to all folds varies; it stops if it would have to gain more than a
prediction interval (Student's, of those that finished) allows to catch up with the incumbent:

    d + t * s * sqrt(1 + 1/n) < 0,

d being the difference to the incumbent on the rung, and s the standard deviation of n gains.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.special import ndtr, stdtrit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["FOLD_Z", "SAMPLE_Z", "Race"]

MIN_GAINS = 4
"""Configurations that must have finished before a sample of rows may stop another."""
FOLD_Z, SAMPLE_Z = 1.0, 1.645
"""One-sided confidence in standard errors: 16 % on folds, where what is stopped by mistake is
seldom far better than what is left, and the time buys others; 5 % on samples of rows, on which
nothing was measured that speaks for less."""
PRIOR_FOLDS = 3.0
"""The pooled variance weighs as much as that many folds of the configuration itself."""


class Race:
    """Remembers finished configurations and says who may stop.

    Parameters
    ----------
    n_folds : int
        Folds that a configuration must pass to finish.

    Examples
    --------
    >>> race = Race(n_folds=5)
    >>> race.finished([0.80, 0.82, 0.78, 0.81, 0.79])
    >>> race.finished([0.79, 0.82, 0.77, 0.81, 0.78])
    >>> race.hopeless([0.60])
    True
    >>> race.hopeless([0.81])
    False
    """

    def __init__(self, n_folds: int) -> None:
        self.n_folds = n_folds
        self.incumbent: tuple[float, ...] | None = None
        self._rungs_of_incumbent: tuple[float, ...] = ()
        self._finished: list[tuple[float, ...]] = []
        self._gains: list[NDArray[np.float64]] = []

    def finished(self, scores: Sequence[float], rungs: Sequence[float] = ()) -> None:
        """Take in a configuration that passed all folds.

        Parameters
        ----------
        scores : sequence of float
            On all folds; greater is better.
        rungs : sequence of float, default=()
            On the samples before.
        """
        self._finished.append(tuple(scores))
        self._gains.append(np.mean(scores) - np.array(rungs))
        if self.incumbent is None or np.mean(scores) > np.mean(self.incumbent):
            self.incumbent, self._rungs_of_incumbent = tuple(scores), tuple(rungs)

    def lead(self, scores: Sequence[float]) -> float:
        """Return the mean difference to the incumbent on the first folds, 0 if there is none.

        Parameters
        ----------
        scores : sequence of float
            On folds 0 to len(scores) - 1.
        """
        if self.incumbent is None:
            return 0.0
        return float(np.subtract(scores, self.incumbent[: len(scores)]).mean())

    def hopeless(self, scores: Sequence[float], *, z: float = FOLD_Z) -> bool:
        """Whether a configuration with these scores on the first folds may stop.

        Parameters
        ----------
        scores : sequence of float
            On folds 0 to len(scores) - 1.
        z : float, default=1.0
            Standard errors by which it must be behind.
        """
        j, k = len(scores), self.n_folds
        if self.incumbent is None or j >= k:
            return False
        difference = np.subtract(scores, self.incumbent[:j])
        own = difference.var(ddof=1) * (j - 1) if j > 1 else 0.0
        variance = (PRIOR_FOLDS * self._pooled_variance() + own) / (PRIOR_FOLDS + j - 1)
        error = z * np.sqrt(variance * (1 / j - 1 / k))
        return bool(difference.mean() + error < 0)

    def hopeless_on_sample(self, rungs: Sequence[float], *, z: float = SAMPLE_Z) -> bool:
        """Whether a configuration with these scores on the first rungs may stop.

        Parameters
        ----------
        rungs : sequence of float
            The last one decides.
        z : float, default=1.645
            Standard errors by which it must be behind, where there are many gains.
        """
        n, level = len(self._gains), len(rungs) - 1
        if self.incumbent is None or n < MIN_GAINS:
            return False
        spread = np.std([gains[level] for gains in self._gains], ddof=1)
        # Beyond that confidence Student's quantiles of few gains say that nothing is certain.
        quantile = z / SAMPLE_Z * stdtrit(n - 1, ndtr(SAMPLE_Z))
        room = quantile * spread * np.sqrt(1 + 1 / n)
        difference = rungs[level] - self._rungs_of_incumbent[level]
        return bool(difference + room < 0)

    def _pooled_variance(self) -> float:
        """Return the median variance of differences to the incumbent, infinite if none."""
        incumbent = np.array(self.incumbent)
        others = [scores for scores in self._finished if scores != self.incumbent]
        if not others or self.n_folds == 1:
            return np.inf
        differences = np.array(others) - incumbent
        means = differences.mean(axis=1)
        close = differences[means >= np.median(means)]
        return float(np.median(np.var(close, axis=1, ddof=1)))
