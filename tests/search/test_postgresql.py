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


class Server:
    """A server of its own, with one database."""

    def __init__(self, programs):
        self._programs = programs
        self._user = owner()
        self._folder = Path(tempfile.mkdtemp(prefix="jointopt-pg-"))
        shutil.chown(self._folder, self._user)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port = free.getsockname()[1]
        self.url = f"postgresql+psycopg://jointopt@127.0.0.1:{self._port}/postgres"
        self._run("initdb", "-U", "jointopt", "-A", "trust", "--no-sync")

    def _run(self, program, *arguments):
        folder = self._folder
        # Its output goes to a file: the server would hold a pipe open.
        with (folder / "log").open("ab") as log:
            how = {"user": self._user} if os.geteuid() == 0 else {}
            command = [str(self._programs / program), "-D", str(folder / "data"), *arguments]
            subprocess.run(command, stdout=log, stderr=log, check=True, cwd=folder, **how)

    def start(self):
        options = f"-p {self._port} -k {self._folder} -c listen_addresses=127.0.0.1 -c fsync=off"
        log = str(self._folder / "server.log")
        self._run("pg_ctl", "-w", "-o", options, "-l", log, "start")

    def stop(self):
        self._run("pg_ctl", "-w", "-m", "fast", "stop")

    def remove(self):
        shutil.rmtree(self._folder)


@pytest.fixture(scope="module")
def server():
    programs = binaries()
    if programs is None:
        pytest.skip("PostgreSQL's initdb is not installed")
    found = Server(programs)
    found.start()
    yield found
    found.stop()
    found.remove()


@pytest.fixture
def connect(server):
    """Return a maker of storages of that database; their connections are closed at the end."""
    opened = []

    def make(kind=open_storage):
        opened.append(kind(server.url))
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


def test_a_server_that_stops_in_the_middle_is_told(server, connect):
    calls = []

    def objective(config, trial):
        calls.append(trial.number)
        if len(calls) == 11:
            server.stop()
        return config["hyperparameters/x"] ** 2

    try:
        with pytest.raises(StorageError, match=r"127\.0\.0\.1.*cannot be written.*--resume"):
            search(SPACE, objective, n_trials=200, storage=connect(), name="stopped")
    finally:
        server.start()
    told = optuna.load_study(study_name="stopped/joint", storage=connect(RDBStorage)).trials
    assert [trial.number for trial in told] == list(range(10))
