"""The transformers that no library has, or none as fast: codes, frequencies, clips, rankings."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd
from scipy.optimize import minimize_scalar
from scipy.special import boxcox
from scipy.stats import boxcox_normmax
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.ensemble import ExtraTreesClassifier, ExtraTreesRegressor
from sklearn.feature_selection import (
    SelectorMixin,
    f_classif,
    f_regression,
    mutual_info_classif,
    mutual_info_regression,
)
from sklearn.linear_model import LogisticRegression, SGDRegressor
from sklearn.preprocessing import StandardScaler
from sklearn.utils.validation import check_is_fitted, validate_data

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

__all__ = [
    "MISSING_CODE",
    "UNKNOWN_CODE",
    "BoxCox",
    "CategoryCodes",
    "FrequencyEncoder",
    "LowerClip",
    "RankedMask",
    "RankingSelector",
]

CRITERIA = ("mutual_info", "f_test", "trees", "l1")
MAX_RANKING_ROWS, ENOUGH_OF_CLASS = 4000, 100
FLAT = 1e-10
POWERS = (-5.0, 5.0)
MISSING_CODE, UNKNOWN_CODE = -1.0, -2.0


class CategoryCodes(TransformerMixin, BaseEstimator):
    """Replace categories by whole numbers and leave the other columns of a table as they are.

    Missing values become -1, categories that it was not fitted on -2.

    Parameters
    ----------
    columns : list of str
        Those that hold categories, strings.

    Attributes
    ----------
    categories_ : list of ndarray of shape (n_categories,)
        Of each of these columns, sorted; a category's place is its code.

    Notes
    -----
    The same numbers come from scikit-learn's `OrdinalEncoder` in a `ColumnTransformer`, but for
    values that are missing in new rows alone. It checks the table again for every column: on a few
    thousand rows that takes longer than trees take to predict them.

    Examples
    --------
    >>> import pandas as pd
    >>> codes = CategoryCodes(["word"]).fit(pd.DataFrame({"x": [0.5, 1.5], "word": ["b", "a"]}))
    >>> codes.transform(pd.DataFrame({"x": [0.5, 2.5, 3.5], "word": ["b", None, "c"]}))
       word    x
    0   1.0  0.5
    1  -1.0  2.5
    2  -2.0  3.5
    """

    def __init__(self, columns: list[str]) -> None:
        self.columns = columns

    def fit(self, X: pd.DataFrame, y: Any = None) -> Self:
        """Learn the categories of a table of shape (n_samples, n_features)."""
        del y
        self.categories_ = [np.sort(X[name].dropna().unique()) for name in self.columns]
        return self

    def transform(self, X: pd.DataFrame) -> pd.DataFrame:
        """Return the table with codes for its categories, these columns first."""
        check_is_fitted(self)
        known = zip(self.columns, self.categories_, strict=True)
        codes = np.array([_codes(X[name], categories) for name, categories in known]).T
        coded = pd.DataFrame(codes, columns=self.columns, index=X.index)
        return pd.concat([coded, X.drop(columns=self.columns)], axis=1)


def _codes(column: pd.Series, categories: NDArray[np.object_]) -> NDArray[np.float64]:
    # Without the dtype pandas would first make strings of its own, which takes as long again.
    values, known = pd.Index(column, dtype=object), pd.Index(categories, dtype=object)
    codes = known.get_indexer(values).astype(float)
    other = np.flatnonzero(codes < 0)
    codes[other] = np.where(values[other].isna(), MISSING_CODE, UNKNOWN_CODE)
    return codes


class FrequencyEncoder(OneToOneFeatureMixin, TransformerMixin, BaseEstimator):
    """Replace each category by its share of the training rows; unseen categories get 0.

    Examples
    --------
    >>> import pandas as pd
    >>> FrequencyEncoder().fit_transform(pd.DataFrame({"a": ["x", "x", "x", "y"]})).ravel()
    array([0.75, 0.75, 0.75, 0.25])
    """

    def fit(self, X: Any, y: Any = None) -> Self:
        """Count the categories of each column.

        Parameters
        ----------
        X : DataFrame of shape (n_samples, n_features)
            Columns of categories; missing values are a category of their own.
        y : None
            Ignored.
        """
        del y
        validate_data(self, X, dtype=None, ensure_all_finite=False)
        counts = [
            X.iloc[:, j].value_counts(normalize=True, dropna=False) for j in range(X.shape[1])
        ]
        self.categories_ = [column.index.to_numpy() for column in counts]
        self.shares_ = [column.to_numpy(dtype=float) for column in counts]
        return self

    def transform(self, X: Any) -> NDArray[np.float64]:
        """Return the shares, an array of shape (n_samples, n_features)."""
        check_is_fitted(self)
        validate_data(self, X, dtype=None, ensure_all_finite=False, reset=False)
        known = zip(X.items(), self.categories_, self.shares_, strict=True)
        # What is not found has the place -1, which is the zero at the end.
        columns = [
            np.append(shares, 0.0)[pd.Index(categories).get_indexer(values)]
            for (_, values), categories, shares in known
        ]
        return np.array(columns, dtype=float).T


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
        X = np.asarray(validate_data(self, X, dtype=float))
        lowest, highest = X.min(axis=0), X.max(axis=0)
        # Of what rounding alone makes vary, such as a mean in a constant column, none is found.
        varies = highest - lowest > FLAT * highest
        self.lambdas_ = np.ones(X.shape[1])
        within = partial(minimize_scalar, bounds=POWERS, method="bounded")
        self.lambdas_[varies] = [
            boxcox_normmax(column, method="mle", optimizer=within) for column in X.T[varies]
        ]
        return self

    def transform(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return the powers of an array of shape (n_samples, n_features)."""
        check_is_fitted(self)
        return np.asarray(boxcox(validate_data(self, X, dtype=float, reset=False), self.lambdas_))


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
        model = SGDRegressor(penalty="l1", alpha=0.01, random_state=seed)
    return np.asarray(np.abs(model.fit(X, y).coef_).reshape(-1, X.shape[1]).max(axis=0))
