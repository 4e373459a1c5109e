from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from jointopt.data import Task, infer_task


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
