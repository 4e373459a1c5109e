"""Where studies are kept."""

from __future__ import annotations

import sqlite3
import time
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from itertools import chain, count
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import optuna
from optuna.storages import InMemoryStorage

from jointopt.errors import OptionError, StorageError
from jointopt.search.place import place_of, plain_storage_errors, without_password

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from contextlib import AbstractContextManager
    from datetime import datetime

    from optuna.storages import BaseStorage
    from optuna.study import Study
    from optuna.trial import FrozenTrial

    from jointopt.search.result import Found

__all__ = [
    "at_once",
    "check_storage",
    "earlier_seconds",
    "in_memory",
    "names_after",
    "open_storage",
    "open_study",
    "sqlite_url",
    "take_name",
    "unannounced",
    "used_seconds",
    "used_until",
]

Direction = Literal["maximize", "minimize"]

BUSY_SECONDS = 60.0
"""How long a writer waits for another one, such as optuna-dashboard."""
AGAIN_SECONDS = 0.05
"""How often the switch to a write-ahead log is tried."""
MAKING_SECONDS = 10.0
"""How long a run waits for another one that makes the tables of a new database."""


def sqlite_url(path: Path) -> str:
    """Return the database URL of an SQLite file."""
    from sqlalchemy.engine import URL

    # Which writes signs that mean something in a URL, such as a question mark, in another way.
    return URL.create("sqlite", database=str(path.resolve())).render_as_string()


def open_storage(storage: str | Path | BaseStorage | None) -> BaseStorage:
    """Open what a user names as the place of studies.

    Parameters
    ----------
    storage : str, Path, BaseStorage or None
        None keeps studies in memory; a path ending in `.journal` is an Optuna journal file; a
        string with `://` is a database URL; an Optuna storage is taken as it is. SQLite is opened
        with a write-ahead log and `synchronous=NORMAL`, so that others read while one writes.

    Raises
    ------
    OptionError
        If it is none of these, or a URL that no database has.
    StorageError
        If the database cannot be opened.
    """
    if storage is None:
        return InMemoryStorage()
    if not isinstance(storage, str | Path):
        return storage
    text = str(storage)
    check_storage(text)
    place = without_password(text) if "://" in text else text
    with plain_storage_errors(place, "opened"):
        return _journal(text) if text.endswith(".journal") else _database(text)


def _journal(path: str) -> BaseStorage:
    from jointopt.search.journal import JournalFileStorage

    try:
        return JournalFileStorage(path)
    except ValueError as error:
        raise StorageError(f"storage {path} is no journal of Optuna: {error}") from error


def _database(text: str) -> BaseStorage:
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import DatabaseError, IntegrityError

    from jointopt.search.database import DatabaseStorage

    options = {}
    if text.startswith("sqlite"):
        options["creator"] = _SqliteConnector(make_url(text).database or ":memory:")
    until = time.monotonic() + MAKING_SECONDS
    while True:
        try:
            return DatabaseStorage(text, engine_kwargs=options)
        except ImportError as error:
            raise StorageError(
                f"storage {without_password(text)} needs a driver that is not installed: {error}"
            ) from error
        except DatabaseError as error:
            # Another run found no tables either, and is making them.
            being_made = isinstance(error, IntegrityError) or "already exists" in str(error)
            if not being_made or time.monotonic() > until:
                raise
        time.sleep(0.1)


def check_storage(text: str) -> None:
    """Refuse what cannot be the place of studies, without looking for it.

    Parameters
    ----------
    text : str
        A path ending in `.journal`, or a database URL.

    Raises
    ------
    OptionError
        If it is neither, or a URL that no database has.
    """
    if "://" not in text:
        if text.endswith(".journal"):
            return
        raise OptionError(
            f"storage {text!r} is neither a database URL (such as sqlite:///study.db) "
            "nor a path ending in .journal"
        )
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        make_url(text).get_dialect()
    except (ArgumentError, ValueError) as error:
        # No more of the text, which may hold a password.
        raise OptionError(
            f"storage {text.partition('://')[0]}://... is not the URL of a known database; write "
            "it as sqlite:///FILE.db or postgresql+psycopg://USER@HOST/NAME, or give a path "
            "ending in .journal"
        ) from error


def at_once(storage: BaseStorage) -> AbstractContextManager[None]:
    """Return a context within which attributes of studies are set, to be read all or none.

    Parameters
    ----------
    storage : BaseStorage
        As `open_storage` returns it; what cannot do so writes one after another.
    """
    gather: Callable[[], AbstractContextManager[None]] = getattr(storage, "at_once", nullcontext)
    return gather()


def open_study(
    storage: BaseStorage, name: str, direction: Direction, *, resume: bool = False
) -> Study:
    """Create a study, or open the one of that name when `resume` says so.

    Raises
    ------
    StorageError
        If it exists already and `resume` is false.
    """
    try:
        with unannounced():
            return optuna.create_study(
                storage=storage, study_name=name, direction=direction, load_if_exists=resume
            )
    except optuna.exceptions.DuplicatedStudyError as error:
        raise StorageError(
            f"study {name!r} exists already in this storage; go on with it, or join a run that "
            "is at it, by --resume, or choose another name or place"
        ) from error


def take_name(storage: BaseStorage, name: str, stage: str, direction: Direction) -> str:
    """Create a study `name/stage`, with a number if the storage holds studies named `name/...`.

    Runs that do so at the same time take different names.

    Returns
    -------
    str
        The name: `name`, `name-2` and so on.

    Raises
    ------
    StorageError
        If the storage cannot be read or written.
    """
    with plain_storage_errors(place_of(storage), "read"):
        taken = {known.partition("/")[0] for known in optuna.get_all_study_names(storage)}
    numbered = (f"{name}-{number}" for number in count(2))
    return next(
        candidate
        for candidate in chain([name], numbered)
        if candidate not in taken and _is_made(storage, f"{candidate}/{stage}", direction)
    )


def _is_made(storage: BaseStorage, name: str, direction: Direction) -> bool:
    """Create a study, unless another run was quicker."""
    try:
        with plain_storage_errors(place_of(storage)), unannounced():
            optuna.create_study(storage=storage, study_name=name, direction=direction)
    except optuna.exceptions.DuplicatedStudyError:
        return False
    return True


def in_memory(found: Found) -> dict[str, Study]:
    """Return the studies of a search, by stage, with the trials that it knows, in memory."""
    copies = {}
    with unannounced():
        for stage, study in found.studies.items():
            own = sorted((r for r in found.records if r.stage == stage), key=lambda r: r.number)
            copies[stage] = optuna.create_study(
                study_name=study.study_name, direction=found.direction
            )
            copies[stage].add_trials(record.trial for record in own)
    return copies


def names_after(storage: BaseStorage, name: str) -> list[str]:
    """Return the names of the studies that were made after one.

    Raises
    ------
    StorageError
        If the storage cannot be read.
    """
    with plain_storage_errors(place_of(storage), "read"):
        names = optuna.get_all_study_names(storage)
    return names[names.index(name) + 1 :]


@contextmanager
def unannounced() -> Iterator[None]:
    """Optuna logs each new study; a search makes two per stage, which are its own business."""
    verbosity = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(max(verbosity, optuna.logging.WARNING))
    try:
        yield
    finally:
        optuna.logging.set_verbosity(verbosity)


def earlier_seconds(storage: str | Path | BaseStorage, name: str) -> float:
    """Return the time that stored studies named `name/...` have used, as `used_seconds` does."""
    return used_seconds(_trials(open_storage(storage), name))


def used_seconds(trials: Iterable[FrozenTrial]) -> float:
    """Return the time that trials have used, without the pauses.

    Several at once count once; what lies between the end of a trial and the start of the next
    counts up to a second.
    """
    return max(used_until(trials).values(), default=0.0)


def used_until(trials: Iterable[FrozenTrial]) -> dict[datetime, float]:
    """Return the time that trials had used, as `used_seconds` counts it, when each ended."""
    spans = sorted(_spans(trials))
    if not spans:
        return {}
    used = {}
    first, end = spans[0][0], spans[0][1]
    paused = 0.0
    for start, stop in spans:
        paused += max(0.0, (start - end).total_seconds() - 1.0)
        end = max(end, stop)
        used[stop] = (stop - first).total_seconds() - paused
    return used


def _trials(storage: BaseStorage, name: str) -> list[FrozenTrial]:
    """Return the trials of all studies named `name/...`."""
    with plain_storage_errors(place_of(storage), "read"):
        return [
            trial
            for study_name in optuna.get_all_study_names(storage)
            if study_name.startswith(f"{name}/")
            for trial in optuna.load_study(study_name=study_name, storage=storage).get_trials(
                deepcopy=False
            )
        ]


def _spans(trials: Iterable[FrozenTrial]) -> list[tuple[datetime, datetime]]:
    """Return when those that have ended began and ended."""
    return [
        (trial.datetime_start, trial.datetime_complete)
        for trial in trials
        if trial.datetime_start is not None and trial.datetime_complete is not None
    ]


@dataclass(frozen=True, slots=True)
class _SqliteConnector:
    """Opens a database with a write-ahead log; unlike a function's own function it is pickled."""

    database: str

    def __call__(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.database, timeout=BUSY_SECONDS, check_same_thread=False)
        _write_ahead(connection)
        connection.execute("PRAGMA synchronous=NORMAL")
        return connection


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Switch to a write-ahead log; those who do so at once do not wait of themselves."""
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(AGAIN_SECONDS)
        else:
            return
