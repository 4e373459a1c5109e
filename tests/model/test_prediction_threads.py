"""Pipelines of a model predict at once, and with their own threads take no more than the cores."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest
from lightgbm import Booster, LGBMRegressor
from sklearn.base import BaseEstimator, RegressorMixin, clone
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.svm import SVR
from xgboost import XGBRegressor

from jointopt import save_model
from jointopt.data import make_dataset
from jointopt.model.fitted import FittedModel, Member
from jointopt.pipeline.estimators import EarlyStoppingRegressor
from jointopt.pipeline.networks.estimators import NetworkRegressor

CORES = 2


class Watched(RegressorMixin, BaseEstimator):
    """Predicts the first column, and remembers how many did so at once."""

    lock = threading.Lock()
    at_once = most = 0

    def __init__(self, n_jobs=1):
        self.n_jobs = n_jobs

    def fit(self, X, y):
        del X, y
        return self

    def __sklearn_is_fitted__(self):
        return True

    def predict(self, X):
        with Watched.lock:
            Watched.at_once += 1
            Watched.most = max(Watched.most, Watched.at_once)
        time.sleep(0.1)
        with Watched.lock:
            Watched.at_once -= 1
        return np.asarray(X)[:, 0]


def model_of(*pipelines):
    """Return a model that averages pipelines, and the table that it knows, of one column."""
    dataset = make_dataset(pd.DataFrame({"x": np.arange(9.0), "y": np.arange(9.0) / 7}), "y")
    n = len(pipelines)
    member = Member(1.0, pipelines, (1 / n,) * n, {}, 0, 0.5)
    return FittedModel(
        (member,), dataset.schema, dataset.task, dataset.classes, dataset.target, {}, {}
    )


@pytest.fixture
def cores(monkeypatch):
    if os.cpu_count() < CORES:
        pytest.skip("one core: nothing runs at once")
    monkeypatch.setenv("LOKY_MAX_CPU_COUNT", str(CORES))
    Watched.most = 0


@pytest.mark.usefixtures("cores")
@pytest.mark.parametrize(("n_jobs", "most"), [(1, CORES), (CORES, 1)])
def test_threads_of_pipelines_count(n_jobs, most):
    pipelines = [Pipeline([("model", Watched(n_jobs))]) for _ in range(2 * CORES)]
    rows = pd.DataFrame({"x": np.arange(9.0)})
    assert (model_of(*pipelines).predict(rows) == rows["x"]).all()
    assert Watched.most == most


@pytest.mark.usefixtures("cores")
@pytest.mark.parametrize(("n_rows", "most"), [(0, 1), (999, 1), (1_000, CORES), (5_001, CORES)])
def test_a_single_pipeline_predicts_many_rows_in_parts_and_transforms_them_once(n_rows, most):
    rows, transformed = pd.DataFrame({"x": np.arange(float(n_rows))}), []
    columns = FunctionTransformer(lambda X: transformed.append(len(X)) or X.to_numpy())
    found = model_of(Pipeline([("columns", columns), ("model", Watched())])).predict(rows)
    assert np.array_equal(found, rows["x"])
    assert Watched.most == most
    assert transformed == [n_rows]


@pytest.mark.usefixtures("cores")
@pytest.mark.parametrize(
    "estimator",
    [
        EarlyStoppingRegressor(LGBMRegressor(n_jobs=1, num_leaves=4, verbose=-1), n_rounds=600),
        EarlyStoppingRegressor(XGBRegressor(n_jobs=1), n_rounds=100),
        NetworkRegressor(width=(8,), max_epochs=2, random_state=0),
        SVR(),
    ],
    ids=lambda estimator: type(getattr(estimator, "estimator", estimator)).__name__,
)
@pytest.mark.parametrize("n_pipelines", [1, 2])
def test_a_model_predicts_what_its_pipelines_do(estimator, n_pipelines):
    x = np.linspace(0, 8, 4_000)
    rows = pd.DataFrame({"x": x})
    fitted = [
        clone(estimator).fit(x[: 900 + i, None], np.sin(3 * x[: 900 + i]))
        for i in range(n_pipelines)
    ]
    columns = FunctionTransformer(pd.DataFrame.to_numpy)
    model = model_of(*(Pipeline([("columns", columns), ("model", one)]) for one in fitted))
    expected = np.mean([one.predict(x[:, None]) for one in fitted], axis=0)
    for _ in range(5):
        np.testing.assert_allclose(model.predict(rows), expected, rtol=1e-5, atol=1e-9)


@pytest.mark.parametrize("n_rows", [1, 999, 1_000, 4_001])
def test_pipelines_that_see_rows_whole_and_in_parts_are_told_apart(n_rows, monkeypatch):
    monkeypatch.setattr("jointopt.model.fitted.cpu_count", lambda: 8)
    x, columns = np.linspace(0, 8, 900), FunctionTransformer(pd.DataFrame.to_numpy)
    boosting = EarlyStoppingRegressor(LGBMRegressor(n_jobs=1, verbose=-1), n_rounds=300)
    estimators = [SVR(C=10.0), boosting, SVR()]
    fitted = [estimator.fit(x[:, None], np.sin(3 * x)) for estimator in estimators]
    rows = pd.DataFrame({"x": np.linspace(0, 8, n_rows)})
    model = model_of(*(Pipeline([("columns", columns), ("model", one)]) for one in fitted))
    expected = np.mean([one.predict(rows.to_numpy()) for one in fitted], axis=0)
    np.testing.assert_allclose(model.predict(rows), expected, rtol=1e-9)


@pytest.mark.usefixtures("cores")
def test_calls_of_lightgbm_do_not_change_each_others_trees_or_threads(monkeypatch):
    """It keeps the range of trees in the booster, and the number of threads in its library."""
    x = np.linspace(0, 8, 900)[:, None]
    boosting = EarlyStoppingRegressor(LGBMRegressor(n_jobs=1, num_leaves=4, verbose=-1))
    fitted = [clone(boosting).set_params(n_rounds=n).fit(x, x[:, 0]) for n in (300, 301)]
    columns = FunctionTransformer(pd.DataFrame.to_numpy)
    models = [model_of(Pipeline([("columns", columns), ("model", one)])) for one in fitted]
    lock, inside, seen, predict = threading.Lock(), [], set(), Booster.predict

    def watched(booster, *arguments, num_threads, **options):
        with lock:
            inside.append((id(booster), num_threads))
            seen.add(tuple(sorted(inside)))
        try:
            return predict(booster, *arguments, num_threads=num_threads, **options)
        finally:
            with lock:
                inside.remove((id(booster), num_threads))

    monkeypatch.setattr(Booster, "predict", watched)
    sizes = (2_000, 600, 50)  # the last are too few for two threads, or some trees at a time
    tables = [pd.DataFrame({"x": np.linspace(0, 8, size)}) for size in sizes]
    calls = [(model, table) for model in models for table in tables] * 4
    alone = [model.predict(table) for model, table in calls]
    with ThreadPoolExecutor(len(calls)) as pool:
        at_once = list(pool.map(lambda call: call[0].predict(call[1]), calls))
    for found, expected in zip(at_once, alone, strict=True):
        np.testing.assert_array_equal(found, expected)
    assert {n for calls_inside in seen for _, n in calls_inside} == {1, CORES}
    for calls_inside in seen:
        boosters, n_threads = zip(*calls_inside, strict=True)
        assert len(set(boosters)) == len(boosters)
        assert len(set(n_threads)) == 1
    assert max(map(len, seen)) == len(models)


WHAT_IS_SAID = """
import sys, threading, warnings
import pandas as pd
from jointopt import load_model

def set_for_a_while():
    while True:
        with warnings.catch_warnings():
            pass

model, rows = load_model(sys.argv[1]), pd.DataFrame({"x": [0.0, 1.0]})
with warnings.catch_warnings():
    model.predict(rows)
model.predict(rows)
warnings.simplefilter("error", UserWarning)
model.predict(rows)
threading.Thread(target=set_for_a_while, daemon=True).start()
for _ in range(30):
    model.predict(rows)
"""


@pytest.mark.slow
def test_threads_say_nothing_of_a_column_with_one_piece(tmp_path):
    x, y = pd.DataFrame({"x": np.ones(40)}), np.arange(40.0)
    network = NetworkRegressor(
        width=(4,), numeric_embedding="piecewise_linear", max_epochs=1, random_state=0
    ).fit(x, y)
    folder = save_model(model_of(Pipeline([("model", network)])), tmp_path)
    command = [sys.executable, "-c", WHAT_IS_SAID, str(folder)]
    assert not subprocess.run(command, check=False, capture_output=True, text=True).stderr


WHO_LOADS = """
import sys, threading
import pandas as pd
from jointopt import load_model

loading = set()
def hear(event, arguments):
    if event == "import" and arguments[0] == "torch":
        loading.add(threading.current_thread().name)

model = load_model(sys.argv[1])
sys.addaudithook(hear)
model.predict(pd.DataFrame({"x": [1.0, 2.0]}))
print(*loading)
"""


def test_threads_meet_no_library_half_loaded(tmp_path):
    x, y = np.arange(40.0)[:, None], np.arange(40.0)
    networks = [NetworkRegressor(width=(4,), max_epochs=1, random_state=0) for _ in range(2)]
    pipelines = [Pipeline([("model", network.fit(x, y))]) for network in networks]
    folder = save_model(model_of(*pipelines), tmp_path)
    command = [sys.executable, "-c", WHO_LOADS, str(folder)]
    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert told.split() == ["MainThread"]
