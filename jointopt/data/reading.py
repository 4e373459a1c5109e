"""Reading a table from a file, with errors that say what is wrong with the file."""

from __future__ import annotations

import csv
import gzip
import re
import warnings
import zlib
from collections import Counter
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO, cast

import numpy as np
import pandas as pd

from jointopt.data.columns import quoted
from jointopt.errors import DataError
from jointopt.files import existing_file, plain_reading

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

__all__ = ["EXTENSIONS", "read_table"]

SEPARATORS = {".csv": ",", ".csv.gz": ",", ".tsv": "\t", ".tsv.gz": "\t"}
EXTENSIONS = (*SEPARATORS, ".parquet", ".feather")
OTHER_SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "bars", ",": "commas"}
BLOCK_CELLS = 2**20
"""Cells that are text at once while a file is read."""
GZIP_MAGIC = b"\x1f\x8b"
UNCLOSED = re.compile(r"EOF inside string starting at row (\d+)")
RAGGED = re.compile(r"Expected (\d+) fields in line (\d+), saw (\d+)")


def read_table(path: str | Path, *, strings: Collection[str] = ()) -> pd.DataFrame:
    """Read a table from a .csv, .csv.gz, .tsv, .tsv.gz, .parquet or .feather file.

    Text files are UTF-8 with a header line, separated by commas (.csv) or tabs (.tsv). Cells that
    are empty or say NA, NaN, null, None or N/A are missing. Empty lines are passed over; between
    the rows of a single column, they are rows without a value.

    Parameters
    ----------
    path : str or Path
        The file; the extension tells its format.
    strings : collection of str, default=()
        Columns of a text file whose cells are kept as they are written, though all of them may
        look like numbers or truth values: for a table to predict, `Schema.string_columns`. Names
        that the table does not have are passed over.

    Returns
    -------
    DataFrame of shape (n_rows, n_columns)
        With at least one row.

    Raises
    ------
    DataError
        If there is no such file, or it is not a well-formed table of a known format.

    Examples
    --------
    >>> read_table("table.xlsx")
    Traceback (most recent call last):
        ...
    jointopt.errors.DataError: table.xlsx: there is no such file
    """
    path = existing_file(Path(path))
    with plain_reading(path):
        is_empty = path.stat().st_size == 0
    extension = _extension(path)
    if is_empty:
        raise DataError(f"{path} is empty (0 bytes)")
    if extension in SEPARATORS:
        with plain_reading(path), _text_errors(path):
            frame = _read_text(path, SEPARATORS[extension], strings)
    else:
        frame = _read_binary(path, extension)
    if not len(frame.columns):
        raise DataError(f"{path} has no columns")
    if not len(frame):
        raise DataError(f"{path} has column names but no rows")
    return frame


def _extension(path: Path) -> str:
    # The longest first: .csv.gz ends in a known extension of its own.
    for extension in sorted(EXTENSIONS, key=len, reverse=True):
        if path.name.lower().endswith(extension):
            return extension
    raise DataError(
        f"{path}: the extension {path.suffix!r} is not known; "
        f"a table is one of {', '.join(EXTENSIONS)}"
    )


# --------------------------------------------------------------------------- text


@contextmanager
def _text_errors(path: Path) -> Iterator[None]:
    """Say in plain words what pandas, the csv module or gzip found wrong."""
    try:
        yield
    except UnicodeDecodeError as error:
        if error.object.startswith(GZIP_MAGIC):
            raise DataError(f"{path} is compressed by gzip; let its name end in .gz") from error
        raise DataError(
            f"{path} is not UTF-8 text (byte 0x{error.object[error.start]:02x}); "
            "save it again with UTF-8 encoding"
        ) from error
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise DataError(
            f"{path} is not a complete gzip file: {error}; compress or copy it again"
        ) from error
    except pd.errors.EmptyDataError as error:
        raise DataError(f"{path} has no columns: it holds nothing but blank lines") from error
    except (pd.errors.ParserError, csv.Error) as error:
        raise DataError(f"{path}: {_parser_words(str(error))}") from error


def _parser_words(message: str) -> str:
    if found := RAGGED.search(message):
        expected, line, saw = found.groups()
        return f"line {line} has {saw} fields where {expected} are expected; mend that line"
    if found := UNCLOSED.search(message):
        return (
            f"a quotation mark in data row {found[1]} is opened and never closed; mend the quotes"
        )
    if "field larger than" in message:
        return (
            f"the header has a name of more than {csv.field_size_limit():,} characters; a "
            "quotation mark may be opened and never closed"
        )
    return f"it is not well-formed: {' '.join(message.split())}"


def _read_text(path: Path, separator: str, strings: Collection[str]) -> pd.DataFrame:
    n_before, header = _header(path, separator)
    if any("\0" in name for name in header):
        raise DataError(
            f"{path} is no text, or damaged: its header holds NUL bytes; if it is UTF-16, save it "
            "again with UTF-8 encoding"
        )
    _check_names(path, [name for name in header if name.strip()])
    if len(header) == 1:
        _check_separator(path, header[0])
    with warnings.catch_warnings():
        warnings.simplefilter("error", pd.errors.ParserWarning)
        try:
            types = dict.fromkeys(strings, "str")
            if len(header) != 1:
                return _in_blocks(path, len(header), sep=separator, dtype=types)
            found = _in_blocks(
                path, 1, sep=separator, dtype=types, header=n_before, skip_blank_lines=False
            )
            return found.head(len(found) - _n_empty_at_end(path))
        except pd.errors.ParserWarning as warning:
            raise DataError(
                f"{path}: rows have more fields than the header has names ({len(header)}); "
                "name every column"
            ) from warning


def _in_blocks(path: Path, n_columns: int, **how: Any) -> pd.DataFrame:
    """Read what a whole reading would, without its memory: it keeps the text of all cells.

    A type is that of the whole column. Where blocks do not agree on it, the column is read again,
    in one.
    """

    def read(**options: Any) -> Any:
        # Without index_col, pandas makes row names of a surplus first field, in silence; with
        # low_memory, it decides a column's type by blocks of its own.
        return pd.read_csv(
            path,
            encoding="utf-8-sig",
            index_col=False,
            low_memory=False,
            **how,
            **options,
        )

    with read(chunksize=max(1, BLOCK_CELLS // max(1, n_columns))) as blocks:
        first = next(blocks)
        parts = {name: [first[name]] for name in first}
        for block in blocks:
            for name in block:
                # A copy, for a view would keep the whole block.
                parts[name].append(block[name].copy())
    if all(len(part) == 1 for part in parts.values()):
        return cast("pd.DataFrame", first)
    mixed = [i for i, part in enumerate(parts.values()) if not _one_type(part)]
    again = read(usecols=mixed) if mixed else {}
    found = {}
    for name in list(parts):
        column = parts.pop(name)
        found[name] = again[name] if name in again else pd.concat(column, ignore_index=True)
    return pd.DataFrame(found, copy=False)


def _one_type(parts: list[pd.Series]) -> bool:
    types = {part.dtype for part in parts}
    return len(types) == 1 or types == {np.dtype(np.int64), np.dtype(np.float64)}


def _check_names(path: Path, names: list[str]) -> None:
    if doubled := [name for name, count in Counter(names).items() if count > 1]:
        raise DataError(
            f"{path} has more than one column named {quoted(doubled)}; column names must differ"
        )


def _header(path: Path, separator: str) -> tuple[int, list[str]]:
    """Return how many rows are blank before the header, and the header."""
    with _opened(path) as lines:
        rows = enumerate(csv.reader(lines, delimiter=separator))
        return next(((n, row) for n, row in rows if any(cell.strip() for cell in row)), (0, []))


def _n_empty_at_end(path: Path) -> int:
    n = 0
    with _opened(path) as lines:
        for line in lines:
            n = 0 if line.strip("\r\n") else n + 1
    return n


def _opened(path: Path) -> TextIO:
    opened = gzip.open if path.suffix.lower() == ".gz" else open
    return cast("TextIO", opened(path, "rt", encoding="utf-8-sig", newline=""))


def _check_separator(path: Path, header: str) -> None:
    if "\n" in header:
        raise DataError(
            f"{path} has a single column whose name goes over several lines: a quotation mark in "
            "the header is opened and never closed; mend the quotes"
        )
    for separator, plural in OTHER_SEPARATORS.items():
        if separator in header:
            expected = "tabs (.tsv)" if ".tsv" in path.name.lower() else "commas (.csv)"
            raise DataError(
                f"{path} has a single column, {header!r}: it seems to be separated by {plural}, "
                f"not by {expected}; save it again so, or rename the file"
            )


# --------------------------------------------------------------------------- Parquet, Feather


@contextmanager
def _binary_errors(path: Path, extension: str) -> Iterator[None]:
    import pyarrow as pa

    try:
        yield
    except (OSError, ValueError, TypeError, KeyError, pa.ArrowException) as error:
        kind = extension.removeprefix(".").capitalize()
        reason = " ".join(str(error).split())
        raise DataError(f"{path} cannot be read as a {kind} file: {reason[:200]}") from error


def _read_binary(path: Path, extension: str) -> pd.DataFrame:
    from pyarrow import parquet

    if extension == ".parquet":
        with _binary_errors(path, extension):
            names = parquet.read_schema(path).names
        _check_names(path, names)
    read = pd.read_parquet if extension == ".parquet" else pd.read_feather
    with _binary_errors(path, extension):
        frame = read(path)
    # One that was kept as a column, too, says nothing more.
    told = [name for name in frame.index.names if name is not None and name not in frame.columns]
    frame = frame.reset_index(level=told) if told else frame
    return frame.reset_index(drop=True)
