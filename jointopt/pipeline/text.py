"""Columns of text become numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import HashingVectorizer, TfidfTransformer
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.utils.validation import check_is_fitted, validate_data

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

__all__ = ["TextComponents"]

N_BUCKETS = 2**13
"""For the n-grams of a column. Held-out scores were those of a whole vocabulary, by which a saved
pipeline was ten times as large."""
N_GRAMS = (3, 4)


class TextComponents(TransformerMixin, BaseEstimator):
    """Describe each text by the leading components of the frequencies of its n-grams.

    Groups of three and four characters within words are counted in a fixed number of buckets
    (feature hashing [1]_), weighted by how rare they are, and reduced by a truncated singular
    value decomposition (latent semantic analysis [2]_). The components of a column are divided by
    one number, so that their variances sum to one and the leading ones stay the largest.

    Parameters
    ----------
    n_components : int, default=24
        For each column; fewer if there are fewer rows.
    random_state : int or None, default=None
        Of the randomized decomposition.

    Attributes
    ----------
    encoders_ : list of Pipeline
        One for each column.
    scales_ : list of float
        By which its components are divided.

    References
    ----------
    .. [1] Weinberger, Dasgupta, Langford, Smola, Attenberg (2009). Feature Hashing for Large Scale
       Multitask Learning. ICML.
    .. [2] Deerwester, Dumais, Furnas, Landauer, Harshman (1990). Indexing by Latent Semantic
       Analysis. JASIS 41(6).

    Examples
    --------
    >>> import pandas as pd
    >>> words = pd.DataFrame({"said": ["a cold morning", "cold mornings", None, "warm evenings"]})
    >>> TextComponents(n_components=2, random_state=0).fit_transform(words).shape
    (4, 2)
    """

    def __init__(self, n_components: int = 24, random_state: int | None = None) -> None:
        self.n_components = n_components
        self.random_state = random_state

    def fit(self, X: pd.DataFrame, y: Any = None) -> Self:
        """Learn how rare n-grams are, and the components.

        Parameters
        ----------
        X : DataFrame of shape (n_samples, n_features)
            Columns of text; a missing one is an empty one.
        y : None
            Ignored.
        """
        self.fit_transform(X, y)
        return self

    def fit_transform(self, X: pd.DataFrame, y: Any = None) -> NDArray[np.float32]:
        """Do both, and return shape (n_samples, n_features * n_components)."""
        del y
        validate_data(self, X, skip_check_array=True)
        self.encoders_ = [self._encoder() for _ in range(X.shape[1])]
        # Of a column without a word, shares of no variance are nothing divided by nothing.
        with np.errstate(invalid="ignore"):
            found = [
                encoder.fit_transform(_texts(X, place))
                for place, encoder in enumerate(self.encoders_)
            ]
        self.scales_ = [float(np.sqrt(block.var(axis=0).sum())) or 1.0 for block in found]
        return self._scaled(found)

    def transform(self, X: pd.DataFrame) -> NDArray[np.float32]:
        """Return the components, shape (n_samples, n_features * n_components)."""
        check_is_fitted(self)
        validate_data(self, X, skip_check_array=True, reset=False)
        return self._scaled(
            [encoder.transform(_texts(X, place)) for place, encoder in enumerate(self.encoders_)]
        )

    def _encoder(self) -> Pipeline:
        hashing = HashingVectorizer(
            analyzer="char_wb",
            ngram_range=N_GRAMS,
            n_features=N_BUCKETS,
            alternate_sign=False,
            dtype=np.float32,
        )
        reduced = TruncatedSVD(self.n_components, random_state=self.random_state)
        return make_pipeline(hashing, TfidfTransformer(), reduced)

    def _scaled(self, blocks: list[NDArray[np.float32]]) -> NDArray[np.float32]:
        return np.hstack(
            [block / scale for block, scale in zip(blocks, self.scales_, strict=True)]
        )


def _texts(X: pd.DataFrame, place: int) -> pd.Series:
    column = X.iloc[:, place]
    return column.astype(object).where(column.notna(), "").map(str)
