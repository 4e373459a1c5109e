"""A storage that fails in the middle of a search: one plain error, and what was told stays."""

from __future__ import annotations

import shutil
import subprocess
import sys

import optuna
import pytest

from jointopt import Float, Space, search
from jointopt.errors import StorageError
from jointopt.search.storage import open_storage

SPACE = Space(hyperparameters={"x": Float(-1.0, 1.0)})
BEFORE = 10


def zero(config, trial):
    del config, trial
    return 0.0


def place(kind, folder):
    return f"sqlite:///{folder}/study.db" if kind == "sqlite" else f"{folder}/study.journal"


def search_until(fault, storage):
    """Search; the fault comes with a trial in the middle."""
    calls = []

    def objective(config, trial):
        calls.append(trial.number)
        if len(calls) == BEFORE + 1:
            fault()
        return config["hyperparameters/x"] ** 2

    with pytest.raises(StorageError) as error:
        search(SPACE, objective, n_trials=2000, direction="minimize", storage=storage)
    assert "\n" not in str(error.value)
    assert len(calls) < 2000
    return str(error.value)


def told(storage):
    study = optuna.load_study(study_name="search/joint", storage=open_storage(storage))
    assert [trial.number for trial in study.trials] == list(range(len(study.trials)))
    assert all(trial.state.is_finished() for trial in study.trials)
    return study.trials


@pytest.mark.parametrize("kind", ["sqlite", "journal"])
def test_a_full_disk_leaves_what_was_told(kind, small_disk):
    storage = place(kind, small_disk.folder)
    message = search_until(small_disk.fill, storage)
    assert "study." + ("db" if kind == "sqlite" else "journal") in message
    assert "make room" in message
    before = told(storage)
    assert len(before) >= BEFORE
    small_disk.free()
    again = open_storage(storage)
    study_id = again.get_study_id_from_name("search/joint")
    for _ in range(2):
        again.create_new_trial(study_id, before[0])
    after = told(storage)
    assert after[: len(before)] == before
    assert len(after) == len(before) + 2


@pytest.mark.parametrize("kind", ["sqlite", "journal"])
@pytest.mark.parametrize("what", ["file", "folder"])
def test_a_storage_that_is_removed_is_missed(kind, what, tmp_path):
    folder = tmp_path / "studies"
    folder.mkdir()
    storage = place(kind, folder)

    def remove():
        if what == "folder":
            shutil.rmtree(folder)
        else:
            for file in folder.iterdir():
                file.unlink()

    assert "no longer there" in search_until(remove, storage)


@pytest.mark.parametrize("kind", ["sqlite", "journal"])
def test_a_storage_that_is_replaced_is_left_alone(kind, tmp_path):
    storage = place(kind, tmp_path)
    other = tmp_path / "other"
    other.mkdir()
    search(SPACE, zero, n_trials=3, storage=place(kind, other))
    name = "study.db" if kind == "sqlite" else "study.journal"

    message = search_until(lambda: (other / name).replace(tmp_path / name), storage)
    assert "another file" in message


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("study.db", b"not a database, but long enough" * 99, "file is not a database"),
        ("study.journal", b"not a journal\n" * 2, "no journal"),
        ("missing/study.db", None, "unable to open database file"),
        ("missing/study.journal", None, "No such file"),
    ],
)
def test_a_storage_that_cannot_be_read_is_named(name, content, message, tmp_path):
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    storage = str(path) if path.suffix == ".journal" else f"sqlite:///{path}"
    with pytest.raises(StorageError, match=message) as error:
        search(SPACE, zero, n_trials=3, storage=storage)
    assert name in str(error.value)


DIES_WITH_THE_LOCK = """
import os
from jointopt.search.storage import open_storage
os.rename = lambda *names: os._exit(9)
open_storage("out/s.journal").create_new_study([])
"""


def test_a_journal_s_lock_that_a_dead_process_left_leads_to_the_journal(tmp_path):
    """Else nobody could tell its age, and whoever comes next would wait for ever."""
    (tmp_path / "out").mkdir()
    died = subprocess.run([sys.executable, "-c", DIES_WITH_THE_LOCK], cwd=tmp_path, check=False)
    assert died.returncode == 9
    left = tmp_path / "out" / "s.journal.lock"
    assert left.is_symlink()
    assert left.resolve() == (tmp_path / "out" / "s.journal").resolve()
