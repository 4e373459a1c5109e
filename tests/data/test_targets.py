from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from jointopt.data.targets import encode_classes, encode_numbers
from jointopt.errors import DataError


@pytest.mark.parametrize(
    ("values", "labels", "kind"),
    [
        (["b", "a", "b"], ["a", "b"], "U"),
        ([3, 1, 3], [1, 3], "i"),
        (pd.array([3, 1, 3], dtype="Int64"), [1, 3], "i"),
        (pd.array([3, 1, 3], dtype="uint8"), [1, 3], "u"),
        ([True, False, True], [False, True], "b"),
        (pd.array([True, False, True], dtype="boolean"), [False, True], "b"),
        ([1.0, 2.0, 1.0], [1.0, 2.0], "f"),
        (pd.Categorical(["z", "y", "z"]), ["y", "z"], "U"),
        (pd.Categorical([3, 1, 3]), [1, 3], "i"),
        (np.array([3, 1, 3], dtype=object), [1, 3], "i"),
        (np.array([1, 2.5, 1], dtype=object), [1.0, 2.5], "f"),
        (np.array([1, "a", 1], dtype=object), ["1", "a"], "U"),
        (np.array([True, "a", True], dtype=object), ["True", "a"], "U"),
        ([" a", "a", "a"], [" a", "a"], "U"),
    ],
)
def test_labels_keep_their_type(values: Any, labels: list[Any], kind: str) -> None:
    codes, found = encode_classes(pd.Series(values), "y")
    assert (found.dtype.kind, found.tolist()) == (kind, labels)
    assert codes.dtype == np.int64
    assert set(codes) == {0, 1}


def test_floats_that_missing_values_made_become_integers_again() -> None:
    _, labels = encode_classes(pd.Series([1.0, 2.0, 1.0]), "y", was_missing=True)
    assert labels.dtype == np.int64
    _, labels = encode_classes(pd.Series([1.5, 2.0, 1.5]), "y", was_missing=True)
    assert labels.dtype == np.float64


def test_one_class() -> None:
    message = "target 'y' has one class, 'no', in all 120 rows: there is nothing to tell apart"
    with pytest.raises(DataError, match=message):
        encode_classes(pd.Series(["no"] * 120), "y")


def test_a_class_for_each_row() -> None:
    with pytest.raises(DataError, match="a class of its own in each of the 26 rows"):
        encode_classes(pd.Series(list("abcdefghijklmnopqrstuvwxyz")), "y")


def test_infinite() -> None:
    with pytest.raises(DataError, match="target 'y' is infinite in 1 row; mend"):
        encode_numbers(pd.Series([1.0, np.inf]), "y")
    with pytest.raises(DataError, match="target 'y' is infinite in 2 rows"):
        encode_classes(pd.Series([1.0, np.inf, -np.inf]), "y")


def test_text_among_numbers() -> None:
    with pytest.raises(DataError, match="'y' has 2 values that are no finite number, such as 'x'"):
        encode_numbers(pd.Series(["1", "x", "y"]), "y")


def test_dates_are_no_numbers() -> None:
    with pytest.raises(DataError, match="no finite number, such as '2020-01-01"):
        encode_numbers(pd.Series(pd.to_datetime(["2020-01-01", "2020-01-02"])), "y")


def test_constant_number() -> None:
    with pytest.raises(DataError, match=r"target 'y' is 2\.5 in all 3 rows"):
        encode_numbers(pd.Series([2.5] * 3), "y")


def test_numbers_of_any_dtype() -> None:
    for values in ([1, 2], ["1", "2"], pd.array([1, 2], dtype="Int64"), pd.Categorical([1, 2])):
        numbers = encode_numbers(pd.Series(values), "y")
        assert (numbers.dtype, numbers.tolist()) == (np.float64, [1.0, 2.0])
