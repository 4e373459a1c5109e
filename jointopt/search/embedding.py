"""Configurations as points between which a kernel measures distances."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

__all__ = ["Embedding"]

INACTIVE = 0.5
"""How far an inactive number is from the middle of its range, in units of the range."""
YES_OR_NO = 2
"""Two options lie on a line like numbers."""


class Embedding:
    """Rows of codes as points whose squared distances are those of the kernel.

    Numbers lie on a line and inactive ones beside its middle; options, with being inactive as one
    more, are all one apart.

    Parameters
    ----------
    n_options : ndarray of shape (n_parameters,)
        Options of each categorical parameter, 0 for numbers; what has one makes no difference.
    private, optional : ndarray of shape (n_parameters,)
        Which parameters only some branches have, and which only some configurations.

    Attributes
    ----------
    owner : ndarray of shape (n_dimensions,)
        The parameter that each dimension belongs to; the private ones come last.
    n_shared : int
        How many dimensions come before them.
    """

    def __init__(
        self,
        n_options: NDArray[np.int64],
        private: NDArray[np.bool_],
        optional: NDArray[np.bool_],
    ) -> None:
        on_line = (n_options == 0) | (n_options == YES_OR_NO)
        self._line, self._many = np.flatnonzero(on_line), np.flatnonzero(~on_line)
        self._beside = np.flatnonzero(on_line & optional)
        widths = np.where(on_line, 1, np.maximum(n_options, 1)) + optional
        order = np.argsort(private, kind="stable")
        self._start = np.zeros_like(widths)
        self._start[order] = np.cumsum(widths[order]) - widths[order]
        self._n_options = n_options
        self.owner = np.repeat(order, widths[order])
        self.n_shared = int(widths[~private].sum())

    def __call__(self, rows: Array) -> Array:
        """Return points of shape (n_rows, n_dimensions)."""
        points = np.zeros((len(rows), len(self.owner)))
        line = rows[:, self._line]
        points[:, self._start[self._line]] = np.where(np.isnan(line), 0.5, line)
        if len(self._beside):
            missing = np.isnan(rows[:, self._beside])
            points[:, self._start[self._beside] + 1] = np.where(missing, INACTIVE, 0.0)
        if len(self._many):
            options, n_options = rows[:, self._many], self._n_options[self._many]
            # Being inactive comes after the options.
            seen = np.where(np.isnan(options), n_options, np.minimum(options, n_options - 1))
            at = self._start[self._many] + seen.astype(np.int64)
            points[np.arange(len(rows))[:, None], at] = np.sqrt(0.5)
        return points
