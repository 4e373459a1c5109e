"""What a fold's score may depend on: the fold's training rows, and nothing else of the target."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from jointopt import load_space
from jointopt.evaluation.fold_cache import FoldCache
from jointopt.evaluation.one_fold import run_fold
from jointopt.evaluation.tasks import FoldTask
from jointopt.pipeline.adapt import adapt_space, blueprint_of
from jointopt.pipeline.starts import start_configs

ONE_TASK = pytest.mark.parametrize(
    "dataset", ["regression", pytest.param("multiclass", marks=pytest.mark.slow)], indirect=True
)
QUICK = ("lightgbm", "xgboost", "linear", "knn", "naive_bayes", "mlp", "svm")


def tempting(space, dataset):
    """Configurations in which each step could look at rows that it must not see."""
    for config in start_configs(space, dataset.task):
        if config["paradigm"] in QUICK:
            yield config
    for encode in ("target", "frequency", "one_hot"):
        yield space.complete({"transforms/categorical/encode": encode, "paradigm": "linear"})
    for criterion in ("mutual_info", "f_test", "trees", "l1"):
        yield space.complete(
            {"features": "ranking", "features/ranking/criterion": criterion, "paradigm": "linear"}
        )


def test_targets_of_the_scored_rows_change_no_prediction(setting, space, dataset):
    """Early stopping, target encoding and rankings must not see them."""
    rng = np.random.default_rng(0)
    shuffled = dataset.y.copy()
    rows = setting.folds[0][1]
    shuffled[rows] = rng.permutation(shuffled[rows])
    other = dataclasses.replace(setting, dataset=dataclasses.replace(dataset, y=shuffled))
    own_cache, other_cache = FoldCache(dataset), FoldCache(other.dataset)
    for config in tempting(space, dataset):
        first = run_fold(setting, FoldTask(config, 0), own_cache)
        second = run_fold(other, FoldTask(config, 0), other_cache)
        assert first.error is None, first.error
        np.testing.assert_array_equal(first.predictions, second.predictions, str(config))


def test_a_mask_around_a_ranking_sees_training_rows_only(setting, dataset):
    """Neither the targets nor the values of the scored rows say which columns are left out."""
    space = adapt_space(load_space("wide"), dataset)
    blueprint = blueprint_of(space, dataset)
    rows = setting.folds[0][1]
    y, X = dataset.y.copy(), dataset.X.copy()
    y[rows] = np.random.default_rng(0).permutation(y[rows])
    X.loc[rows[::2], "age"] = 1e6
    other = dataclasses.replace(dataset, y=y, X=X)
    flips = dict.fromkeys(blueprint.flips, False) | {next(iter(blueprint.flips)): True}
    for criterion in ("f_test", "trees", "l1"):
        given = {
            "paradigm": "linear",
            "features": "ranked_mask",
            "features/ranked_mask/criterion": criterion,
            "features/ranked_mask/keep": 0.4,
        }
        task = FoldTask(space.complete(given | flips), 0)
        first, second = (
            run_fold(dataclasses.replace(setting, blueprint=blueprint, dataset=table), task)
            for table in (dataset, other)
        )
        assert first.error is None
        np.testing.assert_array_equal(first.predictions[1::2], second.predictions[1::2])


@ONE_TASK
def test_scored_rows_do_not_shape_the_preprocessing(setting, space, dataset):
    """Half of the scored rows become extreme; predictions of the other half stay the same."""
    rows = setting.folds[0][1]
    changed = dataset.X.copy()
    half = rows[::2]
    changed.loc[half, "age"] = 1e6
    changed.loc[half, "income"] = np.nan
    changed.loc[half, "city"] = "Atlantis"
    changed.loc[half, "note"] = "words never seen"
    other = dataclasses.replace(setting, dataset=dataclasses.replace(dataset, X=changed))
    own_cache, other_cache = FoldCache(dataset), FoldCache(other.dataset)
    for config in tempting(space, dataset):
        first = run_fold(setting, FoldTask(config, 0), own_cache)
        second = run_fold(other, FoldTask(config, 0), other_cache)
        np.testing.assert_allclose(
            first.predictions[1::2], second.predictions[1::2], rtol=1e-5, atol=1e-6
        )


@ONE_TASK
def test_the_same_fold_twice_gives_the_same_bits(setting, space, dataset):
    for config in start_configs(space, dataset.task):
        first, second = (run_fold(setting, FoldTask(config, 1)) for _ in range(2))
        assert first.score == second.score
        np.testing.assert_array_equal(first.predictions, second.predictions)


def test_what_a_fold_tells(setting, space, dataset):
    config = space.complete({"paradigm": "lightgbm"})
    result = run_fold(setting, FoldTask(config, 2))
    rows = setting.folds[2][1]
    expected = (len(rows), dataset.n_classes) if dataset.n_classes else (len(rows),)
    assert result.predictions.shape == expected
    assert result.score == pytest.approx(
        setting.metric.score(dataset.y[rows], result.predictions.astype(float), dataset.n_classes)
    )
    assert result.refit_params["n_rounds"] >= 1
    assert result.n_features > 0
    assert result.fit_seconds > 0


def test_a_failing_fit_becomes_a_reason(setting, space):
    config = space.complete({"paradigm": "mlp"}) | {"hyperparameters/mlp/learning_rate": 1e30}
    result = run_fold(setting, FoldTask(config, 0))
    assert np.isnan(result.score)
    assert result.error
    assert result.fit_seconds > 0


@pytest.mark.parametrize("paradigm", ["lightgbm", "xgboost", "mlp"])
def test_what_can_stop_by_itself_does_so_before_it_is_stopped(paradigm, setting, space):
    """A model cut short is worth more than none, and predicting takes time too."""
    slow = {
        "lightgbm": {"hyperparameters/lightgbm/learning_rate": 0.02},
        "xgboost": {"hyperparameters/xgboost/learning_rate": 0.02},
        "mlp": {},
    }[paradigm]
    config = space.complete({"paradigm": paradigm, **slow})
    run_fold(setting, FoldTask(config, 1))  # loads the library
    result = run_fold(setting, FoldTask(config, 0, max_seconds=0.6))
    assert result.error is None
    assert np.isfinite(result.score)
