"""What optuna-dashboard shows of a run: true while it goes on, text where it comes from data."""

from __future__ import annotations

import dataclasses
import io
import json
import sys
import time
from wsgiref.util import setup_testing_defaults

import numpy as np
import optuna
import optuna_dashboard
import pandas as pd
import pytest
from markdown_it import MarkdownIt
from optuna.artifacts import FileSystemArtifactStore
from optuna.trial import TrialState
from optuna_dashboard._custom_plot_data import get_plotly_graph_objects

from jointopt import search
from jointopt.data import Task, get_metric, make_dataset
from jointopt.errors import StorageError
from jointopt.insight.error_pictures import draw_confusion, draw_residuals
from jointopt.insight.search_result import SearchResult
from jointopt.insight.study_notes import ARTIFACTS, StudyNotes
from jointopt.insight.told_stage import N_LEADING, ToldStage
from jointopt.model.run import RunOptions, run_table
from jointopt.search.result import TrialRecord
from jointopt.search.storage import open_storage, sqlite_url
from jointopt.space import Float, Space

EVIL = ("<img src=x onerror=alert(1)>", "[a](http://b)", "![c](http://d)\n\n# e", "f`**g**`|h")
SPACE = """
transforms:
  numeric: {scale: {categorical: [none, standard]}}
features:
  choice:
    all: {}
    mask: {columns: {subset: table}}
paradigm:
  choice:
    linear:
      estimator:
        classification: sklearn.linear_model.LogisticRegression
        regression: sklearn.linear_model.Ridge
      hyperparameters:
        C: {float: [0.01, 100], log: true}
        alpha: {float: [0.01, 100], log: true}
"""


def make_table(task):
    rng = np.random.default_rng(0)
    table = pd.DataFrame(rng.normal(size=(60, 4)), columns=EVIL)
    signal = table[EVIL[0]] + 0.3 * rng.normal(size=60)
    label = np.where(signal > 0, "<b>yes</b>", "*no*")
    return table.assign(y=signal if task is Task.REGRESSION else label)


def run(folder, task, trials):
    """Search in this process, or go on where there was a study; return what was found."""
    dataset = make_dataset(make_table(task), "y")
    metric = get_metric(None, dataset.task)
    options = RunOptions(
        space=Space.from_yaml(SPACE),
        n_trials=trials,
        storage=open_storage(sqlite_url(folder / "study.db")),
        name=EVIL[2],
        resume=True,
    )
    notes = StudyNotes(options.storage, EVIL[2], metric, EVIL[3], folder / ARTIFACTS)
    found = run_table(dataset, options, listeners=[notes], prepared=notes.prepare)
    result = SearchResult.of(found.result, metric)
    notes.finish(result, "It has **ended**.", found.model.members)
    return found


def read(out):
    """Return a reader of what optuna-dashboard answers, as its page asks for it."""
    app = optuna_dashboard.wsgi(
        open_storage(sqlite_url(out / "study.db")), FileSystemArtifactStore(out / ARTIFACTS)
    )

    def get(path):
        environment = {"PATH_INFO": path, "QUERY_STRING": "after=0"}
        setup_testing_defaults(environment)
        told = []
        answer = app(environment, lambda *head: told.append(head))
        body = b"".join(answer)
        if hasattr(answer, "close"):
            answer.close()
        assert told[0][0].startswith("200"), (path, told)
        return body.decode()

    return get


def markup_of(text):
    """Return what a Markdown text has beside words, tables and code."""
    parser = MarkdownIt("commonmark", {"html": True}).enable("table")
    tokens = parser.parse(text)
    tokens += [child for token in tokens for child in token.children or []]
    table = {"table", "thead", "tbody", "tr", "th", "td"}
    usual = {"p", "strong", "code", ""} | table
    return [t for t in tokens if t.tag not in usual or "html" in t.type]


@pytest.mark.parametrize("task", [Task.BINARY, Task.REGRESSION])
def test_a_study_shows_its_note_graphs_and_trials(task, tmp_path):
    run(tmp_path, task, 12)
    get = read(tmp_path)
    (listed,) = json.loads(get("/api/studies"))["study_summaries"]
    assert listed["study_name"] == f"{EVIL[2]}/joint"
    study = json.loads(get("/api/studies/1"))
    assert study["objective_names"] == ["roc_auc" if task is Task.BINARY else "rmse"]
    note = study["note"]["body"]
    assert "12 trials by" in note
    assert "It has **ended**." in note
    assert markup_of(note) == []
    graphs = {
        graph["id"]: json.loads(graph["graph_object"]) for graph in study["plotly_graph_objects"]
    }
    assert {"history", "features"} <= set(graphs)
    assert all(graph["data"] for graph in graphs.values())
    assert "<img" not in "".join(graph["graph_object"] for graph in study["plotly_graph_objects"])
    complete = [trial for trial in study["trials"] if trial["state"] == "Complete"]
    complete.sort(key=lambda trial: trial["values"][0], reverse=task is Task.BINARY)
    notes = [trial["note"]["body"] for trial in study["trials"]]
    assert all(notes)
    assert [markup_of(note) for note in notes] == [[]] * 12
    with_files = [trial for trial in study["trials"] if trial["artifacts"]]
    assert [t["number"] for t in complete[:N_LEADING] if t not in with_files] == []
    picture = "confusion.svg" if task is Task.BINARY else "residuals.svg"
    for trial in with_files:
        body = trial["note"]["body"]
        assert f"{trial['values'][0]:.5g}** ±" in body
        assert markup_of(body) == []
        files = {
            f["filename"]: get(f"/artifacts/1/{trial['trial_id']}/{f['artifact_id']}")
            for f in trial["artifacts"]
        }
        assert sorted(files) == sorted(["fold_scores.csv", picture, "pipeline.html"])
        scores = pd.read_csv(io.StringIO(files["fold_scores.csv"]))
        assert scores.iloc[:, -1].mean() == pytest.approx(trial["values"][0])
        for text in (files[picture], files["pipeline.html"]):
            assert "<img" not in text
            assert "<b>yes" not in text
        assert ("&lt;b&gt;yes" in files[picture]) == (task is Task.BINARY)


@pytest.mark.slow
def test_a_run_of_half_a_minute_is_drawn_before_it_ends(start_run, n_stored, tmp_path):
    process = start_run("--budget", "30s", "--out", tmp_path)
    while process.poll() is None and n_stored(tmp_path / "study.db") < 5:
        time.sleep(0.1)
    get = read(tmp_path)
    graphs, note = set(), ""
    while process.poll() is None and "ended" not in note and "history" not in graphs:
        time.sleep(0.5)
        study = json.loads(get("/api/studies/1"))
        graphs = {graph["id"] for graph in study["plotly_graph_objects"]}
        note = study["note"]["body"]
    # When it ends the note says so before graphs are drawn again.
    assert "history" in graphs
    assert "ended" not in note


def test_a_run_that_goes_on_keeps_what_is_shown_and_adds_to_it(tmp_path):
    run(tmp_path, Task.BINARY, 6)
    before = set((tmp_path / ARTIFACTS).iterdir())
    run(tmp_path, Task.BINARY, 10)
    assert before < set((tmp_path / ARTIFACTS).iterdir())
    study = json.loads(read(tmp_path)("/api/studies/1"))
    assert "10 trials by" in study["note"]["body"]
    shown = [f["artifact_id"] for trial in study["trials"] for f in trial["artifacts"]]
    assert len(shown) == 3 * len([trial for trial in study["trials"] if trial["artifacts"]])
    assert sorted(shown) == sorted(path.name for path in (tmp_path / ARTIFACTS).iterdir())


def test_members_of_the_model_have_files_too(tmp_path, monkeypatch):
    monkeypatch.setattr(sys.modules[ToldStage.__module__], "N_LEADING", 0)
    members = run(tmp_path, Task.REGRESSION, 12).model.members
    assert len(members) > 2
    study = json.loads(read(tmp_path)("/api/studies/1"))
    with_files = {trial["number"] for trial in study["trials"] if trial["artifacts"]}
    assert with_files == {member.trial for member in members}


def test_files_that_cannot_be_kept_are_told_with_their_place(tmp_path):
    (tmp_path / ARTIFACTS).write_text("in the way")
    with pytest.raises(StorageError, match=r"fold_scores.csv in .*artifacts cannot be written"):
        run(tmp_path, Task.REGRESSION, 2)


def record(number, value, reason=None):
    trial = optuna.create_trial(
        state=TrialState.FAIL if reason else TrialState.COMPLETE,
        value=None if reason else value,
        user_attrs={
            "fold_scores": [value],
            "reason": reason,
            "fit_seconds": 1.0,
            "predict_seconds": 0.5,
            "n_features": 3,
        },
    )
    return TrialRecord("joint", number, {"paradigm": EVIL[2]}, trial, evaluation=number)


def test_a_note_says_what_was_found_so_far(tmp_path):
    storage = optuna.storages.InMemoryStorage()
    study = optuna.create_study(study_name="s/joint", storage=storage, direction="minimize")
    notes = StudyNotes(storage, "s", get_metric("rmse", Task.REGRESSION), EVIL[3], tmp_path)
    notes(record(0, 2.0))
    first = optuna_dashboard.get_note(study)
    assert "**rmse 2** ± 0 over 1 folds, trial 0" in first
    assert "1 trials by" in first
    assert markup_of(first) == []
    for told in (record(1, 1.0), record(2, 3.0), record(3, 0.0, reason=EVIL[2])):
        study.add_trial(told.trial)
        notes(told)
    study.add_trial(record(4, 0.5).trial)
    notes.finish()
    last = optuna_dashboard.get_note(study)
    assert "**rmse 1** ± 0 over 1 folds, trial 1" in last
    assert "4 trials by" in last
    assert "3 finished, 0 stopped early, 1 failed" in last
    assert "1 × ![c](http://d) # e" in last
    assert markup_of(last) == []


def test_each_trial_has_a_note_and_what_somebody_wrote_stays(tmp_path):
    storage = optuna.storages.InMemoryStorage()
    study = optuna.create_study(study_name="s/joint", storage=storage, direction="minimize")
    notes = StudyNotes(storage, "s", get_metric("rmse", Task.REGRESSION), EVIL[3], tmp_path)
    pruned = record(1, 3.0)
    pruned.trial.state = TrialState.PRUNED
    pruned.trial.user_attrs["reason"] = "behind the best"
    for told in (record(0, 2.0), pruned, record(2, 0.0, reason=EVIL[2]), record(3, 2.5)):
        study.add_trial(told.trial)
        notes(told)
    number_3 = optuna.Trial(study, study.trials[3]._trial_id)
    optuna_dashboard.save_note(number_3, "mine")
    notes.finish()
    told = [optuna_dashboard.get_note(optuna.Trial(study, t._trial_id)) for t in study.trials]
    assert "**rmse 2** ± 0 over 1 folds" in told[0]
    assert "**Stopped early** at rmse 3 on 1 fold: `behind the best`" in told[1]
    assert "**Failed**: `![c](http://d) # e`" in told[2]
    assert told[3] == "mine"
    # An earlier run's, which was killed before it wrote one; it has none of them anew.
    again = StudyNotes(storage, "s", get_metric("rmse", Task.REGRESSION), EVIL[3], tmp_path)
    study.add_trial(record(4, 1.5).trial)
    for number, value in ((0, 9.0), (4, 1.5)):
        again(dataclasses.replace(record(number, value), evaluation=None))
    again.finish()
    after = [optuna_dashboard.get_note(optuna.Trial(study, t._trial_id)) for t in study.trials]
    assert after[:4] == told
    assert "**rmse 1.5**" in after[4]
    assert [markup_of(note) for note in told] == [[]] * 4


def test_learning_curves_name_trials_as_the_stored_study_does(tmp_path):
    storage = optuna.storages.InMemoryStorage()
    study = optuna.create_study(study_name="s/joint", storage=storage, direction="minimize")
    notes = StudyNotes(storage, "s", get_metric("rmse", Task.REGRESSION), EVIL[3], tmp_path)
    curve = {"paradigm": "mlp", "losses": [2.0, 1.0], "progress": [0.5, 1.0], "stopped": False}
    for number in (0, 1):
        told = record(number, 1.0)
        told.trial.user_attrs["learning_curves"] = [curve]
        # As the live study has it, which counts what was drawn again, too.
        told.trial.number = number + 40
        study.add_trial(told.trial)
        notes(told)
    notes.finish()
    graphs = get_plotly_graph_objects(storage.get_study_system_attrs(study._study_id))
    drawn = json.loads(graphs["learning-curves"])["data"]
    assert [line["hovertemplate"].partition(",")[0] for line in drawn] == ["trial 0", "trial 1"]


def test_graphs_of_too_many_axes_lack_what_cannot_be_told(tmp_path):
    storage = optuna.storages.InMemoryStorage()
    study = optuna.create_study(study_name="s/joint", storage=storage)
    metric = get_metric("rmse", Task.REGRESSION)
    notes = StudyNotes(storage, "s", metric, EVIL[3], tmp_path)
    study.add_trial(record(0, 1.0).trial)
    notes(record(0, 1.0))
    space = Space(**{f"x{i}": Float(0, 1) for i in range(8)})
    found = search(space, lambda c, _: c["x0"], "random", n_trials=110, direction="minimize")
    notes.finish(found)
    graphs = get_plotly_graph_objects(storage.get_study_system_attrs(study._study_id))
    assert {*graphs} == {"importance", "parallel"}


def test_rare_classes_share_a_row_and_unscored_rows_are_left_out():
    n_classes = 20
    true = np.repeat(np.arange(n_classes), np.arange(1, n_classes + 1))
    predicted = np.eye(n_classes)[true]
    predicted[-5:] = np.nan
    drawn = draw_confusion(true, predicted, [f"class {i}" for i in range(n_classes)])
    assert f"{len(true) - 5} rows" in drawn
    assert "class 18" in drawn
    assert "class 2<" not in drawn
    assert f">{sum(range(1, 10))}</text>" in drawn


def test_residuals_of_a_constant_prediction_are_drawn():
    drawn = draw_residuals(np.array([1.0, 1.0, 3.0]), np.array([1.0, 1.0, np.nan]))
    assert drawn.count("<circle") == 2
    assert "nan" not in drawn
