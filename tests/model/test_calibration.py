"""How sure models are where the metric judges probabilities."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from jointopt.data import get_metric, make_dataset
from jointopt.insight.card import render_card
from jointopt.model.calibration import calibrate, fit_temperature
from jointopt.model.run import RunOptions, run_table
from jointopt.model.saving import load_model, save_model
from jointopt.space import Choice, Space

N = 2_000
PARTS = np.array_split(np.arange(N), 4)


def drawn(seed, sureness, n_classes=3):
    """Return probabilities that are surer than the truth by a factor, and their table."""
    rng = np.random.default_rng(seed)
    logits = 1.5 * rng.normal(size=(N, n_classes))
    true = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    codes = (true.cumsum(axis=1) > rng.random((N, 1))).argmax(axis=1)
    told = np.exp(sureness * logits) / np.exp(sureness * logits).sum(axis=1, keepdims=True)
    frame = pd.DataFrame({"x": logits[:, 0], "y": np.array(list("abc"))[codes]})
    return told, make_dataset(frame, "y")


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("sureness", [0.5, 2.0])
def test_the_temperature_undoes_wrong_sureness(sureness, n_classes):
    told, dataset = drawn(0, sureness, n_classes)
    metric = get_metric("log_loss", dataset.task)
    temperature, scores = fit_temperature(told, dataset, PARTS, metric)
    assert temperature == pytest.approx(sureness, rel=0.1)
    fresh, others = drawn(1, sureness, n_classes)
    gained = metric.score(others.y, calibrate(fresh, temperature), n_classes)
    assert gained > metric.score(others.y, fresh, n_classes) + 0.01
    assert np.mean(scores) == pytest.approx(gained, abs=0.05)


def test_honest_probabilities_stay_nearly_as_they_are():
    for seed in range(8):
        told, dataset = drawn(seed, 1.0)
        metric = get_metric("log_loss", dataset.task)
        assert fit_temperature(told, dataset, PARTS, metric)[0] == pytest.approx(1, abs=0.08)


def test_no_mistake_on_a_few_rows_makes_nobody_certain():
    codes = np.arange(200) % 3
    frame = pd.DataFrame({"x": codes, "y": np.array(list("abc"))[codes]})
    told = np.full((200, 3), 0.002)
    told[np.arange(200), codes] = 0.996
    dataset = make_dataset(frame, "y")
    parts = np.array_split(np.arange(200), 5)
    metric = get_metric("log_loss", dataset.task)
    assert fit_temperature(told, dataset, parts, metric)[0] >= 1


@pytest.mark.parametrize("name", ["roc_auc", "accuracy", "f1"])
def test_metrics_of_order_or_decisions_are_left_alone(name):
    told, dataset = drawn(0, 2.0)
    assert fit_temperature(told, dataset, PARTS, get_metric(name, dataset.task)) == (1.0, [])


@given(
    npst.arrays(np.float64, (5, 3), elements=st.floats(0, 1, allow_subnormal=False)),
    st.floats(0.25, 4.0),
)
def test_the_order_of_classes_stays(raw, temperature):
    probabilities = (raw + 1e-3) / (raw + 1e-3).sum(axis=1, keepdims=True)
    changed = calibrate(probabilities, temperature)
    assert changed.sum(axis=1) == pytest.approx(1)
    for before, after in zip(probabilities, changed, strict=True):
        assert (np.diff(after[np.argsort(before)]) >= -1e-12).all()


@pytest.mark.parametrize("final", ["ensemble", "single"])
def test_a_model_is_as_sure_wherever_it_is_loaded(final, tmp_path):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(1_200, 4)).astype(np.float32)
    codes = (X[:, 0] + 2.0 * rng.normal(size=len(X)) > 0).astype(int)
    # Columns said twice make naive Bayes count their evidence twice.
    frame = pd.DataFrame(np.hstack([X] * 4)).set_axis([f"c{i}" for i in range(16)], axis=1)
    dataset = make_dataset(frame.assign(y=codes), "y")
    estimator = {"classification": "sklearn.naive_bayes.GaussianNB"}
    space = {"paradigm": {"choice": {"bayes": {"estimator": estimator}}}}
    path = tmp_path / "space.yaml"
    path.write_text(str(space))
    options = RunOptions(space=str(path), n_trials=1, metric="log_loss", final=final)
    model = run_table(dataset, options).model
    loaded = load_model(save_model(model, tmp_path / "model"))
    assert loaded.temperature == model.temperature > 1.2
    probabilities = loaded.predict_proba(frame)
    assert (probabilities == model.predict_proba(frame)).all()
    assert (loaded.predictions(frame)[["0", "1"]].to_numpy() == probabilities).all()
    assert model.facts["validation_score"] < model.facts["best_single_score"]


def test_on_a_holdout_the_score_is_one():
    """The parts of it by which a temperature is judged are no folds."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(2_100, 2))
    codes = (X[:, 0] + 2.0 * rng.normal(size=len(X)) > 0).astype(int)
    # A column said many times makes naive Bayes too sure.
    frame = pd.DataFrame(np.hstack([X] * 8)).rename(columns="c{}".format)
    estimator = {"classification": "sklearn.naive_bayes.GaussianNB"}
    space = Space(paradigm=Choice({"bayes": {"estimator": estimator}}))
    options = RunOptions(space=space, n_trials=1, metric="log_loss", seconds=5.0)
    run = run_table(make_dataset(frame.assign(y=codes), "y"), options)
    assert run.n_folds == 1
    assert run.model.temperature > 1.2
    facts = run.model.facts
    assert facts["fold_scores"] == [facts["validation_score"]]
    assert facts["validation_score"] < facts["best_single_score"]
    card = " ".join(render_card(run, {"model": 1.0, "single": 1.0}).split())
    assert f"**{facts['validation_score']:.5g}** on one part of the rows that was held out" in card
    assert "cross-validation" not in card
