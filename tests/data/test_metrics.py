from __future__ import annotations

import pickle
import time
from functools import partial
from typing import Any

import numpy as np
import pytest
from sklearn import metrics as sk

from jointopt.data import Metric, Task, get_metric, metric_names
from jointopt.errors import OptionError

RNG = np.random.default_rng(0)
Y2, Y3 = RNG.integers(0, 2, 200), RNG.integers(0, 3, 200)
# Rounded, so that there are ties.
P2, P3 = RNG.dirichlet([1, 1], 200).round(1), RNG.dirichlet([1, 1, 1], 200).round(2)
P3 /= P3.sum(axis=1, keepdims=True)
YR, PR = RNG.normal(size=200), RNG.normal(size=200)
TABLES = {Task.BINARY: (Y2, P2, 2), Task.MULTICLASS: (Y3, P3, 3), Task.REGRESSION: (YR, PR, 0)}


def clipped(pred: Any) -> Any:
    pred = np.clip(pred, 1e-7, 1)
    return pred / pred.sum(axis=1, keepdims=True)


def one_vs_rest(function: Any) -> float:
    return float(np.mean([function(k == Y3, P3[:, k]) for k in range(3)]))


@pytest.mark.parametrize(
    ("name", "task", "expected"),
    [
        ("roc_auc", Task.BINARY, sk.roc_auc_score(Y2, P2[:, 1])),
        ("roc_auc", Task.MULTICLASS, sk.roc_auc_score(Y3, P3, multi_class="ovr")),
        ("log_loss", Task.BINARY, sk.log_loss(Y2, clipped(P2))),
        ("log_loss", Task.MULTICLASS, sk.log_loss(Y3, clipped(P3))),
        ("accuracy", Task.MULTICLASS, sk.accuracy_score(Y3, P3.argmax(1))),
        ("balanced_accuracy", Task.MULTICLASS, sk.balanced_accuracy_score(Y3, P3.argmax(1))),
        ("f1", Task.BINARY, sk.f1_score(Y2, P2.argmax(1))),
        ("f1", Task.MULTICLASS, sk.f1_score(Y3, P3.argmax(1), average="macro")),
        ("average_precision", Task.BINARY, sk.average_precision_score(Y2, P2[:, 1])),
        ("average_precision", Task.MULTICLASS, one_vs_rest(sk.average_precision_score)),
        ("rmse", Task.REGRESSION, sk.root_mean_squared_error(YR, PR)),
        ("mae", Task.REGRESSION, sk.mean_absolute_error(YR, PR)),
        ("r2", Task.REGRESSION, sk.r2_score(YR, PR)),
        ("neg_mean_squared_error", Task.REGRESSION, sk.mean_squared_error(YR, PR)),
        ("neg_max_error", Task.REGRESSION, sk.max_error(YR, PR)),
        ("neg_brier_score", Task.BINARY, sk.brier_score_loss(Y2, P2[:, 1])),
        ("f1_weighted", Task.MULTICLASS, sk.f1_score(Y3, P3.argmax(1), average="weighted")),
        ("matthews_corrcoef", Task.MULTICLASS, sk.matthews_corrcoef(Y3, P3.argmax(1))),
        ("roc_auc_ovo", Task.MULTICLASS, sk.roc_auc_score(Y3, P3, multi_class="ovo")),
        ("precision", Task.BINARY, sk.precision_score(Y2, P2.argmax(1))),
    ],
)
def test_values_are_scikit_learns(name: str, task: Task, expected: float) -> None:
    metric = get_metric(name, task)
    signed = metric.score(*TABLES[task])
    assert metric.display(signed) == pytest.approx(expected, rel=1e-5)
    assert signed == pytest.approx(expected if metric.greater_is_better else -expected, rel=1e-5)


@pytest.mark.parametrize("task", list(Task))
def test_every_metric_survives_pickling_and_prefers_the_truth(task: Task) -> None:
    y, pred, n_classes = TABLES[task]
    truth = y if task is Task.REGRESSION else np.eye(n_classes)[y]
    if task is Task.REGRESSION:
        y, pred, truth = np.exp(y), np.exp(pred), np.exp(truth)
    for name in metric_names(task):
        metric = get_metric(name, task)
        again: Metric = pickle.loads(pickle.dumps(metric))
        assert again.score(y, pred, n_classes) == metric.score(y, pred, n_classes)
        if "likelihood_ratio" in name:
            continue  # undefined for a faultless prediction
        best = metric.score(y, truth, n_classes)
        assert best > metric.score(y, pred, n_classes), name
        if name not in ("mutual_info_score", "neg_mean_gamma_deviance"):
            assert metric.display(best) == pytest.approx(metric.optimum, abs=1e-5), name


@pytest.mark.parametrize("name", [*metric_names(Task.MULTICLASS)])
def test_folds_may_lack_classes(name: str) -> None:
    score = get_metric(name, Task.MULTICLASS).score
    rows = Y3 != 1
    assert np.isfinite(score(Y3[rows], P3[rows], 3))


def test_of_classes_that_do_not_occur() -> None:
    rows = Y3 != 1
    auc = np.mean([sk.roc_auc_score(Y3[rows] == k, P3[rows, k]) for k in (0, 2)])
    assert get_metric("roc_auc", Task.MULTICLASS).score(Y3[rows], P3[rows], 3) == pytest.approx(
        auc
    )
    loss = sk.log_loss(Y3[rows], clipped(P3[rows]), labels=[0, 1, 2])
    found = get_metric("log_loss", Task.MULTICLASS).score(Y3[rows], P3[rows], 3)
    assert found == pytest.approx(-loss, rel=1e-5)


def test_rows_of_a_single_class() -> None:
    y, pred = np.zeros(3, dtype=np.int64), np.array([[0.7, 0.3]] * 3)
    found = {
        name: get_metric(name, Task.BINARY).score(y, pred, 2)
        for name in ("roc_auc", "log_loss", "accuracy", "balanced_accuracy", "f1")
    }
    assert found == pytest.approx(
        {"roc_auc": 0.5, "log_loss": np.log(0.7), "accuracy": 1, "balanced_accuracy": 1, "f1": 0}
    )
    assert get_metric("average_precision", Task.BINARY).score(y, pred, 2) == 0
    assert get_metric("roc_auc", Task.MULTICLASS).score(y, np.eye(3), 3) == 0.5


def test_one_row_of_a_regression() -> None:
    one = np.array([1.0])
    assert get_metric("r2", Task.REGRESSION).score(one, one + 1) == 0
    assert get_metric("r2", Task.REGRESSION).score(one, one) == 1


def test_log_loss_of_a_sure_mistake_is_bounded() -> None:
    loss = get_metric("log_loss", Task.BINARY).score(np.array([0]), np.array([[0.0, 1.0]]), 2)
    assert loss == pytest.approx(np.log(1e-7), rel=1e-5)


def test_log_loss_takes_single_precision_and_unnormalised_rows() -> None:
    pred = np.array([[0.5, 1.5]], dtype=np.float32)
    loss = get_metric("log_loss", Task.BINARY).score(np.array([1]), pred, 2)
    assert loss == pytest.approx(np.log(1.0 / 1.5), rel=1e-5)


@pytest.mark.parametrize(
    ("task", "name"),
    [(Task.BINARY, "roc_auc"), (Task.MULTICLASS, "log_loss"), (Task.REGRESSION, "rmse")],
)
def test_defaults(task: Task, name: str) -> None:
    assert get_metric(None, task).name == name


def share_right(y_true: Any, y_pred: Any) -> float:
    return float(np.mean(y_true == y_pred))


def test_functions_see_labels_or_values() -> None:
    metric = get_metric(share_right, Task.BINARY)
    assert metric.name == "share_right"
    assert metric.greater_is_better
    assert metric.score(Y2, P2, 2) == pytest.approx(np.mean(P2.argmax(1) == Y2))
    assert pickle.loads(pickle.dumps(metric)).score(Y2, P2, 2) == metric.score(Y2, P2, 2)
    classes = np.array(["no", "yes"])
    found = get_metric(partial(sk.f1_score, pos_label="yes"), Task.BINARY, classes)
    assert found.score(Y2, P2, 2) == sk.f1_score(Y2, P2.argmax(1))
    assert get_metric(sk.r2_score, Task.REGRESSION).score(YR, PR) == sk.r2_score(YR, PR)


def test_scorer_objects() -> None:
    scorer = sk.make_scorer(sk.log_loss, greater_is_better=False, response_method="predict_proba")
    found = get_metric(scorer, Task.BINARY).score(Y2, clipped(P2), 2)
    assert found == pytest.approx(-sk.log_loss(Y2, clipped(P2)))


def test_scorers_see_the_labels_that_occur() -> None:
    def occurring(estimator: Any, X: Any, y: Any) -> float:
        assert estimator.predict_proba(X).shape == (len(y), len(estimator.classes_))
        assert set(estimator.predict(X)) <= {"a", "b", "c"}
        return float(set(estimator.classes_) == set(y))

    rows = Y3 != 1
    metric = get_metric(occurring, Task.MULTICLASS, np.array(["a", "b", "c"]))
    assert metric.score(Y3[rows], P3[rows], 3) == 1


def test_a_metric_passes_through() -> None:
    metric = get_metric("f1", Task.BINARY)
    assert get_metric(metric, Task.BINARY) is metric


@pytest.mark.parametrize(
    ("name", "task", "message"),
    [
        ("roc_acu", Task.BINARY, r"'roc_acu' is not known; did you mean 'roc_auc'.*choose of roc"),
        ("AUC", Task.BINARY, r"'AUC' is not known; did you mean 'roc_auc'"),
        ("zzzzz", Task.REGRESSION, r"'zzzzz' is not known; choose of rmse, mae, r2, or of the"),
        ("rmse", Task.BINARY, r"'rmse' does not fit a binary task; choose of roc_auc, log_loss"),
        ("roc_auc", Task.REGRESSION, r"'roc_auc' does not fit a regression task; choose of rmse"),
        ("precision", Task.MULTICLASS, r"'precision' does not fit a multiclass task"),
        ("neg_mean_squared_error", Task.MULTICLASS, r"does not fit a multiclass task"),
        ("adjusted_rand_score", Task.REGRESSION, r"does not fit a regression task"),
        (3, Task.BINARY, r"a metric is a name or a function f\(y_true, y_pred\), not int"),
    ],
)
def test_errors(name: Any, task: Task, message: str) -> None:
    with pytest.raises(OptionError, match=message):
        get_metric(name, task)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["roc_auc", "log_loss", "f1", "average_precision"])
def test_time_of_a_fold(name: str) -> None:
    y = RNG.integers(0, 26, 3000)
    pred = RNG.dirichlet(np.ones(26), 3000)
    metric = get_metric(name, Task.MULTICLASS)
    metric.score(y, pred, 26)
    start = time.perf_counter()
    metric.score(y, pred, 26)
    assert time.perf_counter() - start < 0.1
