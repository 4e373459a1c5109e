"""What the columns of a table hold: numbers, categories, dates or text, or nothing of use."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from jointopt.data.columns import Column, Kind, Schema, normalise_column, with_string_names
from jointopt.data.normalise import as_dates, as_number_labels, as_strings
from jointopt.data.tasks import MAX_INTEGER_CLASSES
from jointopt.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

__all__ = ["infer_schema"]

NUMBERS = ("integer", "floating", "mixed-integer-float")
PARSED_SHARE = 0.95
MAX_NA_VALUES = 2
UNITS = "$€£¥₹%"
MAX_DATES_TRIED = 1000
TEXT_WORDS = 3.0
TEXT_MIN_UNIQUE = 40
TEXT_UNIQUE_SHARE = 0.3
IDENTIFIER_MIN_ROWS = 20
IDENTIFIER_MIN_UNIQUE = 100
IDENTIFIER_SHARE = 0.9
IDENTIFIER_WORDS = 1.5
IDENTIFIER_FILL = 0.25
IDENTIFIER_NAME = re.compile(
    r"(?i:(.*[\W_])?id|index|unnamed: 0|row_?(names?|number|num|nr|no|id)?)|.*[a-z]I[dD]"
)
DAY_AND_MONTH = r"^\s*(\d{1,2})([-/.])(\d{1,2})[-/.]\d{2,4}\b"
LAST_MONTH = 12


def infer_schema(frame: pd.DataFrame) -> Schema:
    """Find out what each column holds and whether it can be of use.

    Numbers, truth values and durations are numeric, pandas categories categorical. Strings are
    numeric or dates if 95 % of them can be read so (others are then missing, noted as "mixed");
    numeric, too, if they are more than 20 numbers and one or two words or signs without a digit,
    such as "?" and "unknown". Numbers may be written for people if all of a column are: with
    thousands divided, as 1,234, a decimal comma, or one sign of a currency or of percent. Other
    strings are text if they have more than three words on average and rarely repeat; else
    categories.
    Ignored are columns of one value, empty ones, categories that hardly ever repeat, and row
    numbers: whole numbers in a column named like `id` that are distinct and fill at least a
    quarter of their range.

    Parameters
    ----------
    frame : DataFrame of shape (n_rows, n_columns)
        The training table without its target.

    Raises
    ------
    DataError
        If two columns have the same name, or one has none.

    Examples
    --------
    >>> days = ["2020-01-31", "2020-02-01", None]
    >>> frame = pd.DataFrame({"size": ["1", "2", "3"], "when": days, "a": 1})
    >>> infer_schema(frame).describe()
    '2 columns: 1 numeric, 1 date; 1 ignored (a: constant)'
    """
    frame = with_string_names(frame)
    if "" in frame.columns:
        place = list(frame.columns).index("") + 1
        raise DataError(f"the table's column {place} has an empty name; name every column")
    return Schema(tuple(_infer_column(str(name), frame[name]) for name in frame.columns))


def _infer_column(name: str, values: pd.Series) -> Column:
    column = _with_kind(name, values)
    normal = normalise_column(values, column)
    known = normal[normal != ""] if column.kind is Kind.TEXT else normal.dropna()
    column = replace(
        column,
        missing_share=1 - len(known) / max(len(normal), 1),
        n_unique=int(known.nunique()),
    )
    reason = _useless(column, known, len(normal))
    if reason is not None:
        return replace(column, note=reason, used=False)
    if column.kind in (Kind.NUMERIC, Kind.DATE) and len(known) < _n_given(values):
        return replace(column, note="mixed")
    return column


def _n_given(values: pd.Series) -> int:
    """Count the values that were there; infinite numbers do not make a column mixed."""
    dtype: Any = values.dtype
    return 0 if dtype.kind in "biufcmM" else int(pd.notna(as_strings(values)).sum())


def _with_kind(name: str, values: pd.Series) -> Column:
    dtype: Any = values.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        return Column(name, Kind.CATEGORICAL, of_numbers=_are_numbers(pd.Series(dtype.categories)))
    if dtype.kind in "biufcm":
        return Column(name, Kind.NUMERIC)
    if dtype.kind == "M":
        return Column(name, Kind.DATE)
    codes, labels = pd.factorize(as_strings(values))
    counts = np.bincount(codes[codes >= 0], minlength=len(labels))
    return _of_strings(name, pd.Series(labels, dtype=object), counts)


def _are_numbers(labels: pd.Series) -> bool:
    """Tell numbers from text, but for those, such as long codes, that floats would change."""
    if pd.api.types.infer_dtype(labels) not in NUMBERS:
        return False
    return bool((as_number_labels(labels) == as_strings(labels)).all())


def _of_strings(name: str, labels: pd.Series, counts: NDArray[np.int64]) -> Column:
    """Decide by the distinct strings and how often each occurs."""
    n_known = int(counts.sum())
    if not n_known:
        return Column(name, Kind.CATEGORICAL)
    column, numbers = _as_numeric(name, labels)
    # As for a target: whole numbers that are no more than these may well be codes.
    is_many = numbers.nunique() > MAX_INTEGER_CLASSES
    if (column.na_values and is_many) or counts[numbers.notna()].sum() >= PARSED_SHARE * n_known:
        return column
    tried = np.unique(np.linspace(0, len(labels) - 1, MAX_DATES_TRIED).astype(int))
    sample = labels.iloc[tried].reset_index(drop=True)
    if counts[tried][~np.isnat(as_dates(sample))].sum() >= PARSED_SHARE * counts[tried].sum():
        return Column(name, Kind.DATE, day_first=_day_first(sample))
    if _rarely_repeats(len(labels), n_known) and _mean_words(labels, counts) > TEXT_WORDS:
        return Column(name, Kind.TEXT)
    return Column(name, Kind.CATEGORICAL)


def _rarely_repeats(n_unique: int, n_known: int) -> bool:
    if n_unique > max(TEXT_MIN_UNIQUE, TEXT_UNIQUE_SHARE * n_known):
        return True
    # What would be called an identifier in a small table is asked first whether it is text.
    return n_unique >= max(IDENTIFIER_MIN_ROWS, IDENTIFIER_SHARE * n_known)


def _as_numeric(name: str, labels: pd.Series) -> tuple[Column, pd.Series]:
    """Return how the strings are to be read if they are numbers, and what they are then."""
    plain = Column(name, Kind.NUMERIC)
    for decimal, unit in _notations(labels):
        column = replace(plain, decimal=decimal, unit=unit)
        numbers = normalise_column(labels, column)
        others = labels[numbers.isna()]
        na_values = _na_values(others)
        if len(na_values) == len(others):
            return replace(column, na_values=na_values), numbers
    return plain, normalise_column(labels, plain)


def _notations(labels: pd.Series) -> Iterator[tuple[str, str]]:
    """Yield how numbers may be written: the sign before the fraction, and their unit."""
    yield "", ""
    # As few are no numbers, one of the first must look like one: texts and dates are not searched.
    if labels.head(MAX_NA_VALUES + 1).str.contains(rf"[^-+.,\s\d{UNITS}]|\d-").all():
        return
    units = [unit for unit in UNITS if labels.str.contains(unit, regex=False).any()]
    if len(units) <= 1:
        yield from ((decimal, "".join(units)) for decimal in ".,")


def _na_values(labels: pd.Series) -> tuple[str, ...]:
    """Return what stands for missing among numbers, nothing if the labels are more than that.

    One with a digit, such as `>100` or `2A`, says something.
    """
    is_word = len(labels) <= MAX_NA_VALUES and not labels.str.contains(r"\d").any()
    return tuple(labels) if is_word else ()


def _mean_words(labels: pd.Series, counts: NDArray[np.int64]) -> float:
    words = np.array([len(label.split()) for label in labels])
    return float(np.average(words, weights=counts))


def _day_first(sample: pd.Series) -> bool:
    """Tell whether the day stands before the month; dots, as in 31.1.2020, are written so."""
    parts = sample.str.extract(DAY_AND_MONTH).dropna()
    if not len(parts):
        return False
    first, second = parts[0].astype(int), parts[2].astype(int)
    if (second > LAST_MONTH).any():
        return False
    return bool((first > LAST_MONTH).any() or (parts[1] == ".").all())


def _useless(column: Column, known: pd.Series, n_rows: int) -> str | None:
    if not len(known):
        return "empty"
    if column.n_unique == 1 and len(known) == n_rows:
        return "constant"
    if column.kind is Kind.CATEGORICAL and _hardly_repeats(column, known, n_rows):
        return "identifier"
    if column.kind is Kind.NUMERIC and _numbers_rows(column, known, n_rows):
        return "identifier"
    return None


def _hardly_repeats(column: Column, known: pd.Series, n_rows: int) -> bool:
    if column.n_unique == n_rows:
        return n_rows >= IDENTIFIER_MIN_ROWS
    if column.n_unique <= max(IDENTIFIER_MIN_UNIQUE, IDENTIFIER_SHARE * len(known)):
        return False
    return _mean_words(known, np.ones(len(known), dtype=np.int64)) <= IDENTIFIER_WORDS


def _numbers_rows(column: Column, known: pd.Series, n_rows: int) -> bool:
    """Tell row numbers; gaps are allowed, as a table is often a sample of its numbered rows."""
    if not IDENTIFIER_NAME.fullmatch(column.name) or column.n_unique != n_rows:
        return False
    values = known.to_numpy(dtype=float)
    is_whole = bool((values == np.round(values)).all())
    return is_whole and n_rows >= IDENTIFIER_FILL * (values.max() - values.min() + 1)
