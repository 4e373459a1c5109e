from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from jointopt.data import Task, dataset_from_arrays, infer_task, make_dataset


@pytest.mark.parametrize(
    ("y", "task"),
    [
        (["a", "b", "a"], Task.BINARY),
        (["a", "b", "c"], Task.MULTICLASS),
        ([True, False], Task.BINARY),
        (pd.array([True, None, False], dtype="boolean"), Task.BINARY),
        (pd.Categorical([1.5, 2.5, 3.5]), Task.MULTICLASS),
        ([0, 1, 1, 0], Task.BINARY),
        ([1.0, 2.0, np.nan, 1.0], Task.BINARY),
        ([0.5, 1.0], Task.REGRESSION),
        (np.arange(60) % 3, Task.MULTICLASS),
        (np.arange(40) % 3, Task.REGRESSION),
        (np.arange(1000) % 20, Task.MULTICLASS),
        (np.arange(1000) % 21, Task.REGRESSION),
        (pd.array([1, 2, None, 3], dtype="Int64"), Task.REGRESSION),
        (np.array([0.5, 1, 2], dtype=object), Task.REGRESSION),
        (np.array([0, 1, 0], dtype=object), Task.BINARY),
        ([str(i % 3) for i in range(60)], Task.MULTICLASS),
        ([str(i / 2) for i in range(60)], Task.REGRESSION),
        ([str(i / 2) for i in range(60)] + ["?"], Task.REGRESSION),
        ([str(i / 2) for i in range(60)] + ["?"] * 9, Task.MULTICLASS),
    ],
)
def test_infer_task(y: Any, task: Task) -> None:
    assert infer_task(y) is task


def test_kind() -> None:
    assert [task.kind for task in Task] == ["classification", "classification", "regression"]


WHOLE = [0, 1, 2, 3] * 30
MANY = list(range(40)) * 3


@pytest.mark.parametrize(
    ("y", "metric", "task"),
    [
        (WHOLE, None, Task.MULTICLASS),
        (WHOLE, "rmse", Task.REGRESSION),
        (WHOLE, "neg_mean_absolute_error", Task.REGRESSION),
        (WHOLE, "log_loss", Task.MULTICLASS),
        ([0, 1] * 60, "r2", Task.REGRESSION),
        (MANY, None, Task.REGRESSION),
        (MANY, "log_loss", Task.MULTICLASS),
        (MANY, "f1_macro", Task.MULTICLASS),
        (list(range(120)), "log_loss", Task.REGRESSION),
        ([v + 0.5 for v in WHOLE], "log_loss", Task.REGRESSION),
        (["a", "b", "c"] * 40, "rmse", Task.MULTICLASS),
        ([True, False] * 60, "rmse", Task.BINARY),
        (WHOLE, "no_such_metric", Task.MULTICLASS),
    ],
)
def test_the_metric_decides_where_numbers_may_be_classes(y, metric, task):
    frame = pd.DataFrame({"x": range(len(y)), "y": y})
    assert make_dataset(frame, "y", metric=metric).task is task
    assert dataset_from_arrays(frame[["x"]], y, metric=metric).task is task
