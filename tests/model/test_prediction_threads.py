"""Pipelines of a model predict at once, and with their own threads take no more than the cores."""

from __future__ import annotations

import os
import threading
import time

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.pipeline import Pipeline

from jointopt.data import make_dataset
from jointopt.model.fitted import FittedModel, Member

CORES = 2


class Watched(RegressorMixin, BaseEstimator):
    """Predicts zeros, and remembers how many did so at once."""

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
        return np.zeros(len(X))


@pytest.mark.skipif(os.cpu_count() < CORES, reason="one core: nothing runs at once")
@pytest.mark.parametrize(("n_jobs", "most"), [(1, CORES), (CORES, 1)])
def test_threads_of_pipelines_count(n_jobs, most, monkeypatch):
    monkeypatch.setenv("LOKY_MAX_CPU_COUNT", str(CORES))
    dataset = make_dataset(pd.DataFrame({"x": np.arange(9.0), "y": np.arange(9.0) / 7}), "y")
    n = 2 * CORES
    pipelines = tuple(Pipeline([("model", Watched(n_jobs))]) for _ in range(n))
    member = Member(1.0, pipelines, (1 / n,) * n, {}, 0, 0.5)
    model = FittedModel(
        (member,), dataset.schema, dataset.task, dataset.classes, dataset.target, {}, {}
    )
    Watched.most = 0
    assert (model.predict(dataset.X) == 0).all()
    assert Watched.most == most
