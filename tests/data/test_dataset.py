from __future__ import annotations

import pickle
from typing import Any, cast

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_array

from jointopt.data import Dataset, Kind, Task, dataset_from_arrays, make_dataset
from jointopt.errors import DataError, OptionError

FRAME = pd.DataFrame(
    {
        "id": range(10),
        "size": [0.5, 1.5, None, *range(7)],
        "color": list("rgbrgbrgbr"),
        "label": ["no"] * 4 + ["yes"] * 5 + [None],
        "price": [1.5, 2.5, *range(8)],
    },
    index=range(50, 60),
)


def test_make_dataset() -> None:
    dataset = make_dataset(FRAME, "label")
    assert dataset.task is Task.BINARY
    assert dataset.classes is not None
    assert dataset.classes.tolist() == ["no", "yes"]
    assert dataset.y.tolist() == [0] * 4 + [1] * 5
    assert dataset.y.dtype == np.int64
    assert (dataset.n_rows, dataset.n_columns, dataset.n_classes) == (9, 3, 2)
    assert dataset.n_dropped == 1
    assert list(dataset.X.columns) == ["size", "color", "price"]
    assert dataset.X.index.equals(pd.RangeIndex(9))
    assert dataset.schema.describe() == (
        "3 columns: 2 numeric, 1 categorical; 1 ignored (id: identifier)"
    )
    assert dataset.target == "label"


def test_a_blank_label_is_no_class() -> None:
    dataset = make_dataset(FRAME.assign(label=["no"] * 4 + ["yes"] * 4 + [" ", ""]), "label")
    assert dataset.classes is not None
    assert dataset.classes.tolist() == ["no", "yes"]
    assert (dataset.n_rows, dataset.n_dropped) == (8, 2)


def test_regression() -> None:
    dataset = make_dataset(FRAME, "price")
    assert dataset.task is Task.REGRESSION
    assert dataset.classes is None
    assert dataset.n_classes == 0
    assert dataset.y.dtype == np.float64


def test_the_given_table_is_not_changed() -> None:
    before = FRAME.copy(deep=True)
    dataset = make_dataset(FRAME, "price")
    dataset.X.loc[0, "size"] = 99.0
    dataset.y[0] = 99.0
    pd.testing.assert_frame_equal(FRAME, before)


@pytest.mark.parametrize(
    ("task", "found"),
    [
        (None, Task.BINARY),
        ("classification", Task.BINARY),
        (Task.BINARY, Task.BINARY),
        (Task.MULTICLASS, Task.BINARY),
        ("regression", Task.REGRESSION),
        (Task.REGRESSION, Task.REGRESSION),
    ],
)
def test_task_can_be_given(task: str | None, found: Task) -> None:
    assert dataset_from_arrays(np.eye(8)[:, :3], [0, 1] * 4, task).task is found


def test_small_classes_are_fine() -> None:
    dataset = dataset_from_arrays(np.eye(7)[:, :3], ["a"] * 5 + ["b", "c"])
    assert (dataset.task, dataset.n_classes) == (Task.MULTICLASS, 3)


@pytest.mark.parametrize(
    "y",
    [
        [1.0, 2, 3, 4, 5, 6],
        np.arange(1.0, 7),
        pd.Series(np.arange(1.0, 7), index=list("abcdef")),
        pd.DataFrame({"y": np.arange(1.0, 7)}),
        pd.Index(np.arange(1.0, 7)),
        pd.array(range(1, 7), dtype="Int64"),
        np.arange(1, 7).astype(object),
    ],
)
def test_targets_of_any_type(y: Any) -> None:
    dataset = dataset_from_arrays([[i] for i in range(6)], y, "regression")
    assert dataset.y.tolist() == [1, 2, 3, 4, 5, 6]
    assert dataset.target == "y"
    assert dataset.schema.columns[0].name == "x0"


def test_column_vector_warns_as_scikit_learn_does() -> None:
    from sklearn.exceptions import DataConversionWarning

    with pytest.warns(DataConversionWarning, match="column-vector y"):
        dataset = dataset_from_arrays(np.eye(6), np.arange(6)[:, None], "regression")
    assert dataset.y.shape == (6,)


def test_frames_keep_their_names() -> None:
    dataset = dataset_from_arrays(FRAME[["size"]], FRAME["price"])
    assert dataset.schema.names(Kind.NUMERIC) == ["size"]
    assert dataset.target == "price"


def test_a_dataset_goes_to_worker_processes() -> None:
    dataset = make_dataset(FRAME, "label")
    again: Dataset = pickle.loads(pickle.dumps(dataset))
    pd.testing.assert_frame_equal(again.X, dataset.X)
    assert again.schema == dataset.schema


@pytest.mark.parametrize(
    ("frame", "target", "message"),
    [
        (FRAME, "labels", r"no column 'labels' to predict; did you mean 'label'\?"),
        (FRAME, "zzz", "no column 'zzz' to predict; its columns are 'id', 'size', 'color'"),
        (FRAME.iloc[:0], "label", "the table has no rows"),
        (FRAME.iloc[:3], "label", r"too few rows .* \(n_samples=3\): at least 6"),
        (FRAME[["label"]], "label", "no column beside its target"),
        (FRAME[["label", "id"]], "label", "no column is left to predict from; .* id: identifier"),
        (FRAME.assign(label=None), "label", "'label' is missing in all 10 rows"),
        (FRAME.assign(label="no"), "label", "one class, 'no', in all 10 rows"),
        (FRAME.assign(label=pd.Timestamp("2020")), "label", "target 'label' holds dates"),
        (FRAME.assign(price=np.inf), "price", "'price' is infinite in 10 rows"),
    ],
)
def test_errors(frame: pd.DataFrame, target: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        make_dataset(frame, target)


def test_a_table_is_a_frame() -> None:
    with pytest.raises(DataError, match="must be a pandas DataFrame, got ndarray"):
        make_dataset(cast("Any", np.eye(3)), "y")


def test_names_that_are_no_strings() -> None:
    dataset = make_dataset(pd.DataFrame({1: range(9), 2: [0.5 * i for i in range(9)]}), "2")
    assert dataset.schema.names(Kind.NUMERIC) == ["1"]


def test_text_target_of_a_regression() -> None:
    with pytest.raises(DataError, match="'label' has 9 values that are no finite number, such as"):
        make_dataset(FRAME, "label", Task.REGRESSION)


def test_binary_task_of_three_classes() -> None:
    with pytest.raises(
        DataError, match=r"'color' has 3 classes, so it is no binary task.*'b', 'g'"
    ):
        make_dataset(FRAME, "color", Task.BINARY)


def test_unknown_task() -> None:
    with pytest.raises(OptionError, match="task 'clustering' is not known; it is one of 'class"):
        make_dataset(FRAME, "label", "clustering")


@pytest.mark.parametrize(
    ("X", "y", "message"),
    [
        (np.eye(6), None, "requires y to be passed, but the target y is None"),
        (np.eye(6), [1, 2], "X has 6 rows but y has 2"),
        (np.eye(6), np.eye(6), r"y should be a 1d array.*it has shape \(6, 6\)"),
        (np.arange(6), [0, 1] * 3, r"must have rows and columns; its shape is \(6,\)"),
        ([[1], [1, 2]], [0, 1], "its rows differ in length"),
        (csr_array(np.eye(6)), [0, 1] * 3, "X is sparse"),
        (np.eye(6), [np.nan] * 6, "missing in all 6 rows"),
        (np.ones((6, 2)), [0, 1] * 3, "no column is left .* x0: constant, x1: constant"),
    ],
)
def test_errors_of_arrays(X: Any, y: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        dataset_from_arrays(X, y)
