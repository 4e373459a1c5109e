"""Models as ONNX graphs, run by onnxruntime beside the models that they were made of."""

from __future__ import annotations

import functools
import warnings
from dataclasses import replace

import numpy as np
import onnxruntime
import pandas as pd
import pytest
from threadpoolctl import threadpool_limits

from jointopt import ModelError, load_model, load_space, save_model
from jointopt.data import make_dataset
from jointopt.model.fitted import FittedModel, Member
from jointopt.model.onnx.export import check_onnx, onnx_model
from jointopt.pipeline.adapt import adapt_space, blueprint_of
from jointopt.pipeline.build import build_pipeline

ONE_HOT = {
    "transforms/categorical/encode": "one_hot",
    "transforms/categorical/encode/one_hot/min_frequency": 0.05,
}
SCALED = {
    "paradigm": "linear",
    "transforms/numeric/impute": "mean",
    "transforms/numeric/indicator": True,
}
TRANSFORMS = {
    "robust": {**SCALED, "transforms/numeric/scale": "robust"},
    "min_max": {**SCALED, "transforms/numeric/scale": "min_max"},
    "yeo_johnson": {**SCALED, "transforms/numeric/scale": "yeo_johnson"},
    "box_cox": {**SCALED, "transforms/numeric/scale": "box_cox"},
    "box_cox of what a mask makes constant": {
        **SCALED,
        "transforms/numeric/scale": "box_cox",
        "features/ranked_mask/criterion": "f_test",
        "features/ranked_mask/keep": 0.5,
    },
    "quantile_normal": {**SCALED, "transforms/numeric/scale": "quantile_normal"},
    "quantile_uniform": {**SCALED, "transforms/numeric/scale": "quantile_uniform"},
    "spline": {**SCALED, "transforms/numeric/derive": "spline"},
    "squash": {**SCALED, "transforms/numeric/scale": "squash"},
    "pca": {**SCALED, "transforms/numeric/derive": "pca"},
    "products": {**SCALED, "transforms/numeric/products": True},
    "frequency": {**SCALED, "transforms/categorical/encode": "frequency"},
}
MODELS = {
    "linear": {**SCALED, "transforms/numeric/scale": "standard", **ONE_HOT},
    "lightgbm": {
        "paradigm": "lightgbm",
        "features/ranking/criterion": "f_test",
        "features/ranking/keep": 0.7,
    },
    "xgboost": {"paradigm": "xgboost", **ONE_HOT},
    "random_forest": {
        "paradigm": "random_forest",
        "features/ranked_mask/criterion": "f_test",
        "features/ranked_mask/keep": 0.5,
    },
    "svm": {"paradigm": "svm", **ONE_HOT},
    "extra_trees": {"paradigm": "extra_trees", "transforms/categorical/encode": "target"},
}
NETWORK = {"paradigm": "mlp", **{f"architecture/mlp/width/{i}": 32 + i % 2 for i in range(3)}}
NETWORKS = {
    "mish": {**NETWORK, "architecture/mlp/numeric_embedding": "periodic"},
    "relu": {**NETWORK, "architecture/mlp/activation": "relu", **ONE_HOT},
    "selu": {
        **NETWORK,
        "architecture/mlp/activation": "selu",
        "architecture/mlp/normalisation": "layer",
    },
    "silu": {
        **NETWORK,
        "architecture/mlp/activation": "silu",
        "architecture/mlp/residual": True,
    },
    "gelu": {
        **NETWORK,
        "architecture/mlp/activation": "gelu",
        "architecture/mlp/normalisation": "batch",
    },
    "pieces": {
        **NETWORK,
        "architecture/mlp/numeric_embedding": "piecewise_linear",
        "architecture/mlp/numeric_embedding/piecewise_linear/n_bins": 5,
    },
    "members": {
        **NETWORK,
        "architecture/mlp/ensemble_size": 4,
        "architecture/mlp/numeric_embedding": "piecewise_linear",
        "architecture/mlp/normalisation": "layer",
        "architecture/mlp/residual": True,
    },
    "members, normalised by batch": {
        **NETWORK,
        "architecture/mlp/ensemble_size": 2,
        "architecture/mlp/normalisation": "batch",
    },
}


def make_tables(frames, task):
    """Return a dataset of numbers and categories, and new rows for it."""
    make, target = frames[task]
    train, new = (make(150, seed).drop(columns=["joined", "note"]) for seed in (0, 1))
    # What training rows did not have.
    new.loc[:9, "city"] = "Quito"
    new.loc[10:19] = np.nan
    new.loc[20:24, "income"] = np.inf
    new.loc[25:29, "income"] = [1e39, -1e39, 1.797e308, -1.797e308, 3.41e38]
    return make_dataset(train, target), new


cached_space = functools.cache(load_space)


def fitted(dataset, config, rows):
    name = "wide" if "features/ranked_mask/criterion" in config else "tabular"
    space = adapt_space(cached_space(name), dataset)
    pipeline = build_pipeline(space.complete(config), blueprint_of(space, dataset))
    for name, value in {"n_estimators": 20, "max_epochs": 3}.items():
        model = getattr(pipeline[-1], "regressor", pipeline[-1])
        if name in model.get_params():
            model.set_params(**{name: value})
    with warnings.catch_warnings(), threadpool_limits(1):
        warnings.simplefilter("ignore")
        return pipeline.fit(dataset.X[rows], dataset.y[rows])


def model_of(dataset, *members):
    """Return a model whose members have pipelines fitted on halves of the rows."""
    halves = [np.arange(len(dataset.y)) % 2 == k for k in (0, 1)]
    return FittedModel(
        members=tuple(
            Member(
                1 / len(members),
                tuple(fitted(dataset, config, rows) for rows in halves),
                (0.3, 0.7),
                config,
                trial,
                0.5,
            )
            for trial, config in enumerate(members)
        ),
        schema=dataset.schema,
        task=dataset.task,
        classes=dataset.classes,
        target=dataset.target,
        config=members[0],
        facts={"jointopt": "0"},
    )


def assert_same(model, new):
    check_onnx(onnx_model(model).SerializeToString(), model, new)


@pytest.mark.parametrize("name", TRANSFORMS)
def test_transforms_are_the_same(name, frames):
    dataset, new = make_tables(frames, "regression")
    assert_same(model_of(dataset, TRANSFORMS[name]), new)


def test_numbers_too_small_are_zero():
    # Around 0: onnxruntime leaves out a subtraction of what single precision takes for 0.
    tiny = np.random.default_rng(0).uniform(0, 3e-290, 40)
    train = pd.DataFrame({"a": np.column_stack([tiny, tiny, -tiny, -tiny]).ravel()})
    dataset = make_dataset(train.assign(y=1e290 * train["a"]), "y", "regression")
    model = model_of(dataset, NETWORK)
    session = onnxruntime.InferenceSession(onnx_model(model).SerializeToString())
    (found,) = session.run(["prediction"], {"a": train.to_numpy()})
    np.testing.assert_allclose(found.ravel(), model.predict(train), atol=1e-5)


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
@pytest.mark.parametrize("name", MODELS)
def test_models_are_the_same(name, task, frames):
    dataset, new = make_tables(frames, task)
    assert_same(model_of(dataset, MODELS[name]), new)


@pytest.mark.parametrize("n_shops", [12, 80])
@pytest.mark.parametrize("paradigm", ["lightgbm", "xgboost"])
def test_sets_of_categories_are_the_same(paradigm, n_shops, frames, tmp_path):
    make, target = frames["regression"]
    frame, new = make(75 * n_shops, seed=0), make(300, seed=1)
    for number, table in enumerate((frame, new)):
        rng = np.random.default_rng(number)
        # The new table has categories that are new.
        codes = rng.integers(n_shops + 3 * number, size=len(table))
        table["shop"] = [f"shop {code}" for code in codes]
        table[target] += 30.0 * (codes % 12 % 5 < 2)
    new.loc[:20, "shop"] = None
    config = {"paradigm": paradigm, "transforms/categorical/encode/ordinal/native": True}
    model = model_of(make_dataset(frame[["shop", "age", target]], target), config)
    new = new[["shop", "age"]]
    loaded = load_model(save_model(model, tmp_path / "model"))
    np.testing.assert_array_equal(loaded.predict(new), model.predict(new))
    onnx = onnx_model(model).SerializeToString()
    # XGBoost splits sets of few categories only.
    assert (b"BRANCH_EQ" in onnx) == (paradigm == "lightgbm" or n_shops < 64)
    check_onnx(onnx, model, new)


@pytest.mark.parametrize("kernel", ["linear", "poly"])
def test_kernels_are_the_same(kernel, frames):
    dataset, new = make_tables(frames, "regression")
    config = {"paradigm": "svm", "hyperparameters/svm/kernel": kernel, **ONE_HOT}
    assert_same(model_of(dataset, config), new)


@pytest.mark.parametrize("paradigm", ["naive_bayes", "elastic_net"])
def test_simple_classifiers_are_the_same(paradigm, frames):
    dataset, new = make_tables(frames, "multiclass")
    assert_same(model_of(dataset, {"paradigm": paradigm, **ONE_HOT}), new)


@pytest.mark.parametrize("name", NETWORKS)
def test_networks_are_the_same(name, frames):
    dataset, new = make_tables(
        frames, "multiclass" if name in ("mish", "members") else "regression"
    )
    assert_same(model_of(dataset, NETWORKS[name]), new)


def test_networks_clip_what_is_out_of_all_proportion(frames):
    make, target = frames["regression"]
    train, new = (make(150, seed)[["age", "income", target]] for seed in (0, 1))
    train["age"] *= 1e-200
    new["age"] *= 1e-200
    new.loc[:9, "age"] = 1e38
    new.loc[10:19, "age"] = -1e38
    config = {"paradigm": "mlp", "transforms/numeric/scale": "none"}
    assert_same(model_of(make_dataset(train, target), config), new)


def test_large_values_may_cancel_out(frames):
    dataset, new = make_tables(frames, "regression")
    large = 1e6 * dataset.y
    first = model_of(replace(dataset, y=large), MODELS["xgboost"]).predict(new)[0]
    # Now that of the first row is nearly zero, where the others' are as large as before.
    assert_same(model_of(replace(dataset, y=large - first), MODELS["xgboost"]), new)


def test_a_target_on_a_logarithmic_scale(frames):
    dataset, new = make_tables(frames, "regression")
    positive = replace(dataset, y=np.abs(dataset.y))
    for label in ("lightgbm", "linear"):
        assert_same(model_of(positive, {"paradigm": label, "transforms/target": "log"}), new)
    quantiles = {"paradigm": "linear", "transforms/target": "quantile_normal"}
    with pytest.raises(ModelError, match="the target's scale quantile_normal"):
        onnx_model(model_of(dataset, quantiles))


def test_an_ensemble_runs_as_the_docstring_says(frames):
    dataset, new = make_tables(frames, "multiclass")
    model = model_of(dataset, MODELS["linear"], MODELS["xgboost"], MODELS["extra_trees"])
    weights = np.array([1.0, 4.0, 0.5])
    model = replace(model, decision_weights=weights, temperature=0.6)
    session = onnxruntime.InferenceSession(onnx_model(model).SerializeToString())
    numbers, categories = ["age", "income"], ["city", "plan"]
    assert sorted(i.name for i in session.get_inputs()) == sorted(numbers + categories)
    feed = {name: new[[name]].to_numpy() for name in numbers}
    feed |= {name: new[[name]].fillna("").to_numpy(dtype=object) for name in categories}
    labels, probabilities = session.run(["prediction", "probabilities"], feed)
    np.testing.assert_allclose(probabilities, model.predict_proba(new), atol=1e-5)
    assert list(labels) == list(model.predict(new))


def test_a_fold_without_a_class_still_predicts_all(frames):
    dataset, new = make_tables(frames, "multiclass")
    rows = dataset.y != 1
    pipeline = fitted(dataset, MODELS["linear"], rows)
    whole = model_of(dataset, MODELS["linear"])
    pipelines = (*whole.members[0].pipelines, pipeline)
    member = replace(whole.members[0], pipelines=pipelines, shares=(0.2, 0.3, 0.5))
    assert_same(replace(whole, members=(member,)), new)


def test_what_onnx_cannot_express_is_named(frames):
    dataset, _ = make_tables(frames, "binary")
    with pytest.raises(ModelError, match=r"the estimator KNeighborsClassifier, in knn of trial 1"):
        onnx_model(model_of(dataset, MODELS["linear"], {"paradigm": "knn"}))
    make, target = frames["binary"]
    dated = make_dataset(make(150).drop(columns="note"), target)
    with pytest.raises(ModelError, match=r"the date column 'joined', in lightgbm of trial 0"):
        onnx_model(model_of(dated, {"paradigm": "lightgbm"}))


def test_a_model_that_predicts_otherwise_is_refused(frames):
    dataset, new = make_tables(frames, "regression")
    one, other = (model_of(dataset, MODELS[name]) for name in ("linear", "extra_trees"))
    with pytest.raises(ModelError, match=r"differ from the model's by up to .* nothing was"):
        check_onnx(onnx_model(one).SerializeToString(), other, new)


def test_a_column_named_like_an_output_is_refused(frames):
    make, target = frames["regression"]
    frame = make(150)[["age", "income", target]].rename(columns={"age": "prediction"})
    with pytest.raises(ModelError, match="'prediction' has the name of an output"):
        onnx_model(model_of(make_dataset(frame, target), {"paradigm": "random_forest"}))
