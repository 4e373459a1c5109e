"""Studies in a real PostgreSQL server, which the tests start."""

from __future__ import annotations

import gc
from concurrent.futures import ThreadPoolExecutor

import optuna
import pytest
from optuna.storages import RDBStorage

from jointopt import Float, Space, search
from jointopt.errors import StorageError
from jointopt.search.storage import open_storage

psycopg = pytest.importorskip("psycopg", reason="psycopg, PostgreSQL's driver, is not installed")


@pytest.fixture
def connect(postgresql):
    """Return a maker of storages of that database; their connections are closed at the end."""
    opened = []

    def make(kind=open_storage):
        opened.append(kind(postgresql.url))
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


# Optuna does not close the connection of a storage that could not be opened at the first attempt.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_several_may_make_the_tables(postgresql):
    with psycopg.connect(postgresql.url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute("CREATE DATABASE fresh")
    url = postgresql.url.removesuffix("postgres") + "fresh"
    with ThreadPoolExecutor(4) as threads:
        storages = [*threads.map(open_storage, [url] * 4)]
    for storage in storages:
        assert storage.get_all_studies() == []
        storage.remove_session()
        storage.engine.dispose()
    # What was left open is found here, and not in another test.
    gc.collect()


def test_a_server_that_is_not_there_is_named_without_its_password():
    with pytest.raises(StorageError, match=r"me:\*\*\*@127.0.0.1:9/x cannot be opened") as error:
        open_storage("postgresql+psycopg://me:secret@127.0.0.1:9/x")
    assert "secret" not in str(error.value)


def test_a_server_that_stops_in_the_middle_is_told(postgresql, connect):
    calls = []

    def objective(config, trial):
        calls.append(trial.number)
        if len(calls) == 11:
            postgresql.stop()
        return config["hyperparameters/x"] ** 2

    try:
        with pytest.raises(StorageError, match=r"127\.0\.0\.1.*cannot be written.*--resume"):
            search(SPACE, objective, n_trials=200, storage=connect(), name="stopped")
    finally:
        postgresql.start()
    told = optuna.load_study(study_name="stopped/joint", storage=connect(RDBStorage)).trials
    assert [trial.number for trial in told] == list(range(10))
