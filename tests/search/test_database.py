"""Trials written whole into a database read as those that Optuna writes itself."""

from __future__ import annotations

import datetime as dt
import sqlite3
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import optuna
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.storages import RDBStorage
from optuna.trial import FrozenTrial, TrialState

from jointopt.errors import StorageError
from jointopt.search.storage import open_storage, sqlite_url

optuna.logging.set_verbosity(optuna.logging.WARNING)

DISTRIBUTIONS = {
    "x": FloatDistribution(1e-9, 1.0, log=True),
    "n": IntDistribution(1, 64, log=True),
    "step": FloatDistribution(0.0, 1.0, step=0.1),
    "kind": CategoricalDistribution(["a", "b", True, 2, None]),
}
values = st.floats(allow_nan=False)


@st.composite
def trials(draw):
    state = draw(st.sampled_from([TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL]))
    params = {
        "x": draw(st.floats(1e-9, 1.0)),
        "n": draw(st.integers(1, 64)),
        "step": draw(st.integers(0, 10)) / 10,
        "kind": draw(st.sampled_from(["a", "b", True, 2, None])),
    }
    names = draw(st.sets(st.sampled_from(list(params))))
    begun = draw(st.datetimes(dt.datetime(2000, 1, 1), dt.datetime(2100, 1, 1)))
    steps = st.dictionaries(st.integers(0, 100), st.floats(), max_size=4)
    texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
    attributes = st.dictionaries(texts, texts | st.lists(st.integers(), max_size=3), max_size=3)
    return FrozenTrial(
        number=0,
        state=state,
        value=draw(values) if state is TrialState.COMPLETE else draw(st.none() | values),
        datetime_start=begun,
        datetime_complete=begun + draw(st.timedeltas(dt.timedelta(0), dt.timedelta(9))),
        params={name: params[name] for name in names},
        distributions={name: DISTRIBUTIONS[name] for name in names},
        user_attrs=draw(attributes),
        system_attrs=draw(attributes),
        intermediate_values=draw(steps),
        trial_id=-1,
    )


def read(url):
    (summary,) = optuna.get_all_study_summaries(url)
    study = optuna.load_study(study_name=summary.study_name, storage=RDBStorage(url))
    return [repr(trial) for trial in study.get_trials()]


def new_study(storage):
    study = optuna.create_study(storage=storage, study_name="s")
    return storage.get_study_id_from_name(study.study_name)


@settings(max_examples=4, deadline=None)
@given(told=st.lists(trials(), max_size=5))
def test_optuna_reads_what_it_would_have_written_itself(tmp_path_factory, told):
    folder = tmp_path_factory.mktemp("db")
    urls = [f"sqlite:///{folder}/{name}.db" for name in ("ours", "theirs")]
    for url, storage in zip(urls, (open_storage(urls[0]), RDBStorage(urls[1])), strict=True):
        study_id = new_study(storage)
        ids = [storage.create_new_trial(study_id, trial) for trial in told]
        numbers = [storage.get_trial_number_from_id(trial_id) for trial_id in ids]
        assert numbers == list(range(len(told)))
        assert len(read(url)) == len(told)
    assert read(urls[0]) == read(urls[1])


def finished(params, distributions, value=1.0):
    return optuna.trial.create_trial(params=params, distributions=distributions, value=value)


def test_a_parameter_keeps_its_kind_across_processes(tmp_path):
    url = f"sqlite:///{tmp_path}/s.db"
    first = open_storage(url)
    study_id = new_study(first)
    first.create_new_trial(study_id, finished({"x": 0.5}, {"x": FloatDistribution(0, 1)}))
    for storage in (first, open_storage(url)):
        wider = finished({"x": 1.5}, {"x": FloatDistribution(0, 2)})
        storage.create_new_trial(study_id, wider)
        other = finished({"x": "a"}, {"x": CategoricalDistribution(["a", "b"])})
        with pytest.raises(ValueError, match="Cannot set different distribution kind"):
            storage.create_new_trial(study_id, other)
    assert len(read(url)) == 3


def test_a_refused_trial_leaves_nothing_behind(tmp_path):
    url = f"sqlite:///{tmp_path}/s.db"
    storage = open_storage(url)
    study_id = new_study(storage)
    trial = finished({}, {})
    trial.user_attrs = {"good": 1, "bad": object()}
    with pytest.raises(TypeError, match="not JSON serializable"):
        storage.create_new_trial(study_id, trial)
    assert read(url) == []


def test_numbers_are_given_once_when_several_write(tmp_path):
    url = f"sqlite:///{tmp_path}/s.db"
    storage = open_storage(url)
    study_id = new_study(storage)

    def write():
        own = open_storage(url)
        for _ in range(20):
            own.create_new_trial(study_id, finished({"x": 0.5}, {"x": FloatDistribution(0, 1)}))

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    numbers = [trial.number for trial in storage.get_all_trials(study_id)]
    assert sorted(numbers) == list(range(80))


def test_several_may_make_the_tables(tmp_path):
    url = f"sqlite:///{tmp_path}/s.db"
    with ThreadPoolExecutor(4) as threads:
        storages = [*threads.map(open_storage, [url] * 4)]
    assert [storage.get_all_studies() for storage in storages] == [[]] * 4


def test_a_database_that_went_is_named(tmp_path):
    url = f"sqlite:///{tmp_path}/s.db"
    storage = open_storage(url)
    study_id = new_study(storage)
    with storage.engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE trial_params")
    with pytest.raises(StorageError, match=r"s\.db"):
        storage.create_new_trial(study_id, finished({"x": 0.5}, {"x": FloatDistribution(0, 1)}))


SEARCH = """
import atexit, gc
from jointopt import Float, Space, search

atexit.register(gc.freeze)  # as the command line ends
space = Space(hyperparameters={"x": Float(0, 1)})
search(space, lambda *_: 0.0, n_trials=3, storage="sqlite:///study.db", name="mine")
"""


def test_the_file_of_a_process_that_has_ended_holds_all(tmp_path):
    subprocess.run([sys.executable, "-c", SEARCH], cwd=tmp_path, check=True)
    assert [path.name for path in tmp_path.iterdir()] == ["study.db"]
    study = optuna.load_study(study_name="mine/joint", storage=f"sqlite:///{tmp_path}/study.db")
    assert len(study.trials) == 3


def test_a_folder_may_have_signs_that_mean_something_in_a_url(tmp_path):
    path = tmp_path / "what? 100%25 #1 {x} é+" / "study.db"
    path.parent.mkdir()
    new_study(open_storage(sqlite_url(path)))
    assert [found.name for found in tmp_path.iterdir()] == [path.parent.name]
    assert optuna.get_all_study_names(sqlite_url(path)) == ["s"]
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT study_name FROM studies").fetchall() == [("s",)]
