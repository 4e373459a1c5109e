"""Many columns become what a linear model of them alone says of the target."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.linear_model import Ridge
from sklearn.model_selection import KFold, cross_val_predict
from sklearn.utils.validation import check_is_fitted

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["TargetScores"]

N_FOLDS = 5
MOST_CLASSES = 10
"""The commonest have a score each: the time that they take grows with their number."""
TOLERANCE = 1e-2
"""Of the solver; scores are one feature among many, which later digits would not make better."""


class TargetScores(TransformerMixin, BaseEstimator):
    """Describe each row by what ridge regression on its columns predicts.

    Of a regression that is the target; of a classification whether the row is of the second of two
    classes, or of each of the ten commonest; both in standard deviations from their mean. As with
    scikit-learn's `TargetEncoder` [1]_, what `fit_transform` returns for a training row comes from
    a model that has not seen the row (cross-fitting), so that it is as good as a new row's; it is
    not the same as `transform` after `fit`.

    Parameters
    ----------
    classification : bool, default=False
        Whether the target holds classes.
    alpha : float, default=1.0
        The ridge penalty.
    random_state : int or None, default=None
        Of the shuffling into five folds.

    Attributes
    ----------
    model_ : Ridge
        Fitted on all training rows.
    classes_ : ndarray of shape (n_scores,) or None
        The classes that have a score.

    References
    ----------
    .. [1] Wolpert (1992). Stacked Generalization. Neural Networks 5(2).

    Examples
    --------
    >>> X = np.eye(4)[[0, 1] * 20]
    >>> scores = TargetScores(classification=True, random_state=0)
    >>> scores.fit_transform(X, np.array(["no", "yes"] * 20))[:2].round(1).ravel()
    array([-0.9,  0.9], dtype=float32)
    """

    def __init__(
        self, *, classification: bool = False, alpha: float = 1.0, random_state: int | None = None
    ) -> None:
        self.classification = classification
        self.alpha = alpha
        self.random_state = random_state

    def fit(self, X: Any, y: ArrayLike) -> Self:
        """Fit on all rows.

        Parameters
        ----------
        X : ndarray or sparse matrix of shape (n_samples, n_features)
            Numbers without missing values.
        y : array-like of shape (n_samples,)
            Classes or numbers.
        """
        self.model_ = self._ridge().fit(X, self._wanted(np.asarray(y)))
        return self

    def fit_transform(self, X: Any, y: ArrayLike) -> NDArray[np.float32]:
        """Return the training rows' scores, each by a model that has not seen the row.

        Parameters
        ----------
        X, y
            As for `fit`; at least two rows.
        """
        wanted = self._wanted(np.asarray(y))
        self.model_ = self._ridge().fit(X, wanted)
        folds = KFold(min(N_FOLDS, X.shape[0]), shuffle=True, random_state=self.random_state)
        return _as_columns(cross_val_predict(self._ridge(), X, wanted, cv=folds))

    def transform(self, X: Any) -> NDArray[np.float32]:
        """Return the scores of other rows, shape (n_samples, n_scores)."""
        check_is_fitted(self)
        return _as_columns(self.model_.predict(X))

    def _ridge(self) -> Ridge:
        return Ridge(alpha=self.alpha, solver="lsqr", tol=TOLERANCE)

    def _wanted(self, y: NDArray[Any]) -> NDArray[np.float64]:
        """Return what is predicted, shape (n_samples, n_scores)."""
        self.classes_ = None
        if self.classification:
            classes, counts = np.unique(y, return_counts=True)
            commonest = np.argsort(-counts, kind="stable")[:MOST_CLASSES]
            is_binary = classes.shape == (2,)
            self.classes_ = classes[1:] if is_binary else classes[np.sort(commonest)]
            wanted = (y[:, np.newaxis] == self.classes_).astype(float)
        else:
            wanted = y.astype(float)[:, np.newaxis]
        centred = wanted - wanted.mean(axis=0)
        spread = centred.std(axis=0)
        scaled: NDArray[np.float64] = centred / np.where(spread > 0, spread, 1.0)
        return scaled


def _as_columns(found: NDArray[Any]) -> NDArray[np.float32]:
    return found.reshape(len(found), -1).astype(np.float32)
