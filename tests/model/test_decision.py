"""Which class is predicted where the metric judges decisions."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import f1_score

from jointopt.data import Task, get_metric, make_dataset
from jointopt.insight.held_out import HeldOut
from jointopt.model.decision import decide, decision_weights
from jointopt.model.run import RunOptions, run_table
from jointopt.model.saving import load_model, save_model

N = 1_500
PARTS = np.array_split(np.arange(N), 5)


def drawn(seed, base=-3.0, spread=1.5, n_classes=2, n=N):
    """Return true probabilities of classes, and a table whose target is drawn from them."""
    rng = np.random.default_rng(seed)
    logits = spread * rng.normal(size=(n, n_classes))
    logits[:, 0] -= base
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    codes = (probabilities.cumsum(axis=1) > rng.random((n, 1))).argmax(axis=1)
    labels = np.array(["no", "yes", "zero"])[codes]
    frame = pd.DataFrame({"x": logits[:, 1] - logits[:, 0], "y": labels})
    return probabilities, make_dataset(frame, "y")


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("name", ["f1", "balanced_accuracy"])
def test_rare_classes_are_predicted_more_often(name, n_classes):
    probabilities, dataset = drawn(0, n_classes=n_classes)
    metric = get_metric(name, dataset.task)
    weights, scores = decision_weights(probabilities, dataset, PARTS, metric)
    assert weights[0] == 1
    assert (weights[1:] > 1).all()
    fresh, others = drawn(1, n_classes=n_classes)
    usual = metric.score(others.y, fresh, n_classes)
    tuned = metric.score(others.y, fresh * weights, n_classes)
    assert tuned > usual + 0.01
    assert np.mean(scores) == pytest.approx(tuned, abs=0.06)


@pytest.mark.parametrize("base", [-5.5, -3.0, 0.0, 3.0, 5.5])
def test_the_threshold_is_near_the_best_one_however_rare_a_class_is(base):
    # At 5.5 one row in a hundred is of the rarer class.
    probabilities, dataset = drawn(0, base=base, spread=1.0, n=6_000)
    parts = np.array_split(np.arange(6_000), 5)
    fresh, others = drawn(1, base=base, spread=1.0, n=50_000)
    metric = get_metric("balanced_accuracy", dataset.task)
    tuned, _ = decision_weights(probabilities, dataset, parts, metric)
    # That of probabilities that are right: each class counts alike.
    best = 1 / np.bincount(others.y)
    reached, most = (
        metric.score(others.y, fresh * (1 if weights is None else weights), 2)
        for weights in (tuned, best)
    )
    assert most - 0.015 < reached < most + 0.005


def test_what_is_tuned_to_noise_is_not_kept():
    kept = 0
    for seed in range(12):
        probabilities, dataset = drawn(seed, base=0.0)
        shuffled = np.random.default_rng(seed).permutation(probabilities)
        metric = get_metric("accuracy", dataset.task)
        kept += decision_weights(shuffled, dataset, PARTS, metric)[0] is not None
    assert kept <= 4


def test_where_a_metric_is_not_defined_no_weight_is_taken():
    def precision(y, predicted):
        chosen = predicted == "yes"
        return (y[chosen] == "yes").mean() if chosen.any() else np.nan

    # Of 16 to 1 against it, no row is predicted positive.
    probabilities, dataset = drawn(0, base=0.0, spread=0.5)
    metric = get_metric(precision, dataset.task, dataset.classes)
    weights, scores = decision_weights(probabilities, dataset, PARTS, metric)
    assert np.isfinite(scores).all()
    assert (decide(probabilities, weights) == 1).any()


def test_a_class_for_which_weights_make_no_difference_keeps_its_own():
    probabilities, dataset = drawn(0)
    certain = np.arange(N) % 5 == 0
    three = np.column_stack([probabilities, np.zeros(N)])
    three[certain] = [0.0, 0.0, 1.0]
    labels = np.where(certain, "zero", dataset.classes[dataset.y])
    dataset = make_dataset(pd.DataFrame({"x": dataset.X["x"], "y": labels}), "y")
    metric = get_metric("balanced_accuracy", dataset.task)
    weights, _ = decision_weights(three, dataset, PARTS, metric)
    assert weights[1] > 1
    assert decide(np.array([[0.15, 0.0, 0.85]]), weights) == [2]


@pytest.mark.parametrize("final", ["ensemble", "single"])
def test_a_metric_that_fails_on_other_decisions_leaves_them_as_they_are(final):
    def careful(y, predicted):
        if (predicted == "yes").mean() > 0.3:
            raise ValueError("too many are predicted positive")
        return (y == predicted).mean()

    _, dataset = drawn(2)
    run = run_table(dataset, RunOptions(space="small", n_trials=3, metric=careful, final=final))
    assert run.model.decision_weights is None
    assert "too many are predicted positive" in " ".join(run.notes)


def test_held_out_rows_are_decided_as_new_rows_are():
    _, dataset = drawn(2)
    _, others = drawn(3)
    run = run_table(dataset, RunOptions(space="small", n_trials=3, metric="f1"))
    truth = others.classes[others.y]
    score = HeldOut.of(run, others.X, others.y).score
    assert score == pytest.approx(f1_score(truth, run.model.predict(others.X), pos_label="yes"))
    most_probable = run.model.predict_proba(others.X).argmax(axis=1)
    assert score != pytest.approx(f1_score(others.y, most_probable), abs=1e-3)


@pytest.mark.parametrize("name", ["roc_auc", "log_loss"])
def test_metrics_of_probabilities_need_no_weights(name):
    probabilities, dataset = drawn(0)
    metric = get_metric(name, Task.BINARY)
    assert decision_weights(probabilities, dataset, PARTS, metric) == (None, [])


@given(st.floats(0.01, 0.99), st.floats(0.02, 50))
def test_with_two_classes_a_weight_is_a_threshold(probability, weight):
    row = np.array([[1 - probability, probability]])
    threshold = 1 / (1 + weight)
    if abs(probability - threshold) > 1e-9:
        assert decide(row, np.array([1.0, weight]))[0] == (probability > threshold)


@pytest.mark.parametrize("final", ["ensemble", "single"])
def test_a_model_decides_by_them_wherever_it_is_loaded(final, tmp_path):
    _, dataset = drawn(2)
    options = RunOptions(space="small", n_trials=3, metric="f1", final=final)
    run = run_table(dataset, options)
    model = load_model(save_model(run.model, tmp_path / "model"))
    assert model.decision_weights[1] > 1
    probabilities = model.predict_proba(dataset.X)
    expected = model.classes[decide(probabilities, model.decision_weights)]
    assert (model.predict(dataset.X) == expected).all()
    assert (model.predictions(dataset.X)["prediction"] == expected).all()
    assert model.facts["validation_score"] > model.facts["best_single_score"]
