"""Columns of text become numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import HashingVectorizer, TfidfTransformer
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline
from sklearn.utils.validation import check_is_fitted

from jointopt.pipeline.n_grams import HashedNGrams
from jointopt.pipeline.target_scores import TargetScores

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["CommonestTerms", "LeadingComponents", "component_encoder", "word_encoder"]

N_WORD_BUCKETS = 2**15


def component_encoder(
    columns: Sequence[str], n_components: int, *, classification: bool, seed: int
) -> ColumnTransformer:
    """Return a transformer of texts to components and scores.

    Groups of three and four characters (`HashedNGrams`) are weighted by how rare they are. Each
    column of text becomes the leading components of these by a truncated singular value
    decomposition (latent semantic analysis [1]_), and what a linear model of them says of the
    target (`TargetScores`).

    Parameters
    ----------
    columns : sequence of str
        Names of the columns of text; in them a missing text is "".
    n_components : int
        Of each column.
    classification : bool
        Whether the target holds classes.
    seed : int
        Of the decomposition, and of the folds for scores.

    References
    ----------
    .. [1] Deerwester, Dumais, Furnas, Landauer, Harshman (1990). Indexing by Latent Semantic
       Analysis. JASIS 41(6).

    Examples
    --------
    >>> import pandas as pd
    >>> texts = pd.DataFrame({"said": ["a cold morning", "cold mornings", "", "warm evenings"]})
    >>> encoder = component_encoder(["said"], 2, classification=False, seed=0)
    >>> encoder.fit_transform(texts, [0.0, 1.0, 2.0, 9.0]).shape
    (4, 3)
    """
    components = LeadingComponents(n_components, random_state=seed)
    scores = TargetScores(classification=classification, random_state=seed)
    both = FeatureUnion([("components", components), ("scores", scores)])
    return _of_each(columns, Pipeline([*_n_grams(), ("described", both)]))


def word_encoder(
    columns: Sequence[str], n_words: int, *, classification: bool, seed: int
) -> ColumnTransformer:
    """Return a transformer of texts to their commonest words and scores.

    Each column of text becomes whether it holds each of its commonest words, and what a linear
    model of all its n-grams says of the target, as for `component_encoder`.

    Parameters
    ----------
    columns, classification, seed
        As for `component_encoder`.
    n_words : int
        Of each column.

    Examples
    --------
    >>> import pandas as pd
    >>> texts = pd.DataFrame({"said": ["a cold morning", "cold", "", "cold mornings"]})
    >>> encoder = word_encoder(["said"], 1, classification=False, seed=0)
    >>> encoder.fit_transform(texts, [0.0, 1.0, 2.0, 9.0])[:, 0]
    array([1., 1., 0., 1.], dtype=float32)
    """
    counted = HashingVectorizer(
        n_features=N_WORD_BUCKETS, alternate_sign=False, norm=None, dtype=np.float32
    )
    scores = TargetScores(classification=classification, random_state=seed)
    both = FeatureUnion(
        [
            ("words", make_pipeline(counted, CommonestTerms(n_words))),
            ("scores", Pipeline([*_n_grams(), ("scored", scores)])),
        ]
    )
    return _of_each(columns, both)


def _n_grams() -> list[tuple[str, Any]]:
    return [("n_grams", HashedNGrams()), ("weighted", TfidfTransformer())]


def _of_each(columns: Sequence[str], encoder: Any) -> ColumnTransformer:
    parts = [(f"text {place}", encoder, column) for place, column in enumerate(columns)]
    return ColumnTransformer(parts)


class LeadingComponents(TransformerMixin, BaseEstimator):
    """Reduce frequencies by a truncated singular value decomposition.

    The components are divided by one number, so that their variances sum to one and the leading
    ones stay the largest.

    Parameters
    ----------
    n_components : int, default=24
        Fewer if there are fewer rows.
    random_state : int or None, default=None
        Of the randomized decomposition.

    Attributes
    ----------
    decomposition_ : TruncatedSVD
        Before the division.
    scale_ : float
        The number; 1 where nothing varies.

    Examples
    --------
    >>> found = LeadingComponents(1, random_state=0).fit_transform(np.array([[0, 0], [3, 4.0]]))
    >>> found.round(2).tolist()
    [[0.0], [2.0]]
    """

    def __init__(self, n_components: int = 24, random_state: int | None = None) -> None:
        self.n_components = n_components
        self.random_state = random_state

    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn the components.

        Parameters
        ----------
        X : ndarray or sparse matrix of shape (n_samples, n_features)
            Frequencies.
        y : None
            Ignored.
        """
        self.fit_transform(X, y)
        return self

    def fit_transform(self, X: Any, y: Any = None) -> NDArray[Any]:
        """Do both, and return shape (n_samples, n_components)."""
        del y
        self.decomposition_ = TruncatedSVD(self.n_components, random_state=self.random_state)
        # Where all texts are empty, shares of no variance are nothing divided by nothing.
        with np.errstate(invalid="ignore"):
            found = self.decomposition_.fit_transform(X)
        self.scale_ = float(np.sqrt(found.var(axis=0).sum())) or 1.0
        return self._scaled(found)

    def transform(self, X: Any) -> NDArray[Any]:
        """Return the components of other rows."""
        check_is_fitted(self)
        return self._scaled(self.decomposition_.transform(X))

    def _scaled(self, found: NDArray[Any]) -> NDArray[Any]:
        return np.asarray(found / self.scale_)


class CommonestTerms(TransformerMixin, BaseEstimator):
    """Tell which of the terms that most rows hold a row holds.

    Parameters
    ----------
    n_terms : int, default=200
        How many; fewer if fewer are in two rows.

    Attributes
    ----------
    kept_ : ndarray of shape (n_kept,)
        Their columns.

    Examples
    --------
    >>> from scipy.sparse import csr_array
    >>> CommonestTerms(1).fit_transform(csr_array([[0, 2, 1], [0, 1, 0]]))
    array([[1.],
           [1.]], dtype=float32)
    """

    def __init__(self, n_terms: int = 200) -> None:
        self.n_terms = n_terms

    def fit(self, X: Any, y: Any = None) -> Self:
        """Count the rows that hold each term.

        Parameters
        ----------
        X : sparse matrix of shape (n_samples, n_terms)
            How often each row holds each term.
        y : None
            Ignored.
        """
        del y
        n_rows = np.asarray((X > 0).sum(axis=0)).ravel()
        commonest = np.argsort(-n_rows, kind="stable")[: self.n_terms]
        self.kept_ = np.sort(commonest[n_rows[commonest] > 1])
        return self

    def transform(self, X: Any) -> NDArray[np.float32]:
        """Return 1 for each kept term that a row holds, else 0; shape (n_samples, n_kept)."""
        check_is_fitted(self)
        return np.asarray((X[:, self.kept_] > 0).toarray(), dtype=np.float32)
