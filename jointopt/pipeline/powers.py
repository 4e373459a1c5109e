"""Powers that bring columns nearest to normal distributions, within bounds."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import boxcox
from scipy.stats import boxcox_llf, yeojohnson, yeojohnson_llf
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import ArrayLike, NDArray

__all__ = ["BoxCox", "LowerClip", "YeoJohnson"]

FLAT = 1e-10
POWERS = (-5.0, 5.0)


class LowerClip(OneToOneFeatureMixin, TransformerMixin, BaseEstimator):
    """Raise values below the smallest one seen in training to that one.

    Box-Cox is only defined above zero, and rows to predict may hold what training rows did not.
    """

    def fit(self, X: ArrayLike, y: Any = None) -> Self:
        """Remember the smallest value of each column of `X`, shape (n_samples, n_features)."""
        del y
        self.lowest_ = validate_data(self, X).min(axis=0)
        return self

    def transform(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return the clipped array of shape (n_samples, n_features)."""
        check_is_fitted(self)
        return np.asarray(np.maximum(validate_data(self, X, reset=False), self.lowest_))


class BoxCox(OneToOneFeatureMixin, TransformerMixin, BaseEstimator):
    """The power of each positive column that brings it nearest to a normal distribution.

    Attributes
    ----------
    lambdas_ : ndarray of shape (n_features,)
        The powers, from -5 to 5; 1, which moves a column and leaves its shape, where training rows
        are all the same.

    Notes
    -----
    scikit-learn's `PowerTransformer` refuses columns that are constant, which a mask makes, and a
    fold of a column with one other value. It knows no greatest power either: of sixties and a few
    that are lower the 200th is best, by which a new 90 is infinite.

    Examples
    --------
    >>> BoxCox().fit_transform([[1.0, 7.0], [10.0, 7.0], [100.0, 7.0]]).round(2)
    array([[0.  , 6.  ],
           [2.3 , 6.  ],
           [4.61, 6.  ]])
    """

    def fit(self, X: ArrayLike, y: Any = None) -> Self:
        """Find the power of each column of `X`, shape (n_samples, n_features)."""
        del y
        self.lambdas_ = _powers(validate_data(self, X, dtype=float), boxcox_llf)
        return self

    def transform(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return the powers of an array of shape (n_samples, n_features)."""
        check_is_fitted(self)
        return np.asarray(boxcox(validate_data(self, X, dtype=float, reset=False), self.lambdas_))


class YeoJohnson(OneToOneFeatureMixin, TransformerMixin, BaseEstimator):
    """The power of each standardised column that brings it nearest to a normal distribution.

    Unlike Box-Cox it takes any numbers (I.-K. Yeo and R. Johnson, "A new family of power
    transformations to improve normality or symmetry", 2000).

    Attributes
    ----------
    lambdas_ : ndarray of shape (n_features,)
        The powers, from -5 to 5; 1, which leaves a column as it is, where training rows are all
        the same.
    range_ : ndarray of shape (2, n_features)
        The least and the greatest value that is returned: those of the training rows, and their
        distance more on either side.

    Notes
    -----
    scikit-learn's `PowerTransformer` bounds neither. Of sixties and a few that are lower the
    powers are such that a new 90 is a million standard deviations from the others.

    Examples
    --------
    >>> YeoJohnson().fit_transform([[-1.0, 7.0], [0.0, 7.0], [9.0, 7.0]]).round(2)
    array([[-1.53,  7.  ],
           [ 0.  ,  7.  ],
           [ 2.19,  7.  ]])
    """

    def fit(self, X: ArrayLike, y: Any = None) -> Self:
        """Find the power of each column of `X`, shape (n_samples, n_features)."""
        del y
        X = np.asarray(validate_data(self, X, dtype=float))
        self.lambdas_ = _powers(X, yeojohnson_llf)
        there = self._powered(X)
        low, high = there.min(axis=0), there.max(axis=0)
        self.range_ = np.array([low - (high - low), high + (high - low)])
        return self

    def transform(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return the powers of an array of shape (n_samples, n_features), kept within `range_`."""
        check_is_fitted(self)
        there = self._powered(np.asarray(validate_data(self, X, dtype=float, reset=False)))
        return np.asarray(np.clip(there, *self.range_))

    def _powered(self, X: NDArray[np.float64]) -> NDArray[np.float64]:
        with np.errstate(over="ignore"):
            powered = map(yeojohnson, X.T, self.lambdas_)
            return np.column_stack(list(powered))


def _powers(
    X: NDArray[np.float64], likelihood: Callable[[float, NDArray[np.float64]], float]
) -> NDArray[np.float64]:
    """Return the most likely power of each column, 1 of one that is constant."""
    lowest, highest = X.min(axis=0), X.max(axis=0)
    # Of what rounding alone makes vary, such as a mean in a constant column, none is found.
    varies = highest - lowest > FLAT * np.maximum(np.abs(lowest), np.abs(highest))

    def unlikely(power: float, column: NDArray[np.float64]) -> float:
        return -likelihood(power, column)

    within = partial(minimize_scalar, unlikely, bounds=POWERS, method="bounded")
    powers = np.ones(X.shape[1])
    powers[varies] = [within(args=(column,)).x for column in X.T[varies]]
    return powers
