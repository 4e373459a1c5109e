from __future__ import annotations

import datetime as dt
import json
import time
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from jointopt.data import Column, Kind, Schema, infer_schema

NAN = np.nan
RNG = np.random.default_rng(0)
WORDS = np.array(["red", "green", "blue", "big", "small", "old", "new", "fast", "slow", "round"])


def infer(values: Any, name: str = "a") -> Column:
    return infer_schema(pd.DataFrame({name: values})).columns[0]


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([1, 2, 3], Kind.NUMERIC),
        ([True, False, True], Kind.NUMERIC),
        (pd.array([1, None, 2], dtype="Int64"), Kind.NUMERIC),
        (pd.array([True, None, False], dtype="boolean"), Kind.NUMERIC),
        ([True, None, False], Kind.NUMERIC),
        (["1", "2.5", None], Kind.NUMERIC),
        (pd.to_timedelta(["1min", "2min", None]), Kind.NUMERIC),
        (pd.array([1, 2, None], dtype=pd.ArrowDtype(pa.decimal128(5, 2))), Kind.NUMERIC),
        (pd.Categorical([1, 2, 1]), Kind.CATEGORICAL),
        (["a", "b", None], Kind.CATEGORICAL),
        (pd.array(["a", "b", None], dtype="str"), Kind.CATEGORICAL),
        (pd.array(["a", "b", None], dtype="string"), Kind.CATEGORICAL),
        (pd.array(["a", "b", None], dtype=pd.ArrowDtype(pa.string())), Kind.CATEGORICAL),
        ([[1], [2], [1]], Kind.CATEGORICAL),
        ([{"k": 1}, {"k": 2}, {"k": 1}], Kind.CATEGORICAL),
        (["10-24", "25-39", "40-54"], Kind.CATEGORICAL),
        (["10:30", "11:30", "12:30"], Kind.CATEGORICAL),
        (["now", "today", "now"], Kind.CATEGORICAL),
        (pd.to_datetime(["2020-01-01", "2020-01-02", None]), Kind.DATE),
        (pd.to_datetime(["2020-01-01", "2020-01-02", None], utc=True), Kind.DATE),
        (["2020-01-01", "2020-01-02 10:00", None], Kind.DATE),
        (["1/31/2020", "2/1/2020", None], Kind.DATE),
        ([dt.date(2020, 1, 1), dt.date(2020, 1, 2), None], Kind.DATE),
        (pd.array([dt.date(2020, 1, 1), None], dtype=pd.ArrowDtype(pa.date32())), Kind.DATE),
    ],
)
def test_kinds(values: Any, kind: Kind) -> None:
    column = infer(values)
    assert (column.kind, column.used, column.note) == (kind, True, None)


@pytest.mark.parametrize(("n_other", "kind"), [(5, Kind.NUMERIC), (6, Kind.CATEGORICAL)])
def test_text_in_a_numeric_column(n_other: int, kind: Kind) -> None:
    column = infer([str(i % 30) for i in range(100 - n_other)] + [*"abcdef"[:n_other]])
    assert column.kind is kind
    assert column.note == ("mixed" if kind is Kind.NUMERIC else None)
    assert column.missing_share == pytest.approx(n_other / 100 if kind is Kind.NUMERIC else 0)


@pytest.mark.parametrize("markers", [["?"], ["-"], ["unknown", "NR"]])
@pytest.mark.parametrize("share", [0.08, 0.3])
def test_a_marker_of_missing_values_leaves_a_column_numeric(
    markers: list[str], share: float
) -> None:
    """With the smaller share it was an identifier, with the larger one a category."""
    given = pd.Series(np.arange(200) / 7).astype(str)
    is_missing = np.arange(200) < 200 * share
    given[is_missing] = np.resize(markers, is_missing.sum())
    schema = infer_schema(pd.DataFrame({"a": given}))
    column = schema.columns[0]
    assert (column.kind, column.used, column.note) == (Kind.NUMERIC, True, "mixed")
    assert column.missing_share == pytest.approx(share)
    new = pd.DataFrame({"a": [*markers, "2.5", "other"]})
    assert schema.apply(new)["a"].tolist()[-2] == 2.5
    assert schema.apply(new)["a"].isna().sum() == len(markers) + 1
    assert schema.unreadable(new.head(len(markers))) == {}
    assert schema.unreadable(new.drop(index=len(markers))) == {"a": "other"}


@pytest.mark.parametrize(
    "others",
    [["a", "b", "c"], [">100"], ["2A", "2B"]],
    ids=["more than two words", "a censored number", "codes with digits"],
)
def test_few_numbers_and_words_that_tell_something_are_categories(others: list[str]) -> None:
    def kind(n_numbers: int, words: list[str]) -> Kind:
        return infer([*map(str, range(n_numbers)), *words * 3] * 2).kind

    assert (kind(21, ["a", "b"]), kind(20, ["a", "b"])) == (Kind.NUMERIC, Kind.CATEGORICAL)
    assert kind(40, others) is Kind.CATEGORICAL


@pytest.mark.parametrize(
    ("written", "numbers"),
    [
        (["$1,234.50", "-$3", "$ .5", "7"], [1234.5, -3, 0.5, 7]),
        (["1,234", "999", "1,234,567"], [1234, 999, 1234567]),
        (["12 %", "5.5%", "0"], [12, 5.5, 0]),
        (["1,5", "-2", ",25", "1.234,5"], [1.5, -2, 0.25, 1234.5]),
        (["0,125", "0,250"], [0.125, 0.25]),
        (["3\N{NO-BREAK SPACE}€", "1.999,90 €"], [3, 1999.9]),
    ],
)
def test_numbers_written_for_people(written: list[str], numbers: list[float]) -> None:
    schema = infer_schema(pd.DataFrame({"a": [*written, None]}))
    column = schema.columns[0]
    assert (column.kind, column.used, column.note) == (Kind.NUMERIC, True, None)
    schema = Schema.from_dict(json.loads(json.dumps(schema.to_dict())))
    for dtype in (object, "str", "category", pd.ArrowDtype(pa.string())):
        given = pd.DataFrame({"a": pd.Series(written, dtype=dtype)})
        assert schema.apply(given)["a"].tolist() == numbers
    assert schema.apply(pd.DataFrame({"a": numbers}))["a"].tolist() == numbers
    as_objects = pd.DataFrame({"a": pd.Series([1.125, None, "?"], dtype=object)})
    assert schema.apply(as_objects)["a"].tolist() == pytest.approx([1.125, NAN, NAN], nan_ok=True)
    assert schema.unreadable(pd.DataFrame({"a": ["1,2,3", "5 kg"]})) == {"a": "1,2,3"}


@pytest.mark.parametrize(
    ("numbers", "others"),
    [
        (["1,5", "2,5"], ["1.5"]),
        (["$1,200", "$3"], ["€3"]),
        (["12 %", "3 %"], ["$3"]),
        (["1,234", "56"], ["12,34,5"]),
        (["1.234.567", "1.000.000"], ["192.168.1.1"]),
    ],
)
def test_numbers_are_read_in_one_notation_alone(numbers: list[str], others: list[str]) -> None:
    assert infer(numbers).kind is Kind.NUMERIC
    assert infer(numbers + others).kind is Kind.CATEGORICAL


def test_a_marker_of_missing_values_may_stand_among_prices() -> None:
    schema = infer_schema(pd.DataFrame({"a": [*(f"${i:,}" for i in range(900, 1100)), *"???"]}))
    assert (schema.columns[0].kind, schema.columns[0].note) == (Kind.NUMERIC, "mixed")
    assert schema.apply(pd.DataFrame({"a": ["$1,001"]}))["a"].tolist() == [1001]


def test_thousands_that_are_seldom_reached_are_no_missing_values() -> None:
    column = infer([*map(str, range(900, 1000)), "1,000"])
    assert (column.note, column.missing_share, column.n_unique) == (None, 0, 101)


def test_a_few_strings_among_dates_are_mixed() -> None:
    column = infer([f"2020-01-{i % 28 + 1:02d}" for i in range(97)] + ["soon", "later", "?"])
    assert (column.kind, column.note) == (Kind.DATE, "mixed")


def test_infinite_numbers_are_missing_but_not_mixed() -> None:
    column = infer([1.0, np.inf, 2.0, np.nan])
    assert (column.note, column.missing_share, column.n_unique) == (None, 0.5, 2)


@pytest.mark.parametrize(
    ("dates", "day_first"),
    [
        (["13/01/2020", "03/02/2020"], True),
        (["01/13/2020", "03/02/2020"], False),
        (["03/02/2020", "04/02/2020"], False),
        (["03.02.2020", "04.02.2020"], True),
        (["13/01/2020", "01/14/2020"], False),
        (["2020-01-13", "2020-02-14"], False),
    ],
)
def test_the_order_of_day_and_month_is_remembered(dates: list[str], *, day_first: bool) -> None:
    schema = infer_schema(pd.DataFrame({"d": dates}))
    assert schema.columns[0].day_first is day_first
    month = schema.apply(pd.DataFrame({"d": ["03/02/2020"]}))["d"].dt.month[0]
    assert month == (2 if day_first else 3)


def test_text() -> None:
    sentences = [" ".join(RNG.choice(WORDS, 6)) for _ in range(200)]
    assert infer(sentences).kind is Kind.TEXT
    assert infer([*sentences[:45], None]).kind is Kind.TEXT
    assert infer(sentences[:5] * 40).kind is Kind.CATEGORICAL
    assert infer([sentence[:8] for sentence in sentences]).kind is Kind.CATEGORICAL


@pytest.mark.parametrize("n_rows", [20, 40])
def test_sentences_in_a_small_table_are_text(n_rows: int) -> None:
    sentences = [" ".join(RNG.choice(WORDS, 6)) for _ in range(n_rows)]
    column = infer(sentences)
    assert (column.kind, column.used, column.note) == (Kind.TEXT, True, None)
    assert infer([*sentences, sentences[0], None]).kind is Kind.TEXT
    assert infer([sentence[:8] for sentence in sentences]).kind is Kind.CATEGORICAL
    assert infer(sentences[:10] * 2).kind is Kind.CATEGORICAL


@pytest.mark.parametrize(
    ("values", "note"),
    [
        ([1, 1, 1], "constant"),
        (["a", "a"], "constant"),
        (pd.to_datetime(["2020-01-01"] * 2), "constant"),
        ([None, None], "empty"),
        ([np.nan, np.nan], "empty"),
        (["", " "], "empty"),
        (pd.to_datetime([None, None]), "empty"),
        ([np.inf, np.inf], "empty"),
        ([f"u{i}" for i in range(20)], "identifier"),
        (pd.Categorical([f"u{i}" for i in range(20)]), "identifier"),
        ([f"u{i}" for i in range(190)] + ["u0"] * 10, "identifier"),
    ],
)
def test_useless_columns(values: Any, note: str) -> None:
    column = infer(values)
    assert (column.used, column.note) == (False, note)


@pytest.mark.parametrize(
    "values",
    [
        [1, None],
        ["a", None],
        [f"u{i}" for i in range(19)],
        [f"u{i % 100}" for i in range(111)],
        [f"two words {i}" for i in range(190)] + ["two words 0"] * 10,
    ],
)
def test_useful_columns(values: Any) -> None:
    assert infer(values).used


@pytest.mark.parametrize(
    "name", ["id", "ID", "customer_id", "PassengerId", "userID", "index", "Unnamed: 0", "rownames"]
)
def test_row_numbers_are_identifiers(name: str) -> None:
    assert infer(range(7, 27), name).note == "identifier"
    sample = RNG.permutation(1000)[:750]
    assert infer(sample, name).note == "identifier"


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("rank", range(20)),
        ("paid", range(20)),
        ("humid", range(20)),
        ("id", [1, 1, 2, 3]),
        ("id", [1.5, 2.5, 3.5]),
        ("id", [1, 2, None]),
        ("shop_id", [1, 1000, 100_000]),
    ],
)
def test_other_numbers_are_not(name: str, values: Any) -> None:
    assert infer(values, name).used


def test_facts_of_a_column() -> None:
    column = infer(["a", "b", "a", None])
    assert (column.missing_share, column.n_unique, column.note) == (0.25, 2, None)


def test_no_rows() -> None:
    assert infer([]).note == "empty"
    assert infer_schema(pd.DataFrame()).columns == ()


@pytest.mark.slow
def test_time_of_a_table_like_diamonds() -> None:
    frame = pd.DataFrame({f"n{i}": RNG.random(20_000) for i in range(6)})
    frame = frame.assign(**{f"c{i}": RNG.choice(WORDS, 20_000) for i in range(3)})
    start = time.perf_counter()
    infer_schema(frame).apply(frame)
    assert time.perf_counter() - start < 0.3
