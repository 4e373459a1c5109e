"""A Gaussian process over configurations in which not every parameter is active.

The covariance of two configurations is

    k = amplitude * k_shared * (rho + (1 - rho) * [same branch] * k_private)

with Matérn-5/2 kernels `k_shared` over the parameters that all branches of the root's choice have
and `k_private` over those of a branch: branches have what they share in common to a degree `rho`
that is learned, and are otherwise strangers (a coregionalised model: Goovaerts, 1997; conditional
parameters after Swersky et al., "Raiders of the lost architecture", 2014). Every parameter has a
weight of its own (automatic relevance determination), found as the maximum of the posterior.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from jointopt.search.embedding import Embedding

if TYPE_CHECKING:
    from numpy.typing import DTypeLike, NDArray

    Array = NDArray[np.float64]

__all__ = ["GaussianProcess"]

ROOT_5 = math.sqrt(5.0)
"""A number of Python's: with one of numpy's, single precision would be computed in double."""
JITTER = 1e-6
NOISE = (np.log(1e-2), 1.5)
"""Mean and standard deviation of the prior of the logarithm of the noise's variance."""
AMPLITUDE = (0.0, 0.5)
KINSHIP = (1.0, 1.0)
"""Of the logit of rho."""
OWN_WEIGHT = 1.0
"""How much the logarithms of the private weights are greater than those of the shared."""
MAX_STEPS = 15
BLOCK = 256
"""Rows whose means are computed at once: larger arrays would leave the processor's cache."""
KEPT_MEMORY = 3_000_000
"""Numbers in an array as large as glibc's allocator may take from memory that it keeps."""
FARTHEST = 5.0
"""How far from the prior's means the search goes, in the prior's standard deviations."""


class GaussianProcess:
    """A model of scores, greater or smaller alike.

    Parameters
    ----------
    n_options : ndarray of shape (n_parameters,)
        Options of each categorical parameter, 0 for numbers.
    private, optional : ndarray of shape (n_parameters,)
        Which parameters only some branches have, and which only some configurations.
    n_branches : int
        How many branches share the private ones.
    varying : ndarray of shape (n_parameters,)
        Which parameters are not the same in all configurations.
    """

    def __init__(
        self,
        n_options: NDArray[np.int64],
        private: NDArray[np.bool_],
        optional: NDArray[np.bool_],
        n_branches: int,
        varying: NDArray[np.bool_],
    ) -> None:
        self._embedding = Embedding(np.where(varying, n_options, 1), private, optional)
        shared = self._embedding.n_shared
        self._parts = (slice(0, shared), slice(shared, None))
        self._n = len(n_options)
        self._alone = n_branches <= 1 and not private.any()
        counts = np.where(
            private, (varying & private).sum() / n_branches, (varying & ~private).sum()
        )
        extra = (AMPLITUDE, NOISE, KINSHIP)
        # A weight that falls with the number of parameters keeps distances of the same size.
        weights = OWN_WEIGHT * private - np.log(np.maximum(counts, 1.0))
        self._means = np.concatenate([weights, [mean for mean, _ in extra]])
        self._widths = np.concatenate([np.ones(self._n), [width for _, width in extra]])
        self._theta = self._means.copy()
        self._factor = np.zeros((0, 0))
        self._factored: tuple[Array, ...] = ()
        # glibc asks the kernel for each array that is larger than those it has seen freed, which
        # takes as long as computing with it: half of the time that it takes to find weights.
        np.empty(KEPT_MEMORY)

    # ---------------------------------------------------------------- learning

    def observe(self, rows: Array, branches: Array, scores: Array, noise: Array) -> None:
        """Take what is known, in place of what was.

        Parameters
        ----------
        rows : ndarray of shape (n, n_parameters)
            NaN where not active.
        branches : ndarray of shape (n,)
        scores : ndarray of shape (n,)
            Of mean zero and variance one.
        noise : ndarray of shape (n,)
            The variance of each score's noise, relative to that of a complete evaluation.
        """
        self._points = self._embedding(rows)
        self._branches, self._scores, self._noise = branches, scores, noise

    def fit(self) -> None:
        """Find the most likely weights, amplitude, noise and kinship, from the last ones on."""
        from scipy.optimize import minimize

        reach = FARTHEST * self._widths
        found = minimize(
            self._loss,
            self._theta,
            jac=True,
            method="L-BFGS-B",
            bounds=np.column_stack([self._means - reach, self._means + reach]),
            options={"maxiter": MAX_STEPS},
        )
        self._theta = found.x
        self._factored = ()

    def condition(self) -> None:
        """Prepare predictions from what is known.

        What was known before, up to the first row that differs, is not computed anew.
        """
        from scipy.linalg import cho_solve, cholesky, solve_triangular

        n, old = len(self._points), self._n_as_before()
        self._at = self._scaled(self._theta, self._points)
        covariance = self._kernel(self._points[old:], self._branches[old:])
        own = covariance[:, old:]
        own[np.diag_indices_from(own)] += self._noise_of(self._theta)[old:]
        # In the order that LAPACK reads without a copy.
        factor = np.zeros((n, n), order="F")
        known = self._factor[:old, :old]
        factor[:old, :old] = known
        if old < n:
            if old:
                half = solve_triangular(
                    known, covariance[:, :old].T, lower=True, check_finite=False
                )
                factor[old:, :old] = half.T
                own -= half.T @ half
            factor[old:, old:] = cholesky(own, lower=True, check_finite=False)
        self._factor = factor
        self._factored = (self._points, self._branches, self._noise)
        self._alpha = cho_solve((factor, True), self._scores, check_finite=False)

    def _n_as_before(self) -> int:
        """Return how many rows, from the first on, are those that were last conditioned on."""
        if not self._factored:
            return 0
        n = min(len(self._points), len(self._factored[0]))
        now = (self._points, self._branches, self._noise)
        same = np.ones(n, dtype=bool)
        for new, old in zip(now, self._factored, strict=True):
            same &= (new[:n] == old[:n]).reshape(n, -1).all(axis=1)
        return int(same.argmin()) if not same.all() else n

    def expected(self) -> Array:
        """Return the means at what is known, shape (n,)."""
        return np.asarray(self._scores - self._noise_of(self._theta) * self._alpha)

    def predict(self, rows: Array, branches: Array) -> tuple[Array, Array]:
        """Return means and standard deviations of shape (n_rows,), without the noise.

        In double precision, unlike `means`: where scores have no noise, what single precision
        loses is as much as the best candidates differ by, and another one is proposed.
        """
        from scipy.linalg import solve_triangular

        covariance = self._kernel(self._embedding(rows), branches)
        means = covariance @ self._alpha
        half = solve_triangular(
            self._factor, covariance.T, lower=True, overwrite_b=True, check_finite=False
        )
        known = np.einsum("ij,ij->j", half, half)
        variance = np.exp(self._theta[self._n]) - known
        return means, np.sqrt(np.maximum(variance, 1e-10))

    def mean(self, rows: Array, branches: Array) -> Array:
        """Return the means alone, which are much cheaper, in double precision."""
        return np.asarray(self._kernel(self._embedding(rows), branches) @ self._alpha)

    def left_out(self) -> Array:
        """Return the mean at each of what is known, shape (n,), did one not know its score."""
        from scipy.linalg import solve_triangular

        half = solve_triangular(self._factor, np.eye(len(self._factor)), lower=True)
        return np.asarray(self._scores - self._alpha / np.square(half).sum(axis=0))

    def resampled(self, counts: Array) -> Array:
        """Return the weights of what is known, were each known so many times.

        With `means` this makes a bootstrap of predictions: the kernel's own weights stay.

        Parameters
        ----------
        counts : ndarray of shape (n_sets, n)

        Returns
        -------
        ndarray of shape (n, n_sets)
        """
        from scipy.linalg import cho_factor, cho_solve

        covariance = self._kernel(self._points, self._branches)
        noise = self._noise_of(self._theta)
        weights = np.zeros((len(self._points), len(counts)))
        for number, times in enumerate(counts):
            drawn = np.flatnonzero(times)
            own = covariance[np.ix_(drawn, drawn)]
            own[np.diag_indices_from(own)] += noise[drawn] / times[drawn]
            factor = cho_factor(own, lower=True, overwrite_a=True)
            weights[drawn, number] = cho_solve(factor, self._scores[drawn])
        return weights

    def means(self, rows: Array, branches: Array, weights: Array) -> Array:
        """Return means of shape (n_rows, n_sets) by sets of weights of shape (n, n_sets).

        In single precision, which takes half as long: what is made of them needs no more.
        """
        means, weights = np.zeros((len(rows), weights.shape[1])), weights.astype(np.float32)
        for first in range(0, len(rows), BLOCK):
            block = slice(first, first + BLOCK)
            points = self._embedding(rows[block])
            means[block] = self._kernel(points, branches[block], np.float32) @ weights
        return means

    # ---------------------------------------------------------------- the model

    def _noise_of(self, theta: Array) -> Array:
        return np.asarray(np.exp(theta[self._n + 1]) * self._noise + JITTER)

    def _rho(self, theta: Array) -> float:
        return float(1.0 / (1.0 + np.exp(-theta[self._n + 2])))

    def _scaled(self, theta: Array, points: Array) -> Array:
        """Return points that are as far from each other as the kernel sees them."""
        return points * np.exp(0.5 * theta[: self._n])[self._embedding.owner]

    def _kernels(
        self, theta: Array, first: Array, of_first: Array, second: Array, of_second: Array
    ) -> tuple[Array, Array, Array, Array]:
        """Return the covariance's two factors, and the distances that they are made of.

        `first` and `second` are scaled points.
        """
        shares, owns = self._parts
        near = _distance(first[:, shares], second[:, shares])
        shared = _matern(near)
        shared *= math.exp(theta[self._n])
        if self._alone:
            return shared, np.ones((1, 1)), near, np.zeros((1, 1))
        own = _distance(first[:, owns], second[:, owns])
        rho = self._rho(theta)
        mixed = _matern(own)
        mixed *= of_first[:, None] == of_second
        mixed *= 1 - rho
        mixed += rho
        return shared, mixed, near, own

    def _kernel(self, points: Array, branches: Array, precision: DTypeLike = np.float64) -> Array:
        """Return the covariance of points with what is known."""
        first = self._scaled(self._theta, points).astype(precision, copy=False)
        second = self._at.astype(precision, copy=False)
        shared, mixed, _, _ = self._kernels(self._theta, first, branches, second, self._branches)
        shared *= mixed
        return shared

    def _loss(self, theta: Array) -> tuple[float, Array]:
        """Return the negative logarithm of the posterior, and its gradient."""
        from scipy.linalg import cho_factor, cho_solve

        n, points = self._n, self._points
        scaled = self._scaled(theta, points)
        shared, mixed, near, own = self._kernels(
            theta, scaled, self._branches, scaled, self._branches
        )
        covariance = shared * mixed
        noisy = covariance.copy()
        noisy[np.diag_indices_from(noisy)] += self._noise_of(theta)
        factor = cho_factor(noisy, lower=True, overwrite_a=True, check_finite=False)
        inverse = cho_solve(factor, np.eye(len(points)), check_finite=False)
        alpha = inverse @ self._scores
        loss = 0.5 * self._scores @ alpha + np.log(np.diag(factor[0])).sum()
        by_covariance = 0.5 * (inverse - np.outer(alpha, alpha))
        by_dimension = np.zeros(points.shape[1])
        rho = self._rho(theta)
        slopes = [(covariance * _relative_slope(near), self._parts[0])]
        if not self._alone:
            slopes.append((shared * (mixed - rho) * _relative_slope(own), self._parts[1]))
        for slope, dims in slopes:
            weights, at = by_covariance * slope, points[:, dims]
            by_dimension[dims] = 2 * (
                weights.sum(axis=1) @ (at * at) - (at * (weights @ at)).sum(0)
            )
        gradient = np.zeros_like(theta)
        np.add.at(gradient, self._embedding.owner, by_dimension)
        gradient[:n] *= np.exp(theta[:n])
        gradient[n] = (by_covariance * covariance).sum()
        gradient[n + 1] = np.exp(theta[n + 1]) * (np.diag(by_covariance) * self._noise).sum()
        gradient[n + 2] = rho * (by_covariance * shared * (1 - mixed)).sum()
        off = (theta - self._means) / self._widths
        return float(loss + 0.5 * off @ off), gradient + off / self._widths


def _distance(first: Array, second: Array) -> Array:
    """Return distances of points, in the kernel's unit, with as few arrays as can be."""
    found = first @ second.T
    found *= -2.0
    found += (first * first).sum(axis=1)[:, None]
    found += (second * second).sum(axis=1)
    np.maximum(found, 0.0, out=found)
    np.sqrt(found, out=found)
    found *= ROOT_5
    return np.asarray(found)


def _matern(distance: Array) -> Array:
    """Return the Matérn-5/2 kernel."""
    decay = np.negative(distance)
    np.exp(decay, out=decay)
    found = distance / 3
    found += 1
    found *= distance
    found += 1
    found *= decay
    return np.asarray(found)


def _relative_slope(distance: Array) -> Array:
    """Return the kernel's derivative by the squared distance of points, divided by the kernel."""
    return np.asarray(-5 / 2 * (1 + distance) / (distance * (distance + 3) + 3))
