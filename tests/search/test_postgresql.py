"""Studies in a real PostgreSQL server, which these tests start."""

from __future__ import annotations

import getpass
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path

import optuna
import pytest
from optuna.storages import RDBStorage

from jointopt import Float, Space, search
from jointopt.errors import StorageError
from jointopt.search.storage import open_storage

pytest.importorskip("psycopg", reason="psycopg, PostgreSQL's driver, is not installed")


def binaries():
    """Return the folder of the server's programs, None if it is not installed."""
    found = shutil.which("initdb")
    if found is not None:
        return Path(found).parent
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return versions[-1].parent if versions else None


def owner():
    """Return who shall run the server, which refuses to be run by root."""
    if os.geteuid() != 0:
        return getpass.getuser()
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"


@pytest.fixture(scope="module")
def server():
    """Return the URL of a database on a server of its own."""
    programs = binaries()
    if programs is None:
        pytest.skip("PostgreSQL's initdb is not installed")
    user = owner()
    folder = Path(tempfile.mkdtemp(prefix="jointopt-pg-"))
    shutil.chown(folder, user)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]

    def run(program, *arguments):
        # Its output goes to a file: the server would hold a pipe open.
        with (folder / "log").open("ab") as log:
            how = {"user": user} if os.geteuid() == 0 else {}
            command = [str(programs / program), "-D", str(folder / "data"), *arguments]
            subprocess.run(command, stdout=log, stderr=log, check=True, cwd=folder, **how)

    run("initdb", "-U", "jointopt", "-A", "trust", "--no-sync")
    options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off"
    run("pg_ctl", "-w", "-o", options, "-l", str(folder / "server.log"), "start")
    yield f"postgresql+psycopg://jointopt@127.0.0.1:{port}/postgres"
    run("pg_ctl", "-w", "-m", "fast", "stop")
    shutil.rmtree(folder)


@pytest.fixture
def connect(server):
    """Return a maker of storages of that database; their connections are closed at the end."""
    opened = []

    def make(kind=open_storage):
        opened.append(kind(server))
        return opened[-1]

    yield make
    for storage in opened:
        storage.remove_session()
        storage.engine.dispose()


SPACE = Space(hyperparameters={"x": Float(-1.0, 1.0), "y": Float(-1.0, 1.0)})


def loss(config, trial):
    trial.report(float("nan"), 0)
    trial.report(float("inf"), 1)
    if config["hyperparameters/x"] > 0.5:
        raise ArithmeticError("too far")
    return config["hyperparameters/x"] ** 2 + config["hyperparameters/y"] ** 2


def test_a_study_reads_the_same_from_a_database_and_from_memory(connect):
    found = [
        search(SPACE, loss, n_trials=25, direction="minimize", storage=storage, name="same")
        for storage in (connect(), None)
    ]
    assert found[0].best_config == found[1].best_config
    stored = optuna.load_study(study_name="same/joint", storage=connect(RDBStorage)).get_trials()
    (kept,) = found[1].studies.values()
    for one, other in zip(stored, kept.get_trials(), strict=True):
        assert (one.number, one.state, one.params) == (other.number, other.state, other.params)
        assert (one.value, one.user_attrs) == (other.value, other.user_attrs)
        assert repr(one.intermediate_values) == repr(other.intermediate_values)
        assert one.distributions == other.distributions


def test_numbers_are_given_once_by_several_connections(connect):
    storages = [connect() for _ in range(3)]
    optuna.create_study(storage=storages[0], study_name="shared")
    study_id = storages[0].get_study_id_from_name("shared")
    trial = optuna.trial.create_trial(value=1.0)
    for _ in range(5):
        for storage in storages:
            storage.create_new_trial(study_id, trial)
    numbers = [found.number for found in storages[0].get_all_trials(study_id)]
    assert sorted(numbers) == list(range(15))


def test_a_server_that_is_not_there_is_named_without_its_password():
    with pytest.raises(StorageError, match=r"me:\*\*\*@127.0.0.1:9/x cannot be opened") as error:
        open_storage("postgresql+psycopg://me:secret@127.0.0.1:9/x")
    assert "secret" not in str(error.value)
