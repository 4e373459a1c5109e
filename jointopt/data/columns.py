"""The columns of a table: their kinds, and the one form in which models see them."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from difflib import get_close_matches
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, Self

import numpy as np
import pandas as pd

from jointopt.data.normalise import as_dates, as_number_labels, as_numbers, as_strings
from jointopt.errors import DataError, ModelError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

__all__ = [
    "LARGEST_NUMBER",
    "SMALLEST_NUMBER",
    "Column",
    "Kind",
    "Schema",
    "listed",
    "normalise_column",
    "quoted",
    "string_names",
    "with_string_names",
]

LARGEST_NUMBER: Final = float(np.finfo(np.float32).max)
"""Forests and XGBoost compute in single precision and refuse what it cannot hold, such as the mark
1.797e308 of what was not measured."""
SMALLEST_NUMBER: Final = 1e-290
"""One over the difference of smaller ones may be infinite, by which scalers multiply."""
MAX_NAMES_SHOWN = 8


class Kind(StrEnum):
    """What a column holds."""

    NUMERIC = "numeric"
    CATEGORICAL = "categorical"
    DATE = "date"
    TEXT = "text"


@dataclass(frozen=True, slots=True)
class Column:
    """One column of the training table.

    Attributes
    ----------
    name : str
        Its name.
    kind : Kind
        What it holds.
    missing_share : float
        Share of rows without a value, after normalisation.
    n_unique : int
        Distinct values, missing ones apart.
    note : str or None
        Why it is ignored: "constant", "empty" or "identifier"; or "mixed" for a numeric or date
        column in which other things are read as missing.
    used : bool
        Whether models see it.
    day_first : bool
        For dates written like 3/4/2020: whether that is in April.
    na_values : tuple of str
        For numbers: what stood for a missing value, such as "?".
    decimal : str
        For numbers written for people, such as $1,234.50: the sign before the fraction, "." or
        ",", where the other one divides thousands; "" for plain numbers.
    unit : str
        For such numbers: the sign that they may begin or end with, such as "$" or "%".
    of_numbers : bool
        For categories: whether they were numbers, of which a text file may write 1 as 1.0.
    """

    name: str
    kind: Kind
    missing_share: float = 0.0
    n_unique: int = 0
    note: str | None = None
    used: bool = True
    day_first: bool = False
    na_values: tuple[str, ...] = ()
    decimal: str = ""
    unit: str = ""
    of_numbers: bool = False


@dataclass(frozen=True, slots=True)
class Schema:
    """The columns of a training table, in its order.

    Attributes
    ----------
    columns : tuple of Column
        All of them, used or not, without the target.

    Examples
    --------
    >>> schema = Schema((Column("age", Kind.NUMERIC), Column("id", Kind.NUMERIC, used=False)))
    >>> schema.names(Kind.NUMERIC)
    ['age']
    >>> schema.apply(pd.DataFrame({"id": [1, 2], "age": ["30", "?"]}))
        age
    0  30.0
    1   NaN
    """

    columns: tuple[Column, ...]

    @property
    def used(self) -> tuple[Column, ...]:
        """The columns that models see."""
        return tuple(column for column in self.columns if column.used)

    def names(self, kind: Kind) -> list[str]:
        """Return the names of the used columns of a kind."""
        return [column.name for column in self.used if column.kind == kind]

    @property
    def string_columns(self) -> list[str]:
        """The used columns that a text file must give as strings, whatever they look like there.

        Categories and text are what is written; of numbers written for people 1.234 may be more
        than a thousand.
        """
        written = (Kind.CATEGORICAL, Kind.TEXT)
        return [c.name for c in self.used if c.kind in written or c.decimal]

    def apply(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Bring a table, at training and at prediction alike, into the form that models see.

        Values that do not fit their column's kind become missing; columns that the schema does
        not know, or does not use, are left out. Infinite numbers do not fit, nor do those that
        are too large for single precision; those below 1e-290 are 0.

        Parameters
        ----------
        frame : DataFrame of shape (n_rows, any)
            It holds at least the used columns.

        Returns
        -------
        DataFrame of shape (n_rows, n_used)
            Numeric columns are float64, dates `datetime64[ns]` without a zone, categories and
            text Python strings in an object column. Missing is NaN or NaT, in a text "".
            The columns are in the schema's order, the index counts from 0.

        Raises
        ------
        ModelError
            If used columns are missing, or `frame` is no DataFrame.
        DataError
            If two columns have the same name.
        """
        if not isinstance(frame, pd.DataFrame):
            raise ModelError(
                f"the table must be a pandas DataFrame, got {type(frame).__name__}; make one with "
                "the training columns"
            )
        given = dict(zip(string_names(frame), (v for _, v in frame.items()), strict=True))
        if missing := [column.name for column in self.used if column.name not in given]:
            raise ModelError(_missing_columns(missing, sorted(given)))
        # Of one index pandas knows without a look that it is the same in all columns.
        index = pd.RangeIndex(len(frame))
        values = {}
        for column in self.used:
            normal = _normalised(given[column.name], column)
            values[column.name] = pd.Series(normal, index, dtype=normal.dtype)
        return pd.DataFrame(values, index=index, columns=list(values))

    def unreadable(self, frame: pd.DataFrame) -> dict[str, Any]:
        """Return used columns of which no value fits their kind, each with a value as an example.

        What stood for a missing value in training does so here, and is not told.

        >>> age = Column("age", Kind.NUMERIC, na_values=("?",))
        >>> schema = Schema((Column("size", Kind.NUMERIC), age))
        >>> schema.unreadable(pd.DataFrame({"size": ["1,5", "2,5"], "age": "?"}))
        {'size': '1,5'}
        """
        frame = with_string_names(frame)
        found = {}
        for column in self.used:
            if column.kind not in (Kind.NUMERIC, Kind.DATE):
                continue  # whose values all can be read
            present = frame[column.name].dropna()
            if normalise_column(present, column).isna().all():
                is_na = pd.Series(as_strings(present), dtype=object).isin(column.na_values)
                if not is_na.all():
                    found[column.name] = present[~is_na.to_numpy()].iloc[0]
        return found

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "columns": [asdict(column) | {"kind": str(column.kind)} for column in self.columns]
        }

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> Self:
        """Make a schema of what `to_dict` gave.

        >>> schema = Schema((Column("age", Kind.NUMERIC),))
        >>> Schema.from_dict(schema.to_dict()) == schema
        True
        """
        # JSON has no tuples, and no kinds.
        columns = (
            c | {"kind": Kind(c["kind"]), "na_values": tuple(c["na_values"])}
            for c in plain["columns"]
        )
        return cls(tuple(Column(**c) for c in columns))

    def describe(self) -> str:
        """Return one line in plain words.

        >>> row = Column("id", Kind.NUMERIC, note="identifier", used=False)
        >>> Schema((Column("a", Kind.DATE), row)).describe()
        '1 column: 1 date; 1 ignored (id: identifier)'
        """
        counts = Counter(column.kind for column in self.used)
        kinds = ", ".join(f"{counts[kind]} {kind}" for kind in Kind if counts[kind])
        n_used = len(self.used)
        parts = [f"{n_used} column{'' if n_used == 1 else 's'}" + (f": {kinds}" if kinds else "")]
        if mixed := [column.name for column in self.used if column.note == "mixed"]:
            parts.append(f"values that do not fit are read as missing in {listed(mixed)}")
        if ignored := [f"{c.name}: {c.note}" for c in self.columns if not c.used]:
            parts.append(f"{len(ignored)} ignored ({listed(ignored)})")
        return "; ".join(parts)


def normalise_column(values: pd.Series, column: Column) -> pd.Series:
    """Return the values in the form that models see for the column's kind.

    Parameters
    ----------
    values : Series
        Of any dtype.
    column : Column
        Its kind decides.

    Returns
    -------
    Series
        With a fresh index; see `Schema.apply` for the dtypes.
    """
    normal = _normalised(values, column)
    return pd.Series(normal, dtype=normal.dtype)


def _normalised(values: pd.Series, column: Column) -> NDArray[Any]:
    match column.kind:
        case Kind.NUMERIC:
            numbers = as_numbers(values, decimal=column.decimal, unit=column.unit)
            size = np.abs(numbers)
            numbers[size > LARGEST_NUMBER] = np.nan
            numbers[size < SMALLEST_NUMBER] = 0.0
            return numbers
        case Kind.DATE:
            return as_dates(values, day_first=column.day_first)
        case Kind.CATEGORICAL:
            return as_number_labels(values) if column.of_numbers else as_strings(values)
        case Kind.TEXT:
            strings = as_strings(values)
            strings[pd.isna(strings)] = ""
            return strings


def with_string_names(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the table with column names as strings.

    Raises
    ------
    DataError
        If two columns then have the same name.
    """
    return frame.set_axis(string_names(frame), axis=1)


def string_names(frame: pd.DataFrame) -> list[str]:
    """Return the column names of a table as strings.

    Raises
    ------
    DataError
        If two columns then have the same name.
    """
    names = [str(name) for name in frame.columns]
    if doubled := [name for name, count in Counter(names).items() if count > 1]:
        raise DataError(
            f"the table has more than one column named {listed([repr(d) for d in doubled])}; "
            "column names must differ"
        )
    return names


def quoted(names: Sequence[str]) -> str:
    """List names for an error message, the first few of many.

    >>> quoted(["a", "b"])
    "'a', 'b'"
    """
    return listed([repr(name) for name in names])


def listed(words: Sequence[str]) -> str:
    """Put words into one line, the first eight of many.

    >>> listed(["a", "b"]), listed("abcdefghij")
    ('a, b', 'a, b, c, d, e, f, g, h and 2 more')
    """
    more = len(words) - MAX_NAMES_SHOWN
    return ", ".join(words[:MAX_NAMES_SHOWN]) + (f" and {more} more" if more > 0 else "")


def _missing_columns(missing: list[str], present: list[str]) -> str:
    words = []
    for name in missing[:MAX_NAMES_SHOWN]:
        close = get_close_matches(name, present, n=2)
        words.append(repr(name) + (f" (perhaps {quoted(close)}?)" if close else ""))
    noun = "column" if len(missing) == 1 else f"{len(missing)} columns"
    rest = len(missing) - len(words)
    more = f" and {rest} more" if rest else ""
    return (
        f"the table lacks the {noun} {', '.join(words)}{more} that the model was trained on; "
        "give every training column, empty where it is not known"
    )
