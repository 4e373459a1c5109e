"""Which class is predicted where the metric judges decisions."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jointopt.data import Task, get_metric, make_dataset
from jointopt.model.decision import decide, decision_weights
from jointopt.model.run import RunOptions, run_table
from jointopt.model.saving import load_model, save_model

N = 1_500
PARTS = np.array_split(np.arange(N), 5)


def drawn(seed, base=-3.0, spread=1.5, n_classes=2):
    """Return true probabilities of classes, and a table whose target is drawn from them."""
    rng = np.random.default_rng(seed)
    logits = spread * rng.normal(size=(N, n_classes))
    logits[:, 0] -= base
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    codes = (probabilities.cumsum(axis=1) > rng.random((N, 1))).argmax(axis=1)
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


def test_what_is_tuned_to_noise_is_not_kept():
    kept = 0
    for seed in range(12):
        probabilities, dataset = drawn(seed, base=0.0)
        shuffled = np.random.default_rng(seed).permutation(probabilities)
        metric = get_metric("accuracy", dataset.task)
        kept += decision_weights(shuffled, dataset, PARTS, metric)[0] is not None
    assert kept <= 4


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
