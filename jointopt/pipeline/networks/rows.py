"""Rows of a table as a network sees them: scaled, coded, and some of them held out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]

__all__ = [
    "CLIP",
    "clipped",
    "coded",
    "known_codes",
    "piece_edges",
    "robust_scale",
]

CLIP = 3.0


def robust_scale(numbers: Numbers) -> tuple[Numbers, Numbers]:
    """Return each column's median, and one over its interquartile range."""
    low, center, high = (
        np.percentile(numbers, [25, 50, 75], axis=0) if numbers.size else np.empty((3, 0))
    )
    spread = high - low
    # Half of the range stands in where most values are equal; constants become zeros.
    spread = np.where(spread > 0, spread, np.ptp(numbers, axis=0) / 2)
    return center, np.divide(1.0, spread, out=np.zeros_like(spread), where=spread > 0)


def clipped(numbers: Numbers, center: Numbers, scale: Numbers) -> NDArray[np.float32]:
    """Return scaled numbers, smoothly clipped to (-3, 3)."""
    scaled = (numbers - center) * scale
    # hypot, because the square of a far outlier overflows.
    found: NDArray[np.float32] = (CLIP * scaled / np.hypot(CLIP, scaled)).astype(np.float32)
    return found


def piece_edges(numbers: NDArray[np.float32], n_bins: int) -> list[NDArray[np.float32]]:
    """Return quantiles of each column, without repetitions, at least two.

    These are the bins of Gorishniy et al., "On embeddings for numerical features in tabular deep
    learning", 2022.
    """
    quantiles = np.quantile(numbers, np.linspace(0, 1, n_bins + 1), axis=0).astype(np.float32)
    edges = [np.unique(column) for column in quantiles.T]
    return [e if len(e) > 1 else np.append(e, e + np.float32(1)) for e in edges]


def known_codes(codes: Numbers) -> list[Numbers]:
    """Return the codes that each column of categories has, without the negative ones."""
    seen = [np.unique(column) for column in codes.T]
    return [known[known >= 0] for known in seen]


def coded(codes: Numbers, known: Sequence[Numbers]) -> NDArray[np.int64]:
    """Replace known codes by their rank from one, and all others by zero."""
    ranks = np.zeros(codes.shape, dtype=np.int64)
    for place, values in enumerate(known):
        if len(values):
            found = np.minimum(np.searchsorted(values, codes[:, place]), len(values) - 1)
            ranks[:, place] = np.where(values[found] == codes[:, place], found + 1, 0)
    return ranks
