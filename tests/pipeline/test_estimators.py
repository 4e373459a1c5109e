"""Boosters that stop by themselves."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from lightgbm import LGBMClassifier, LGBMRegressor
from sklearn.base import clone
from xgboost import XGBClassifier, XGBRegressor

from jointopt.pipeline.estimators import (
    CalibratedSVC,
    EarlyStoppingClassifier,
    EarlyStoppingRegressor,
)


@pytest.fixture
def rows():
    X = np.random.default_rng(0).normal(size=(200, 3))
    return X, X[:, 0] > 0


@pytest.mark.parametrize(
    ("booster", "wrapper"),
    [(XGBClassifier, EarlyStoppingClassifier), (XGBRegressor, EarlyStoppingRegressor)],
)
def test_a_first_round_that_is_late_is_the_last(booster, wrapper, rows):
    model = wrapper(booster(), max_seconds=1e-9, random_state=0).fit(*rows)
    assert model.n_rounds_ == 1
    assert np.isfinite(model.predict(rows[0])).all()


def test_boosting_stops_where_held_out_rows_gain_no_more(rows):
    X, y = rows
    noisy = np.where(np.random.default_rng(1).random(len(y)) < 0.3, ~y, y)
    model = EarlyStoppingClassifier(XGBClassifier(), rounds=5, random_state=0).fit(X, noisy)
    assert 0 < model.n_rounds_ < 50


@pytest.mark.parametrize("booster", [LGBMRegressor, XGBRegressor])
def test_boosting_that_is_late_ends_at_its_best_round(booster):
    rng = np.random.default_rng(0)
    # Of noise the first rounds are the best; of so many rows nothing is fitted twice.
    X, y = rng.normal(size=(6_000, 5)), rng.normal(size=6_000)
    boosted = booster(n_estimators=100_000, learning_rate=0.5, n_jobs=1)
    boosted.set_params(**({"verbose": -1} if booster is LGBMRegressor else {}))
    model = EarlyStoppingRegressor(boosted, rounds=100_000, max_seconds=1.0, random_state=0)
    assert model.fit(X, y).n_rounds_ < 10


@pytest.mark.parametrize(("n_rows", "expected"), [(300, 300), (6_000, 5_400)])
def test_few_rows_are_all_in_the_model(n_rows, expected):
    X = np.random.default_rng(0).normal(size=(n_rows, 3))
    model = EarlyStoppingRegressor(XGBRegressor(), rounds=5, random_state=0).fit(X, X[:, 0])
    trees = model.estimator_.get_booster().trees_to_dataframe()
    # For a squared error, the cover of a root is the number of its rows.
    assert set(trees.query("Node == 0")["Cover"]) == {expected}
    assert model.refit_params_ == {"n_rounds": model.n_rounds_}


@pytest.mark.parametrize(
    ("booster", "y", "shape"),
    [
        (LGBMRegressor(), "numbers", (500, 4)),
        (LGBMRegressor(), "numbers", (500, 300)),
        (LGBMRegressor(), "numbers", (50, 4)),
        (LGBMRegressor(), "numbers", (6_000, 4)),  # of which some trees are past the best round
        (LGBMRegressor(objective="poisson"), "counts", (500, 4)),
        (LGBMRegressor(objective="l2"), "numbers", (500, 4)),
        (LGBMRegressor(reg_sqrt=True), "counts", (500, 4)),
        (LGBMClassifier(), "two", (500, 4)),
        (LGBMClassifier(sigmoid=2.0), "two", (500, 4)),
        (LGBMClassifier(boosting_type="rf", subsample=0.5, subsample_freq=1), "two", (500, 4)),
        (LGBMClassifier(), "four", (500, 4)),
        (LGBMClassifier(objective="multiclassova"), "four", (500, 4)),
        (LGBMClassifier(), "forty", (900, 4)),  # a round has more trees than are taken at a time
    ],
)
def test_trees_taken_some_at_a_time_predict_as_all_at_once(booster, y, shape):
    rng = np.random.default_rng(0)
    X = rng.normal(size=shape)
    X[rng.random(shape) < 0.1] = np.nan
    numbers = np.nan_to_num(X[:, 0] * X[:, 1]) + rng.normal(size=len(X))
    targets = {"numbers": numbers, "counts": np.floor(np.abs(numbers)), "two": numbers > 0}
    targets["four"] = np.digitize(numbers, [-1, 0, 1])
    targets["forty"] = np.argsort(np.argsort(numbers)) % 40
    wrapper = EarlyStoppingRegressor if y in ("numbers", "counts") else EarlyStoppingClassifier
    booster.set_params(n_estimators=100, num_leaves=60, verbose=-1, n_jobs=1)
    model = wrapper(booster, random_state=0).fit(X, targets[y])
    one = "predict" if wrapper is EarlyStoppingRegressor else "predict_proba"
    found, expected = (getattr(m, one)(X) for m in (model, model.estimator_))
    np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize(
    ("booster", "wrapper"),
    [
        (LGBMClassifier(num_leaves=4, verbose=-1), EarlyStoppingClassifier),
        (LGBMRegressor(num_leaves=4, verbose=-1), EarlyStoppingRegressor),
        (XGBClassifier(), EarlyStoppingClassifier),
        (XGBRegressor(), EarlyStoppingRegressor),
    ],
)
def test_threads_that_share_a_booster_predict_as_one(booster, wrapper):
    """LightGBM keeps in the booster which trees it sums: another thread's call would change it."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(3_000, 5))
    y = X[:, 0] * X[:, 1] > 0
    booster.set_params(n_estimators=600, n_jobs=1)
    model = wrapper(booster, n_rounds=600, random_state=0).fit(X, y)
    parts = [X[:2_000], X[:50], X[1_000:], X[-70:]] * 6  # of which some are few rows
    predict = getattr(model, "predict_proba", model.predict)
    alone = [predict(part) for part in parts]
    with ThreadPoolExecutor(4) as pool:
        at_once = list(pool.map(predict, parts))
    for found, expected in zip(at_once, alone, strict=True):
        np.testing.assert_array_equal(found, expected)


@pytest.fixture
def shops():
    """Codes of forty shops beside noise; a random half of the shops sells more."""
    rng = np.random.default_rng(0)
    X = np.column_stack([rng.integers(40, size=900), rng.normal(size=900)]).astype(float)
    busy = np.isin(X[:, 0], rng.permutation(40)[:20])
    return X, busy


BOOSTERS = pytest.mark.parametrize(
    ("booster", "wrapper"),
    [
        (LGBMClassifier(verbose=-1, min_child_samples=5), EarlyStoppingClassifier),
        (LGBMRegressor(verbose=-1, min_child_samples=5), EarlyStoppingRegressor),
        (XGBClassifier(), EarlyStoppingClassifier),
        (XGBRegressor(), EarlyStoppingRegressor),
    ],
)


@BOOSTERS
def test_one_tree_of_three_splits_tells_sets_of_categories_apart(booster, wrapper, shops):
    X, busy = shops
    booster = clone(booster).set_params(n_estimators=1, n_jobs=1, learning_rate=1.0)
    booster.set_params(**({"num_leaves": 4} if "LGBM" in str(booster) else {"max_depth": 2}))
    errors = {}
    for categorical in (None, [0]):
        model = wrapper(booster, categorical=categorical, n_rounds=1, random_state=0)
        predicted = model.fit(X, busy.astype(int)).predict(X)
        errors[categorical is None] = np.mean((predicted > 0.5) != busy)
    assert errors[False] < 0.1
    assert errors[True] > 0.2


@BOOSTERS
def test_a_category_that_was_not_known_is_predicted(booster, wrapper, shops):
    X, busy = shops
    seen = X[:, 0] < 30
    booster = clone(booster).set_params(n_estimators=20, n_jobs=1)
    model = wrapper(booster, categorical=[0], random_state=0).fit(X[seen], busy[seen].astype(int))
    new = np.array([[35.0, 0.0], [-2.0, 0.0], [-1.0, 0.0], [np.nan, 0.0]])
    predicted = getattr(model, "predict_proba", model.predict)(new)
    assert np.isfinite(predicted).all()
    # What stands for an unknown and for a missing one is the same.
    assert (predicted[1:] == predicted[1]).all()


@BOOSTERS
def test_codes_may_be_whole_numbers(booster, wrapper, shops):
    X, busy = shops
    codes = X[:, :1].astype(int)
    codes[:20] = -1
    model = wrapper(clone(booster), categorical=[0], random_state=0).fit(codes, busy.astype(int))
    predict = getattr(model, "predict_proba", model.predict)
    np.testing.assert_array_equal(predict(codes), predict(np.where(codes < 0, np.nan, codes)))


def test_xgboost_takes_sets_of_few_categories_only():
    codes = np.repeat(np.arange(64.0), 5)
    for seed in range(12):
        kinds = []
        for last in (63.0, 64.0):
            # No second fit, and now and then the last row is one of those held out of the first.
            model = EarlyStoppingRegressor(
                XGBRegressor(n_jobs=1), categorical=[0], max_seconds=1e-9, random_state=seed
            )
            X = np.column_stack([np.r_[codes, last], np.zeros(len(codes) + 1)])
            model.fit(X, X[:, 0] % 7)
            kinds.append(model.estimator_.get_booster().feature_types)
        assert kinds == [["c", "q"], None]


@pytest.mark.parametrize("booster", [LGBMRegressor(verbose=-1, n_jobs=1), XGBRegressor(n_jobs=1)])
def test_a_model_does_not_keep_the_score_of_each_round(booster):
    X = np.random.default_rng(0).normal(size=(6_000, 3))
    booster = clone(booster).set_params(n_estimators=40)
    model = EarlyStoppingRegressor(booster, random_state=0).fit(X, X[:, 0] ** 2)
    assert not model.estimator_.evals_result_


@pytest.mark.parametrize("names", ["ab", "abc"])
def test_a_support_vector_machine_takes_classes_of_one_row(names):
    rng = np.random.default_rng(0)
    y = np.array([*"a" * 20, *names[1:]])
    X = rng.normal(size=(len(y), 2)) + 4 * np.array([names.index(name) for name in y])[:, None]
    model = CalibratedSVC().fit(X, y)
    probabilities = model.predict_proba(X)
    assert list(model.classes_) == list(names)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)
    for code in range(1, len(names)):
        assert probabilities[:, code].argmax() == 19 + code
