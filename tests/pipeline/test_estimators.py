"""Boosters that stop by themselves."""

from __future__ import annotations

import numpy as np
import pytest
from xgboost import XGBClassifier, XGBRegressor

from jointopt.pipeline.estimators import EarlyStoppingClassifier, EarlyStoppingRegressor


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


@pytest.mark.parametrize(("n_rows", "expected"), [(300, 300), (6_000, 5_400)])
def test_few_rows_are_all_in_the_model(n_rows, expected):
    X = np.random.default_rng(0).normal(size=(n_rows, 3))
    model = EarlyStoppingRegressor(XGBRegressor(), rounds=5, random_state=0).fit(X, X[:, 0])
    trees = model.estimator_.get_booster().trees_to_dataframe()
    # For a squared error, the cover of a root is the number of its rows.
    assert set(trees.query("Node == 0")["Cover"]) == {expected}
    assert model.refit_params_ == {"n_rounds": model.n_rounds_}
