"""In which unit a column or a target is given makes no difference to a model."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from jointopt import load_space
from jointopt.data import dataset_from_arrays
from jointopt.pipeline.adapt import adapt_space, blueprint_of
from jointopt.pipeline.build import build_pipeline

TARGETS = [1e-9, 1e5]


def table(n=300, seed=0):
    rng = np.random.default_rng(seed)
    numbers = rng.normal(size=(n, 3))
    codes = rng.integers(0, 12, n)
    y = numbers @ [1.0, 0.5, 0.0] + rng.normal(size=12)[codes] + 0.1 * rng.normal(size=n)
    return pd.DataFrame(numbers, columns=list("abc")).assign(place=[f"p{i}" for i in codes]), y


def predicted(X, y, **options):
    dataset = dataset_from_arrays(X, y, "regression")
    space = adapt_space(load_space("tabular"), dataset)
    config = space.complete({path.replace("__", "/"): v for path, v in options.items()})
    pipeline = build_pipeline(config, blueprint_of(space, dataset))
    return pipeline.fit(dataset.X, dataset.y).predict(dataset.X)


@pytest.mark.parametrize("factor", TARGETS)
@pytest.mark.parametrize(
    "paradigm",
    [
        "lightgbm",
        "xgboost",
        "elastic_net",
        "svm",
        "knn",
        "random_forest",
        "extra_trees",
        pytest.param("mlp", marks=pytest.mark.slow),
    ],
)
def test_the_unit_of_a_target_changes_no_model(paradigm, factor):
    X, y = table()
    encode = "target" if paradigm in ("svm", "knn") else "one_hot"
    usual, other = (
        predicted(X, y * unit, paradigm=paradigm, transforms__categorical__encode=encode) / unit
        for unit in (1.0, factor)
    )
    assert np.std(usual) > 0.3
    np.testing.assert_allclose(other, usual, atol=0.05 * np.std(usual))


@pytest.mark.parametrize("paradigm", ["random_forest", "extra_trees"])
def test_a_target_far_from_zero_is_learned_as_well(paradigm):
    X, y = table()
    usual, other = (predicted(X, y + far, paradigm=paradigm) - far for far in (0.0, 1e9))
    np.testing.assert_allclose(other, usual, atol=0.05 * np.std(usual))


@pytest.mark.parametrize("factor", TARGETS)
def test_quantiles_are_those_of_the_target_in_any_unit(factor):
    X, y = table()
    options = {"paradigm": "linear", "transforms__target": "quantile_normal"}
    usual = predicted(X, y, **options)
    np.testing.assert_allclose(predicted(X, y * factor, **options) / factor, usual, atol=0.01)


@pytest.mark.parametrize("scale", ["quantile_normal", "quantile_uniform", "yeo_johnson"])
def test_the_unit_of_a_column_changes_no_model(scale):
    X, y = table()
    options = {"paradigm": "knn", "transforms__numeric__scale": scale}
    usual = predicted(X, y, **options)
    np.testing.assert_allclose(predicted(X.assign(a=X["a"] * 1e-9), y, **options), usual)


@pytest.mark.parametrize(
    "options",
    [
        {"paradigm": "knn", "transforms__numeric__scale": "quantile_uniform"},
        {"paradigm": "mlp"},
        {
            "paradigm": "linear",
            "transforms__numeric__scale": "robust",
            "transforms__numeric__derive": "spline",
        },
    ],
)
def test_a_column_of_the_least_numbers_is_no_failure(options):
    X, y = table(100)
    tiny = X.assign(a=X["a"].abs() * 1e-310)
    assert np.corrcoef(predicted(tiny, y, **options), y)[0, 1] > 0.3


@pytest.mark.parametrize("encode", ["ordinal", "target", "frequency"])
def test_codes_of_categories_do_not_outweigh_numbers(encode):
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(400, 2)), columns=["a", "b"])
    y = 1e4 * (X["a"] + X["b"]).to_numpy()
    options = {"paradigm": "knn", "transforms__categorical__encode": encode}
    for n_places in (2, 40):
        places = [f"p{i}" for i in rng.integers(0, n_places, 400)]
        of_others = predicted(X.assign(place=places), y, **options)
        assert np.corrcoef(of_others, y)[0, 1] > 0.85


def test_one_new_value_is_no_million_deviations_away():
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"a": np.r_[np.full(295, 60.0), rng.uniform(10, 30, 5)], "b": range(300)})
    y = rng.normal(size=300)
    config = {"paradigm": "linear", "transforms/numeric/scale": "yeo_johnson"}
    dataset = dataset_from_arrays(X, y, "regression")
    space = adapt_space(load_space("tabular"), dataset)
    pipeline = build_pipeline(space.complete(config), blueprint_of(space, dataset))
    pipeline.fit(dataset.X, dataset.y)
    new = pd.DataFrame({"a": [61.0, 90.0, 1e6, -1e6], "b": 5.0})
    assert np.abs(pipeline["columns"].transform(new)).max() < 50
