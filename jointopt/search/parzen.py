"""Densities over coded configurations in which not every parameter is active.

A density is a mixture of one product kernel per observation and the prior. Where an observation
lacks a parameter that a candidate has, its kernel says what the prior says: a tree-structured
Parzen estimator (Bergstra et al., 2011), multivariate within a branch (Falkner et al., 2018).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Parzen"]

LOG_ROOT_TAU = 0.5 * np.log(2 * np.pi)


class Parzen:
    """A density over coded configurations.

    Parameters
    ----------
    observed : ndarray of shape (n_observed, n_parameters)
        Codes; NaN where a parameter was not active.
    n_options : ndarray of shape (n_parameters,)
        Options of each categorical parameter, 0 for numbers.
    width : float
        Standard deviation of the kernels of numbers.
    change : ndarray of shape (n_parameters,)
        Probability with which a kernel gives any other option than the observed one.
    """

    def __init__(
        self,
        observed: NDArray[np.float64],
        n_options: NDArray[np.int64],
        width: float,
        change: NDArray[np.float64],
    ) -> None:
        from scipy.special import ndtr

        self.observed = observed
        self.width = width
        self.change = change
        self._numeric = n_options == 0
        options = np.maximum(n_options, 1)
        self._prior = np.where(self._numeric, 0.0, -np.log(options))
        self._same = np.log1p(-change)
        self._other = np.log(change) - np.log(np.maximum(options - 1, 1))
        x = observed[:, self._numeric]
        self._log_mass = np.log(ndtr((1 - x) / width) - ndtr(-x / width))

    def log_density(self, candidates: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return log densities of shape (n_candidates,), of the active parameters of each."""
        from scipy.special import logsumexp

        active = ~np.isnan(candidates)
        prior = np.where(active, self._prior, 0.0).sum(axis=1)
        kernels = self._numbers(candidates) + self._categories(candidates)
        everything = np.concatenate([kernels, prior[:, None]], axis=1)
        return np.asarray(logsumexp(everything, axis=1) - np.log(everything.shape[1]))

    def _numbers(self, candidates: NDArray[np.float64]) -> NDArray[np.float64]:
        x = candidates[:, None, self._numeric]
        seen = self.observed[None, :, self._numeric]
        log = -0.5 * ((x - seen) / self.width) ** 2 - LOG_ROOT_TAU - np.log(self.width)
        return np.asarray(np.nan_to_num(log - self._log_mass[None]).sum(axis=2))

    def _categories(self, candidates: NDArray[np.float64]) -> NDArray[np.float64]:
        chosen = ~self._numeric
        x = candidates[:, None, chosen]
        seen = self.observed[None, :, chosen]
        known = np.where(x == seen, self._same[chosen], self._other[chosen])
        log = np.where(np.isnan(seen), self._prior[chosen], known)
        return np.asarray(np.where(np.isnan(x), 0.0, log).sum(axis=2))
