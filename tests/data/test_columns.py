from __future__ import annotations

import json
from typing import Any, cast

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jointopt.data import Column, Kind, Schema, infer_schema, make_dataset
from jointopt.errors import DataError, ModelError

SCHEMA = Schema(
    (
        Column("n", Kind.NUMERIC),
        Column("c", Kind.CATEGORICAL),
        Column("id", Kind.NUMERIC, note="identifier", used=False),
        Column("d", Kind.DATE),
        Column("t", Kind.TEXT),
    )
)
DTYPES = {"n": "float64", "c": "object", "d": "datetime64[ns]", "t": "object"}
SCALARS: st.SearchStrategy[Any] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.complex_numbers(),
    st.text(),
    st.binary(),
    st.dates(),
    st.datetimes(),
    st.timedeltas(),
    st.decimals().filter(lambda number: not number.is_snan()),  # pandas' own isna raises on it
    st.sampled_from([pd.NA, pd.NaT, np.nan, pd.Timestamp("2020-01-01", tz="UTC")]),
    st.lists(st.integers(), max_size=2),
    st.dictionaries(st.text(max_size=2), st.integers(), max_size=2),
    st.dates().map(str),
    st.integers().map(str),
    st.from_regex(r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}.{0,3}", fullmatch=True),
)
TABLES = st.lists(st.tuples(SCALARS, SCALARS, SCALARS, SCALARS), max_size=6)


def as_frame(rows: list[tuple[Any, ...]]) -> pd.DataFrame:
    columns = zip(*rows, strict=True) if rows else [[]] * 4
    series = [pd.Series(list(values), dtype=object) for values in columns]
    return pd.DataFrame(dict(zip("ncdt", series, strict=True)))


def check_normal(frame: pd.DataFrame, n_rows: int) -> None:
    assert frame.dtypes.astype(str).to_dict() == DTYPES
    assert frame.index.equals(pd.RangeIndex(n_rows))
    assert not np.isinf(frame["n"]).any()
    assert all(type(v) is str or np.isnan(v) for v in frame["c"])
    assert all(type(v) is str for v in frame["t"])


@settings(max_examples=60, deadline=None)
@given(TABLES)
def test_any_content_becomes_normal(rows: list[tuple[Any, ...]]) -> None:
    frame = as_frame(rows)
    check_normal(SCHEMA.apply(frame), len(rows))
    check_normal(SCHEMA.apply(frame.infer_objects()), len(rows))


@settings(max_examples=60, deadline=None)
@given(TABLES)
def test_normal_tables_stay_as_they_are(rows: list[tuple[Any, ...]]) -> None:
    once = SCHEMA.apply(as_frame(rows))
    pd.testing.assert_frame_equal(SCHEMA.apply(once), once)


@settings(max_examples=60, deadline=None)
@given(TABLES)
def test_any_content_has_a_schema(rows: list[tuple[Any, ...]]) -> None:
    frame = as_frame(rows)
    schema = infer_schema(frame)
    normal = schema.apply(frame)
    assert list(normal.columns) == [column.name for column in schema.used]
    assert Schema.from_dict(json.loads(json.dumps(schema.to_dict()))) == schema


def test_apply_restores_order_and_leaves_out_the_rest() -> None:
    frame = pd.DataFrame({"x": 1, "t": ["u"], "d": [None], "c": [3], "n": ["4"]}, index=[7])
    normal = SCHEMA.apply(frame)
    assert list(normal.columns) == ["n", "c", "d", "t"]
    assert normal.loc[0, ["n", "c", "t"]].tolist() == [4.0, "3", "u"]
    check_normal(normal, 1)


def test_new_categories_and_new_missing_values() -> None:
    train = pd.DataFrame({"c": list("ab") * 10, "n": range(20)})
    schema = infer_schema(train)
    new = schema.apply(pd.DataFrame({"c": ["z", None], "n": [None, "?"]}))
    assert new["c"].tolist() == ["z", np.nan]
    assert new["n"].isna().all()


def test_codes_read_as_floats_stay_the_same_category() -> None:
    schema = infer_schema(pd.DataFrame({"c": pd.Categorical([1, 2, 1, 3])}))
    assert schema.apply(pd.DataFrame({"c": [1.0, np.nan]}))["c"].tolist() == ["1", np.nan]


def test_names_that_are_not_strings() -> None:
    schema = infer_schema(pd.DataFrame(np.eye(3)))
    assert [column.name for column in schema.columns] == ["0", "1", "2"]
    assert list(schema.apply(pd.DataFrame(np.eye(3))).columns) == ["0", "1", "2"]
    with pytest.raises(DataError, match=r"more than one column named '1'; column names"):
        infer_schema(pd.DataFrame([[1, 2]], columns=[1, "1"]))


def test_missing_columns_are_named_with_close_ones() -> None:
    with pytest.raises(ModelError, match=r"lacks the 2 columns 'd', 't' that the model was"):
        SCHEMA.apply(pd.DataFrame({"n": [1], "c": ["a"]}))
    schema = Schema((Column("income", Kind.NUMERIC),))
    with pytest.raises(ModelError, match=r"lacks the column 'income' \(perhaps 'Income'\?\)"):
        schema.apply(pd.DataFrame({"Income": [1]}))
    wide = Schema(tuple(Column(f"x{i}", Kind.NUMERIC) for i in range(20)))
    with pytest.raises(ModelError, match=r"20 columns 'x0'.*'x7' and 12 more"):
        wide.apply(pd.DataFrame({"a": [1]}))


def test_apply_wants_a_frame() -> None:
    with pytest.raises(ModelError, match="must be a pandas DataFrame, got ndarray"):
        Schema.apply(SCHEMA, cast("Any", np.eye(4)))


def test_no_rows_keep_their_dtypes() -> None:
    check_normal(SCHEMA.apply(pd.DataFrame(columns=list("ncdt"))), 0)


def test_names_are_of_used_columns() -> None:
    assert SCHEMA.names(Kind.NUMERIC) == ["n"]
    assert [column.name for column in SCHEMA.used] == ["n", "c", "d", "t"]


def test_describe() -> None:
    assert SCHEMA.describe() == (
        "4 columns: 1 numeric, 1 categorical, 1 date, 1 text; 1 ignored (id: identifier)"
    )
    mixed = Schema((Column("n", Kind.NUMERIC, note="mixed"), Column("m", Kind.NUMERIC)))
    assert mixed.describe() == (
        "2 columns: 2 numeric; values that do not fit are read as missing in n"
    )
    wide = Schema(tuple(Column(f"x{i}", Kind.TEXT, note="empty", used=False) for i in range(20)))
    assert wide.describe().startswith("0 columns; 20 ignored (x0: empty, ")
    assert wide.describe().endswith("x7: empty and 12 more)")


def test_what_single_precision_cannot_hold_is_missing() -> None:
    numbers = [1e39, -1.797e308, 3.4e38, -3.4e38]
    spans = np.array([2**60, 1, 2, 3], dtype="timedelta64[s]")
    frame = pd.DataFrame({"n": numbers, "text": [*map(str, numbers)], "span": spans})
    schema = Schema(tuple(Column(name, Kind.NUMERIC) for name in frame))
    found = schema.apply(frame)
    for name in ("n", "text"):
        np.testing.assert_array_equal(found[name], [np.nan, np.nan, 3.4e38, -3.4e38])
    assert found["span"].tolist() == [2.0**60, 1, 2, 3]
    dataset = make_dataset(pd.DataFrame({"n": range(8), "y": numbers * 2}), "y", "regression")
    assert dataset.y.tolist() == numbers * 2


def test_numbers_whose_differences_have_no_reciprocal_are_zero() -> None:
    frame = pd.DataFrame({"n": [5e-324, -1e-310, 1e-300, 1e-280, -1e-280, np.nan]})
    found = Schema((Column("n", Kind.NUMERIC),)).apply(frame)["n"]
    np.testing.assert_array_equal(found, [0, 0, 0, 1e-280, -1e-280, np.nan])
