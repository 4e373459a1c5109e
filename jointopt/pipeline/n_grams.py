"""Texts become counts of their n-grams, all texts at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.preprocessing import normalize

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

__all__ = ["HashedNGrams"]

WIDTHS = (3, 4)
BLOCK = 1_000
"""Texts that are taken at once, so that memory does not grow with their number."""
NO_GROUP = " " * max(WIDTHS)
BASE, SPREAD = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xC2B2AE3D27D4EB4F)
"""Odd numbers of 64 bits without a pattern: the one tells characters' places apart, the other
spreads their sums over all bits."""


class HashedNGrams(TransformerMixin, BaseEstimator):
    """Count each text's groups of three and four characters within words, in a few buckets.

    A word is taken with one space before and after it, in lower case. Which bucket a group falls
    into is settled by its hash (feature hashing [1]_), so nothing is learned and nothing is kept.
    The groups are those of scikit-learn's `HashingVectorizer(analyzer="char_wb")`, which makes a
    Python string of each and takes six to eight times as long (`tests/benchmarks/test_texts.py`);
    but groups that fall into one bucket are others.

    Parameters
    ----------
    n_bits : int, default=13
        Of a bucket's number: there are two to this power.

    References
    ----------
    .. [1] Weinberger, Dasgupta, Langford, Smola, Attenberg (2009). Feature Hashing for Large Scale
       Multitask Learning. ICML.

    Examples
    --------
    >>> found = HashedNGrams().transform(["abc", "ABC  abc", ""])
    >>> found.shape, found.getnnz(axis=1).tolist()
    ((3, 8192), [5, 5, 0])
    """

    def __init__(self, n_bits: int = 13) -> None:
        self.n_bits = n_bits

    def __sklearn_is_fitted__(self) -> bool:
        """Say that there is nothing to fit."""
        return True

    def fit(self, X: Any, y: Any = None) -> Self:
        """Do nothing."""
        del X, y
        return self

    def transform(self, X: Iterable[str]) -> sparse.csr_matrix:
        """Return shares of unit length, of shape (n_samples, 2 ** n_bits).

        Parameters
        ----------
        X : iterable of str, of length n_samples
            The texts; at least one.
        """
        texts = list(X)
        counts = [self._counted(texts[i : i + BLOCK]) for i in range(0, len(texts), BLOCK)]
        return normalize(sparse.vstack(counts, format="csr"), copy=False)

    def _counted(self, texts: Sequence[str]) -> sparse.csr_matrix:
        padded = [f" {' '.join(text.lower().split())} " for text in texts]
        rows = np.repeat(np.arange(len(padded)), [len(text) for text in padded])
        # Half of a surrogate pair, which a file may hold, is a character like others here.
        encoded = "".join([*padded, NO_GROUP]).encode("utf-32-le", "surrogatepass")
        found = [_windows(np.frombuffer(encoded, dtype="<u4"), width) for width in WIDTHS]
        where = np.concatenate([rows[first] for first, _ in found])
        buckets = np.concatenate([hashed for _, hashed in found]) >> np.uint64(64 - self.n_bits)
        ones = np.ones(len(where), dtype=np.float32)
        shape = (len(padded), 2**self.n_bits)
        return sparse.csr_matrix((ones, (where, buckets.astype(np.int32))), shape=shape)


def _windows(
    characters: NDArray[np.uint32], width: int
) -> tuple[NDArray[np.intp], NDArray[np.uint64]]:
    """Return where groups of so many characters begin, and their hashes.

    A group may begin or end with a space and holds none between, so it is of one word, and, as
    texts begin and end with one, of one text.
    """
    n_windows = len(characters) - width + 1
    inner = np.ones(n_windows, dtype=bool)
    for place in range(1, width - 1):
        inner &= characters[place : place + n_windows] != ord(" ")
    [first] = np.nonzero(inner)
    hashed = np.full(len(first), width, dtype=np.uint64)
    for place in range(width):
        hashed = hashed * BASE + characters[first + place]
    hashed ^= hashed >> np.uint64(32)
    return first, hashed * SPREAD
