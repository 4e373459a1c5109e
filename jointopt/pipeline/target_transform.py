"""A regression's target as models see it: on another scale, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.preprocessing import QuantileTransformer

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["TargetTransform"]

WIDEN = 0.05
MAX_QUANTILES = 1_000
SCALES = ("log", "quantile_normal")


class TargetTransform(TransformerMixin, BaseEstimator):
    """Put a target on another scale; what comes back stays near the range that was seen.

    A small error on a logarithmic scale may be a huge one on the way back, so predictions are kept
    within the target's range and 5 % more of it on either side.

    Parameters
    ----------
    scale : {"log", "quantile_normal"}, default="log"
        "log" is the logarithm of one plus the target, which must not be negative, standardised;
        "quantile_normal" maps the target's quantiles to those of a normal distribution.

    Attributes
    ----------
    range_ : ndarray of shape (2,)
        Least and greatest value that is returned.
    mean_, std_ : float
        Of the logarithm, or of the target itself.
    quantiles_ : QuantileTransformer
        With "quantile_normal" only.

    Examples
    --------
    >>> y = np.array([[1.0], [10.0], [100.0]])
    >>> there = TargetTransform().fit(y)
    >>> there.inverse_transform(there.transform(y)).round(6).ravel().tolist()
    [1.0, 10.0, 100.0]
    """

    def __init__(self, scale: str = "log") -> None:
        self.scale = scale

    def fit(self, X: ArrayLike, _y: Any = None) -> Self:
        """Learn the scale of targets `X` of shape (n_samples, 1).

        Raises
        ------
        ValueError
            If the scale is not known, or a target is negative where its logarithm is asked for.
        """
        values = np.asarray(X, dtype=float)
        low, high = values.min(), values.max()
        if self.scale not in SCALES:
            raise ValueError(f"scale must be one of {', '.join(SCALES)}; got {self.scale!r}")
        if self.scale == "log":
            if low < 0:
                raise ValueError(f"the logarithm of a target needs no negative ones; got {low:g}")
            values = np.log1p(values)
        self.mean_, self.std_ = float(values.mean()), float(values.std()) or 1.0
        if self.scale == "quantile_normal":
            # Whose quantiles are one where they are less than 1e-7 apart, in whatever unit.
            self.quantiles_ = QuantileTransformer(
                n_quantiles=min(MAX_QUANTILES, len(values)),
                output_distribution="normal",
                subsample=None,
            ).fit((values - self.mean_) / self.std_)
        room = WIDEN * (high - low)
        self.range_ = np.array([low - room, high + room])
        return self

    def transform(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return targets of shape (n_samples, 1) on the other scale."""
        values = np.asarray(X, dtype=float)
        if self.scale == "log":
            values = np.log1p(values)
        scaled = (values - self.mean_) / self.std_
        return np.asarray(scaled if self.scale == "log" else self.quantiles_.transform(scaled))

    def inverse_transform(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return targets of shape (n_samples, 1) on their own scale."""
        values = np.asarray(X, dtype=float)
        scaled = values if self.scale == "log" else self.quantiles_.inverse_transform(values)
        back = scaled * self.std_ + self.mean_
        if self.scale == "log":
            with np.errstate(over="ignore"):
                back = np.expm1(back)
        return np.asarray(np.clip(back, *self.range_))
