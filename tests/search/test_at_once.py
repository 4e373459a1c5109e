"""Attributes that belong together are read all or none, whoever writes beside."""

from __future__ import annotations

import json
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import optuna
import pytest
from optuna.storages import InMemoryStorage, RDBStorage

from jointopt.search.storage import at_once, open_storage

N_KEYS = 40


@pytest.fixture(params=["sqlite", "postgresql", "journal"])
def connect(request, tmp_path):
    """Return a maker of connections to one storage; they are closed at the end."""
    if request.param == "postgresql":
        place = request.getfixturevalue("postgresql").url
    else:
        place = f"sqlite:///{tmp_path}/s.db"
        place = str(tmp_path / "s.journal") if request.param == "journal" else place
    opened = []

    def make():
        opened.append(open_storage(place))
        return opened[-1]

    yield make
    for storage in opened:
        if isinstance(storage, RDBStorage):
            storage.remove_session()
            storage.engine.dispose()


def make_study(storage):
    # Of its own: tests share the server's database.
    name = str(uuid.uuid4())
    optuna.create_study(storage=storage, study_name=name)
    return storage.get_study_id_from_name(name)


def write(storage, study_id, value, n_keys=N_KEYS):
    with at_once(storage):
        for k in range(n_keys):
            storage.set_study_system_attr(study_id, f"k{k}", value)


def test_nothing_is_read_before_the_end_and_all_after_it(connect):
    here, there = connect(), connect()
    study_id = make_study(here)
    here.set_study_system_attr(study_id, "k0", "alone")
    with at_once(here):
        here.set_study_system_attr(study_id, "k0", "a")
        here.set_study_system_attr(study_id, "k1", "é'\"%s")
        assert there.get_study_system_attrs(study_id) == {"k0": "alone"}
    assert there.get_study_system_attrs(study_id) == {"k0": "a", "k1": "é'\"%s"}
    assert here.get_study_system_attrs(study_id) == {"k0": "a", "k1": "é'\"%s"}


def test_what_fails_within_writes_nothing_and_ends_the_gathering(connect):
    here, there = connect(), connect()
    study_id = make_study(here)
    with suppress(ArithmeticError), at_once(here):
        here.set_study_system_attr(study_id, "k0", "a")
        raise ArithmeticError
    assert there.get_study_system_attrs(study_id) == {}
    here.set_study_system_attr(study_id, "k0", "b")
    assert there.get_study_system_attrs(study_id) == {"k0": "b"}


def test_several_writers_and_a_reader_never_meet_half_of_a_value(connect):
    study_id = make_study(connect())
    storages = [connect() for _ in range(3)]

    def fill(k):
        for n in range(6):
            write(storages[k], study_id, f"{k}/{n}")

    def look():
        return [set(storages[2].get_study_system_attrs(study_id).values()) for _ in range(40)]

    with ThreadPoolExecutor(3) as pool:
        writers = [pool.submit(fill, k) for k in (0, 1)]
        seen = pool.submit(look).result()
        for writer in writers:
            writer.result()
    assert all(len(values) <= 1 for values in seen), json.dumps([sorted(v) for v in seen])
    assert storages[2].get_study_system_attrs(study_id)["k0"] in ("0/5", "1/5")


def test_what_cannot_gather_writes_one_after_another():
    storage = InMemoryStorage()
    study_id = make_study(storage)
    write(storage, study_id, "a", 2)
    assert storage.get_study_system_attrs(study_id) == {"k0": "a", "k1": "a"}
