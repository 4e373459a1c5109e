"""Columns chosen around a ranking."""

from __future__ import annotations

from itertools import chain

import numpy as np
import pandas as pd
import pytest

from jointopt import load_space
from jointopt.data import dataset_from_arrays
from jointopt.pipeline.adapt import adapt_space, blueprint_of, column_groups
from jointopt.pipeline.build import build_pipeline
from jointopt.pipeline.rankings import RankedMask, RankingSelector


@pytest.fixture
def table():
    """Of six columns `a` says most of the target, then `b`, then `c`; one is missing in part."""
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(200, 6)), columns=list("abcdef"))
    y = 3 * X["a"] + 2 * X["b"] + X["c"] + 0.1 * rng.normal(size=200)
    X.loc[:20, "e"] = np.nan
    return X, y.to_numpy()


def left_out(X, mask):
    found = mask.transform(X)
    assert list(found.columns) == list(X.columns)
    constant = [name for name in X if found[name].nunique(dropna=False) == 1]
    pd.testing.assert_frame_equal(found.drop(columns=constant), X.drop(columns=constant))
    return set(constant)


def ranked(table, **options):
    X, y = table
    options = {"columns": list(X.columns), "criterion": "f_test", **options}
    return RankedMask(classification=False, random_state=0, **options).fit(X, y)


def test_without_flips_the_ranking_decides(table):
    X, y = table
    assert left_out(X, ranked(table, keep=0.5)) == set("def")
    selector = RankingSelector(criterion="f_test", keep=0.5, classification=False).fit(X, y)
    assert set(X.columns[~selector.get_support()]) == set("def")


def test_columns_are_turned_on_and_off_around_the_ranking(table):
    assert left_out(table[0], ranked(table, keep=0.5, flip=["b", "f"])) == set("bde")


def test_one_column_is_always_left(table):
    assert left_out(table[0], ranked(table, keep=0.5, flip=list("abc"))) == set("bcdef")


def test_a_column_of_any_name_is_left_out(table):
    X, y = table
    X = X.rename(columns={"f": "self"})
    assert left_out(X, ranked((X, y), keep=0.5)) == {"d", "e", "self"}


@pytest.mark.parametrize("criterion", ["mutual_info", "f_test", "trees", "l1"])
def test_a_rare_class_counts_in_the_ranking_of_many_rows(criterion):
    rng = np.random.default_rng(0)
    y = np.arange(100_000) % 10_000 == 0
    X = rng.normal(size=(len(y), 4))
    X[y, 3] += 5
    selector = RankingSelector(criterion=criterion, keep=0.25, random_state=0).fit(X, y)
    assert selector.get_support(indices=True).tolist() == [3]


def test_columns_that_are_not_ranked_stay(table):
    X, y = table
    X = X.assign(words="red", day=pd.Timestamp("2020-01-01"))
    mask = RankedMask(columns=list("abcdef"), criterion="f_test", keep=0.2, classification=False)
    found = mask.fit(X, y).transform(X)
    assert (found["words"] == "red").all()
    assert found["day"].dtype == X["day"].dtype


def test_what_is_left_out_changes_no_prediction(table):
    X, y = table
    mask = ranked((X, y), keep=0.5)
    other = X.assign(d=1e6, e=np.nan)
    pd.testing.assert_frame_equal(mask.transform(other), mask.transform(X))


def test_the_wide_space_turns_groups_of_columns():
    """Of more than 64 columns, those that go together are turned together."""
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(100, 40))
    X = pd.DataFrame(np.repeat(centres, 2, axis=1) + 0.01 * rng.normal(size=(100, 80)))
    dataset = dataset_from_arrays(X, rng.normal(size=100))
    space = adapt_space(load_space("wide"), dataset)
    blueprint = blueprint_of(space, dataset)
    assert 60 <= len(blueprint.flips) <= 64
    assert not set(blueprint.flips) & set(blueprint.switches)
    path, pair = next((p, columns) for p, columns in blueprint.flips.items() if len(columns) == 2)
    off = dict.fromkeys(blueprint.flips, False)
    other = next(p for p in blueprint.flips if p != path)
    varies = []
    for flipped in (other, path):
        config = {"paradigm": "linear", "features": "ranked_mask", **off, flipped: True}
        pipeline = build_pipeline(space.complete(config), blueprint)
        found = pipeline[:-1].fit_transform(dataset.X, dataset.y)
        varies.append(np.ptp(found, axis=0) > 0)
    turned = {str(name) for name in dataset.X.columns[varies[0] != varies[1]]}
    assert set(pair) <= turned


def test_columns_too_many_to_compare_all_pairs_are_grouped_by_those_that_are_like_them():
    rng = np.random.default_rng(0)
    n_centres, n_columns = 30, 2_400
    X = np.tile(rng.normal(size=(40, n_centres)), n_columns // n_centres)
    dataset = dataset_from_arrays(X + 0.01 * rng.normal(size=X.shape), rng.normal(size=40))
    groups = column_groups(dataset)
    assert n_centres <= len(groups) <= 64
    assert sorted(chain(*groups.values())) == sorted(dataset.X.columns)
    for columns in groups.values():
        assert len({int(name[1:]) % n_centres for name in columns}) == 1


def test_the_linear_ranking_finds_the_columns_of_a_wide_regression():
    rng = np.random.default_rng(0)
    common = rng.normal(size=(300, 1))
    X = common + rng.normal(size=(300, 2000))
    y = (X - common)[:, :5].sum(axis=1)
    scores = RankingSelector(criterion="l1", classification=False).fit(X, y).scores_
    assert set(np.argsort(-scores)[:5]) == set(range(5))
