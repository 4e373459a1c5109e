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

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

__all__ = ["Embedding", "GaussianProcess"]

ROOT_5 = np.sqrt(5.0)
JITTER = 1e-6
INACTIVE = 0.5
"""How far an inactive number is from the middle of its range, in units of the range."""
YES_OR_NO = 2
"""Two options lie on a line like numbers."""
NOISE = (np.log(1e-2), 1.5)
"""Mean and standard deviation of the prior of the logarithm of the noise's variance."""
AMPLITUDE = (0.0, 0.5)
KINSHIP = (1.0, 1.0)
"""Of the logit of rho."""
OWN_WEIGHT = 1.0
"""How much the logarithms of the private weights are greater than those of the shared."""
MAX_STEPS = 15
FARTHEST = 5.0
"""How far from the prior's means the search goes, in the prior's standard deviations."""


class Embedding:
    """Rows of codes as points whose squared distances are those of the kernel.

    Numbers lie on a line and inactive ones beside its middle; options, with being inactive as one
    more, are all one apart.

    Parameters
    ----------
    n_options : ndarray of shape (n_parameters,)
        Options of each categorical parameter, 0 for numbers; what has one makes no difference.

    Attributes
    ----------
    owner : ndarray of shape (n_dimensions,)
        The parameter that each dimension belongs to.
    """

    def __init__(self, n_options: NDArray[np.int64]) -> None:
        self._line = (n_options == 0) | (n_options == YES_OR_NO)
        widths = np.where(self._line, 2, np.maximum(n_options, 1) + 1)
        self._start = np.cumsum(widths) - widths
        self._n_options = n_options
        self.owner = np.repeat(np.arange(len(n_options)), widths)

    def __call__(self, rows: Array) -> Array:
        """Return points of shape (n_rows, n_dimensions)."""
        points = np.zeros((len(rows), len(self.owner)))
        missing = np.isnan(rows)
        line, start = self._line, self._start
        points[:, start[line]] = np.where(missing[:, line], 0.5, rows[:, line])
        points[:, start[line] + 1] = np.where(missing[:, line], INACTIVE, 0.0)
        many = np.flatnonzero(~line)
        seen = np.minimum(np.nan_to_num(rows), self._n_options - 1)
        option = np.where(missing, self._n_options, seen)[:, many].astype(np.int64)
        points[np.arange(len(rows))[:, None], start[many] + option] = np.sqrt(0.5)
        return points


class GaussianProcess:
    """A model of scores, greater or smaller alike.

    Parameters
    ----------
    n_options : ndarray of shape (n_parameters,)
        Options of each categorical parameter, 0 for numbers.
    private : ndarray of shape (n_parameters,)
        Which parameters only some branches have.
    n_branches : int
        How many branches share the private ones.
    """

    def __init__(
        self, n_options: NDArray[np.int64], private: NDArray[np.bool_], n_branches: int
    ) -> None:
        self._embedding = Embedding(n_options)
        self._private = private[self._embedding.owner]
        self._n = len(n_options)
        self._alone = n_branches <= 1 and not private.any()
        counts = np.where(private, private.sum() / n_branches, (~private).sum())
        extra = (AMPLITUDE, NOISE, KINSHIP)
        # A weight that falls with the number of parameters keeps distances of the same size.
        weights = OWN_WEIGHT * private - np.log(np.maximum(counts, 1.0))
        self._means = np.concatenate([weights, [mean for mean, _ in extra]])
        self._widths = np.concatenate([np.ones(self._n), [width for _, width in extra]])
        self._theta = self._means.copy()

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

    def condition(self) -> None:
        """Prepare predictions from what is known."""
        from scipy.linalg import cho_factor, cho_solve

        at, of_at = self._points, self._branches
        shared, private, _, _ = self._kernels(self._theta, at, of_at, at, of_at)
        covariance = shared * private
        self._add_noise(covariance, self._theta)
        self._factor = cho_factor(covariance, lower=True, overwrite_a=True)
        self._alpha = cho_solve(self._factor, self._scores)

    def expected(self) -> Array:
        """Return the means at what is known, shape (n,)."""
        return np.asarray(self._scores - self._noise_of(self._theta) * self._alpha)

    def predict(self, rows: Array, branches: Array) -> tuple[Array, Array]:
        """Return means and standard deviations of shape (n_rows,), without the noise."""
        from scipy.linalg import solve_triangular

        points = self._embedding(rows)
        shared, private, _, _ = self._kernels(
            self._theta, points, branches, self._points, self._branches
        )
        covariance = shared * private
        half = solve_triangular(self._factor[0], covariance.T, lower=True)
        variance = np.exp(self._theta[self._n]) - (half * half).sum(axis=0)
        return covariance @ self._alpha, np.sqrt(np.maximum(variance, 1e-10))

    # ---------------------------------------------------------------- the model

    def _noise_of(self, theta: Array) -> Array:
        return np.asarray(np.exp(theta[self._n + 1]) * self._noise + JITTER)

    def _rho(self, theta: Array) -> float:
        return float(1.0 / (1.0 + np.exp(-theta[self._n + 2])))

    def _add_noise(self, covariance: Array, theta: Array) -> None:
        covariance[np.diag_indices_from(covariance)] += self._noise_of(theta)

    def _kernels(
        self, theta: Array, first: Array, of_first: Array, second: Array, of_second: Array
    ) -> tuple[Array, Array, Array, Array]:
        """Return the covariance's two factors, and the scaled distances that they are made of."""
        scale = np.exp(0.5 * theta[: self._n])[self._embedding.owner]
        private = self._private
        near = _distance(
            first[:, ~private] * scale[~private], second[:, ~private] * scale[~private]
        )
        shared = _matern(near)
        shared *= np.exp(theta[self._n])
        if self._alone:
            return shared, np.ones_like(shared), near, np.zeros_like(near)
        own = _distance(first[:, private] * scale[private], second[:, private] * scale[private])
        rho = self._rho(theta)
        mixed = rho + (1 - rho) * ((of_first[:, None] == of_second[None]) * _matern(own))
        return shared, mixed, near, own

    def _loss(self, theta: Array) -> tuple[float, Array]:
        """Return the negative logarithm of the posterior, and its gradient."""
        from scipy.linalg import cho_factor, cho_solve

        n, points = self._n, self._points
        shared, mixed, near, own = self._kernels(
            theta, points, self._branches, points, self._branches
        )
        covariance = shared * mixed
        noisy = covariance.copy()
        self._add_noise(noisy, theta)
        factor = cho_factor(noisy, lower=True, overwrite_a=True)
        inverse = cho_solve(factor, np.eye(len(points)))
        alpha = inverse @ self._scores
        loss = 0.5 * self._scores @ alpha + np.log(np.diag(factor[0])).sum()
        by_covariance = 0.5 * (inverse - np.outer(alpha, alpha))
        by_dimension = np.zeros(points.shape[1])
        rho = self._rho(theta)
        slopes = [(np.exp(theta[n]) * _matern_slope(near) * mixed, ~self._private)]
        if not self._alone:
            same = self._branches[:, None] == self._branches[None]
            slopes.append((shared * (1 - rho) * same * _matern_slope(own), self._private))
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
    """Return distances of points, in the kernel's unit."""
    sums = (first * first).sum(axis=1)[:, None] + (second * second).sum(axis=1)[None]
    squared = first @ second.T
    squared *= -2.0
    squared += sums
    return np.asarray(ROOT_5 * np.sqrt(np.maximum(squared, 0.0, out=squared), out=squared))


def _matern(distance: Array) -> Array:
    """Return the Matérn-5/2 kernel."""
    return np.asarray((1 + distance + distance**2 / 3) * np.exp(-distance))


def _matern_slope(distance: Array) -> Array:
    """Return its derivative by the squared distance of points."""
    return np.asarray(-5 / 6 * (1 + distance) * np.exp(-distance))
