"""A target column becomes class codes and labels, or numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from jointopt.data.normalise import as_numbers
from jointopt.errors import DataError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["encode_classes", "encode_numbers"]

LARGEST = np.iinfo(np.int64).max


def encode_classes(
    y: pd.Series, target: str, *, was_missing: bool = False
) -> tuple[NDArray[np.int64], NDArray[Any]]:
    """Return class codes and the sorted labels that they stand for.

    Parameters
    ----------
    y : Series of shape (n_rows,)
        Labels, none of them missing.
    target : str
        Its name, for errors.
    was_missing : bool, default=False
        Whether missing values have been dropped: they make pandas turn whole numbers into
        floats, which is undone.

    Returns
    -------
    codes : ndarray of int64, shape (n_rows,)
        Indices into the labels.
    labels : ndarray of shape (n_classes,)
        Truth values, integers, floats or strings as they were given; strings if mixed, or if
        they are integers of more than 64 bits.

    Raises
    ------
    DataError
        If there is one class only, or a class for each row.

    Examples
    --------
    >>> encode_classes(pd.Series(["b", "a", "b"]), "y")
    (array([1, 0, 1]), array(['a', 'b'], dtype='<U1'))
    """
    values = _labels(y)
    if values.dtype.kind == "f":
        _check_finite(values, target)
        if was_missing and bool((values == np.round(values)).all()):
            values = values.astype(np.int64)
    labels, codes = np.unique(values, return_inverse=True)
    if len(labels) == 1:
        raise DataError(
            f"target {target!r} has one class, {labels[0].item()!r}, in all {len(values)} rows: "
            "there is nothing to tell apart"
        )
    if len(labels) == len(values):
        raise DataError(
            f"target {target!r} has a class of its own in each of the {len(values)} rows: nothing "
            "can be learnt of a class from one example"
        )
    return codes.astype(np.int64), labels


def _labels(y: pd.Series) -> NDArray[Any]:
    """Return an array of one plain type: bool, integer, float or string."""
    dtype: Any = y.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        y = y.astype(object)
    elif dtype.kind in "biuf":
        plain = {"b": bool, "i": np.int64, "u": np.uint64, "f": np.float64}
        return y.to_numpy(dtype=plain[dtype.kind])
    objects = y.astype(object).to_numpy()
    kinds = {_plain_type(value) for value in objects}
    if kinds == {int} and not all(abs(value) <= LARGEST for value in objects):
        kinds = {str}
    if len(kinds) == 1 and (kind := kinds.pop()) is not str:
        return objects.astype(kind)
    if kinds == {int, float}:
        return objects.astype(float)
    return np.array([str(value) for value in objects])


def _plain_type(value: Any) -> type:
    for kinds, plain in (
        ((bool, np.bool_), bool),
        ((int, np.integer), int),
        ((float, np.floating), float),
    ):
        if isinstance(value, kinds):
            return plain
    return str


def encode_numbers(y: pd.Series, target: str) -> NDArray[np.float64]:
    """Return the values as float64; numbers written as text are read.

    Parameters
    ----------
    y : Series of shape (n_rows,)
        Values, none of them missing.
    target : str
        Its name, for errors.

    Raises
    ------
    DataError
        If a value is infinite or no number, or all are equal.

    Examples
    --------
    >>> encode_numbers(pd.Series(["1.5", "2"]), "y").tolist()
    [1.5, 2.0]
    """
    dtype: Any = y.dtype
    if dtype.kind in "fiub":
        numbers = y.to_numpy(dtype=float, copy=True)  # pandas lends a read-only view
        _check_finite(numbers, target)
    else:
        numbers = as_numbers(y)
        wrong = np.flatnonzero(np.isnan(numbers))
        if len(wrong):
            raise DataError(
                f"target {target!r} has {len(wrong)} value{'s' if len(wrong) > 1 else ''} that "
                f"are no finite number, such as {str(y.iloc[wrong[0]])!r}; mend or remove those "
                "rows, or predict it as a class"
            )
    if (numbers == numbers[0]).all():
        raise DataError(
            f"target {target!r} is {numbers[0]:g} in all {len(numbers)} rows: "
            "there is nothing to predict"
        )
    return numbers


def _check_finite(numbers: NDArray[np.float64], target: str) -> None:
    n_infinite = int(np.isinf(numbers).sum())
    if n_infinite:
        rows = "row" if n_infinite == 1 else "rows"
        raise DataError(
            f"target {target!r} is infinite in {n_infinite} {rows}; mend or remove them"
        )
