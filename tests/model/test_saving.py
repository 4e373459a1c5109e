"""Models of estimators that no shipped space names, saved and loaded."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_diabetes, load_iris

from jointopt import (
    Categorical,
    Choice,
    JointClassifier,
    JointRegressor,
    Space,
    load_model,
    load_space,
    save_model,
)
from jointopt.pipeline.columns_step import OPTIONS

ESTIMATORS = {
    "sklearn.ensemble.HistGradientBoostingClassifier": {"max_iter": 5},
    "sklearn.ensemble.HistGradientBoostingRegressor": {"max_iter": 5},
    "sklearn.gaussian_process.GaussianProcessClassifier": {},
    "sklearn.gaussian_process.GaussianProcessRegressor": {},
    "sklearn.linear_model.TweedieRegressor": {},
    "sklearn.neighbors.KNeighborsClassifier": {"metric": "chebyshev"},
    "sklearn.neural_network.MLPClassifier": {"solver": "sgd"},
    "sklearn.neural_network.MLPRegressor": {"solver": "adam"},
    "xgboost.XGBRFClassifier": {"n_estimators": 5},
    "xgboost.XGBRFRegressor": {"n_estimators": 5},
}


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_any_estimator_that_a_space_may_name_is_saved_and_loaded(estimator, tmp_path):
    options = {name: Categorical([value]) for name, value in ESTIMATORS[estimator].items()}
    body = {"estimator": estimator, "hyperparameters": options}
    space = Space(paradigm=Choice({"one": body}))
    classifies = estimator.endswith("Classifier")
    joint, load = (JointClassifier, load_iris) if classifies else (JointRegressor, load_diabetes)
    X, y = load(return_X_y=True, as_frame=True)
    X, y = X[::3], y[::3]
    model = joint(space=space, n_trials=1, budget=None, final="single").fit(X, y).model_
    loaded = load_model(save_model(model, tmp_path / "model"))
    np.testing.assert_array_equal(loaded.predict(X), model.predict(X))


SCALES = OPTIONS["transforms/numeric/scale"]


@pytest.mark.parametrize("scale", [scale for scale in SCALES if scale != "box_cox"])
def test_what_columns_that_are_nearly_constant_take_is_saved_and_loaded(scale, tmp_path):
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(120, 3)), columns=list("abc"))
    X["seldom"] = np.where(rng.random(120) < 0.1, rng.normal(size=120), 0.0)
    X.loc[:9, "c"] = np.nan
    space = load_space("tabular").freeze({"paradigm": "linear", "transforms/numeric/scale": scale})
    joint = JointRegressor(space=space, n_trials=1, budget=None, final="single")
    model = joint.fit(X, X["a"] + X["seldom"]).model_
    assert model.config["transforms/numeric/scale"] == scale
    loaded = load_model(save_model(model, tmp_path / "model"))
    np.testing.assert_array_equal(loaded.predict(X), model.predict(X))
