"""The tables of the benchmarks that need real ones.

Bundled ones, or, where the environment variable JOINTOPT_TABLES names a folder, those in it:
folders with `meta.json` (its `target`) and `train.csv`.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes, load_wine

from jointopt.data import dataset_from_arrays, read_table

collect_ignore = ["peers"]
"""Programs that run in the peers' own environments."""


@pytest.fixture
def tables():
    """Return names, columns and targets (codes or numbers), rows in random order."""
    found = []
    for name, X, y in _all():
        whole = dataset_from_arrays(X, y)
        order = np.random.default_rng(0).permutation(len(y))
        found.append((name, X.iloc[order].reset_index(drop=True), whole.y[order]))
    return found


def _all():
    if folder := os.environ.get("JOINTOPT_TABLES"):
        for meta in sorted(Path(folder).glob("*/meta.json")):
            frame = read_table(next(meta.parent.glob("train.*")))
            target = json.loads(meta.read_text())["target"]
            yield meta.parent.name, frame.drop(columns=target), frame[target]
        return
    for load in (load_breast_cancer, load_diabetes, load_wine):
        bunch = load(as_frame=True)
        yield load.__name__.removeprefix("load_"), bunch.data, bunch.target
