"""Columns of text become a few numbers, and what is kept does not grow with the texts."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

from jointopt.model import skops_format
from jointopt.pipeline.text import TextComponents

SYLLABLES = ["ba", "do", "fi", "gu", "ke", "lo", "mi", "nu", "pa", "re", "so", "ti", "vu", "zo"]


def sentences(n_rows, n_words, seed=0):
    """Return texts of words that hardly ever come twice."""
    rng = np.random.default_rng(seed)
    texts = [
        " ".join("".join(rng.choice(SYLLABLES, 4)) for _ in range(n_words)) for _ in range(n_rows)
    ]
    return pd.DataFrame({"said": texts})


def test_what_is_kept_does_not_grow_with_the_words():
    few, many = (
        len(skops_format.dumps(TextComponents(8, random_state=0).fit(sentences(n, 30))))
        for n in (20, 600)
    )
    assert many < 1.01 * few


def test_rows_to_predict_are_described_as_training_rows_are():
    frame = sentences(40, 5)
    encoder = TextComponents(6, random_state=0)
    found = encoder.fit_transform(frame)
    assert found.shape == (40, 6)
    assert np.allclose(encoder.transform(frame), found, atol=1e-5)
    assert np.allclose(encoder.transform(frame.tail(3)), found[-3:], atol=1e-5)
    assert np.array_equal(clone(encoder).fit_transform(frame), found)
    assert found.var(axis=0).sum() == pytest.approx(1.0, rel=1e-3)


def test_texts_that_share_words_are_close():
    frame = pd.DataFrame({"said": ["warm summer evening", "summer evenings, warm", "cold winter"]})
    one, other, third = TextComponents(2, random_state=0).fit_transform(frame)
    assert np.linalg.norm(one - other) < 0.2 * np.linalg.norm(one - third)


@pytest.mark.parametrize("missing", [None, np.nan, pd.NA])
def test_a_missing_text_is_an_empty_one(missing):
    frame = pd.DataFrame(
        {"said": ["some", "", "words", missing], "too": ["a b", "c", missing, ""]}
    )
    found = TextComponents(2, random_state=0).fit_transform(frame)
    assert found.shape == (4, 4)
    assert np.array_equal(found[1, :2], found[3, :2])
    assert np.array_equal(found[2, 2:], found[3, 2:])


def test_a_column_without_a_word_tells_nothing():
    frame = pd.DataFrame({"said": [None, "", " "]})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        encoder = TextComponents(2, random_state=0)
        assert not encoder.fit_transform(frame).any()
        assert np.isfinite(encoder.transform(pd.DataFrame({"said": ["words", 7]}))).all()


def test_other_columns_are_refused():
    encoder = TextComponents(2).fit(sentences(5, 3))
    with pytest.raises(ValueError, match="feature names should match"):
        encoder.transform(pd.DataFrame({"meant": ["words"]}))
