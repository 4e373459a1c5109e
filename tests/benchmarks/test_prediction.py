"""Seconds to predict with LightGBM's trees some at a time, beside its own way."""

from __future__ import annotations

import statistics
import sys
import time

import numpy as np
import pytest
from lightgbm import LGBMRegressor

from jointopt.pipeline.boosted import predict_boosted

N_FITTED, N_COLUMNS, N_RUNS = 5_000, 12, 7
SHAPES = ((1_500, 8), (800, 31), (300, 200))
"""Trees, and the leaves of each."""
N_ROWS = (250, 4_000, 13_000)


def seconds(run, *arguments):
    started = time.perf_counter()
    run(*arguments)
    return time.perf_counter() - started


@pytest.mark.slow
def test_prediction():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(N_FITTED, N_COLUMNS))
    y = X[:, 0] * X[:, 1] + np.sin(X[:, 2]) + 0.1 * rng.normal(size=N_FITTED)
    ratios = []
    for n_trees, n_leaves in SHAPES:
        model = LGBMRegressor(
            n_estimators=n_trees, num_leaves=n_leaves, learning_rate=0.03, n_jobs=1, verbose=-1
        ).fit(X, y)
        for n_rows in N_ROWS:
            rows = rng.normal(size=(n_rows, N_COLUMNS))
            pairs = [
                (seconds(predict_boosted, model, rows, "predict"), seconds(model.predict, rows))
                for _ in range(N_RUNS)
            ]
            ours, own = (statistics.median(of) for of in zip(*pairs, strict=True))
            ratios.append(ours / own)
            sys.stdout.write(
                f"\n{n_trees} trees of {n_leaves} leaves, {n_rows} rows: {1e3 * ours:.1f} ms, "
                f"LightGBM's own {1e3 * own:.1f} ms, ratio {ours / own:.2f}"
            )
    sys.stdout.write(f"\nmedian ratio {statistics.median(ratios):.2f}\n")
    assert np.isfinite(ratios).all()
