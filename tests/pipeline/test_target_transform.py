"""A regression's target on another scale, and back."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from jointopt import load_space
from jointopt.data import get_metric, make_dataset
from jointopt.evaluation.folds import make_folds
from jointopt.evaluation.one_fold import run_fold
from jointopt.evaluation.tasks import FoldTask, Setting
from jointopt.pipeline.adapt import adapt_space, blueprint_of
from jointopt.pipeline.target_transform import TargetTransform

PATH = "transforms/target"


def skewed(n=600, seed=0, sign=1.0):
    """Return a table whose target is the exponential of a sum, with noise in proportion."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 3))
    y = np.exp(2 + X @ [1.0, 0.7, 0.0] + 0.1 * rng.normal(size=n))
    return make_dataset(pd.DataFrame(X, columns=list("abc")).assign(y=sign * y), "y")


def targets(**how):
    return npst.arrays(np.float64, st.integers(2, 40), elements=st.floats(**how, width=32))


@given(targets(min_value=0, max_value=1e6))
def test_the_logarithm_comes_back(values):
    there = TargetTransform("log").fit(values[:, None])
    back = there.inverse_transform(there.transform(values[:, None]))
    np.testing.assert_allclose(back.ravel(), values, rtol=1e-6, atol=1e-6)


@given(targets(min_value=-1e6, max_value=1e6), st.sampled_from(["log", "quantile_normal"]))
def test_no_prediction_is_far_from_what_was_seen(values, scale):
    values = np.abs(values) if scale == "log" else values
    there = TargetTransform(scale).fit(values[:, None])
    far = there.inverse_transform(np.array([[-1e9], [0.0], [1e9]]))
    room = 0.05 * np.ptp(values) + 1e-9
    assert (far >= values.min() - room).all()
    assert (far <= values.max() + room).all()


def test_wrong_scales_and_targets_are_named():
    with pytest.raises(ValueError, match="scale must be one of log, quantile_normal; got 'lgo'"):
        TargetTransform("lgo").fit([[1.0]])
    with pytest.raises(ValueError, match=r"no negative ones; got -2"):
        TargetTransform("log").fit([[-2.0], [3.0]])


def options(dataset):
    space = adapt_space(load_space("tabular"), dataset)
    return {d.path: getattr(d.node, "options", ()) for d in space.decisions}.get(PATH)


def test_spaces_offer_what_the_target_can_be():
    assert options(skewed()) == ("none", "log", "quantile_normal")
    assert options(skewed(sign=-1.0)) == ("none", "quantile_normal")
    classes = pd.DataFrame({"a": range(60), "y": ["p", "q"] * 30})
    assert options(make_dataset(classes, "y")) is None


@pytest.mark.parametrize("label", ["lightgbm", "linear", "svm", "mlp"])
def test_it_is_learned_from_the_rows_that_are_fitted(label):
    dataset = skewed()
    space = adapt_space(load_space("tabular"), dataset)
    folds = make_folds(dataset, seed=0, n_folds=3)
    config = space.complete({"paradigm": label, PATH: "log"})

    def fitted(dataset, config=config):
        setting = Setting(
            dataset=dataset,
            folds=folds,
            blueprint=blueprint_of(space, dataset),
            metric=get_metric(None, dataset.task),
            seed=0,
            threads=1,
        )
        result = run_fold(setting, FoldTask(config, 0))
        assert result.error is None
        return result

    found = fitted(dataset)
    if label == "linear":
        usual = fitted(dataset, space.complete({"paradigm": label}))
        assert found.score > 0.6 * usual.score, "the target is exponential: errors are negative"
    other = skewed()
    other.y[folds[0][1]] *= 100.0
    assert (fitted(other).predictions == found.predictions).all()
    assert bool(found.refit_params) == (label in ("lightgbm", "mlp"))
