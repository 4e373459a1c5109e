"""The encoders that no library has, or none as fast or as exact: of categories and of dates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["MISSING_CODE", "UNKNOWN_CODE", "CategoryCodes", "ElapsedSeconds", "FrequencyEncoder"]

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


class ElapsedSeconds(TransformerMixin, BaseEstimator):
    """Replace each date by the seconds since the first one of its column in the training rows.

    Models that compute in single precision hold numbers up to 2^24 to the unit: seconds since 1970
    are 128 apart for them, those since the first date of half a year are exact.

    Attributes
    ----------
    first_ : ndarray of shape (n_features,)
        The first date of each column, in seconds since 1970.

    Examples
    --------
    >>> import pandas as pd
    >>> times = ["2026-03-01 10:00:00", None, "2026-03-01 10:00:07"]
    >>> ElapsedSeconds().fit_transform(pd.DataFrame({"sold": pd.to_datetime(times)})).ravel()
    array([ 0., nan,  7.])
    """

    def fit(self, X: Any, y: Any = None) -> Self:
        """Find the first date of each column.

        Parameters
        ----------
        X : DataFrame of shape (n_samples, n_features)
            Columns of dates without a zone.
        y : None
            Ignored.
        """
        del y
        validate_data(self, X, skip_check_array=True)
        # Of a column without dates 0: those of later rows are known all the same.
        self.first_ = np.nan_to_num(np.fmin.reduce(_seconds(X), axis=0))
        return self

    def transform(self, X: Any) -> NDArray[np.float64]:
        """Return the seconds, an array of shape (n_samples, n_features); NaN for missing dates."""
        check_is_fitted(self)
        validate_data(self, X, skip_check_array=True, reset=False)
        return np.asarray(_seconds(X) - self.first_)

    def get_feature_names_out(self, _input_features: Any = None) -> NDArray[np.object_]:
        """Return the names of the columns that come out."""
        check_is_fitted(self)
        return np.array([f"{name}_total_seconds" for name in self.feature_names_in_], dtype=object)


def _seconds(dates: pd.DataFrame) -> NDArray[np.float64]:
    since_1970 = np.asarray(dates, dtype="datetime64[ns]") - np.datetime64(0, "ns")
    return np.asarray(since_1970 / np.timedelta64(1, "s"))
