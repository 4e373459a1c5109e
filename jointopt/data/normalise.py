"""Columns of any pandas dtype become plain numbers, strings or dates, without ever raising.

Each function takes a column and returns an array of the same length; what cannot be read as the
kind asked for is missing.
"""

from __future__ import annotations

import re
import warnings
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["as_dates", "as_number_labels", "as_numbers", "as_strings", "looks_like_date"]

DATE_LIKE = (
    r"^\s*(?:\d{4}[-/.]\d{1,2}(?:[-/.]\d{1,2}(?:[TZ +].*)?)?\s*$"  # 2020-01, 2020-01-31 10:00
    r"|\d{1,2}[-/.](?:\d{1,2}|[A-Za-z]{3,9})[-/.]\d{2,4}\b.*)"  # 31/01/2020, 5-Jan-2020
)
"""Stricter than pandas, which reads `now` as this moment and `10-24` as a day of year 1."""

FIRST_DATE, LAST_DATE = np.datetime64("1678-01-01"), np.datetime64("2262-01-01")
"""Nanoseconds hold no others."""

TRUTH = {"true": 1.0, "false": 0.0}


def as_strings(column: pd.Series) -> NDArray[np.object_]:
    """Return Python strings, with NaN where the column is missing or blank.

    A whole number is written without a decimal point, so that a column of codes reads the same
    whether or not missing values made pandas turn it into floats.

    >>> as_strings(pd.Series(["a", " ", None, 3.0, 2.5], dtype=object)).tolist()
    ['a', nan, nan, '3', '2.5']
    """
    if isinstance(column.dtype, pd.CategoricalDtype):
        labels = as_strings(pd.Series(column.cat.categories))
        return _taken(labels, column.cat.codes.to_numpy())
    dtype: Any = column.dtype
    if dtype.kind in "biuf":
        codes, distinct = pd.factorize(column)
        return _taken(_written(pd.Series(distinct)), codes)
    if pd.api.types.infer_dtype(column, skipna=True) == "string":
        codes, distinct = pd.factorize(column)
        strings = [str(s) if s.strip() else np.nan for s in np.asarray(distinct, dtype=object)]
        return _taken(np.array(strings, dtype=object), codes)
    # Equal values may be written differently: to pandas True, 1 and 1.0 are one.
    known = np.flatnonzero(~column.isna())
    codes = np.full(len(column), -1)
    codes[known] = np.arange(len(known))
    return _taken(_written(column.iloc[known]), codes)


def as_number_labels(column: pd.Series) -> NDArray[np.object_]:
    """Return what `as_strings` does, with strings that are numbers written as numbers are.

    >>> as_number_labels(pd.Series(["1.0", "2.50", "a", None])).tolist()
    ['1', '2.5', 'a', nan]
    """
    codes, labels = pd.factorize(as_strings(column))
    numbers = pd.to_numeric(pd.Series(labels, dtype=object), errors="coerce").astype(float)
    return _taken(np.where(numbers.isna(), labels, as_strings(numbers)), codes)


def _written(column: pd.Series) -> NDArray[np.object_]:
    strings = map(_as_string, column.astype(object))
    return np.fromiter(strings, dtype=object, count=len(column))


def _as_string(value: Any) -> Any:
    if isinstance(value, str):
        return str(value) if value.strip() else np.nan
    if isinstance(value, float | np.floating) and value.is_integer():
        return str(int(value))
    return str(value)


def as_numbers(column: pd.Series, *, decimal: str = "", unit: str = "") -> NDArray[np.float64]:
    """Return finite floats or NaN; truth values are 0 and 1, durations are seconds.

    Parameters
    ----------
    column : Series
        Numbers, truth values, durations or strings.
    decimal : {"", ".", ","}, default=""
        What stands before the fraction in strings that are written for people; the other of the
        two signs may then divide thousands. "" if strings are plain numbers.
    unit : str, default=""
        Sign of a currency or of percent that such a string may begin or end with.

    Examples
    --------
    >>> as_numbers(pd.Series(["1.5", "x", None, "True", "inf"])).tolist()
    [1.5, nan, nan, 1.0, nan]
    >>> as_numbers(pd.Series(["1.234,50 €", "-2", "1.5"]), decimal=",", unit="€").tolist()
    [1234.5, -2.0, nan]
    """
    dtype: Any = column.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        numbers = as_numbers(pd.Series(column.cat.categories), decimal=decimal, unit=unit)
        return _taken(numbers, column.cat.codes.to_numpy())
    if isinstance(dtype, pd.SparseDtype):
        column = pd.Series(np.asarray(column))
    match dtype.kind:
        case "b" | "i" | "u" | "f" if isinstance(dtype, np.dtype):
            # No value of pandas' own to replace, which is most of the time that this takes.
            values = column.to_numpy(dtype=float)
        case "b" | "i" | "u" | "f":
            values = column.to_numpy(dtype=float, na_value=np.nan)
        case "m":
            values = column.dt.total_seconds().to_numpy(dtype=float, na_value=np.nan)
        case "c":
            complexes = column.to_numpy()
            values = np.where(complexes.imag == 0, complexes.real, np.nan)
        case "M":
            values = np.full(len(column), np.nan)
        case _:
            plain = _written_plainly(column, decimal, unit) if decimal else column
            values = _parsed_numbers(as_strings(plain))
    return np.where(np.isfinite(values), values, np.nan)


def _written_plainly(column: pd.Series, decimal: str, unit: str) -> pd.Series:
    """Rewrite strings; a float means the same in any notation."""
    thousands = "," if decimal == "." else "."
    number = _number_pattern(decimal, thousands, unit)

    def plain(value: Any) -> Any:
        if not isinstance(value, str):
            return value
        found = number.fullmatch(value.strip())
        if found is None:
            return None
        sign, whole, fraction = found.groups(default="")
        return f"{sign}{whole.replace(thousands, '')}.{fraction}"

    return pd.Series([plain(value) for value in column.astype(object)], dtype=object)


@cache
def _number_pattern(decimal: str, thousands: str, unit: str) -> re.Pattern[str]:
    point, comma = re.escape(decimal), re.escape(thousands)
    # Not \s*, several of which would try every way of sharing out a long blank.
    around = rf"\s?(?:{re.escape(unit)})?\s?"
    # 0,125 is no group of thousands; of .50 the whole part is empty.
    whole = rf"([1-9]\d{{0,2}}(?:{comma}\d{{3}})+|\d+|(?={point}\d))"
    return re.compile(rf"{around}([-+]?){around}{whole}(?:{point}(\d*))?{around}")


def _parsed_numbers(strings: NDArray[np.object_]) -> NDArray[np.float64]:
    codes, labels = pd.factorize(strings)
    parsed = pd.to_numeric(pd.Series(labels, dtype=object), errors="coerce")
    numbers = parsed.to_numpy(dtype=float, na_value=np.nan, copy=True)
    for i in np.flatnonzero(np.isnan(numbers)):
        numbers[i] = TRUTH.get(labels[i].lower(), np.nan)
    return _taken(numbers, codes)


def as_dates(column: pd.Series, *, day_first: bool = False) -> NDArray[np.datetime64]:
    """Return naive UTC dates of dtype `datetime64[ns]`, NaT for what is no date.

    Parameters
    ----------
    column : Series
        Dates with or without a time zone, or strings.
    day_first : bool, default=False
        Whether `3/4/2020` is in April rather than in March.

    Examples
    --------
    >>> as_dates(pd.Series(["2020-01-31", "now", None])).astype("datetime64[D]").tolist()
    [datetime.date(2020, 1, 31), None, None]
    """
    dtype: Any = column.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        dates = as_dates(pd.Series(column.cat.categories), day_first=day_first)
        return _taken(dates, column.cat.codes.to_numpy())
    if dtype.kind == "M":
        return _nanoseconds(pd.to_datetime(column, utc=True))
    if dtype.kind in "biufmc":
        return np.full(len(column), np.datetime64("NaT", "ns"))
    codes, labels = pd.factorize(as_strings(column))
    text = pd.Series(labels, dtype=object)
    text = text.where(looks_like_date(text), None)
    dates = _parsed_dates(text, day_first=False)
    if day_first:
        # pandas would read 2020-04-03 as the 4th of March then.
        year_last = ~text.str.match(r"\s*\d{4}", na=True).to_numpy(dtype=bool)
        dates[year_last] = _parsed_dates(text[year_last], day_first=True)
    return _taken(dates, codes)


def _parsed_dates(text: pd.Series, *, day_first: bool) -> NDArray[np.datetime64]:
    with warnings.catch_warnings():
        # pandas warns of strings whose own order contradicts day_first; that order wins.
        warnings.simplefilter("ignore", UserWarning)
        parsed = pd.to_datetime(
            text, format="mixed", errors="coerce", utc=True, dayfirst=day_first
        )
    return _nanoseconds(parsed)


def looks_like_date(strings: pd.Series) -> NDArray[np.bool_]:
    """Tell which strings have the shape of a calendar date.

    >>> looks_like_date(pd.Series(["2020-01-31 10:00", "31/1/2020", "10-24", "10:30", "now"]))
    array([ True,  True, False, False, False])
    """
    if not len(strings):
        return np.zeros(0, dtype=bool)
    return strings.astype("str").str.match(DATE_LIKE, na=False).to_numpy(dtype=bool)


def _nanoseconds(dates: pd.Series) -> NDArray[np.datetime64]:
    """Drop the zone; years that nanoseconds cannot hold are missing."""
    values = np.asarray(dates.dt.tz_localize(None).to_numpy(), dtype="datetime64")
    low, high = FIRST_DATE.astype(values.dtype), LAST_DATE.astype(values.dtype)
    inside = (values > low) & (values < high)
    return np.where(inside, values, np.datetime64("NaT")).astype("datetime64[ns]")


def _taken(values: NDArray[Any], codes: NDArray[Any]) -> NDArray[Any]:
    """Take values by code, where code -1 means missing."""
    missing: Any = np.datetime64("NaT") if values.dtype.kind == "M" else np.nan
    padded = np.empty(len(values) + 1, dtype=values.dtype)
    padded[:-1], padded[-1] = values, missing
    taken: NDArray[Any] = padded[codes]
    return taken
