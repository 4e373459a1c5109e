"""The last step: an ensemble of fold models, or a single pipeline."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from optuna.trial import TrialState
from sklearn.datasets import load_breast_cancer, load_diabetes

from jointopt import JointClassifier, load_model, load_space, save_model
from jointopt.data import make_dataset
from jointopt.errors import OptionError, StorageError
from jointopt.evaluation.folds import make_folds
from jointopt.evaluation.one_fold import predict
from jointopt.model.ensemble import FoldScore, greedy_selection
from jointopt.model.finish import LIGHT
from jointopt.model.members import Members
from jointopt.model.run import RunOptions, run_table

N_TRIALS = 14


@pytest.fixture(scope="module")
def dataset():
    frame = load_diabetes(as_frame=True).frame.head(200)
    return make_dataset(frame, "target")


@pytest.fixture(scope="module", params=[None, 1], ids=["in this process", "in a worker"])
def run(request, dataset, tmp_path_factory):
    scratch = tmp_path_factory.mktemp("scratch")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tempfile, "tempdir", str(scratch))
        options = RunOptions(space="small", n_trials=N_TRIALS, workers=request.param)
        found = run_table(dataset, options)
    assert not [*scratch.glob("jointopt-*")], "what was kept on the way is gone"
    return found


def test_the_ensemble_is_not_worse_than_the_best_alone(run, dataset):
    model = run.model
    assert len(model.members) > 1
    assert sum(member.weight for member in model.members) == pytest.approx(1)
    assert model.facts["best_single_score"] == pytest.approx(run.result.best_score)
    assert model.facts["validation_score"] <= run.result.best_score
    blended = sum(
        member.weight * run.out_of_fold["joint", member.trial] for member in model.members
    )
    folds = make_folds(dataset, seed=0, n_folds=run.n_folds)
    score = FoldScore(dataset, folds, run.metric)
    validation = run.metric.display(score(np.asarray(blended)[score.rows]))
    assert model.facts["validation_score"] == pytest.approx(validation)


def test_heavy_members_are_half_of_four_folds_and_half_of_all_rows(run, dataset):
    """Only what has not seen a row tells its score."""
    folds = make_folds(dataset, seed=0, n_folds=run.n_folds)
    assert run.model.members[0].weight >= LIGHT
    for member in run.model.members:
        kept = run.out_of_fold["joint", member.trial]
        whole, *of_folds = member.pipelines
        if member.weight < LIGHT:
            assert member.shares == (1.0,)
        else:
            assert member.shares == pytest.approx([0.5, *[0.5 / 4] * 4])
        for (_, rows), pipeline in zip(folds[:4], of_folds, strict=False):
            again = predict(pipeline, dataset.X.iloc[rows], 0)
            np.testing.assert_allclose(again, kept[rows], rtol=1e-5)
        means = [predict(part, dataset.X, 0).mean() for part in member.pipelines]
        assert len(set(means)) == len(means)
        mean_of_all = predict(whole, dataset.X, 0).mean()
        if member.config["paradigm"] == "linear":
            # Least squares with an intercept: exact on the mean of what it was fitted on.
            assert mean_of_all == pytest.approx(dataset.y.mean())


def test_an_ensemble_does_without_fits_on_all_rows_where_time_is_short(dataset, monkeypatch):
    options = RunOptions(space="small", n_trials=N_TRIALS, seconds=3_600.0)
    monkeypatch.setattr("jointopt.model.reserve.MOST_RESERVED", 0.0)
    monkeypatch.setattr("jointopt.model.reserve.SHORT_SECONDS", 0.0)
    found = run_table(dataset, options)
    (note,) = [note for note in found.notes if note.startswith("no time was left")]
    for member in found.model.members:
        assert member.shares == pytest.approx([1 / 4] * 4)
        assert f" {member.trial}" in note


def test_what_is_short_is_fitted_on_all_rows_where_nothing_is_left(dataset, monkeypatch):
    """Members may be others than those for which time was kept."""
    monkeypatch.setattr("jointopt.model.reserve.MOST_RESERVED", 0.0)
    found = run_table(dataset, RunOptions(space="small", n_trials=N_TRIALS, seconds=3_600.0))
    assert not [note for note in found.notes if "on all rows" in note]
    assert all(member.shares[0] >= 0.5 for member in found.model.members)


@pytest.mark.slow
def test_members_are_fitted_on_all_rows_at_the_end_of_a_budget(dataset):
    """Workers whose fits are stopped at that moment begin anew, and some load a library."""
    space = load_space("tabular").prune(["paradigm/extra_trees", "paradigm/random_forest"])
    options = RunOptions(space=space, seconds=20.0, workers=2)
    found = run_table(dataset, options)
    assert not [note for note in found.notes if "on all rows" in note]
    assert all(member.shares[0] >= 0.5 for member in found.model.members)


def test_a_last_fit_that_takes_longer_than_expected_is_told(dataset, monkeypatch):
    options = RunOptions(space="small", n_trials=N_TRIALS, seconds=3_600.0)
    monkeypatch.setattr("jointopt.model.reserve.MOST_RESERVED", 0.0)
    monkeypatch.setattr("jointopt.model.reserve.SHORT_SECONDS", 0.0)
    monkeypatch.setattr("jointopt.model.reserve.Reserve.seconds_to_fit", lambda *_: -3_600.0)
    found = run_table(dataset, options)
    for member in found.model.members:
        assert member.shares == pytest.approx([1 / 4] * 4)
        (note,) = [note for note in found.notes if f"trial {member.trial} " in note]
        assert "was not fitted on all rows in the time that was kept for it" in note


def test_who_loses_its_models_is_no_longer_chosen(dataset):
    prepared = []
    options = RunOptions(space="small", n_trials=N_TRIALS)
    found = run_table(dataset, options, prepared=lambda evaluator, _: prepared.append(evaluator))
    evaluator = prepared[0]
    members = Members(evaluator.setting, evaluator)
    for record in found.result.records:
        members.add(record)
    (heaviest, _), *others = members.chosen()
    assert others
    evaluator.kept.forget_models(heaviest.evaluation)
    chosen = [record.number for record, _ in members.chosen()]
    assert chosen
    assert heaviest.number not in chosen


def test_a_member_of_a_holdout_is_its_fit_on_all_rows():
    """One model that has seen a part of the rows evens out no chance of the one that saw all."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(2_100, 20))).rename(columns="x{}".format)
    dataset = make_dataset(frame.assign(y=frame["x0"]), "y")
    found = run_table(dataset, RunOptions(space="small", n_trials=4, seconds=5.0))
    assert found.n_folds == 1
    assert [member.shares for member in found.model.members if member.weight >= LIGHT]
    for member in found.model.members:
        assert member.shares == (1.0,)
        if member.config["paradigm"] == "linear":
            mean = predict(member.pipelines[0], dataset.X, 0).mean()
            assert mean == pytest.approx(dataset.y.mean())


def test_each_pipeline_reads_the_categories_that_it_was_fitted_on():
    rng = np.random.default_rng(0)
    n = 120
    frame = pd.DataFrame({"x": rng.normal(size=n), "word": rng.choice(["a", "b", None], n)})
    frame.loc[[7, 50], "word"] = ["rare", "rarer"]
    frame["y"] = frame["x"] + (frame["word"] == "a") + frame["word"].isin(["rare", "rarer"])
    space = load_space("tabular")
    space = space.prune(f"paradigm/{name}" for name in {*space.estimators()} - {"linear", "knn"})
    model = run_table(make_dataset(frame, "y"), RunOptions(space=space, n_trials=6)).model
    parts = [
        (member.weight * share, pipeline)
        for member in model.members
        for pipeline, share in zip(member.pipelines, member.shares, strict=True)
    ]
    known = {len(pipeline.named_steps["codes"].categories_[0]) for _, pipeline in parts}
    assert len(known) > 1, "some folds have not seen every word"
    rows = model.schema.apply(frame)
    one_by_one = sum(weight * predict(pipeline, rows, 0) for weight, pipeline in parts)
    assert np.array_equal(model.predict(frame), one_by_one)


def test_an_ensemble_is_the_same_when_loaded_in_a_new_process(run, dataset, tmp_path):
    folder = save_model(run.model, tmp_path / "model")
    assert not [path for path in folder.iterdir() if path.suffix not in (".json", ".py", ".skops")]
    table = load_diabetes(as_frame=True).data.tail(30)
    table.to_csv(tmp_path / "new.csv", index=False)
    words = ["predict", str(folder), str(tmp_path / "new.csv"), "--out", str(tmp_path / "p.csv")]
    subprocess.run([sys.executable, "-m", "jointopt.cli", *words], check=True)
    found = pd.read_csv(tmp_path / "p.csv")["prediction"]
    np.testing.assert_allclose(found, run.model.predict(table), rtol=1e-6)
    save_model(run.model, folder)
    assert len(load_model(folder).members) == len(run.model.members)
    assert set(run.model.latency(dataset.X)) == {"model", "single"}


def test_a_single_model_is_fitted_on_all_rows(dataset):
    model = run_table(dataset, RunOptions(space="small", n_trials=4, final="single")).model
    assert [len(member.pipelines) for member in model.members] == [1]
    with pytest.raises(OptionError, match="'single'"):
        run_table(dataset, RunOptions(space="small", n_trials=1, final="both"))


def test_the_best_that_was_kept_keeps_the_models_of_its_folds(dataset):
    """Its score as an ensemble of one differs by rounding from its score as a trial."""
    for seed in range(6):
        options = RunOptions(space="small", n_trials=1, seed=seed)
        found = run_table(dataset, options)
        (member,) = found.model.members
        assert len(member.pipelines) == 4 + 1
        assert found.model.facts["validation_score"] == pytest.approx(found.result.best_score)


def test_the_estimator_tells_its_members():
    X, y = load_breast_cancer(return_X_y=True, as_frame=True)
    model = JointClassifier(space="small", budget=None, n_trials=8).fit(X[:200], y[:200])
    assert model.ensemble_["weight"].sum() == pytest.approx(1)
    probabilities = model.predict_proba(X[200:])
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), n=st.integers(1, 9), n_rows=st.integers(5, 60))
def test_selection_is_never_worse_and_always_the_same(seed, n, n_rows):
    rng = np.random.default_rng(seed)
    y = rng.normal(size=n_rows)
    candidates = [y + rng.normal(scale=rng.uniform(0.1, 2), size=n_rows) for _ in range(n)]

    def score(found):
        return -float(np.mean((found - y) ** 2))

    weights = greedy_selection(candidates, score, max_members=3)
    assert weights == greedy_selection(candidates, score, max_members=3)
    assert sum(weights.values()) == pytest.approx(1)
    assert len(weights) <= 3
    blended = sum(weight * candidates[i] for i, weight in weights.items())
    assert score(blended) >= max(map(score, candidates)) - 1e-12


def test_predictions_far_from_zero_are_kept_as_exactly_as_they_are_scored(dataset):
    frame = dataset.X.assign(target=dataset.y / dataset.y.std() + 5e7)
    far = make_dataset(frame, "target")
    found = run_table(far, RunOptions(space="small", n_trials=4))
    score = FoldScore(far, make_folds(far, seed=0, n_folds=found.n_folds), found.metric)
    values = {(r.stage, r.number): r.trial.value for r in found.result.records}
    assert found.out_of_fold
    for trial, predictions in found.out_of_fold.items():
        kept = found.metric.display(score(predictions[score.rows]))
        assert kept == pytest.approx(values[trial], rel=1e-5)


def test_few_scores_are_of_the_best_candidates():
    y = np.arange(4.0)
    candidates = [y + 0.5, y - 0.5, y]
    scored = []

    def score(found):
        scored.append(found)
        return -float(np.mean((found - y) ** 2))

    for most, weights in {0: {0: 1.0}, 3: {0: 1.0}, 5: {0: 0.5, 1: 0.5}, 99: {2: 1.0}}.items():
        scored.clear()
        assert greedy_selection(candidates, score, max_scores=most) == weights
        assert len(scored) <= most


def test_a_slow_metric_does_not_overrun_the_budget(dataset, monkeypatch):
    n_calls = 0

    def slow(y_true, y_pred):
        nonlocal n_calls
        n_calls += 1
        time.sleep(0.005)
        return -float(np.mean((y_true - y_pred) ** 2))

    # Of 8 folds a score takes 40 ms.
    monkeypatch.setattr("jointopt.model.members.MAX_SECONDS", 0.2)
    n_folds, n_trials, n_timed, n_scores = 8, 5, 3, 5
    found = run_table(
        dataset, RunOptions(space="small", n_trials=n_trials, metric=slow, seconds=3_600.0)
    )
    assert found.n_folds == n_folds
    assert n_calls <= n_timed + n_folds * (n_trials + n_scores + 1)
    assert found.model.facts["validation_score"] >= found.result.best_score


def test_what_was_kept_on_disk_is_bounded(dataset, monkeypatch):
    monkeypatch.setattr("jointopt.evaluation.kept.MAX_KEPT", 2)
    found = run_table(dataset, RunOptions(space="small", n_trials=N_TRIALS))
    assert len(found.out_of_fold) <= 2
    assert len(found.model.members) <= 2


@pytest.mark.parametrize(("room_for", "n_kept"), [(2.5, 2), (0.5, 1)])
def test_predictions_of_a_large_table_are_kept_of_the_best_alone(
    room_for, n_kept, dataset, monkeypatch
):
    one = dataset.y.nbytes
    monkeypatch.setattr("jointopt.evaluation.kept.MAX_PREDICTION_BYTES", int(room_for * one))
    found = run_table(dataset, RunOptions(space="small", n_trials=N_TRIALS))
    ended = [r for r in found.result.records if r.trial.state is TrialState.COMPLETE]
    best = sorted(ended, key=lambda record: record.trial.value)[:n_kept]
    assert set(found.out_of_fold) == {(record.stage, record.number) for record in best}
    assert {member.trial for member in found.model.members} <= {r.number for r in best}


def test_a_model_that_is_not_kept_costs_no_trial(dataset, monkeypatch):
    monkeypatch.setattr("jointopt.evaluation.one_fold.MAX_MODEL_BYTES", 10)
    found = run_table(dataset, RunOptions(space="small", n_trials=3))
    assert "FAIL" not in {record.trial.state.name for record in found.result.records}
    assert [len(member.pipelines) for member in found.model.members] == [1]


def test_a_model_is_whole_when_the_disk_is_full(run, small_disk):
    folder = small_disk.folder / "model"
    save_model(run.model, folder)
    whole = {path.name: path.read_bytes() for path in folder.iterdir()}
    small_disk.fill()
    with pytest.raises(StorageError, match=r"model cannot be written.*make room"):
        save_model(run.model, folder)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == whole
    small_disk.free()
    save_model(run.model, folder)
    assert len(list(folder.iterdir())) == len(whole)
    assert len(load_model(folder).members) == len(run.model.members)
