"""`search`: any objective, no table."""

from __future__ import annotations

import signal
import sqlite3
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import optuna
import pytest
from optuna.artifacts import FileSystemArtifactStore, get_all_artifact_meta, upload_artifact

from jointopt import (
    Categorical,
    Choice,
    Float,
    Int,
    OptionError,
    SearchError,
    Space,
    StorageError,
    Subset,
    search,
)
from jointopt.search.storage import open_storage
from jointopt.search.strategies import Stage


@pytest.fixture
def space():
    return Space(
        transforms={"scale": Categorical(["none", "standard", "quantile"])},
        paradigm=Choice(
            {
                "line": {"hyperparameters": {"x": Float(-3.0, 3.0)}},
                "stair": {"hyperparameters": {"n": Int(0, 9)}},
            }
        ),
    )


def objective(config, _trial):
    bonus = {"none": 0.0, "standard": 0.2, "quantile": 0.1}[config["transforms/scale"]]
    if config["paradigm"] == "line":
        return bonus - (config["hyperparameters/line/x"] - 1) ** 2
    return bonus - 0.1 * abs(config["hyperparameters/stair/n"] - 7) - 0.05


def test_finds_the_joint_optimum(space):
    found = search(space, objective, n_trials=120, seed=1)
    assert found.best_config["transforms/scale"] == "standard"
    assert found.best_score > 0.13
    assert len(found.trials) == 120
    assert set(found.trials["state"]) == {"complete"}
    assert list(found.studies) == ["joint"]
    assert found.studies["joint"].best_value == found.best_score
    assert found.studies["joint"].study_name == "search/joint"


def test_the_default_is_the_first_trial(space):
    found = search(space, objective, n_trials=3)
    assert found.records[0].config == space.default()


def test_same_seed_same_trials_and_another_seed_others(space):
    first, again, other = (search(space, objective, n_trials=40, seed=s).trials for s in (5, 5, 6))
    columns = ["value", *space.default()]
    assert first[columns].equals(again[columns])
    assert not first[columns].equals(other[columns])


def test_minimize(space):
    found = search(space, lambda c, t: -objective(c, t), direction="minimize", n_trials=60)
    assert found.best_score == found.trials["value"].min()


def test_nothing_is_evaluated_twice_and_a_finite_space_ends_the_search():
    space = Space(transforms={"a": Categorical([1, 2, 3]), "b": Categorical(["x", "y"])})
    seen = []

    def count(config, _trial):
        seen.append(tuple(config.items()))
        return float(config["transforms/a"])

    found = search(space, count, n_trials=500)
    assert len(seen) == len(set(seen)) == 6
    assert found.best_config["transforms/a"] == 3


@pytest.mark.parametrize(("low", "how"), [(0.0, {}), (2.0, {"log": True})])
def test_ranges_of_one_value_do_not_end_the_search_early(low, how):
    one = {f"one_{i}": Float(low, low, **how) for i in range(3)}
    space = Space(transforms={"a": Int(1, 6)}, hyperparameters={"k": Int(1, 6), **one})
    found = search(space, lambda c, _: c["transforms/a"] * c["hyperparameters/k"], n_trials=99)
    assert len(found.trials) == 36


def test_failures_are_recorded_with_their_reason_and_do_not_end_the_search(space):
    def fragile(config, _trial):
        if config["paradigm"] == "stair":
            raise RuntimeError("no steps today")
        return float("nan") if config["hyperparameters/line/x"] < 0 else 1.0

    found = search(space, fragile, n_trials=40)
    failed = found.trials[found.trials["state"] == "fail"]
    assert set(failed["reason"]) == {"RuntimeError: no steps today", "the objective returned NaN"}
    assert found.best_score == 1.0


def test_a_long_reason_is_shown_in_short_and_kept_in_full(space, tmp_path):
    long = "no steps, " * 20

    def objective(_config, trial):
        if trial.number == 1:
            raise RuntimeError(long)
        return 0.5

    found = search(space, objective, n_trials=2, storage=f"sqlite:///{tmp_path}/study.db")
    shown = found.studies["joint"].trials[1].user_attrs["reason"]
    assert shown.startswith("RuntimeError: no steps")
    assert len(shown) == 80
    assert found.trials["reason"].iloc[1] == f"RuntimeError: {long.strip()}"


def test_all_failed_is_an_error_that_tells_the_reason(space):
    def broken(*_):
        raise KeyError("age")

    with pytest.raises(SearchError, match=r"all 5 trials failed.*KeyError: 'age'"):
        search(space, broken, n_trials=5)


@pytest.mark.parametrize("strategy", ["joint", "random"])
def test_an_objective_may_suggest_what_is_not_searched(space, strategy):
    def noisy(config, trial):
        assert trial.params == dict(config)
        noise = trial.suggest_float("noise", 0.0, 1.0)
        assert (
            trial.suggest_categorical("transforms/scale", ["none", "standard", "quantile"])
            == (config["transforms/scale"])
        )
        assert 0.0 <= noise <= 1.0
        return objective(config, trial)

    with_noise = search(space, noisy, strategy=strategy, n_trials=30)
    assert {record.trial.state.name for record in with_noise.records} == {"COMPLETE"}
    assert len({trial.params["noise"] for trial in with_noise.studies[strategy].trials}) == 30
    if strategy == "joint":  # what is drawn at random also moves the random strategy on
        without = search(space, objective, strategy=strategy, n_trials=30)
        assert [r.config for r in without.records] == [r.config for r in with_noise.records]


def test_a_study_with_such_parameters_goes_on(space, tmp_path):
    def noisy(config, trial):
        return objective(config, trial) + 1e-9 * trial.suggest_float("noise", 0.0, 1.0)

    how = {"storage": tmp_path / "s.journal", "name": "mine"}
    search(space, noisy, n_trials=12, **how)
    more = search(space, noisy, n_trials=20, **how)
    assert len(more.records) == 20
    assert len({frozenset(record.config.items()) for record in more.records}) == 20


@pytest.mark.parametrize("strategy", ["joint", "random"])
def test_the_last_column_of_a_mask_is_not_asked_for_where_it_must_be_on(strategy):
    space = Space(features={"columns": Subset(["a", "b", "c"])})
    found = search(space, lambda c, _: float(sum(c.values())), strategy=strategy, n_trials=7)
    asked = {tuple(r.config.values()): [*r.trial.params] for r in found.records}
    every = [f"features/columns/{name}" for name in "abc"]
    assert len(asked) == 7
    assert asked.pop((False, False, True)) == every[:2]
    assert all(params == every for params in asked.values())


def test_report_and_should_prune_work(space):
    def slow(config, trial):
        value = objective(config, trial)
        for step in range(4):
            trial.report(value, step)
            if trial.should_prune():
                raise optuna.TrialPruned
        return value

    found = search(space, slow, n_trials=60)
    pruned = [r.trial for r in found.records if r.trial.state.name == "PRUNED"]
    assert pruned
    assert all(t.intermediate_values and t.value is not None for t in pruned)


def reported(n_good):
    """Return an objective of which all but the first trials are to be pruned."""
    n_asked = 0

    def better_at_first(_config, trial):
        nonlocal n_asked
        n_asked += 1
        value = 1.0 if n_asked <= n_good else 0.0
        trial.report(value, 0)
        if trial.should_prune():
            raise optuna.TrialPruned
        return value

    return better_at_first


def test_a_stage_prunes_by_the_trials_of_those_before(space):
    """Each half of a round is a stage, of fewer trials than a median needs."""
    found = search(space, reported(8), "alternating", n_trials=30)
    assert found.trials["state"].tolist() == ["complete"] * 8 + ["pruned"] * 22


@pytest.mark.parametrize("strategy", ["joint", "random", "alternating"])
def test_a_resumed_search_prunes_by_earlier_trials(space, strategy, tmp_path):
    place = {"storage": tmp_path / "study.journal", "name": "mine"}
    search(space, reported(8), strategy, n_trials=8, **place)
    found = search(space, reported(0), strategy, n_trials=12, **place)
    assert found.trials["state"].tolist() == ["complete"] * 8 + ["pruned"] * 4


def test_a_journal_file_and_a_database_hold_the_study(space, tmp_path):
    journal = tmp_path / "study.journal"
    search(space, objective, n_trials=12, storage=str(journal), name="mine")
    storage = optuna.storages.JournalStorage(
        optuna.storages.journal.JournalFileBackend(str(journal))
    )
    assert len(optuna.load_study(study_name="mine/joint", storage=storage).trials) == 12

    database = tmp_path / "study.db"
    search(space, objective, n_trials=12, storage=f"sqlite:///{database}", name="mine")
    study = optuna.load_study(study_name="mine/joint", storage=f"sqlite:///{database}")
    assert [t.number for t in study.trials] == list(range(12))
    assert all("paradigm" in t.params for t in study.trials)
    with sqlite3.connect(database) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_without_a_name_each_search_has_studies_of_its_own(space, tmp_path):
    place = tmp_path / "study.journal"
    names = [
        study.study_name
        for _ in range(3)
        for study in search(space, objective, n_trials=2, storage=place).studies.values()
    ]
    assert names == ["search/joint", "search-2/joint", "search-3/joint"]


def test_searches_that_begin_at_once_have_studies_of_their_own(space):
    both_have_looked = threading.Barrier(2)

    class Watched(optuna.storages.InMemoryStorage):
        def get_all_studies(self):
            found = super().get_all_studies()
            both_have_looked.wait(timeout=10)
            return found

    storage = Watched()
    with ThreadPoolExecutor(2) as threads:
        both = [
            threads.submit(search, space, objective, n_trials=2, storage=storage) for _ in "ab"
        ]
    names = {study.study_name for found in both for study in found.result().studies.values()}
    assert names == {"search/joint", "search-2/joint"}


def test_a_named_study_goes_on_if_it_is_the_same(space, tmp_path):
    place = tmp_path / "study.journal"
    first = search(space, objective, n_trials=3, storage=place, name="mine")
    both = search(space, objective, n_trials=5, storage=place, name="mine")
    assert len(both.trials) == 5
    assert [r.config for r in both.records[:3]] == [r.config for r in first.records]
    with pytest.raises(StorageError, match="its direction maximize, not minimize as here"):
        search(space, objective, direction="minimize", storage=place, name="mine")
    with pytest.raises(StorageError, match="its space 4 parameters"):
        search(space.freeze({"paradigm": "line"}), objective, storage=place, name="mine")
    with pytest.raises(StorageError, match="its strategy joint, not random as here"):
        search(space, objective, "random", storage=place, name="mine")
    studies = optuna.get_all_study_names(open_storage(place))
    assert studies == ["mine/joint"], "what was refused left nothing"


@pytest.mark.parametrize("place", ["sqlite:///study.db", "study.journal", None])
def test_a_trial_pruned_at_nan_has_no_value(space, tmp_path, monkeypatch, place):
    monkeypatch.chdir(tmp_path)

    def diverges(config, trial):
        trial.report(np.nan if config["paradigm"] == "line" else 1.0, 0)
        raise optuna.TrialPruned

    found = search(space, diverges, n_trials=4, storage=place)
    assert found.best_score == 1.0
    study = found.studies["joint"]
    told = {trial.params["paradigm"]: trial.value for trial in study.trials}
    assert told == {"line": None, "stair": 1.0}
    with pytest.raises(SearchError, match="commonest reason: pruned by the objective"):
        search(space.freeze({"paradigm": "line"}), diverges, n_trials=1, storage=place)


def test_an_exhaustive_search_goes_on_however_much_is_known(tmp_path):
    finite = Space(hyperparameters={"n": Int(1, 90)})
    options = {"storage": tmp_path / "study.journal", "name": "mine"}
    search(finite, lambda *_: 0.0, "exhaustive", n_trials=70, **options)
    found = search(finite, lambda *_: 0.0, "exhaustive", n_trials=None, **options)
    assert len(found.trials) == 90


@pytest.mark.parametrize("strategy", ["joint", "alternating"])
def test_an_objective_may_take_its_parameters_out(space, strategy):
    def emptied(config, trial):
        score = objective(config, trial)
        config.clear()
        return score

    records, expected = (
        [(record.config, record.trial.value) for record in found.records]
        for found in (search(space, f, strategy, n_trials=20) for f in (emptied, objective))
    )
    assert records == expected


def test_subsets_on_any_axis_keep_a_member():
    space = Space(transforms={"use": Subset(["a", "b"])}, hyperparameters={"x": Float(0.0, 1.0)})
    found = search(space, lambda config, _: config["hyperparameters/x"], "alternating")
    assert len(found.trials) == 200


def test_a_seed_may_be_of_numpy(space):
    found, plain = (search(space, objective, "alternating", seed=s) for s in (np.int64(3), 3))
    assert [r.config for r in found.records] == [r.config for r in plain.records]


def test_options_may_be_of_numpy(tmp_path):
    space = Space(
        features={"columns": Subset(list(np.array(["a", "b"])))},
        hyperparameters={
            "C": Categorical(list(np.logspace(-2, 0, 3))),
            "n": Categorical(list(np.arange(3))),
        },
    )
    plain = Space(
        features={"columns": Subset(["a", "b"])},
        hyperparameters={"C": Categorical([0.01, 0.1, 1.0]), "n": Categorical([0, 1, 2])},
    )
    assert space.to_yaml() == plain.to_yaml()
    place = f"sqlite:///{tmp_path}/study.db"
    found = search(
        space, lambda config, _: config["hyperparameters/C"], n_trials=12, storage=place
    )
    assert found.best_score == 1.0


@pytest.mark.parametrize("place", ["sqlite:///study.db", "study.journal"])
def test_attributes_are_stored_or_fail_their_trial(space, tmp_path, monkeypatch, place):
    monkeypatch.chdir(tmp_path)

    def told(config, trial):
        trial.set_user_attr("rounds", np.int64(7))
        trial.set_user_attr("curve", {"loss": np.array([0.5, 0.25])})
        if trial.number == 1:
            trial.set_user_attr("model", object())
        return objective(config, trial)

    found = search(space, told, n_trials=3, storage=place)
    attributes = found.studies["joint"].trials[0].user_attrs
    assert (attributes["rounds"], attributes["curve"]) == (7, {"loss": [0.5, 0.25]})
    reason = found.trials["reason"].iloc[1]
    assert (
        reason == "a user attribute cannot be stored: TypeError: object is not JSON serializable"
    )
    assert found.trials["state"].tolist() == ["complete", "fail", "complete"]


@pytest.mark.parametrize("place", ["sqlite:///study.db", "study.journal"])
def test_artifacts_and_constraints_of_a_trial_are_stored(space, tmp_path, monkeypatch, place):
    monkeypatch.chdir(tmp_path)
    store = FileSystemArtifactStore(tmp_path)
    (tmp_path / "curve.txt").write_text("0.5")

    def told(config, trial):
        upload_artifact(artifact_store=store, file_path="curve.txt", study_or_trial=trial)
        trial.set_constraint("memory", -1.0)
        return objective(config, trial)

    trial = search(space, told, n_trials=1, storage=place).studies["joint"].trials[0]
    (artifact,) = get_all_artifact_meta(trial, storage=open_storage(place))
    assert artifact.filename == "curve.txt"
    assert trial.constraints == {"memory": -1.0}


def test_attributes_of_any_name_do_not_keep_a_study_from_going_on(space, tmp_path):
    def told(config, trial):
        trial.set_user_attr("held", 3)
        return objective(config, trial)

    how = {"storage": tmp_path / "study.journal", "name": "mine"}
    first = search(space, told, n_trials=3, **how)
    both = search(space, told, n_trials=5, **how)
    assert [r.config for r in both.records[:3]] == [r.config for r in first.records]


def test_a_failed_trial_has_no_value_whatever_it_reported(space):
    def fails(config, trial):
        trial.report(7.0, 0)
        if trial.number:
            raise RuntimeError
        return objective(config, trial)

    told = search(space, fails, n_trials=3).trials["value"]
    assert told.notna().tolist() == [True, False, False]


THREE = Space(**{axis: {"x": Float(0, 1)} for axis in ("transforms", "features", "paradigm")})


def slow(config, _trial):
    time.sleep(0.01)
    return sum(config.values())


def per_stage(found):
    return found.trials["stage"].value_counts(sort=False).to_dict()


@pytest.mark.parametrize(
    "limits",
    [
        ({"n_trials": 20}, {"n_trials": 30}),
        ({"n_trials": None, "budget": 0.6}, {"n_trials": None, "budget": 0.3}),
    ],
)
def test_stages_that_were_left_for_later_ones_are_only_read(tmp_path, limits):
    how = {"strategy": "sequential", "storage": tmp_path / "study.journal", "name": "mine"}
    first, again = (per_stage(search(THREE, slow, **limit, **how)) for limit in limits)
    assert [*first] == [*again]
    *left, last = first
    assert len(left) > 2
    assert [again[stage] for stage in left] == [first[stage] for stage in left]
    assert again[last] > first[last]


def test_a_stage_that_has_used_its_share_is_not_begun_anew(tmp_path):
    asked = []

    def interrupted(config, trial):
        asked.append(config)
        if len(asked) > 30:
            raise KeyboardInterrupt
        return slow(config, trial)

    def two_halves(space, starts, seed):
        del starts, seed
        yield Stage("first", space, sampler="random", share=0.5)
        yield Stage("second", space, sampler="random")

    how = {"n_trials": None, "storage": tmp_path / "study.journal", "name": "mine"}
    first = search(THREE, interrupted, two_halves, budget=60, **how)
    assert per_stage(first) == {"first": 30}
    again = per_stage(search(THREE, slow, two_halves, budget=0.1, **how))
    assert again["first"] == 30
    assert again["second"] > 0


def test_an_interrupt_between_stages_ends_with_what_was_found(space):
    def plan(_space, _starts, _seed):
        yield Stage("only", space, [space.default()])
        raise KeyboardInterrupt

    assert search(space, objective, plan).best_config == space.default()


@pytest.mark.usefixtures("hears_ctrl_c")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_an_interrupt_that_comes_in_a_finalizer_ends_the_search_too(space):
    before = signal.getsignal(signal.SIGINT)

    class Garbage:
        def __del__(self):
            signal.raise_signal(signal.SIGINT)

    def littering(config, trial):
        if trial.number == 3:
            Garbage()
        return objective(config, trial)

    found = search(space, littering, n_trials=20)
    assert found.trials["state"].tolist() == ["complete"] * 4
    assert signal.getsignal(signal.SIGINT) is before


@pytest.mark.usefixtures("hears_ctrl_c")
def test_an_interrupt_waits_until_a_trial_is_stored(space):
    class Interrupted(optuna.storages.InMemoryStorage):
        def create_new_trial(self, study_id, template_trial=None):
            added = super().create_new_trial(study_id, template_trial)
            if added == 3:
                signal.raise_signal(signal.SIGINT)
            return added

    found = search(space, objective, n_trials=20, storage=Interrupted())
    assert found.trials["number"].tolist() == [0, 1, 2, 3]
    assert len(found.studies["joint"].trials) == 4


@pytest.mark.usefixtures("hears_ctrl_c")
def test_a_second_interrupt_does_not_wait(space):
    passed = []

    class Stuck(optuna.storages.InMemoryStorage):
        def create_new_trial(self, study_id, template_trial=None):
            if not passed:
                for press in range(2):
                    signal.raise_signal(signal.SIGINT)
                    passed.append(press)
            return super().create_new_trial(study_id, template_trial)

    with pytest.raises(KeyboardInterrupt):
        search(space, objective, n_trials=20, storage=Stuck())
    assert passed == [0], "the second one broke off what the first one waited for"


def test_a_callable_is_a_strategy(space):
    def two_halves(space, starts, seed):
        del starts, seed
        found = yield Stage(
            "first", space.freeze({"paradigm": "stair"}), sampler="joint", share=0.5
        )
        fixed = {"transforms/scale": found.best.config["transforms/scale"]}
        yield Stage("second", space.freeze(fixed), sampler="random")

    found = search(space, objective, two_halves, n_trials=20)
    assert list(found.studies) == ["first", "second"]
    assert "paradigm" not in found.studies["first"].trials[0].params
    first = [r for r in found.records if r.stage == "first"]
    assert len(first) == 10
    assert all(r.config["paradigm"] == "stair" for r in first)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"strategy": "jiont"}, "strategy 'jiont' is not known"),
        ({"direction": "up"}, "direction must be"),
        ({"budget": "soon"}, "is not a duration"),
        ({"n_trials": 0}, "at least 1"),
        ({"seed": -1}, "seed must be a whole number from 0 to 4294967295, got -1"),
        ({"storage": "study"}, "neither a database URL"),
    ],
)
def test_wrong_options_are_named(space, options, message):
    with pytest.raises(OptionError, match=message):
        search(space, objective, **options)


def test_a_database_that_cannot_be_opened_is_a_plain_error(space, tmp_path):
    with pytest.raises(StorageError, match="cannot be opened"):
        search(space, objective, storage=f"sqlite:///{tmp_path}/missing/study.db")


def test_verbose_tells_each_gain_in_a_line(space, capsys):
    found = search(space, objective, n_trials=20, verbose=True, seed=1)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].endswith("s  value -1  trial 0  line")
    assert f"value {found.best_score:.5g}  trial" in lines[-1]
    search(space, objective, n_trials=3)
    assert not capsys.readouterr().out


def test_verbose_names_no_paradigm_where_there_is_none(capsys):
    search(Space(hyperparameters={"x": Float(0, 1)}), lambda *_: 0.0, n_trials=1, verbose=True)
    assert capsys.readouterr().out.endswith("s  value 0  trial 0\n")


def test_an_interrupt_before_the_first_value_is_told_as_one(space):
    def interrupted(*_):
        raise KeyboardInterrupt

    with pytest.raises(SearchError, match="interrupted before its first evaluation ended"):
        search(space, interrupted)
