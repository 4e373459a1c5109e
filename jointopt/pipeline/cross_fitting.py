"""The folds within a fit for encodings by the target."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.model_selection import KFold, StratifiedKFold

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import ArrayLike, NDArray

__all__ = ["CrossFitting"]

N_FOLDS = 5


@dataclass(frozen=True)
class CrossFitting:
    """Splits training rows at random into five folds, or into single rows if these are fewer.

    By class for a classification, unless no class has a row for each fold.

    Parameters
    ----------
    classification : bool
        Whether the target holds classes.
    random_state : int
        Of the shuffle.

    Examples
    --------
    >>> folds = CrossFitting(classification=True, random_state=0)
    >>> y = np.array(["no", "yes"] * 5)
    >>> [sorted(y[held].tolist()) for _, held in folds.split(y, y)]
    [['no', 'yes'], ['no', 'yes'], ['no', 'yes'], ['no', 'yes'], ['no', 'yes']]
    >>> [len(held) for _, held in folds.split(y[:8], y[:8])]
    [2, 2, 2, 1, 1]
    """

    classification: bool
    random_state: int

    def split(
        self, X: Any, y: ArrayLike, groups: None = None
    ) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
        """Yield for each fold the numbers of the other rows and of its own.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
            At least two rows.
        y : array-like of shape (n_samples,)
            Their targets.
        groups : None
            Ignored.
        """
        del groups
        n_folds = self.get_n_splits(X)
        by_class = self.classification and np.unique(y, return_counts=True)[1].max() >= n_folds
        splitter = StratifiedKFold if by_class else KFold
        yield from splitter(n_folds, shuffle=True, random_state=self.random_state).split(X, y)

    def get_n_splits(self, X: Any, y: Any = None, groups: None = None) -> int:
        """Return the number of folds.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
            At least two rows.
        y, groups : None
            Ignored.
        """
        del y, groups
        return min(N_FOLDS, len(X))
