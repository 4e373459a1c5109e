"""Columns of text become numbers, and what is kept does not grow with the texts."""

from __future__ import annotations

import warnings
from collections import Counter

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.metrics import roc_auc_score

from jointopt.model import skops_format
from jointopt.pipeline.n_grams import HashedNGrams
from jointopt.pipeline.text import component_encoder, word_encoder

SYLLABLES = ["ba", "do", "fi", "gu", "ke", "lo", "mi", "nu", "pa", "re", "so", "ti", "vu", "zo"]
GROUPS = CountVectorizer(analyzer="char_wb", ngram_range=(3, 4)).build_analyzer()


def components(*columns, n=2, classification=False):
    return component_encoder(columns, n, classification=classification, seed=0)


def sentences(n_rows, n_words, seed=0):
    """Return texts of words that hardly ever come twice."""
    rng = np.random.default_rng(seed)
    texts = [
        " ".join("".join(rng.choice(SYLLABLES, 4)) for _ in range(n_words)) for _ in range(n_rows)
    ]
    return pd.DataFrame({"said": texts})


@pytest.mark.parametrize("make", [component_encoder, word_encoder])
def test_what_is_kept_does_not_grow_with_the_words(make):
    few, many = (
        len(
            skops_format.dumps(
                make(["said"], 8, classification=False, seed=0).fit(
                    sentences(n, 30), np.arange(n, dtype=float)
                )
            )
        )
        for n in (20, 600)
    )
    assert many < 1.02 * few


def test_rows_to_predict_are_described_as_training_rows_are():
    frame, y = sentences(40, 5), np.arange(40.0)
    encoder = components("said", n=6)
    found = encoder.fit_transform(frame, y)
    assert found.shape == (40, 7)
    assert np.allclose(encoder.transform(frame)[:, :6], found[:, :6], atol=1e-5)
    assert np.allclose(encoder.transform(frame.tail(3))[:, :6], found[-3:, :6], atol=1e-5)
    assert np.array_equal(clone(encoder).fit_transform(frame, y), found)
    assert found[:, :6].var(axis=0).sum() == pytest.approx(1.0, rel=1e-3)


def test_texts_that_share_words_are_close():
    frame = pd.DataFrame({"said": ["warm summer evening", "summer evenings, warm", "cold winter"]})
    one, other, third = components("said").fit_transform(frame, [0.0, 0.0, 0.0])
    assert np.linalg.norm(one - other) < 0.2 * np.linalg.norm(one - third)


def test_a_score_tells_what_no_word_of_few_does():
    rng = np.random.default_rng(0)
    frame = sentences(300, 12)
    y = np.where(rng.random(300) < 0.5, "good", "bad")
    telling = {"good": ["splendid", "lovely", "superb"], "bad": ["dreadful", "awful", "broken"]}
    frame["said"] += [" " + rng.choice(telling[label]) for label in y]
    encoder = components("said", classification=True).fit(frame[:200], y[:200])
    assert roc_auc_score(y[200:] == "good", encoder.transform(frame[200:])[:, -1]) > 0.9


@pytest.mark.parametrize("classification", [False, True])
def test_no_training_row_tells_its_own_target(classification):
    """Of texts that have nothing to do with the target, scores of fitted rows are no better."""
    frame = sentences(200, 12)
    y = np.random.default_rng(1).integers(0, 2, 200)
    encoder = components("said", classification=classification)
    score = encoder.fit_transform(frame, y)[:, -1]
    assert roc_auc_score(y, score) < 0.6
    assert roc_auc_score(y, encoder.transform(frame)[:, -1]) > 0.9, "the last model has seen them"


@pytest.mark.parametrize(("n_classes", "n_scores"), [(1, 1), (2, 1), (3, 3), (14, 10)])
def test_the_commonest_classes_have_a_score_each(n_classes, n_scores):
    frame = sentences(60, 3)
    y = np.arange(60) % n_classes
    found = components("said", classification=True).fit_transform(frame, y)
    assert found.shape == (60, 2 + n_scores)
    assert np.isfinite(found).all()


def test_words_are_those_that_most_rows_hold():
    frame = pd.DataFrame({"said": ["red wine", "Red, red!", "white wine", "beer", ""]})
    found = word_encoder(["said"], 2, classification=False, seed=0).fit_transform(
        frame, np.arange(5.0)
    )
    assert sorted(found[:, :2].T.tolist()) == [[1, 0, 1, 0, 0], [1, 1, 0, 0, 0]]


def test_a_column_without_a_word_tells_nothing():
    frame, y = pd.DataFrame({"said": ["", " ", "\n"]}), [1.0, 2.0, 3.0]
    for encoder in (
        components("said"),
        word_encoder(["said"], 5, classification=False, seed=0),
    ):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert not encoder.fit_transform(frame, y)[:, :-1].any()
            assert np.isfinite(encoder.transform(pd.DataFrame({"said": ["words"]}))).all()


def test_other_columns_are_refused():
    encoder = components("said").fit(sentences(5, 3), np.arange(5.0))
    with pytest.raises(ValueError, match="columns are missing"):
        encoder.transform(pd.DataFrame({"meant": ["words"]}))


@given(st.lists(st.text(max_size=30), min_size=1, max_size=5))
def test_n_grams_are_those_within_words(texts):
    """In so many buckets that hardly two n-grams share one."""
    found = HashedNGrams(n_bits=30).transform(texts)
    groups = [GROUPS(text.lower()) for text in texts]
    assert found.shape == (len(texts), 2**30)
    assert found.getnnz(axis=1).tolist() == [len(set(group)) for group in groups]
    for row, group in zip(found, groups, strict=True):
        counts = list(Counter(group).values())
        norm = np.linalg.norm(counts)
        assert np.allclose(np.sort(row.data), np.sort(counts) / (norm or 1.0))


def test_n_grams_of_many_texts_are_those_of_each():
    texts = [*sentences(1500, 3)["said"], "\ud800 half a pair", "naïve 🙂 ÇA"]
    together = HashedNGrams().transform(texts)
    for place in (0, 999, 1000, 1500, 1501):
        alone = HashedNGrams().transform([texts[place]])
        assert abs(together[place] - alone).max() == 0
