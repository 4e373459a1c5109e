"""Files that users name, and files that are whole or not there."""

from __future__ import annotations

import errno
import os
from contextlib import contextmanager
from difflib import get_close_matches
from typing import TYPE_CHECKING

from jointopt.errors import DataError, StorageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = [
    "SIMULATED_PREFIX",
    "existing_file",
    "is_named",
    "plain_reading",
    "plain_writing",
    "write_whole",
]

BUNDLED_PREFIX, SIMULATED_PREFIX = "sklearn:", "simulated:"
"""What a table's name begins with that is no file's."""

FULL = (errno.ENOSPC, errno.EDQUOT)


def is_named(source: str) -> bool:
    """Whether a table is named, not a file."""
    return source.startswith((BUNDLED_PREFIX, SIMULATED_PREFIX))


@contextmanager
def plain_reading(path: Path) -> Iterator[None]:
    """Tell in a sentence that a file cannot be read, and why.

    Parameters
    ----------
    path : Path
        What is looked at or read in this context.

    Raises
    ------
    DataError
        If the system does not let it be read.
    """
    try:
        yield
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}") from error


def existing_file(path: Path) -> Path:
    """Return the path of a file to read, with `~` replaced.

    Raises
    ------
    DataError
        If it is a folder, there is none, or it cannot be told; the message tells of names that
        are like it.
    """
    try:
        found = path.expanduser()
    except RuntimeError as error:  # there is no user of that name
        raise DataError(f"{path} cannot be read: {error}") from error
    with plain_reading(path):
        missing = _what_is_wrong(found)
    if missing is not None:
        raise DataError(f"{path}{missing}")
    return found


def _what_is_wrong(path: Path) -> str | None:
    if path.is_file():
        return None
    if path.is_dir():
        return " is a folder; give the file of a table in it"
    if not path.parent.is_dir():
        return f": there is no such file, and no folder {path.parent}"
    beside = sorted(other.name for other in path.parent.iterdir())
    close = ", ".join(repr(name) for name in get_close_matches(path.name, beside, n=3))
    return ": there is no such file" + (f"; did you mean {close}?" if close else "")


@contextmanager
def plain_writing(what: str) -> Iterator[None]:
    """Tell in a sentence what could not be written, and what to do.

    Parameters
    ----------
    what : str
        What is written in this context, and where.

    Raises
    ------
    StorageError
        If the system does not let it be written.
    """
    try:
        yield
    except OSError as error:
        mend = "make room there" if error.errno in FULL else "see that it can be written to"
        why = error.strerror or error
        raise StorageError(f"{what} cannot be written: {why}; {mend}, then try again") from error


def write_whole(path: Path, content: str | bytes) -> None:
    """Write a file; whoever reads it finds what it held before or all of the new content.

    Parameters
    ----------
    path : Path
        What is there is replaced.
    content : str or bytes
        Text is written in UTF-8.

    Raises
    ------
    StorageError
        If there is no room, or it cannot be written; the file is as it was.
    """
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    with plain_writing(str(path)):
        try:
            unfinished.write_bytes(content.encode() if isinstance(content, str) else content)
            unfinished.replace(path)
        except BaseException:
            unfinished.unlink(missing_ok=True)
            raise
