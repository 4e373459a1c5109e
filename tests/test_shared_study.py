"""Several runs on one study see each other's trials."""

from __future__ import annotations

import datetime as dt
import sys
from dataclasses import replace
from itertools import combinations, pairwise

import numpy as np
import optuna
import pandas as pd
import pytest
from optuna.storages import JournalStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState
from sklearn.tree import DecisionTreeRegressor

from jointopt import Categorical, Choice, Float, Space
from jointopt.data import make_dataset
from jointopt.errors import StorageError
from jointopt.insight.objective_search import _ObjectiveEvaluator
from jointopt.model.run import RunOptions, run_table
from jointopt.search.budget import Budget
from jointopt.search.catalogue import get_strategy
from jointopt.search.engine import Engine, Shelf
from jointopt.search.storage import open_storage
from jointopt.search.terms import TERMS, stored_terms

LATE = dt.timedelta(seconds=2)
"""How long after the end of a trial another run may not know of it."""


@pytest.fixture(params=["sqlite", "postgresql", "journal"])
def storage(request, tmp_path):
    if request.param == "postgresql":
        return request.getfixturevalue("postgresql").url
    return str(tmp_path / "s.journal") if request.param == "journal" else f"sqlite:///{tmp_path}/s"


def trials_in(storage):
    name = "table/joint"
    if storage.endswith(".journal"):
        journal = JournalStorage(JournalFileBackend(storage))
        return optuna.load_study(study_name=name, storage=journal).trials
    database = RDBStorage(storage)
    trials = optuna.load_study(study_name=name, storage=database).trials
    database.remove_session()
    database.engine.dispose()
    return trials


@pytest.mark.slow
def test_two_runs_work_together(start_run, storage, tmp_path):
    words = ("--trials", 150, "--storage", storage, "--resume", "--out")
    runs = [start_run(*words, tmp_path / name) for name in "ab"]
    for process in runs:
        out, err = process.communicate(timeout=300)
        assert (process.returncode, err) == (0, ""), out
    trials = trials_in(storage)
    assert [trial.number for trial in trials] == list(range(len(trials)))
    # What the other run tells in the last second is not known yet.
    assert 150 <= len(trials) < 200
    assert {trial.state for trial in trials} <= {TrialState.COMPLETE, TrialState.PRUNED}
    for first, second in combinations(trials, 2):
        if first.params == second.params:
            ends = min(first.datetime_complete, second.datetime_complete)
            assert max(first.datetime_start, second.datetime_start) < ends + LATE
    # A run has one worker: trials at the same time are of both.
    began = sorted(trials, key=lambda trial: trial.datetime_start)
    assert any(b.datetime_start < a.datetime_complete for a, b in pairwise(began))
    # One that joins late may find nothing that passes all folds; then it has no predictions.
    own = [set(np.load(tmp_path / name / "out_of_fold.npz")) for name in "ab"]
    assert any(own)
    assert not own[0] & own[1]
    for name in "ab":
        assert len(pd.read_csv(tmp_path / name / "leaderboard.csv")) >= 150
        assert (tmp_path / name / "model" / "model.json").is_file()


def slow(name):
    return pytest.param(name, marks=pytest.mark.slow)


SPACE = Space(
    transforms={"scale": Categorical(["none", "standard"]), "shift": Float(-1.0, 1.0)},
    hyperparameters={"x": Float(-1.0, 1.0), "y": Float(-1.0, 1.0)},
)


def loss(config, trial):
    del trial
    return sum(value**2 for value in config.values() if isinstance(value, float))


def run_engine(storage, strategy, n_trials, listener=None):
    engine = Engine(
        _ObjectiveEvaluator(loss),
        Budget(n_trials=n_trials),
        direction="minimize",
        seed=0,
        shelf=Shelf(storage=open_storage(storage), name="shared", resume=True),
        listeners=[] if listener is None else [listener],
    )
    return engine.run(get_strategy(strategy), SPACE, [SPACE.default()])


@pytest.mark.parametrize(
    "strategy", ["joint", "sequential", *map(slow, ("random", "alternating"))]
)
def test_what_another_run_tells_is_taken_in(strategy, tmp_path, monkeypatch):
    """Another run begins when this one has told 8 trials, and goes on until there are 40."""
    monkeypatch.setattr(sys.modules[Engine.__module__], "LOOK_SECONDS", 1e-3)
    storage = f"sqlite:///{tmp_path}/s.db"
    others = []

    def beside(record):
        if record.number == 7 and not others:
            others.append(run_engine(storage, strategy, 40))

    found = run_engine(storage, strategy, 60, beside)
    (other,) = others
    assert len(other.records) == 40
    seen = {(record.stage, record.number): record for record in found.records}
    assert len(seen) == len(found.records) == 60
    assert sum(len(study.trials) for study in found.studies.values()) == 60
    for record in other.records:
        mine = seen[record.stage, record.number]
        assert (mine.config, mine.trial.value) == (record.config, record.trial.value)
        assert mine.trial.value == loss(mine.config, None)
    # Both were at one trial when the other one began.
    different = {(record.stage, frozenset(record.config.items())) for record in found.records}
    assert len(different) >= 59
    assert found.best_score <= other.best_score


@pytest.mark.parametrize(
    "strategy", ["random", "sequential", *map(slow, ("joint", "alternating"))]
)
def test_a_resumed_run_goes_on_as_far_as_one_without_a_pause(strategy, tmp_path):
    storage = f"sqlite:///{tmp_path}/s.db"
    run_engine(storage, strategy, 55)
    resumed = run_engine(storage, strategy, 75)
    assert all(record.trial.value == loss(record.config, None) for record in resumed.records)
    whole = run_engine(None, strategy, 75)
    counts = [
        {name: len(study.trials) for name, study in result.studies.items()}
        for result in (resumed, whole)
    ]
    assert sum(counts[0].values()) == 75
    if strategy != "sequential":
        assert counts[0] == counts[1]


# ---------------------------------------------------------------------- what must be the same

LINEAR = """
paradigm:
  choice:
    linear:
      estimator: {regression: sklearn.linear_model.Ridge}
      hyperparameters: {alpha: {float: [0.001, %d], log: true}}
"""


def table():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(30, 3)), columns=list("abc"))
    return frame.assign(kind=["red", "blue", "green"] * 10, y=frame["a"] - frame["b"])


def other_kind(frame):
    frame.loc[3, "kind"] = "blue"
    return frame


OTHERS = {
    "content": ({"change": other_kind}, r"its content \w+, not \w+ as here"),
    "rows": ({"change": lambda frame: frame.head(29)}, "its rows 30, not 29"),
    "columns": (
        {"change": lambda frame: frame.rename(columns={"c": "d"})},
        r"its columns a .*, c \(numeric\), kind .*, not a .*, d \(numeric\)",
    ),
    "target": ({"target": "a"}, r"its target y \(regression\), not a \(regression\)"),
    "metric": ({"metric": "mae"}, "its metric rmse, not mae"),
    "space": ({"space": LINEAR % 999}, r"its space 2 parameters, \w+, not 2 parameters, \w+"),
    "seed": ({"seed": 1}, "its seed 0, not 1"),
}


def go_on(
    storage, n_trials, *, change=lambda frame: frame, target="y", space=LINEAR % 1000, **how
):
    options = RunOptions(
        space=Space.from_yaml(space),
        n_trials=n_trials,
        storage=storage,
        name="t",
        resume=True,
        **how,
    )
    return run_table(make_dataset(change(table()), target), options)


@pytest.fixture
def opened(storage):
    found = open_storage(storage)
    yield found
    if isinstance(found, RDBStorage):
        found.remove_session()
        found.engine.dispose()


def test_a_study_of_other_data_or_scores_is_refused(opened):
    go_on(opened, 2)
    for different, message in OTHERS.values():
        with pytest.raises(StorageError, match=message) as error:
            go_on(opened, 4, **different)
        assert "study 't/joint'" in str(error.value)
        assert "choose another name or place" in str(error.value)
    assert len(go_on(opened, 4).result.records) == 4


def test_a_study_that_does_not_tell_its_data_is_refused(tmp_path):
    storage = f"sqlite:///{tmp_path}/s.db"
    study = optuna.create_study(storage=storage, study_name="t/joint")
    study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=1)
    with pytest.raises(StorageError, match="does not tell which data"):
        go_on(storage, 4)


def test_of_two_runs_that_begin_one_study_at_once_one_gives_way(tmp_path, monkeypatch):
    """The other one's terms came later, and are seen with its first trial."""
    monkeypatch.setattr(sys.modules[Engine.__module__], "LOOK_SECONDS", 1e-3)
    storage = open_storage(f"sqlite:///{tmp_path}/s.db")
    other = make_dataset(table().tail(29), "y")

    def beside(record):
        if record.number == 3:
            study = optuna.load_study(study_name="t/joint", storage=storage)
            study_id = storage.get_study_id_from_name(study.study_name)
            _, terms = stored_terms(storage, "t")
            storage.set_study_system_attr(study_id, TERMS, {**terms, "rows": other.n_rows})
            study.add_trial(record.trial)

    options = RunOptions(
        space=Space.from_yaml(LINEAR % 1000), n_trials=30, storage=storage, name="t", resume=True
    )
    with pytest.raises(StorageError, match="its rows 29, not 30"):
        run_table(make_dataset(table(), "y"), options, listeners=[beside])


def test_more_time_for_a_study_does_not_change_its_folds(tmp_path):
    """A budget that buys few fits gets a holdout."""
    storage = f"sqlite:///{tmp_path}/s.db"
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(2_100, 20))).rename(columns="x{}".format)
    dataset = make_dataset(frame.assign(y=frame["x0"]), "y")
    folds = [
        run_table(
            dataset,
            RunOptions(
                space=Space.from_yaml(LINEAR % 1000),
                n_trials=n_trials,
                seconds=seconds,
                storage=storage,
                resume=True,
            ),
        ).n_folds
        for n_trials, seconds in ((2, 5.0), (4, 600.0))
    ]
    assert folds == [1, 1]


def test_estimators_in_an_estimator_are_told_by_what_they_are(tmp_path):
    """Not by where they lie in memory, which is elsewhere in each process."""
    storage = f"sqlite:///{tmp_path}/s.db"

    def search(n_trials, **inner):
        fixed = {"estimator": DecisionTreeRegressor(**inner), "n_estimators": 2}
        regression = "sklearn.ensemble.BaggingRegressor"
        bag = {
            "estimator": {"regression": regression, "fixed": {"all": fixed}},
            "hyperparameters": {"max_features": Float(0.5, 1)},
        }
        options = RunOptions(
            space=Space(paradigm=Choice({"bag": bag})),
            n_trials=n_trials,
            storage=storage,
            resume=True,
        )
        return run_table(make_dataset(table(), "y"), options)

    assert len(search(2, max_depth=2).result.records) == 2
    assert len(search(4, max_depth=2).result.records) == 4
    with pytest.raises(StorageError, match=r"its space 2 parameters, \w+, not 2 parameters, \w+"):
        search(6, max_depth=3)


def test_a_study_of_a_rare_class_goes_on(tmp_path):
    """Of which there are fewer rows than a table of this size has folds."""
    storage = f"sqlite:///{tmp_path}/s.db"
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"x": rng.normal(size=60), "y": ["rare"] * 3 + ["usual"] * 57})
    bayes = {"estimator": "sklearn.naive_bayes.GaussianNB"}
    smoothing = {"hyperparameters": {"var_smoothing": Float(1e-9, 1e-2, log=True)}}
    options = RunOptions(
        space=Space(paradigm=Choice({"bayes": bayes | smoothing})), storage=storage, resume=True
    )
    found = [run_table(make_dataset(frame, "y"), replace(options, n_trials=n)) for n in (2, 4)]
    assert [run.n_folds for run in found] == [3, 3]
    assert len(found[1].result.records) == 4
