"""A table together with what is to be predicted from it."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from jointopt.data.columns import quoted, with_string_names
from jointopt.data.inference import infer_schema
from jointopt.data.metrics import task_kind
from jointopt.data.targets import encode_classes, encode_numbers
from jointopt.data.tasks import Task, infer_task
from jointopt.errors import DataError, OptionError

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from jointopt.data.columns import Schema
    from jointopt.data.metrics import Metric

    AnyMetric = str | Callable[..., float] | Metric | None

__all__ = [
    "MIN_ROWS",
    "Dataset",
    "as_frame",
    "as_series",
    "dataset_from_arrays",
    "has_target",
    "make_dataset",
]

MIN_ROWS = 6
N_BINARY = 2
TASKS = ("classification", *map(str, Task))


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Dataset:
    """A table in the form that models see, and its target.

    Attributes
    ----------
    X : DataFrame of shape (n_rows, n_columns)
        The used columns as `Schema.apply` gives them.
    y : ndarray of shape (n_rows,)
        Class codes 0 to n_classes - 1 as int64, or float64 values.
    task : Task
        What is predicted.
    classes : ndarray of shape (n_classes,) or None
        The labels that the codes stand for, sorted; None for a regression.
    schema : Schema
        All columns, used or not.
    target : str
        The target's name.
    n_dropped : int
        Rows left out because their target is missing.
    """

    X: pd.DataFrame
    y: NDArray[Any]
    task: Task
    classes: NDArray[Any] | None
    schema: Schema
    target: str
    n_dropped: int = 0

    @property
    def n_rows(self) -> int:
        """Rows with a target."""
        return len(self.X)

    @property
    def n_columns(self) -> int:
        """Columns that models see."""
        return self.X.shape[1]

    @property
    def n_classes(self) -> int:
        """Classes of the target; 0 for a regression."""
        return 0 if self.classes is None else len(self.classes)


def make_dataset(
    frame: pd.DataFrame, target: str, task: str | None = None, *, metric: AnyMetric = None
) -> Dataset:
    """Make a dataset of a table that holds its target.

    Parameters
    ----------
    frame : DataFrame of shape (n_rows, n_columns + 1)
        The table.
    target : str
        The column to predict; rows that lack it are left out.
    task : str or None, default=None
        A `Task`, or "classification": what is to be predicted; by default `infer_task` decides.
    metric : str, callable, Metric or None, default=None
        As for `get_metric`; tells whether whole numbers are classes if `task` does not.

    Raises
    ------
    DataError
        If the table or its target cannot be used.

    Examples
    --------
    >>> frame = pd.DataFrame({"size": range(8), "big": ["no"] * 4 + ["yes"] * 4})
    >>> dataset = make_dataset(frame, "big")
    >>> dataset.task, dataset.classes.tolist(), dataset.y.tolist()
    (<Task.BINARY: 'binary'>, ['no', 'yes'], [0, 0, 0, 0, 1, 1, 1, 1])
    """
    if not isinstance(frame, pd.DataFrame):
        raise DataError(f"the table must be a pandas DataFrame, got {type(frame).__name__}")
    frame, target = with_string_names(frame), str(target)
    names = [str(name) for name in frame.columns]
    if target not in names:
        close = get_close_matches(target, names)
        hint = f"did you mean {quoted(close)}?" if close else f"its columns are {quoted(names)}"
        raise DataError(f"the table has no column {target!r} to predict; {hint}")
    return _build(frame.drop(columns=target), frame[target], target, task, metric)


def dataset_from_arrays(
    X: Any, y: Any, task: str | None = None, *, metric: AnyMetric = None
) -> Dataset:
    """Make a dataset of features and a target.

    Parameters
    ----------
    X : DataFrame or array-like of shape (n_samples, n_features)
        The columns of an array are named x0, x1, and so on.
    y : array-like of shape (n_samples,)
        The target; rows that lack it are left out.
    task : str or None, default=None
        As for `make_dataset`.
    metric : str, callable, Metric or None, default=None
        As for `make_dataset`.

    Raises
    ------
    DataError
        If the table or its target cannot be used.

    Examples
    --------
    >>> from jointopt.data import Kind
    >>> X, y = [[i, -i] for i in range(8)], [i / 2 for i in range(8)]
    >>> dataset_from_arrays(X, y).schema.names(Kind.NUMERIC)
    ['x0', 'x1']
    """
    frame = as_frame(X)
    target = as_series(y)
    if len(frame) != len(target):
        raise DataError(
            f"X has {len(frame)} rows but y has {len(target)}; give one target for each row"
        )
    name = "y" if target.name is None else str(target.name)
    return _build(frame, target, name, task, metric)


def as_frame(X: Any) -> pd.DataFrame:
    """Return features as a table; the columns of an array are named x0, x1, and so on.

    Raises
    ------
    DataError
        If they have no rows and columns, or are sparse.
    """
    if isinstance(X, pd.DataFrame):
        return X
    if hasattr(X, "toarray"):
        raise DataError("X is sparse; give a dense array, X.toarray(), or a DataFrame")
    try:
        array = np.asarray(X)
    except ValueError as error:
        raise DataError(f"X is no table: its rows differ in length ({error})") from error
    match array.shape:
        case (_, n_columns):
            return pd.DataFrame(array, columns=[f"x{i}" for i in range(n_columns)])
        case shape:
            raise DataError(f"X must have rows and columns; its shape is {shape}")


def as_series(y: Any) -> pd.Series:
    """Return a target as a series.

    Raises
    ------
    DataError
        If it is None, or not one value for each row.
    """
    if y is None:
        raise DataError("fitting requires y to be passed, but the target y is None")
    if isinstance(y, pd.Series):
        return y
    if isinstance(y, pd.DataFrame) and y.shape[1] == 1:
        return y.iloc[:, 0]
    array = y.to_numpy() if isinstance(y, pd.DataFrame) else np.asarray(y)
    if array.ndim == 1:
        return pd.Series(y if isinstance(y, pd.Index) else array)
    from sklearn.utils.validation import column_or_1d

    try:
        return pd.Series(column_or_1d(array, warn=True))
    except ValueError as error:
        raise DataError(
            f"y should be a 1d array, one target for each row; it has shape {array.shape}"
        ) from error


def _build(
    features: pd.DataFrame, y: pd.Series, target: str, task: str | None, metric: AnyMetric
) -> Dataset:
    present = _present(y, target)
    n_dropped = int((~present).sum())
    y = y[present].reset_index(drop=True)
    wanted = infer_task(y, task_kind(metric)) if task is None else _checked_task(task)
    classes: NDArray[Any] | None = None
    if wanted == Task.REGRESSION:
        found = Task.REGRESSION
        values: NDArray[Any] = encode_numbers(y, target)
    else:
        values, classes = encode_classes(y, target, was_missing=n_dropped > 0)
        found = Task.BINARY if len(classes) == N_BINARY else Task.MULTICLASS
        if wanted == Task.BINARY and found != wanted:
            raise DataError(
                f"target {target!r} has {len(classes)} classes, so it is no binary task; "
                f"they are {quoted([str(c) for c in classes])}"
            )
    features = features.loc[present] if n_dropped else features
    schema = infer_schema(features)
    if not schema.used:
        raise DataError(_no_columns(schema))
    return Dataset(schema.apply(features), values, found, classes, schema, target, n_dropped)


def has_target(y: pd.Series) -> NDArray[np.bool_]:
    """Tell which rows have a target; as in features, blank text is missing."""
    blank = [value for value in y.unique() if isinstance(value, str) and not value.strip()]
    found: NDArray[np.bool_] = (y.notna() & ~y.isin(blank)).to_numpy(dtype=bool)
    return found


def _present(y: pd.Series, target: str) -> NDArray[np.bool_]:
    """Tell which rows have a target; there must be enough of them."""
    if not len(y):
        raise DataError("the table has no rows")
    dtype: Any = y.dtype
    if dtype.kind == "M":
        raise DataError(
            f"target {target!r} holds dates; jointopt predicts classes and numbers, so make a "
            "number of it, such as days since a fixed date"
        )
    present = has_target(y)
    n_present = int(present.sum())
    if not n_present:
        raise DataError(
            f"target {target!r} is missing in all {len(y)} rows: nothing to learn from"
        )
    if n_present < MIN_ROWS:
        raise DataError(
            f"too few rows have a target to validate a model (n_samples={n_present}): "
            f"at least {MIN_ROWS} are needed"
        )
    return present


def _checked_task(task: str) -> str:
    if task not in TASKS:
        raise OptionError(f"task {task!r} is not known; it is one of {quoted(TASKS)}")
    return task


def _no_columns(schema: Schema) -> str:
    if not schema.columns:
        return "the table has no column beside its target: nothing to predict it from"
    reasons = ", ".join(f"{c.name}: {c.note}" for c in schema.columns[:8])
    return f"no column is left to predict from; ignored were {reasons}"
