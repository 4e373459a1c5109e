"""`jointopt run` on a full disk, or with a storage that goes: a plain error, then --resume."""

from __future__ import annotations

import shutil
import time

import optuna
import pytest

from jointopt import load_model

pytestmark = pytest.mark.slow


def told(storage):
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        study = optuna.load_study(study_name="table/joint", storage=storage)
        return [repr(trial) for trial in study.trials]
    except (KeyError, optuna.exceptions.StorageInternalError):
        return []


def n_lines(path):
    return path.read_bytes().count(b"\n") if path.exists() else 0


def failure(process):
    """Return the message of a run that ends with an error that the user can mend."""
    _, err = process.communicate(timeout=60)
    assert process.returncode == 2, err
    assert err.count("error:") == 1
    assert "Traceback" not in err
    assert len(err) < 600
    return err


def succeed(process):
    out, err = process.communicate(timeout=120)
    assert (process.returncode, err) == (0, ""), out
    return out


def test_a_full_disk(start_run, small_disk):
    folder = small_disk.folder / "out"
    storage = f"sqlite:///{folder}/study.db"
    succeed(start_run("--trials", 20, "--out", folder))
    model = load_model(folder)
    process = start_run("--trials", 100_000, "--out", folder, "--resume")
    while len(told(storage)) < 40:
        assert process.poll() is None, process.communicate()
        time.sleep(0.2)
    before = told(storage)
    small_disk.fill()
    message = failure(process)
    assert "study.db cannot be written" in message
    assert "make room" in message
    kept = told(storage)
    assert kept[: len(before)] == before
    assert load_model(folder).facts == model.facts
    small_disk.free()
    succeed(start_run("--trials", len(kept) + 5, "--out", folder, "--resume"))
    after = told(storage)
    assert after[: len(kept)] == kept
    assert len(after) == len(kept) + 5


@pytest.mark.parametrize("kind", ["sqlite", "journal"])
def test_a_storage_that_is_removed(start_run, n_stored, kind, tmp_path):
    place = tmp_path / "place"
    place.mkdir()
    path = place / ("s.db" if kind == "sqlite" else "s.journal")
    storage = f"sqlite:///{path}" if kind == "sqlite" else str(path)
    process = start_run("--trials", 100_000, "--out", tmp_path / "out", "--storage", storage)
    stored = n_stored if kind == "sqlite" else n_lines
    while stored(path) < 10:
        assert process.poll() is None, process.communicate()
        time.sleep(0.2)
    # In one step: the run makes and removes files in it.
    shutil.rmtree(place.rename(tmp_path / "gone"))
    assert "no longer there" in failure(process)
    place.mkdir()
    words = ("--out", tmp_path / "out", "--storage", storage, "--resume")
    succeed(start_run("--trials", 5, *words))
    assert (tmp_path / "out" / "model").is_dir()
