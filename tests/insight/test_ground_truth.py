"""The exact ground truth: the scores are the evaluation layer's, and what is derived is right."""

from __future__ import annotations

import timeit
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from jointopt import (
    Categorical,
    Choice,
    Float,
    Int,
    OptionError,
    Space,
    SpaceError,
    Subset,
    search,
)
from jointopt.data import get_metric, make_dataset
from jointopt.data.bundled import load_table
from jointopt.evaluation.executors import InProcess
from jointopt.evaluation.folds import make_folds
from jointopt.evaluation.one_fold import run_fold
from jointopt.evaluation.outcome import State
from jointopt.evaluation.table_evaluator import TableEvaluator
from jointopt.evaluation.tasks import FoldTask, Setting
from jointopt.insight import enumeration
from jointopt.insight.enumeration import enumerate_scores, small_dataset
from jointopt.insight.ground_truth import GroundTruth
from jointopt.insight.search_result import Objective, SearchResult
from jointopt.pipeline.adapt import adapt_space, blueprint_of
from jointopt.search.result import TrialRecord
from jointopt.space import load_space

ARTIFACT = Path(__file__).parents[1] / "benchmarks/data/small_diabetes.parquet"


# ------------------------------------------------------------------------------ enumeration


def tiny(task):
    """A table of a few columns, and the space `small` with few values free."""
    if task == "multiclass":
        dataset = make_dataset(load_table("sklearn:iris"), "target")
    else:
        table = load_table("sklearn:diabetes")[["bmi", "bp", "s5", "target"]].iloc[:120]
        dataset = make_dataset(table, "target")
    space = adapt_space(load_space("small"), dataset)
    held = {
        path: value
        for path, value in space.complete({}).items()
        if path.startswith("features/")
        and not path.endswith(("/bmi", "/s5", "/petal length (cm)"))
    }
    return dataset, space.prune(PRUNED & set(_known(space))).freeze(held)


PRUNED = {
    "transforms/numeric/scale/quantile_normal",
    "transforms/numeric/scale/squash",
    "transforms/numeric/scale/yeo_johnson",
    *(f"hyperparameters/knn/n_neighbors/{k}" for k in (10, 35, 60)),
    *(f"hyperparameters/decision_tree/min_samples_leaf/{n}" for n in (10, 40, 80)),
    *(f"hyperparameters/svm/C/{C}" for C in (0.3, 3.0)),
    *(f"hyperparameters/svm/gamma/{gamma}" for gamma in (0.01, 0.03)),
    *(f"hyperparameters/linear/alpha/{alpha}" for alpha in (0.1, 30.0, 100.0, 300.0)),
    *(f"hyperparameters/linear/C/{C}" for C in (0.03, 0.1, 0.3, 1.0)),
}


def _known(space):
    for decision in space.decisions:
        for option in getattr(decision.node, "options", ()):
            yield f"{decision.path}/{option}"


def setting_of(dataset, space, *, n_folds, metric=None):
    return Setting(
        dataset=dataset,
        folds=make_folds(dataset, seed=0, n_folds=n_folds),
        blueprint=blueprint_of(space, dataset),
        metric=get_metric(metric, dataset.task),
        seed=0,
        threads=1,
    )


@pytest.mark.parametrize("task", ["regression", "multiclass"])
def test_scores_are_those_of_the_evaluation_layer(task):
    dataset, space = tiny(task)
    truth = enumerate_scores(dataset, space, n_folds=2)
    assert truth.direction == "minimize"
    assert truth.n_times_m == space.size().joint == len(truth.frame)
    setting = setting_of(dataset, space, n_folds=2)
    configs = list(space.enumerate())
    for row in np.random.default_rng(0).choice(len(configs), 12, replace=False):
        evaluator = TableEvaluator(setting, InProcess(setting))
        evaluator.submit(0, configs[row])
        outcomes = []
        while not outcomes:
            outcomes = evaluator.collect(None)
        assert outcomes[0].state is State.COMPLETE
        assert truth.score(configs[row]) == outcomes[0].value
        assert truth.frame["score"][row] == outcomes[0].value


def test_workers_find_the_same(monkeypatch):
    monkeypatch.setattr(enumeration, "CHUNK", 10)
    dataset, space = tiny("regression")
    space = space.prune(["paradigm/svm", "paradigm/decision_tree"])
    alone = enumerate_scores(dataset, space, n_folds=2, metric="r2")
    together = enumerate_scores(dataset, space, n_folds=2, metric="r2", workers=2)
    assert alone.direction == "maximize"
    np.testing.assert_array_equal(alone.scores, together.scores)


def test_an_interrupted_enumeration_goes_on(tmp_path, monkeypatch):
    monkeypatch.setattr(enumeration, "CHUNK", 10)
    dataset, space = tiny("regression")
    space = space.prune(["paradigm/svm"])
    options = {"n_folds": 2, "folder": tmp_path}

    def interrupt(n_done, _n_all):
        if n_done >= 30:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        enumerate_scores(dataset, space, listener=interrupt, **options)
    kept = sorted(tmp_path.glob("part-*.parquet"))
    assert len(kept) == 3
    pd.DataFrame({"score": np.full(10, 7.0)}).to_parquet(kept[0])
    told = []
    truth = enumerate_scores(dataset, space, listener=lambda *n: told.append(n), **options)
    assert told[0] == (10, space.size().joint)
    assert told[-1] == (space.size().joint, space.size().joint)
    assert (truth.scores == 7.0).sum() == 10, "what is kept is not evaluated again"
    expected = enumerate_scores(dataset, space, n_folds=2).scores
    np.testing.assert_array_equal(truth.scores[truth.scores != 7.0], expected[truth.scores != 7.0])
    with pytest.raises(OptionError, match="another table, space or setting"):
        enumerate_scores(dataset, space, n_folds=3, folder=tmp_path)


def test_what_cannot_be_fitted_has_no_score():
    dataset, space = tiny("regression")
    space = Space(
        paradigm=Choice(
            {
                "knn": {
                    "estimator": {"regression": "sklearn.neighbors.KNeighborsRegressor"},
                    "hyperparameters": {"n_neighbors": Categorical([5, 0])},
                }
            }
        )
    )
    truth = enumerate_scores(dataset, space, n_folds=2)
    assert np.isfinite(truth.scores[0])
    assert np.isnan(truth.scores[1])
    assert truth.optimum == truth.scores[0]
    assert truth.regret(truth.scores[1]) == np.inf


def test_a_continuous_space_has_no_ground_truth():
    dataset, _ = tiny("regression")
    with pytest.raises(SpaceError, match="not finite"):
        enumerate_scores(dataset, load_space("tabular"))
    with pytest.raises(SpaceError, match="not finite"):
        GroundTruth(Space(hyperparameters={"x": Float(0.0, 1.0)}), np.zeros(3))


# ------------------------------------------------------------------------------ what follows

SCORES = {
    # scale, k of knn or depth of tree: score
    ("none", "knn", 1): 0.50,
    ("none", "knn", 2): 0.60,
    ("none", "tree", None): 0.70,
    ("standard", "knn", 1): 0.95,
    ("standard", "knn", 2): 0.80,
    ("standard", "tree", None): 0.65,
}


def by_hand(direction="maximize"):
    space = Space(
        transforms={"scale": Categorical(["none", "standard"])},
        paradigm=Choice({"knn": {"hyperparameters": {"k": Int(1, 2)}}, "tree": {}}),
    )
    sign = 1 if direction == "maximize" else -1
    scores = [
        sign * SCORES[c["transforms/scale"], c["paradigm"], c.get("hyperparameters/knn/k")]
        for c in space.enumerate()
    ]
    return GroundTruth(space, np.array(scores), direction)


def config(scale, paradigm, k=None):
    found = {"transforms/scale": scale, "paradigm": paradigm}
    return found if k is None else found | {"hyperparameters/knn/k": k}


def result_of(truth, configs, states=None):
    """A search that evaluated these configurations."""
    import optuna

    states = states or [optuna.trial.TrialState.COMPLETE] * len(configs)
    records = []
    for number, (one, state) in enumerate(zip(configs, states, strict=True)):
        value = truth.score(one) if state is optuna.trial.TrialState.COMPLETE else None
        trial = optuna.trial.create_trial(state=state, value=value)
        records.append(TrialRecord("joint", number, one, trial))
    metric = Objective("score", truth.direction == "maximize")
    return SearchResult({}, 0.0, {}, tuple(records), truth.space, truth.direction, metric)


@pytest.mark.parametrize("direction", ["maximize", "minimize"])
def test_the_optimum_and_the_way_to_it(direction):
    truth = by_hand(direction)
    sign = 1 if direction == "maximize" else -1
    assert truth.optimum == sign * 0.95
    assert truth.best_configs == (config("standard", "knn", 1),)
    assert truth.regret(sign * 0.80) == pytest.approx(0.15)
    assert truth.target(1.0) == truth.optimum
    assert truth.target(0.0) == pytest.approx(sign * 0.675)
    assert truth.target(0.99) == pytest.approx(sign * (0.95 - 0.01 * 0.275))
    assert truth.n_times_m == 6
    assert truth.n_plus_m == 1 + (2 - 1) + (3 - 1)
    assert truth.n_plus_m < truth.space.size().sequential == 2 + 2 + 3


@pytest.mark.parametrize("direction", ["maximize", "minimize"])
def test_one_axis_after_another_misses_what_axes_do_together(direction):
    truth = by_hand(direction)
    # From (none, tree): of the scales none is better, of the models without scaling the tree is.
    assert truth.one_axis_after_another(config("none", "tree")) == (config("none", "tree"), 4)
    assert truth.one_axis_after_another(config("none", "knn", 2)) == (
        config("standard", "knn", 1),
        4,
    )
    models_first = truth.one_axis_after_another(
        config("standard", "tree"), order=["models", "transforms"]
    )
    assert models_first == (config("standard", "knn", 1), 4)
    with pytest.raises(OptionError, match="no axis 'paradigm'; the axes are transforms, models"):
        truth.one_axis_after_another(config("none", "tree"), order=["paradigm"])


def test_axes_that_are_inactive_elsewhere():
    """An axis that a model lacks comes back at its default."""
    space = Space(
        transforms={"scale": Categorical(["a", "b"], "b", unless={"paradigm": ["tree"]})},
        paradigm=Choice({"tree": {}, "knn": {}}),
    )
    configs = list(space.enumerate())
    assert len(configs) == 3
    value = {("tree", None): 0.1, ("knn", "a"): 0.9, ("knn", "b"): 0.5}
    scores = [value[c["paradigm"], c.get("transforms/scale")] for c in configs]
    truth = GroundTruth(space, np.array(scores))
    found, n_evaluations = truth.one_axis_after_another(
        {"paradigm": "tree"}, order=["models", "transforms"]
    )
    assert found == {"paradigm": "knn", "transforms/scale": "a"}
    assert n_evaluations == 3


def test_regret_curves():
    from optuna.trial import TrialState

    truth = by_hand("minimize")
    configs = [
        config("none", "knn", 1),
        config("standard", "knn", 1),
        config("none", "tree"),
        config("none", "knn", 2),
        config("standard", "knn", 1),
    ]
    complete = TrialState.COMPLETE
    result = result_of(
        truth, configs, [TrialState.FAIL, TrialState.PRUNED, complete, complete, complete]
    )
    curve = truth.regret_curve(result)
    assert list(curve["evaluation"]) == [1, 2, 3, 4, 5]
    np.testing.assert_allclose(curve["best"], [np.nan, np.nan, -0.7, -0.7, -0.95])
    np.testing.assert_allclose(curve["regret"], [np.nan, np.nan, 0.25, 0.25, 0.0], atol=1e-12)
    assert truth.evaluations_to(result) == 5
    assert truth.evaluations_to(result, share=0.0) == 3
    assert truth.evaluations_to(result_of(truth, configs[:1])) is None


def test_quartiles_of_regret_and_their_figure():
    truth = by_hand()
    quick = result_of(truth, [config("none", "tree"), config("standard", "knn", 1)])
    slow = result_of(truth, [config("none", "knn", 1)] * 3)
    frame = truth.regret_frame({"joint": [quick, slow], "random": [slow]})
    joint = frame[frame["strategy"] == "joint"]
    assert list(joint["evaluation"]) == [1, 2, 3]
    np.testing.assert_allclose(joint["median"], [0.35, 0.225, 0.225])
    np.testing.assert_allclose(joint["q25"], [0.30, 0.1125, 0.1125])
    figure = truth.plot_regret({"joint": [quick, slow], "random": [slow]})
    assert [t.name for t in figure.data if t.showlegend is not False] == ["joint", "random"]
    assert all((np.asarray(trace.y) > 0).all() for trace in figure.data)
    assert f"N + M = {truth.n_plus_m}" in [note.text for note in figure.layout.annotations]


def test_search_finds_the_optimum():
    truth = by_hand()
    result = search(truth.space, truth.objective, "exhaustive", n_trials=None)
    assert result.best_score == truth.optimum
    assert truth.evaluations_to(result) <= truth.n_times_m


def test_configurations_that_the_space_does_not_have():
    truth = by_hand()
    for wrong in (
        config("robust", "tree"),
        config("none", "tree") | {"hyperparameters/knn/k": 1},
        config("none", "knn"),
        config("none", "tree") | {"depth": 1},
    ):
        with pytest.raises(SpaceError, match="the configuration is not valid"):
            truth.score(wrong)
    stepped = Space(hyperparameters={"x": Float(0.0, 1.0, step=0.1)})
    truth = GroundTruth(stepped, np.arange(11.0))
    assert truth.score({"hyperparameters/x": 0.1 + 0.2}) == 3.0
    with pytest.raises(SpaceError, match=r"11 configurations, got scores of shape \(3,\)"):
        GroundTruth(stepped, np.zeros(3))


@pytest.mark.parametrize("direction", ["maximize", "minimize"])
def test_save_and_load(direction, tmp_path):
    truth = by_hand(direction)
    truth.save(tmp_path / "truth.parquet")
    again = GroundTruth.load(tmp_path / "truth.parquet", truth.space)
    pd.testing.assert_frame_equal(again.frame, truth.frame)
    assert again.direction == direction
    with pytest.raises(SpaceError, match="another space"):
        GroundTruth.load(tmp_path / "truth.parquet", truth.space.prune(["paradigm/tree"]))
    renamed = Space(hyperparameters={"x": Int(1, 6)})
    with pytest.raises(SpaceError, match="another space"):
        GroundTruth.load(tmp_path / "truth.parquet", renamed)
    truth.frame.to_parquet(tmp_path / "other.parquet")
    with pytest.raises(SpaceError, match="holds no ground truth"):
        GroundTruth.load(tmp_path / "other.parquet", truth.space)


def test_frame_and_configs():
    space = Space(
        features={"columns": Subset(["p", "q"])},
        paradigm=Choice({"knn": {"hyperparameters": {"k": Int(1, 2)}}, "tree": {}}),
    )
    truth = GroundTruth(space, np.arange(9.0))
    frame = truth.frame
    assert list(frame.columns) == [*space.parameters, "score"]
    assert frame["features/columns/p"].dtype == bool
    assert frame["hyperparameters/knn/k"].isna().sum() == 3
    for row, one in enumerate(space.enumerate()):
        assert truth.config(row) == one
        assert truth.score(one) == row


# ------------------------------------------------------------------------------ the artifact


@pytest.fixture(scope="module")
def small():
    dataset = small_dataset()
    return dataset, GroundTruth.load(ARTIFACT, adapt_space(load_space("small"), dataset))


def test_the_artifact_is_complete_and_small(small):
    _, truth = small
    assert truth.n_times_m == truth.space.size().joint == 42_075
    assert truth.n_plus_m == 291
    assert np.isfinite(truth.scores).all()
    assert len(truth.best_configs) == 1
    assert ARTIFACT.stat().st_size < 1_500_000
    assert (truth.about["metric"], truth.about["n_folds"], truth.about["seed"]) == ("rmse", 5, 0)


def test_the_artifact_is_what_an_evaluation_says(small):
    dataset, truth = small
    setting = setting_of(dataset, truth.space, n_folds=5, metric="rmse")
    rows = np.random.default_rng(1).choice(truth.n_times_m, 10, replace=False)
    for one in [truth.config(int(row)) for row in rows] + list(truth.best_configs):
        folds = [run_fold(setting, FoldTask(one, fold)).score for fold in range(5)]
        assert truth.score(one) == pytest.approx(-np.mean(folds), rel=1e-5)


def test_a_look_up_takes_microseconds(small):
    _, truth = small
    one = truth.best_configs[0]
    assert min(timeit.repeat(lambda: truth.score(one), number=100, repeat=5)) / 100 < 50e-6
