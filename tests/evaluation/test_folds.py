from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jointopt.data import Task, make_dataset
from jointopt.evaluation.folds import affordable_folds, affordable_rows, make_folds, n_folds_for


def classes(counts):
    y = np.repeat([f"c{i}" for i in range(len(counts))], counts)
    x = np.arange(len(y)) % 7 + np.linspace(0, 1, len(y))
    return make_dataset(pd.DataFrame({"x": x, "y": y}), "y")


@given(
    counts=st.lists(st.integers(1, 12), min_size=2, max_size=5).filter(lambda c: sum(c) >= 8),
    n_folds=st.integers(2, 8),
)
@settings(max_examples=60, deadline=None)
def test_each_class_of_two_or_more_rows_is_fitted_on_in_every_fold(counts, n_folds):
    dataset = classes(counts)
    folds = make_folds(dataset, seed=3, n_folds=n_folds)
    sizes = np.bincount(dataset.y)
    scored_once = np.concatenate([scored for _, scored in folds])
    assert len(set(scored_once)) == len(scored_once)
    for fitted, scored in folds:
        assert set(fitted) | set(scored) == set(range(dataset.n_rows))
        assert not set(fitted) & set(scored)
        assert set(np.unique(dataset.y[fitted])) == set(range(len(counts)))
        assert not np.isin(dataset.y[scored], np.flatnonzero(sizes == 1)).any()


@given(
    counts=st.lists(st.integers(2, 12), min_size=2, max_size=2).filter(lambda c: sum(c) >= 6),
    n_folds=st.integers(1, 8),
    seed=st.integers(0, 9),
)
@settings(max_examples=60, deadline=None)
def test_of_two_classes_both_are_scored_in_every_fold(counts, n_folds, seed):
    dataset = classes(counts)
    folds = make_folds(dataset, seed=seed, n_folds=n_folds)
    assert len(folds) == min(n_folds, *counts)
    for fitted, scored in folds:
        assert set(dataset.y[fitted]) == set(dataset.y[scored]) == {0, 1}


def test_a_rare_class_makes_fewer_folds_of_two_classes_alone():
    assert len(make_folds(classes([995, 5]), seed=0, n_folds=8)) == 5
    assert len(make_folds(classes([999, 1]), seed=0, n_folds=8)) == 2
    assert len(make_folds(classes([990, 5, 5]), seed=0, n_folds=8)) == 8


def test_a_holdout_is_a_fifth_though_a_class_is_rare():
    dataset = classes([498, 2])
    ((_, scored),) = make_folds(dataset, seed=0, n_folds=1)
    assert np.bincount(dataset.y[scored]).tolist() == [99, 1]


def test_folds_depend_on_the_seed_alone():
    dataset = classes([30, 20])
    first, again, other = (make_folds(dataset, seed=s, n_folds=5) for s in (1, 1, 2))
    assert all((a[1] == b[1]).all() for a, b in zip(first, again, strict=True))
    assert any((a[1] != b[1]).any() for a, b in zip(first, other, strict=True))


def test_regression_folds_and_a_holdout():
    frame = pd.DataFrame({"x": np.arange(50) % 9, "y": np.linspace(0, 1, 50)})
    dataset = make_dataset(frame, "y")
    assert dataset.task is Task.REGRESSION
    assert len(make_folds(dataset, seed=0, n_folds=8)) == 8
    ((fitted, scored),) = make_folds(dataset, seed=0, n_folds=1)
    assert len(scored) == 10
    assert len(fitted) == 40


@pytest.mark.parametrize("n_rows", [6, 8, 13, 23, 24])
@pytest.mark.parametrize("n_folds", [1, 8])
def test_a_fold_of_a_regression_scores_at_least_three_rows(n_rows, n_folds):
    folds = make_folds(numbers(n_rows), seed=0, n_folds=n_folds)
    assert min(len(scored) for _, scored in folds) >= 3
    assert len(folds) == min(n_folds, n_rows // 3)


@pytest.mark.parametrize("n_rows", [6, 7, 1_000, 1_001, 20_000, 20_001, 10**7])
def test_fewer_folds_for_more_rows(n_rows):
    assert 1 <= n_folds_for(n_rows) <= n_rows
    assert n_folds_for(n_rows + 1) <= max(n_folds_for(n_rows), 8 if n_rows < 8 else 0)


def test_a_tight_budget_gets_fewer_folds():
    dataset = classes([400] * 20)
    found = [affordable_folds(dataset, seconds) for seconds in (1, 60, 120, 3600, None)]
    assert found == sorted(found)
    assert found[0] == 1
    assert found[-1] == n_folds_for(dataset.n_rows) == 5


def test_a_small_table_gets_no_holdout_unless_a_few_fits_take_all_the_time():
    assert [affordable_folds(numbers(n), 2) for n in (500, 2_000, 2_001)] == [3, 3, 1]
    assert affordable_folds(numbers(2_000), 0.1) == 1


def test_a_tight_budget_searches_on_a_part_of_a_large_table():
    plain, with_text = (numbers(100_000, text=text) for text in (False, True))
    found = [affordable_rows(plain, seconds) for seconds in (1, 10, 20)]
    assert found == sorted(found)
    assert found[0] == 20_000, "never fewer"
    assert [affordable_rows(plain, seconds) for seconds in (120, None)] == [None, None]
    assert affordable_rows(with_text, 20) < affordable_rows(plain, 20)
    assert affordable_rows(numbers(500), 1) is None


def test_a_fold_of_a_part_of_the_rows():
    dataset = classes([600, 300, 1])
    ((fitted, scored),) = make_folds(dataset, seed=0, n_folds=1, n_rows=300)
    assert (len(fitted), len(scored)) == (241, 60), "the class of one row is there"
    assert not set(fitted) & set(scored)
    assert set(dataset.y[fitted]) == {0, 1, 2}


def numbers(n_rows, *, text=False):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"x": rng.normal(size=n_rows), "y": rng.normal(size=n_rows)})
    if text:
        words = np.array(["quick", "brown", "foxes", "jump", "over", "lazy", "dogs", "at", "dawn"])
        drawn = words[rng.integers(len(words), size=(n_rows, 6))]
        frame["t"] = [" ".join(row) for row in drawn]
    return make_dataset(frame, "y")
