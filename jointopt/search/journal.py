"""Optuna's journal file, which a full disk must not spoil."""

from __future__ import annotations

import json
import os
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from optuna.storages import JournalStorage
from optuna.storages.journal import BaseJournalBackend, JournalFileSymlinkLock

from jointopt.search.place import KnownFile

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["JournalFileStorage"]

SYNC_SECONDS = 1.0
"""How often this process waits until the disk has what was written: a process that is killed
loses nothing; a power failure may lose what was written within this time after the last sync and
not yet by the system, which takes it half a minute. SQLite with `synchronous=NORMAL` promises no
more, and waiting for a disk takes an eighth of a quick trial."""


class JournalFileStorage(JournalStorage):
    """A storage in a journal file.

    Parameters
    ----------
    path : str
        The file; it is made if it does not exist.

    Attributes
    ----------
    place : str
        The path.
    """

    def __init__(self, path: str) -> None:
        self.place = path
        self._file = _File(path)
        super().__init__(self._file)

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """Write what is set of attributes of studies within in one piece, at the end."""
        self._file.gathered = []
        try:
            yield
            gathered, self._file.gathered = self._file.gathered, None
            if gathered:
                self._file.append_logs(gathered)
        finally:
            self._file.gathered = None


class _File(BaseJournalBackend):
    """Lines of a file; one that another process could not end, for lack of room, is removed."""

    def __init__(self, path: str) -> None:
        self.gathered: list[dict[str, Any]] | None = None
        self._path = Path(path)
        # The lock is a link to the file: from a path with folders that is not absolute it would
        # lead nowhere, and whoever meets such a lock waits for ever.
        self._lock = JournalFileSymlinkLock(str(self._path.absolute()))
        if not self._path.exists():
            self._path.open("ab").close()
        self._known = KnownFile(self._path)
        self._n_read = self._read_to = 0
        self._own = b""
        self._sync_at = 0.0

    def read_logs(self, log_number_from: int) -> Iterator[dict[str, Any]]:
        """Yield the lines from that number on, and not the first half of what is being written."""
        if log_number_from != self._n_read:
            # A copy of the storage knows nothing, and begins with the first line.
            self._n_read, self._read_to, self._own = 0, 0, b""
        added = self._added()
        lines = added.split(b"\n")[:-1]
        new = lines[log_number_from - self._n_read :]
        self._n_read += len(lines)
        self._read_to += len(added)
        self._own = b""
        yield from map(json.loads, new)

    def _added(self) -> bytes:
        """Return what was added since the file was last read, up to the end of a line."""
        if self._path.stat().st_size == self._read_to + len(self._own):
            # By this process alone: neither the lock nor the file is needed to know it.
            return self._own
        if not os.access(self._path.parent, os.W_OK):
            # A reader that may not make a lock could not remove a dead writer's either.
            return self._rest()
        try:
            with self._locked():
                return self._rest()
        except OSError:
            # Such as a full disk, on which nobody is writing; what else is wrong is wrong again.
            return self._rest()

    def _rest(self) -> bytes:
        with self._path.open("rb") as file:
            file.seek(self._read_to)
            found = file.read()
        return found[: found.rfind(b"\n") + 1]

    def append_logs(self, logs: Iterable[dict[str, Any]]) -> None:
        """Add lines to the file, or keep them for later while they are gathered."""
        if self.gathered is not None:
            self.gathered.extend(logs)
            return
        self._known.check()
        text = "".join(json.dumps(log, separators=(",", ":")) + "\n" for log in logs)
        lines = text.encode()
        # With the lock no other process is in the middle of a line.
        with self._locked(), self._path.open("ab+") as file:
            size = _cut_unfinished(file)
            file.write(lines)
            if time.monotonic() >= self._sync_at:
                file.flush()
                os.fsync(file.fileno())
                self._sync_at = time.monotonic() + SYNC_SECONDS
        if size == self._read_to + len(self._own):
            self._own += lines

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self._lock.acquire()
        try:
            yield
        finally:
            self._lock.release()


def _cut_unfinished(file: BinaryIO) -> int:
    """Remove a last line that has no end; return the size of what is left."""
    size = file.seek(0, os.SEEK_END)
    file.seek(max(size - 1, 0))
    if file.read(1) in (b"", b"\n"):
        return size
    file.seek(0)
    return file.truncate(file.read().rfind(b"\n") + 1)
