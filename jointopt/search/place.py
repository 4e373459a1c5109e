"""Where studies are kept: what goes wrong there is told in a sentence."""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING

from optuna.exceptions import StorageInternalError

from jointopt.errors import StorageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from optuna.storages import BaseStorage

__all__ = ["KnownFile", "place_of", "plain_storage_errors", "without_password"]

FULL = ("disk is full", "no space left", "disk quota exceeded")
"""How databases and systems say that there is no room."""


class KnownFile:
    """A file that must stay the one that was opened.

    A process that has a file open goes on to write to it when it has no name any more; what it
    writes then is lost when it ends.

    Parameters
    ----------
    path : Path
        The file; it exists.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._identity = self._look()

    def check(self) -> None:
        """Raise a StorageError if the file is no longer there, or another one is."""
        if self._look() != self._identity:
            gone = "is another file than" if self._path.exists() else "is no longer there, as"
            raise StorageError(
                f"{self._path} {gone} when the search began; what it told since cannot be kept. "
                "Put the file back, then go on with --resume"
            )

    def _look(self) -> tuple[int, int] | None:
        try:
            found = self._path.stat()
        except FileNotFoundError:
            return None
        return found.st_dev, found.st_ino


@contextmanager
def plain_storage_errors(place: str, doing: str = "written") -> Iterator[None]:
    """Tell in a sentence what a storage could not do, and what to do about it.

    Parameters
    ----------
    place : str
        Where the storage is.
    doing : {"written", "read", "opened"}, default="written"
        What it is used for in this context.

    Raises
    ------
    StorageError
        If a database or the system refuses.
    """
    try:
        yield
    except Exception as error:
        # Loading it takes a moment, which those who keep their study elsewhere need not wait.
        from sqlalchemy.exc import SQLAlchemyError

        if not isinstance(error, StorageInternalError | SQLAlchemyError | sqlite3.Error | OSError):
            raise
        # Optuna's own says no more than that something went wrong.
        cause = error.__cause__ if isinstance(error, StorageInternalError) else error
        why = str(cause or error).splitlines()[0]
        full = any(words in why.lower() for words in FULL)
        mend = "make room there" if full else "see that it can be reached and written to"
        raise StorageError(
            f"storage {place} cannot be {doing}: {why}; {mend}, then go on with --resume"
        ) from error


def place_of(storage: BaseStorage) -> str:
    """Return where a storage is, without a password."""
    engine = getattr(storage, "engine", None)
    if engine is not None:
        return str(engine.url.render_as_string(hide_password=True))
    return str(getattr(storage, "place", type(storage).__name__))


def without_password(url: str) -> str:
    """Return a database's URL as it may be shown."""
    from sqlalchemy.engine import make_url

    return make_url(url).render_as_string(hide_password=True)
