"""Files that are whole or not there."""

from __future__ import annotations

import errno
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from jointopt.errors import StorageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["plain_writing", "write_whole"]

FULL = (errno.ENOSPC, errno.EDQUOT)


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
