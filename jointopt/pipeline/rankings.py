"""Rankings of columns on the training rows, and what keeps the best of them."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.ensemble import ExtraTreesClassifier, ExtraTreesRegressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.feature_selection import (
    SelectorMixin,
    f_classif,
    f_regression,
    mutual_info_classif,
    mutual_info_regression,
)
from sklearn.linear_model import Lasso, LogisticRegression
from sklearn.preprocessing import StandardScaler
from sklearn.utils.validation import check_is_fitted, validate_data

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

__all__ = ["CRITERIA", "RankedMask", "RankingSelector"]

CRITERIA = ("mutual_info", "f_test", "trees", "l1")
MAX_RANKING_ROWS, ENOUGH_OF_CLASS = 4000, 100


class _Ranking(BaseEstimator):
    """What ranks columns by the training rows."""

    criterion: str
    classification: bool
    random_state: int | None

    def _ranked(self, X: NDArray[np.float64], y: NDArray[Any]) -> NDArray[np.float64]:
        """Return a score for each column, greater being better; missing values are medians."""
        if len(X) > MAX_RANKING_ROWS:
            rows = self._drawn(y)
            X, y = X[rows], y[rows]
        X = np.where(np.isnan(X), np.nanmedian(np.where(np.isnan(X).all(0), 0.0, X), axis=0), X)
        varies = X.max(axis=0) > X.min(axis=0)
        scores = np.full(X.shape[1], -np.inf)
        if varies.any():
            scores[varies] = np.nan_to_num(self._scores(X[:, varies], y))
        return scores

    def _drawn(self, y: NDArray[Any]) -> NDArray[np.int64]:
        """Return so many rows at random, but of each class those that it has, or enough."""
        order = np.random.default_rng(self.random_state).permutation(len(y))
        if not self.classification:
            return order[:MAX_RANKING_ROWS]
        classes = pd.Series(y[order])
        enough = min(ENOUGH_OF_CLASS, MAX_RANKING_ROWS // classes.nunique())
        needed = classes.groupby(classes).cumcount() < enough
        first = np.argsort(~needed.to_numpy(), kind="stable")[:MAX_RANKING_ROWS]
        return order[np.sort(first)]

    def _scores(self, X: NDArray[np.float64], y: NDArray[Any]) -> NDArray[np.float64]:
        if self.criterion not in CRITERIA:
            raise ValueError(f"criterion must be one of {CRITERIA}, got {self.criterion!r}")
        if self.criterion == "mutual_info":
            score = mutual_info_classif if self.classification else mutual_info_regression
            return np.asarray(score(X, y, random_state=self.random_state))
        if self.criterion == "f_test":
            return np.asarray((f_classif if self.classification else f_regression)(X, y)[0])
        if self.criterion == "trees":
            trees = ExtraTreesClassifier if self.classification else ExtraTreesRegressor
            model = trees(100, min_samples_leaf=3, random_state=self.random_state)
            return np.asarray(model.fit(X, y).feature_importances_)
        return _l1_sizes(X, y, classification=self.classification, seed=self.random_state)


class RankingSelector(SelectorMixin, _Ranking):
    """Keep the best share of the columns by a ranking computed on the training rows.

    Parameters
    ----------
    criterion : {"mutual_info", "f_test", "trees", "l1"}, default="mutual_info"
        What ranks a column: mutual information with the target, the F statistic, the impurity
        importance in extremely randomised trees, or the size of its coefficient in a linear
        model with an L1 penalty.
    keep : float, default=0.5
        The share of columns kept, above 0 and at most 1; at least one column stays.
    classification : bool, default=True
        Whether the target is a class.
    random_state : int or None, default=None
        Seed of the sampling of rows, of mutual information and of the trees.

    Attributes
    ----------
    choice_params : tuple of str
        What only says which columns of the ranking stay, and does not change the ranking.

    Notes
    -----
    On more than 4,000 rows the ranking is computed on a random 4,000 of them: a ranking needs
    fewer rows than a model, and mutual information costs about as much as a fit. Of a class that
    is rare up to 100 rows are among them, or fewer if there are more than 40 classes.
    """

    choice_params = ("keep",)

    def __init__(
        self,
        *,
        criterion: str = "mutual_info",
        keep: float = 0.5,
        classification: bool = True,
        random_state: int | None = None,
    ) -> None:
        self.criterion = criterion
        self.keep = keep
        self.classification = classification
        self.random_state = random_state

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Rank the columns of `X`, shape (n_samples, n_features), for the target `y`.

        Raises
        ------
        ValueError
            If the criterion is not one of the four.
        """
        X = np.asarray(validate_data(self, X, ensure_all_finite="allow-nan"))
        self.scores_ = self._ranked(X, np.asarray(y))
        return self

    def __sklearn_tags__(self) -> Any:
        """Tell scikit-learn that missing values are welcome."""
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags

    def _get_support_mask(self) -> NDArray[np.bool_]:
        check_is_fitted(self)
        return _best(self.scores_, self.keep)


class RankedMask(OneToOneFeatureMixin, TransformerMixin, _Ranking):
    """A ranking's best columns, with some columns turned over; those left out hold one value.

    Parameters
    ----------
    columns : sequence of str, default=()
        Columns of numbers that are ranked; all others stay.
    criterion, keep, classification, random_state
        As of `RankingSelector`.
    flip : sequence of str, default=()
        Columns that stay although they are not among the best, or are left out although they are.

    Attributes
    ----------
    choice_params : tuple of str
        What only says which columns of the ranking stay, and does not change the ranking.
    """

    choice_params = ("keep", "flip")

    def __init__(
        self,
        *,
        columns: Sequence[str] = (),
        criterion: str = "mutual_info",
        keep: float = 0.5,
        flip: Sequence[str] = (),
        classification: bool = True,
        random_state: int | None = None,
    ) -> None:
        self.columns = columns
        self.criterion = criterion
        self.keep = keep
        self.flip = flip
        self.classification = classification
        self.random_state = random_state

    def fit(self, X: pd.DataFrame, y: ArrayLike) -> Self:
        """Rank the columns of `X`, shape (n_samples, n_features), for the target `y`.

        Raises
        ------
        ValueError
            If the criterion is not one of the four.
        """
        validate_data(self, X, skip_check_array=True)
        ranked = X[list(self.columns)]
        self.scores_ = self._ranked(ranked.to_numpy(dtype=float), np.asarray(y))
        self.medians_ = ranked.median().fillna(0.0).to_numpy()
        return self

    @property
    def kept_(self) -> NDArray[np.bool_]:
        """Which of the ranked columns stay; at least one does."""
        check_is_fitted(self)
        kept = _best(self.scores_, self.keep) ^ np.isin(self.columns, list(self.flip))
        if not kept.any():
            kept[np.argmax(self.scores_)] = True
        return kept

    def transform(self, X: pd.DataFrame) -> pd.DataFrame:
        """Return the table; columns that are left out hold their training rows' median."""
        X = X.copy(deep=False)
        for name, median, stays in zip(self.columns, self.medians_, self.kept_, strict=True):
            if not stays:
                X[name] = median
        return X


def _best(scores: NDArray[np.float64], keep: float) -> NDArray[np.bool_]:
    """Return which columns are the best share, at least one."""
    mask = np.zeros(len(scores), dtype=bool)
    mask[np.argsort(-scores, kind="stable")[: max(1, round(keep * len(scores)))]] = True
    return mask


def _l1_sizes(
    X: NDArray[np.float64], y: NDArray[Any], *, classification: bool, seed: int | None
) -> NDArray[np.float64]:
    X = StandardScaler().fit_transform(X)
    if classification:
        model = LogisticRegression(
            l1_ratio=1.0, C=0.5, solver="saga", tol=0.01, max_iter=200, random_state=seed
        )
    else:
        y = (y - y.mean()) / (y.std() or 1.0)
        model = Lasso(alpha=0.01, tol=1e-3, max_iter=100)
    with warnings.catch_warnings():
        # The order of the columns is plain long before the last digits are.
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(X, y)
    return np.asarray(np.abs(model.coef_).reshape(-1, X.shape[1]).max(axis=0))
