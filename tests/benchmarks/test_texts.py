"""What the n-grams of texts cost, beside scikit-learn's: `make bench`."""

from __future__ import annotations

import statistics
import sys
import time

import numpy as np
import pytest
from sklearn.feature_extraction.text import HashingVectorizer

from jointopt.pipeline.n_grams import HashedNGrams

N_TEXTS = 3_000


@pytest.mark.slow
@pytest.mark.parametrize("n_words", [3, 12, 75])
def test_counting_n_grams(n_words):
    letters = np.array(list("etaoinshrdlu"))
    rng = np.random.default_rng(0)
    words = ["".join(rng.choice(letters, rng.integers(2, 9))) for _ in range(2_000)]
    texts = [" ".join(rng.choice(words, n_words)) for _ in range(N_TEXTS)]
    theirs = HashingVectorizer(
        analyzer="char_wb", ngram_range=(3, 4), n_features=2**13, alternate_sign=False
    )
    ratios = []
    for _ in range(5):
        seconds = []
        for counter in (theirs, HashedNGrams()):
            started = time.perf_counter()
            counter.transform(texts)
            seconds.append(time.perf_counter() - started)
        ratios.append(seconds[0] / seconds[1])
    ratio = statistics.median(ratios)
    sys.stdout.write(
        f"\n{N_TEXTS} texts of {n_words} words: scikit-learn's HashingVectorizer takes "
        f"{ratio:.1f} times as long ({min(ratios):.1f} to {max(ratios):.1f})\n"
    )
    assert ratio > 1
