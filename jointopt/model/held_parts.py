"""Judging what is tuned on predictions out of fold by rows that it was not tuned on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    Rows = NDArray[np.int64]

__all__ = ["MAX_ROWS", "cross_fitted", "sampled", "several"]

MAX_ROWS: Final = 8_000
"""Rows that are looked at, of a table that has more."""
LEAST_PARTS, PARTS_OF_ONE = 2, 5
Tuned = TypeVar("Tuned")


def several(parts: Sequence[Rows]) -> Sequence[Rows]:
    """Return the rows that folds score, in two parts at least."""
    if len(parts) >= LEAST_PARTS:
        return parts
    return np.array_split(np.random.default_rng(0).permutation(parts[0]), PARTS_OF_ONE)


def sampled(parts: Sequence[Rows]) -> list[Rows]:
    """Return at most 8,000 rows, as many of each part."""
    rng = np.random.default_rng(0)
    most = MAX_ROWS // len(parts)
    return [rng.choice(rows, most, replace=False) if len(rows) > most else rows for rows in parts]


def cross_fitted(
    parts: Sequence[Rows],
    fit: Callable[[Sequence[Rows]], Tuned],
    score: Callable[[Rows, Tuned], float],
    usual: Tuned,
) -> tuple[Tuned, list[float]] | None:
    """Fit on all parts, if what is fitted on the others gains on average.

    What is fitted on the rows that it is judged by always seems to gain.

    Parameters
    ----------
    parts : sequence of ndarray
        Rows.
    fit, score : callable
        Of what is tuned; a greater score is better.
    usual : object
        What there is without tuning.

    Returns
    -------
    tuple of (fitted, list of float) or None
        With the score of each part by what was fitted on the others; None unless the mean gain
        over the usual is more than its standard error.

    Examples
    --------
    >>> parts = [np.arange(8), np.arange(8) + 0.5]
    >>> cross_fitted(parts, lambda on: np.concatenate(on).mean(), lambda rows, center:
    ...              -np.square(rows - center).mean(), 0.0)
    (np.float64(3.75), [np.float64(-5.5), np.float64(-5.5)])
    """
    scores = [score(rows, fit([*parts[:i], *parts[i + 1 :]])) for i, rows in enumerate(parts)]
    gains = np.subtract(scores, [score(rows, usual) for rows in parts])
    # A score of NaN, of a metric that is not defined on some part, is no gain.
    if not gains.mean() > gains.std(ddof=1) / np.sqrt(len(gains)):
        return None
    return fit(parts), scores
