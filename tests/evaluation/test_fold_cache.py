"""What a process remembers of a fold changes no result, and has a bound."""

from __future__ import annotations

import time

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.pipeline import Pipeline

from jointopt.evaluation.fold_cache import FoldCache, _Recent
from jointopt.evaluation.one_fold import run_fold
from jointopt.evaluation.tasks import FoldTask
from jointopt.pipeline.build import build_pipeline
from jointopt.pipeline.starts import start_configs

RANKED = {"features": "ranking", "features/ranking/criterion": "f_test", "paradigm": "linear"}


@pytest.fixture
def dataset(one_task):
    return one_task


def configs(space, dataset):
    slow = {"mlp", "random_forest", "extra_trees"}
    starts = start_configs(space, dataset.task)
    yield from (config for config in starts if config["paradigm"] not in slow)
    for keep in (0.3, 0.9):
        yield space.complete(RANKED | {"features/ranking/keep": keep})
    for encode in ("one_hot", "target", "frequency"):
        yield space.complete({"transforms/categorical/encode": encode, "paradigm": "knn"})


def test_a_configuration_scores_the_same_whatever_came_before(setting, space, dataset):
    cache = FoldCache(dataset)
    for fold in (0, 1):
        for config in configs(space, dataset):
            task = FoldTask(config, fold)
            remembered, alone = run_fold(setting, task, cache), run_fold(setting, task)
            assert alone.error is None
            np.testing.assert_array_equal(remembered.predictions, alone.predictions)


def prepared(cache, setting, space, config, fold=0):
    pipeline = build_pipeline(space.complete(config), setting.blueprint, seed=3)
    return cache.prepare(pipeline, setting.folds[fold], fold)


@pytest.mark.parametrize(
    ("config", "shared"),
    [
        ({"paradigm": "knn", "hyperparameters/knn/n_neighbors": 7}, True),
        ({"paradigm": "knn", "transforms/numeric/scale": "robust"}, False),
        ({"paradigm": "knn", "transforms/categorical/encode": "target"}, False),
    ],
)
def test_what_only_the_model_differs_in_is_transformed_once(
    setting, space, dataset, config, shared
):
    cache = FoldCache(dataset)
    first = prepared(cache, setting, space, {"paradigm": "knn"})
    second = prepared(cache, setting, space, config)
    assert (second.fitted is first.fitted) == shared


def test_shares_kept_by_the_same_ranking_are_nested(setting, space, dataset):
    cache = FoldCache(dataset)
    few, many = (
        prepared(cache, setting, space, RANKED | {"features/ranking/keep": keep})
        for keep in (0.2, 0.8)
    )
    kept = [found.steps[-1][1].get_support() for found in (few, many)]
    assert 0 < kept[0].sum() < kept[1].sum()
    assert kept[1][kept[0]].all()
    np.testing.assert_array_equal(few.steps[-1][1].scores_, many.steps[-1][1].scores_)


def test_folds_are_kept_apart(setting, space, dataset):
    cache = FoldCache(dataset)
    first, other = (
        prepared(cache, setting, space, {"paradigm": "linear"}, fold) for fold in (0, 1)
    )
    assert not np.array_equal(first.scored, other.scored)


def test_what_was_used_longest_ago_is_forgotten(setting, space, dataset):
    scales = ("none", "standard", "robust", "min_max", "quantile_normal", "squash")
    plans = [{"paradigm": "knn", "transforms/numeric/scale": scale} for scale in scales]
    roomy, narrow = FoldCache(dataset), FoldCache(dataset, max_bytes=100_000)
    for cache in (roomy, narrow):
        found = [prepared(cache, setting, space, plan) for plan in plans]
        assert prepared(cache, setting, space, plans[-1]) is found[-1]
        assert (prepared(cache, setting, space, plans[0]) is found[0]) == (cache is roomy)


def test_kinds_of_columns_are_transformed_apart(setting, space, dataset):
    """Another encoding of categories costs no other scaling of numbers."""
    cache = FoldCache(dataset)
    plan = {"paradigm": "knn", "transforms/numeric/scale": "quantile_normal"}
    encodings = ("ordinal", "target", "frequency")
    found = [
        prepared(cache, setting, space, plan | {"transforms/categorical/encode": encode})
        for encode in encodings
    ]
    kinds = [dict(dict(one.steps)["columns"].named_transformers_) for one in found]
    scalers = {id(own["numeric"].estimator) for own in kinds}
    encoders = {id(own["categorical"].estimator) for own in kinds}
    assert (len(scalers), len(encoders)) == (1, len(encodings))


def test_steps_put_together_are_the_pipeline_that_was_asked_for(setting, space, dataset):
    """What is kept of a fold predicts as a pipeline that was fitted in one go."""
    rows = setting.folds[0]
    X, y = dataset.X.iloc[rows[0]], dataset.y[rows[0]]
    for config in configs(space, dataset):
        pipeline = build_pipeline(config, setting.blueprint, seed=3)
        found = FoldCache(dataset).prepare(pipeline, rows, 0)
        whole = clone(pipeline[:-1])
        np.testing.assert_array_equal(found.fitted, whole.fit_transform(X, y))
        for table in (dataset.X.iloc[rows[1]], dataset.X.head(3)):
            expected = whole.transform(table)
            np.testing.assert_array_equal(Pipeline(found.steps).transform(table), expected)


def test_what_is_too_large_is_not_kept(setting, space, dataset):
    cache = FoldCache(dataset, max_bytes=1)
    plan = {"paradigm": "linear"}
    first, again = (prepared(cache, setting, space, plan) for _ in range(2))
    assert again is not first
    np.testing.assert_array_equal(again.fitted, first.fitted)


def test_what_is_too_large_drives_nothing_out():
    recent = _Recent(10)
    recent.put(("small", b""), "kept", 4)
    recent.put(("large", b""), "not kept", 11)
    assert recent.get(("small", b"")) == "kept"
    assert recent.get(("large", b"")) is None


def test_seconds_are_those_of_doing_it(setting, space, dataset):
    """Else a final fit that has nothing to remember would be expected to take too short."""
    cache = FoldCache(dataset)
    plan = RANKED | {"features/ranking/criterion": "trees"}
    first, again = (prepared(cache, setting, space, plan) for _ in range(2))
    assert again.fit_seconds == first.fit_seconds > 0
    assert again.transform_seconds == first.transform_seconds > 0


def test_no_second_is_counted_twice(setting, space, dataset):
    """What all kinds of columns have in common is done once, and takes its time once."""
    cache = FoldCache(dataset)
    started = time.perf_counter()
    found = prepared(cache, setting, space, {"paradigm": "linear"})
    took = time.perf_counter() - started
    assert 0 < found.fit_seconds + found.transform_seconds <= took
