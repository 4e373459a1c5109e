"""Judging what is tuned on predictions out of fold by rows that it was not tuned on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Rows = NDArray[np.int64]

__all__ = ["sampled_parts", "worth_it"]

MAX_ROWS: Final = 8_000
LEAST_PARTS, PARTS_OF_ONE = 2, 5


def sampled_parts(parts: Sequence[Rows]) -> list[Rows]:
    """Return at most 8,000 of the rows that folds score, in two parts at least."""
    rng = np.random.default_rng(0)
    if len(parts) < LEAST_PARTS:
        parts = np.array_split(rng.permutation(parts[0]), PARTS_OF_ONE)
    most = MAX_ROWS // len(parts)
    return [rng.choice(rows, most, replace=False) if len(rows) > most else rows for rows in parts]


def worth_it(scores: Sequence[float], usual: Sequence[float]) -> bool:
    """Whether the mean gain of the parts is more than its standard error.

    >>> worth_it([0.8, 0.9], [0.7, 0.9]), worth_it([0.81, 0.91], [0.8, 0.9])
    (False, True)
    """
    gains = np.subtract(scores, usual)
    return bool(gains.mean() > gains.std(ddof=1) / np.sqrt(len(gains)))
