from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from jointopt.data.normalise import as_dates, as_numbers, as_strings, looks_like_date

NAN = np.nan


def arrow(values: list[Any], type_: pa.DataType) -> pd.Series:
    return pd.Series(values, dtype=pd.ArrowDtype(type_))


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (pd.Series([1, 2], dtype="uint8"), [1, 2]),
        (pd.Series([1, None], dtype="Int64"), [1, NAN]),
        (pd.Series([1.5, None], dtype="Float32"), [1.5, NAN]),
        (pd.Series([True, None], dtype="boolean"), [1, NAN]),
        (pd.Series([True, False]), [1, 0]),
        (pd.Series([True, None, "False"], dtype=object), [1, NAN, 0]),
        (pd.Series([np.inf, -np.inf, 0.0]), [NAN, NAN, 0]),
        (pd.Series([Decimal("1.25"), None]), [1.25, NAN]),
        (pd.Series([" 1 ", "2e3", "x", "", None]), [1, 2000, NAN, NAN, NAN]),
        (pd.Series(["1", pd.NA], dtype="string"), [1, NAN]),
        (pd.Series(["123456789012345678901234567890"]), [1.2345678901234568e29]),
        (pd.Series(pd.to_timedelta(["1min", None])), [60, NAN]),
        (pd.Series([3, 1, None]).astype("category"), [3, 1, NAN]),
        (pd.Series(["3", "z"], dtype="category"), [3, NAN]),
        (pd.Series([0.0, 2.0], dtype="Sparse[float]"), [0, 2]),
        (pd.Series([1 + 0j, 1j]), [1, NAN]),
        (pd.Series(pd.to_datetime(["2020-01-01"])), [NAN]),
        (pd.Series([[1], {}, (), b"x"], dtype=object), [NAN] * 4),
        (arrow([1, None], pa.int64()), [1, NAN]),
        (arrow([True, None], pa.bool_()), [1, NAN]),
        (arrow([Decimal("1.50"), None], pa.decimal128(10, 2)), [1.5, NAN]),
        (arrow(["1", None], pa.string()), [1, NAN]),
        (arrow([dt.timedelta(seconds=2), None], pa.duration("ms")), [2, NAN]),
        (arrow([None, None], pa.null()), [NAN, NAN]),
    ],
)
def test_numbers(column: pd.Series, expected: list[float]) -> None:
    before = column.copy()
    values = as_numbers(column)
    assert values.dtype == np.float64
    np.testing.assert_array_equal(values, expected)
    pd.testing.assert_series_equal(column, before)


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (pd.Series(["a", None, " "]), ["a", NAN, NAN]),
        (pd.Series(["a", pd.NA], dtype="string"), ["a", NAN]),
        (pd.Series([1, 2, None], dtype="category"), ["1", "2", NAN]),
        (pd.Series([1.0, 1.5, NAN]), ["1", "1.5", NAN]),
        (pd.Series([1, None], dtype="Int64"), ["1", NAN]),
        (pd.Series([True, False]), ["True", "False"]),
        (pd.Series([np.str_("a"), pd.NaT, np.int64(3)], dtype=object), ["a", NAN, "3"]),
        (pd.Series([1, True, 1.0, 1.5, True], dtype=object), ["1", "True", "1", "1.5", "True"]),
        (pd.Series([[1, 2], {"k": 1}], dtype=object), ["[1, 2]", "{'k': 1}"]),
        (arrow(["a", None], pa.string()), ["a", NAN]),
        (arrow(["a", None], pa.dictionary(pa.int32(), pa.string())), ["a", NAN]),
    ],
)
def test_strings(column: pd.Series, expected: list[Any]) -> None:
    values = as_strings(column)
    assert values.dtype == object
    assert all(type(value) in (str, float) for value in values)
    assert [v if isinstance(v, str) else None for v in values] == [
        v if isinstance(v, str) else None for v in expected
    ]


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (pd.Series(pd.to_datetime(["2020-01-02 03:00", None])), ["2020-01-02T03", "NaT"]),
        (
            pd.Series(pd.to_datetime(["2020-01-02"])).dt.tz_localize("Asia/Tokyo"),
            ["2020-01-01T15"],
        ),
        (pd.Series(["2020-01-02", "now", "today", "12", "x", None]), ["2020-01-02"] + ["NaT"] * 5),
        (pd.Series(["2020-01-02T00:00:00+02:00", "2020-01-02"]), ["2020-01-01T22", "2020-01-02"]),
        (
            pd.Series([dt.date(2020, 1, 2), pd.Timestamp("2020-01-03")]),
            ["2020-01-02", "2020-01-03"],
        ),
        (pd.Series(["2020-01-02"], dtype="category"), ["2020-01-02"]),
        (pd.Series(np.array(["0001-01-01", "2020-01-01"], "M8[s]")), ["NaT", "2020-01-01"]),
        (pd.Series(["0001-01-01", "9999-12-31", "2020-13-45"]), ["NaT"] * 3),
        (pd.Series([20200102, 1]), ["NaT"] * 2),
        (pd.Series(np.array(["2020-01-02", "NaT"], "M8[ns]")), ["2020-01-02", "NaT"]),
        (pd.Series(np.array(["2020-01-02"], "M8[ms]")), ["2020-01-02"]),
        (pd.Series([NAN, None], dtype=float), ["NaT"] * 2),
        (arrow([dt.datetime(2020, 1, 2)], pa.timestamp("us", "UTC")), ["2020-01-02"]),
        (arrow([dt.date(2020, 1, 2), None], pa.date32()), ["2020-01-02", "NaT"]),
        (pd.Series(pd.period_range("2020-01", periods=1, freq="M")), ["2020-01-01"]),
    ],
)
def test_dates(column: pd.Series, expected: list[str]) -> None:
    values = as_dates(column)
    assert values.dtype == "datetime64[ns]"
    np.testing.assert_array_equal(values, np.array(expected, dtype="M8[ns]"))


def test_day_first() -> None:
    column = pd.Series(["3/4/2020", "3.4.2020", "2020-04-03", "03-Apr-2020"])
    found = as_dates(column, day_first=True).astype("datetime64[D]").astype(str)
    assert set(found) == {"2020-04-03"}


def test_date_shapes() -> None:
    shapes = [
        "2020/1/31",
        "1.2.2020 10:00",
        "5-Jan-20",
        "10-24",
        "1990-95 x",
        "192.168.1.1",
        "12:30",
    ]
    assert looks_like_date(pd.Series(shapes)).tolist() == [True] * 3 + [False] * 4
    assert looks_like_date(pd.Series([], dtype=object)).tolist() == []
