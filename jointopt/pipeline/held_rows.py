"""Rows of the training rows that an estimator holds out to know when to stop."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["MIN_ROWS_TO_HOLD_OUT", "held_rows"]

MIN_ROWS_TO_HOLD_OUT = 20
"""With fewer, what is held out would tell nothing."""


def held_rows(target: NDArray[Any], fraction: float, rng: np.random.Generator) -> NDArray[np.intp]:
    """Choose a share of the rows, spread evenly over the classes; one of each class stays."""
    order = rng.permutation(len(target))
    if target.dtype.kind != "f":
        first = np.unique(target[order], return_index=True)[1]
        order = np.delete(order, first)
        order = order[np.argsort(target[order], kind="stable")]
    wanted = max(1, round(fraction * len(target)))
    n_held = min(wanted, len(order))
    # Evenly spaced places in rows sorted by class: every class gets its share.
    places = (np.arange(n_held) + rng.random()) * len(order) / max(n_held, 1)
    return order[places.astype(np.intp)]
