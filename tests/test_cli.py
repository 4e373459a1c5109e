"""The command line, run as a person would."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path

import numpy as np
import onnxruntime
import optuna
import optuna_dashboard
import pandas as pd
import pytest

from jointopt import cli
from jointopt.search.result import told_of

QUICK = ("--space", "space.yaml", "--trials", 6, "--workers", 1)


def write_table(frames, folder):
    make, target = frames["quick binary"]
    frame = make(150)
    frame.head(120).to_csv(folder / "train.csv", index=False)
    frame.tail(30).drop(columns=target).to_csv(folder / "new.csv", index=False)
    return folder / "train.csv"


@pytest.fixture
def table(frames, tmp_path):
    return write_table(frames, tmp_path)


@pytest.fixture(scope="module")
def run_once(command_line, space_text, frames, tmp_path_factory):
    """A folder with a table and what a run on it left."""
    folder = tmp_path_factory.mktemp("once")
    (folder / "space.yaml").write_text(space_text)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        table = write_table(frames, folder)
        assert command_line("run", table, "--target", "label", *QUICK, "--out", "out") == 0
    return folder


@pytest.fixture
def finished(run, run_once, tmp_path):
    """A copy of what that run left, in this test's folder."""
    del run
    shutil.copytree(run_once, tmp_path, dirs_exist_ok=True)
    return tmp_path / "out"


def flat(text):
    return " ".join(text.split())


def test_from_a_table_to_predictions(run, finished, tmp_path):
    folder = finished
    assert {p.name for p in folder.iterdir()} >= {
        "study.db",
        "model",
        "leaderboard.csv",
        "report.html",
        "study.yaml",
        "out_of_fold.npz",
    }
    study = optuna.load_study(study_name="train/joint", storage=f"sqlite:///{folder}/study.db")
    assert len(study.trials) == 6
    attributes = study.best_trial.user_attrs
    assert study.best_value == pytest.approx(np.mean(attributes["fold_scores"]), rel=1e-4)
    # The dashboard shows an attribute in one line, for which it has room for some 90 characters.
    assert max(len(f"{key} {value}") for key, value in attributes.items()) < 90
    told = told_of(study.best_trial)
    assert len(told["fold_scores"]) == 8
    assert attributes["fit_seconds"] > 0
    assert attributes["n_features"] > 0
    assert study.best_value == pytest.approx(np.mean(told["fold_scores"]), rel=1e-12)

    # A new process: nothing of the run is in memory.
    done = subprocess.run(
        [sys.executable, "-m", "jointopt.cli", "predict", folder, "new.csv", "--out", "preds.csv"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    predictions = pd.read_csv(tmp_path / "preds.csv")
    assert list(predictions.columns) == ["no", "yes", "prediction"]
    np.testing.assert_allclose(predictions["no"] + predictions["yes"], 1)
    assert set(predictions["prediction"]) <= {"no", "yes"}

    # The model's folder alone is enough, wherever it is.
    shutil.copytree(folder / "model", tmp_path / "elsewhere")
    done = subprocess.run(
        [sys.executable, "elsewhere/predict.py", "new.csv", "again.csv"], cwd=tmp_path, check=False
    )
    assert done.returncode == 0
    pd.testing.assert_frame_equal(pd.read_csv(tmp_path / "again.csv"), predictions)

    card = (folder / "model" / "README.md").read_text()
    scores = np.array(
        json.loads((folder / "model" / "model.json").read_text())["facts"]["fold_scores"]
    )
    assert f"**{scores.mean():.5g}** ± {scores.std():.2g} (standard deviation over 8 folds" in card
    assert "| `plan` | categorical | 0.0 % | `a`, `b`, `c` |" in card.replace(
        "\N{NO-BREAK SPACE}", " "
    )
    assert f"scikit-learn {version('scikit-learn')}" in card

    code, out, _ = run("report", "out")
    assert code == 0
    assert "report.html" in out
    page = (folder / "report.html").read_text()
    assert "linear" in page
    facts = {"target": "label", "rows": "120", "folds": "8", "limits": "6 trials"}
    for name, value in (facts | {"workers": "1 worker"}).items():
        assert f"<td>{name}</td><td>{value}</td>" in page
    assert "how axes interact can be told from 100 on" in page
    assert len(page) < 6e6


def test_out_of_fold_predictions_reproduce_the_scores(run, table, tmp_path):
    options = (*QUICK, "--out", "out", "--metric", "accuracy")
    _, out, _ = run("run", table, "--target", "label", *options)
    assert "leaderboard.csv, study.db, study.yaml" in flat(out)
    saved = np.load(tmp_path / "out" / "out_of_fold.npz")
    board = pd.read_csv(tmp_path / "out" / "leaderboard.csv")
    best = saved[f"joint/{board.loc[0, 'trial']}"]
    truth = pd.read_csv(table)["label"].to_numpy()
    accuracy = (np.array(["no", "yes"])[best.argmax(axis=1)] == truth).mean()
    assert accuracy == pytest.approx(board.loc[0, "score"], abs=0.01)


def test_a_table_of_dates_and_texts_with_a_storage_elsewhere(run, frames, tmp_path):
    make, target = frames["regression"]
    make().to_csv(tmp_path / "t.csv", index=False)
    elsewhere = ("--storage", "s.journal", "--out", "out")
    code, out, _ = run("run", "t.csv", "--target", target, *QUICK, *elsewhere)
    assert code == 0
    assert "leaderboard.csv, study.yaml" in flat(out), "its study is not in the folder"
    assert run("predict", "out", "t.csv", "--out", "p.csv")[0] == 0
    assert list(pd.read_csv(tmp_path / "p.csv").columns) == ["prediction"]
    code, _, err = run("export", "out", "--onnx")
    assert code == 2
    assert "error: ONNX cannot express the date column 'joined', in" in flat(err)
    assert not (tmp_path / "out" / "model.onnx").exists()


def test_optuna_dashboard_tells_what_a_study_found(finished):
    study = optuna.load_study(study_name="train/joint", storage=f"sqlite:///{finished}/study.db")
    assert study.metric_names == ["roc_auc"]
    note = optuna_dashboard.get_note(study)
    assert f"**roc_auc {study.best_value:.5g}**" in note
    assert "6 trials by " in note
    assert "A run on this study has ended. Its model " in note
    assert len(list((finished / "artifacts").iterdir())) % 3 == 0


def test_resume_goes_on_where_a_run_stopped_if_it_is_the_same(run, finished):
    table = "train.csv"
    code, _, err = run("run", table, "--target", "label", *QUICK, "--out", "out")
    assert code == 2
    assert "--resume" in flat(err)
    more = [*QUICK]
    more[3] = 10
    kept = (finished / "study.yaml").read_text()
    other = ("--metric", "log_loss", "--out", "out", "--resume")
    code, _, err = run("run", table, "--target", "label", *more, *other)
    assert code == 2
    assert "its metric roc_auc, not log_loss as here" in flat(err)
    code, _, err = run(
        "run",
        table,
        "--target",
        "label",
        *more,
        "--strategy",
        "random",
        "--out",
        "out",
        "--resume",
    )
    assert code == 2
    assert "its strategy joint, not random as here" in flat(err)
    assert (finished / "study.yaml").read_text() == kept
    code, _, err = run("run", table, "--target", "label", *more, "--out", "out", "--resume")
    assert (code, err) == (0, "")
    study = optuna.load_study(study_name="train/joint", storage=f"sqlite:///{finished}/study.db")
    assert [t.number for t in study.trials] == list(range(10))
    configs = [tuple(sorted(t.params.items())) for t in study.trials]
    assert len(set(configs)) == 10


def test_a_resumed_run_never_takes_a_better_model_away(run, finished):
    """An averaged model is of fits that were kept on the way, and a later run has them no more."""
    about = finished / "model" / "model.json"
    facts = json.loads(about.read_text())["facts"]
    assert facts["validation_score"] > facts["best_single_score"]
    words = ("run", "train.csv", "--target", "label", *QUICK, "--out", "out", "--resume")
    code, out, err = run(*words)
    assert (code, err) == (0, "")
    assert "The model is the earlier run's" in flat(out)
    again = json.loads(about.read_text())["facts"]
    assert again["validation_score"] == facts["validation_score"]


def test_a_study_of_another_name_is_not_gone_on_with(run, finished):
    shutil.copy("train.csv", "feb.csv")
    kept = {path: path.read_bytes() for path in finished.rglob("*.*")}
    words = ("run", "feb.csv", "--target", "plan", *QUICK, "--out", "out", "--resume")
    code, _, err = run(*words)
    assert code == 2
    assert "out holds the study 'train', not 'feb'" in flat(err)
    assert "to go on with it, run out/study.yaml in place of the table" in flat(err)
    assert {path: path.read_bytes() for path in finished.rglob("*.*")} == kept
    assert run("run", "out/study.yaml", "--out", "out", "--resume")[0] == 0


@pytest.mark.parametrize("other", [("--metric", "accuracy"), ("--target", "plan")])
def test_a_model_of_another_problem_does_not_stay(run, finished, other):
    """Of a study in another storage that has the name of the folder's own."""
    options = {"--target": "label", "--metric": "roc_auc", other[0]: other[1]}
    given = [word for pair in options.items() for word in pair]
    elsewhere = ("--storage", "s.journal", "--out", "out", "--resume")
    code, _, err = run("run", "train.csv", *given, *QUICK, "--trials", 1, *elsewhere)
    assert (code, err) == (0, "")
    about = json.loads((finished / "model" / "model.json").read_text())
    assert (about["target"], about["facts"]["metric"]) == tuple(options.values())


def test_a_single_model_that_is_asked_for_takes_the_place_of_an_ensemble(run, finished):
    words = ("run", "train.csv", "--target", "label", *QUICK, "--out", "out", "--resume")
    assert run(*words, "--final", "single")[0] == 0
    (member,) = json.loads((finished / "model" / "model.json").read_text())["members"]
    assert member["shares"] == [1.0]


def test_a_cluster_that_does_not_answer_leaves_no_study_to_go_on_with(run, table, tmp_path):
    words = ("run", table, "--target", "label", *QUICK, "--out", "out")
    there = [word for word in words if word not in ("--workers", 1)]
    code, _, err = run(*there, "--dask", "nonsense")
    assert (code, "no Dask scheduler answers" in flat(err)) == (2, True)
    assert run(*words)[0] == 0
    assert len(pd.read_csv(tmp_path / "out" / "leaderboard.csv")) == 6


def test_a_large_table_is_searched_on_as_many_rows_as_the_budget_allows(run, tmp_path):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(30_000, 3)), columns=["a", "b", "c"])
    frame["y"] = frame["a"] + frame["b"] * frame["c"] + rng.normal(size=len(frame))
    frame.to_parquet(tmp_path / "large.parquet")
    words = ("run", "large.parquet", "--target", "y", "--space", "small", "--workers", 1)
    told = "20,000 of 30,000 rows were searched on"
    code, out, err = run(*words, "--budget", "5s", "--trials", 1, "--out", "out")
    assert (code, err) == (0, "")
    assert told in flat(out)
    # With a budget that allows more: what was found is of the rows that it was found on.
    more = ("--budget", "300s", "--trials", 2, "--out", "out", "--resume")
    code, out, err = run(*words, *more)
    assert (code, err) == (0, "")
    assert told in flat(out)


def count_trials(database):
    """Look from outside, as optuna-dashboard would, without making tables."""
    try:
        with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as connection:
            return connection.execute("SELECT count(*) FROM trials").fetchone()[0]
    except sqlite3.OperationalError:
        return 0


@pytest.mark.slow
@pytest.mark.usefixtures("run")
def test_a_killed_run_resumes(table, tmp_path):
    command = [
        sys.executable,
        "-m",
        "jointopt.cli",
        "run",
        table,
        "--target",
        "label",
        "--space",
        "space.yaml",
        "--trials",
        "100000",
        "--workers",
        "1",
        "--out",
        "out",
    ]
    process = subprocess.Popen(
        list(map(str, command)),
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    url = f"sqlite:///{tmp_path}/out/study.db"
    deadline = time.monotonic() + 60
    told = 0
    while told < 5 and time.monotonic() < deadline:
        time.sleep(0.2)
        told = count_trials(tmp_path / "out" / "study.db")
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    kept = optuna.load_study(study_name="train/joint", storage=url).trials
    assert len(kept) >= told >= 5
    assert all(t.state.is_finished() for t in kept)
    command[command.index("100000")] = str(len(kept) + 3)
    done = subprocess.run(
        [*map(str, command), "--resume"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    after = optuna.load_study(study_name="train/joint", storage=url).trials
    assert [t.params for t in after[: len(kept)]] == [t.params for t in kept]
    assert len(after) == len(kept) + 3


@pytest.mark.usefixtures("finished")
def test_the_study_file_of_a_run_runs_again(run, tmp_path):
    assert run("run", "out/study.yaml", "--out", "again")[0] == 0
    first, second = (pd.read_csv(tmp_path / d / "leaderboard.csv") for d in ("out", "again"))
    assert list(first["pipeline"]) == list(second["pipeline"])
    assert list(first["score"]) == list(second["score"])


def test_the_demo_scores_rows_that_the_search_did_not_see(run, tmp_path):
    for budget in ("1s", "3s"):
        code, out, err = run("demo", "--budget", budget)
        assert (code, err) == (0, "")
    assert "held-out rows: roc_auc 0.9" in flat(out)
    train, test = (pd.read_csv(tmp_path / "demo" / f"{part}.csv") for part in ("train", "test"))
    assert len(train) + len(test) == 569
    assert not set(map(tuple, train.to_numpy())) & set(map(tuple, test.to_numpy()))
    study = tmp_path / "demo" / "results" / "study.db"
    kept = study.read_bytes()
    assert run("demo", "--budget", "0")[0] == 2
    assert study.read_bytes() == kept


@pytest.mark.parametrize("name", ["thesis.txt", "train.csv", "test.csv"])
def test_the_demo_refuses_a_folder_of_other_things(run, tmp_path, name):
    mine = tmp_path / "mine"
    (mine / "results").mkdir(parents=True)
    for path in (mine / name, mine / "results" / "study.db"):
        path.write_text("precious")
    code, _, err = run("demo", "--out", "mine", "--budget", "1s")
    assert code == 2
    assert "--out mine holds other things than a demo; choose another folder" in flat(err)
    assert {path.name for path in mine.iterdir()} == {name, "results"}
    for path in (mine / name, mine / "results" / "study.db"):
        assert path.read_text() == "precious"


def test_a_demo_that_is_refused_leaves_no_folder(run, tmp_path):
    assert run("demo", "--budget", "0")[0] == 2
    assert not (tmp_path / "demo").exists()


def test_space_checks_a_file_of_one_s_own(run, tmp_path):
    estimator = "estimator: {classification: lightgbm.LGBMClassifier}"
    hyperparameters = "hyperparameters: {num_leavs: {int: [2, 9]}}"
    text = f"paradigm: {{choice: {{a: {{{estimator}, {hyperparameters}}}}}}}"
    (tmp_path / "own.yaml").write_text(text)
    code, _, err = run("space", "own.yaml")
    assert code == 2
    assert "own.yaml, line 1, column" in flat(err)
    assert "no argument 'num_leavs'; did you mean 'num_leaves'?" in flat(err)


def test_space_shows_the_tree_and_the_sizes(run):
    code, out, _ = run("space", "space.yaml")
    assert code == 0
    assert "var_smoothing" in out
    assert "N + M" in out
    assert "N × M" in out


def test_every_command_has_help_with_an_example(run):
    for command in cli.app.registered_commands:
        name = command.name or command.callback.__name__
        code, out, _ = run(name, "--help")
        assert code == 0
        assert f"Example: jointopt {name}" in flat(out)


def write_csv(text):
    return lambda folder: (folder / "t.csv").write_text(text)


ROWS = "\n".join(f"{i},{i % 3},{'ab'[i % 2]}" for i in range(20))
GOOD = f"x,z,y\n{ROWS}\n"
MISTAKES = {
    "missing file": ("", ["absent.csv", "--target", "y"], "there is no such file"),
    "wrong target": (GOOD, ["t.csv", "--target", "yy"], "yy"),
    "no target": (GOOD, ["t.csv"], "--target NAME"),
    "one class": ("x,y\n" + "1,a\n2,a\n" * 10, ["t.csv", "--target", "y"], "one class"),
    "empty file": ("", ["t.csv", "--target", "y"], "is empty"),
    "header only": ("x,y\n", ["t.csv", "--target", "y"], "no rows"),
    "no usable column": ("x,y\n" + ",a\n,b\n" * 10, ["t.csv", "--target", "y"], "column"),
    "duplicate columns": ("x,x,y\n1,2,a\n", ["t.csv", "--target", "y"], "x"),
    "three rows": ("x,y\n1,a\n2,b\n3,a\n", ["t.csv", "--target", "y"], "n_samples=3"),
    "budget 0s": (GOOD, ["t.csv", "--target", "y", "--budget", "0s"], "leaves no time"),
    "budget soon": (GOOD, ["t.csv", "--target", "y", "--budget", "soon"], "is not a duration"),
    "unknown metric": (GOOD, ["t.csv", "--target", "y", "--metric", "roc_acu"], "roc_auc"),
    "unfit metric": (GOOD, ["t.csv", "--target", "y", "--metric", "rmse"], "does not fit"),
    "unknown space": (GOOD, ["t.csv", "--target", "y", "--space", "tabluar"], "tabular"),
    "unknown strategy": (GOOD, ["t.csv", "--target", "y", "--strategy", "jiont"], "joint"),
    "strange storage": (GOOD, ["t.csv", "--target", "y", "--storage", "here"], "database URL"),
    "no folder for a journal": (
        GOOD,
        ["t.csv", "--target", "y", "--storage", "no/such.journal"],
        "storage no/such.journal cannot be opened: [Errno 2] No such file",
    ),
    "out is a file": (GOOD, ["t.csv", "--target", "y", "--out", "t.csv"], "is a file"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes_get_a_plain_message(run, tmp_path, name):
    text, words, message = MISTAKES[name]
    (tmp_path / "t.csv").write_text(text)
    code, _, err = run("run", *words)
    assert code == 2
    assert message in flat(err)
    assert "Traceback" not in err
    assert len(flat(err)) < 600


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("log: true", "lgo: true", "line 7.*lgo.*did you mean 'log'"),
        ("sklearn.naive_bayes.GaussianNB", "os.system", "os.system.*is not from one of"),
        ("classification: sklearn.lin", "clasification: sklearn.lin", "clasification"),
        ("GaussianNB", "GaussianBN", "GaussianBN.*does not exist"),
    ],
)
def test_a_mistake_in_a_space_is_named(run, table, space_text, tmp_path, old, new, message):
    import re

    (tmp_path / "bad.yaml").write_text(space_text.replace(old, new, 1))
    code, _, err = run("run", table, "--target", "label", "--space", "bad.yaml", "--trials", 2)
    assert code == 2
    assert re.search(message, flat(err)), err
    assert "Traceback" not in err


def test_a_misspelt_key_in_a_study_is_named_with_its_line(run, tmp_path):
    (tmp_path / "s.yaml").write_text("data: t.csv\ntarget: y\nbudgte: 60s\n")
    code, _, err = run("run", "s.yaml")
    assert code == 2
    assert "line 3: unknown key 'budgte'; did you mean 'budget'" in flat(err)


def test_a_model_with_a_foreign_type_is_refused(run, finished, tmp_path):
    import skops.io
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer

    evil = make_pipeline(FunctionTransformer(os.system))
    (first,) = finished.glob("model/member-0-0-*.skops")
    first.write_bytes(skops.io.dumps(evil))
    code, _, err = run("predict", "out", "new.csv", "--out", "p.csv")
    assert code == 2
    assert "not trusted" in flat(err)
    assert "system" in err
    assert not (tmp_path / "p.csv").exists()


def test_a_space_is_counted_as_a_run_would_search_it(run):
    code, out, err = run("space", "tabular", "--columns", 1100)
    assert (code, err) == (0, "")
    assert "masks for a table of 1,100 columns, in 64 groups" in " ".join(out.split())


def test_a_mask_over_any_number_of_names_is_counted(run):
    names = ", ".join(f"c{i}" for i in range(1100))
    Path("masks.yaml").write_text(f"features:\n  columns:\n    subset: [{names}]\n")
    code, out, err = run("space", "masks.yaml")
    assert (code, err) == (0, "")
    assert "1.4e+331" in out


@pytest.mark.usefixtures("finished")
def test_a_table_without_the_model_s_columns_is_refused(run, tmp_path):
    pd.DataFrame({"Age": [1.0]}).to_csv(tmp_path / "odd.csv", index=False)
    code, _, err = run("predict", "out", "odd.csv", "--out", "p.csv")
    assert code == 2
    assert "age" in flat(err)


@pytest.mark.usefixtures("finished")
def test_a_column_that_cannot_be_read_is_told(run):
    table = pd.read_csv("new.csv")
    commas = [f"{value:.1f}".replace(".", ",") for value in table["age"]]
    table.assign(age=commas).to_csv("commas.csv", index=False)
    code, out, err = run("predict", "out", "commas.csv", "--out", "p.csv")
    assert (code, err) == (0, "")
    assert f"'age': no value in it can be read as in training, such as '{commas[0]}'" in flat(out)
    assert "column" not in run("predict", "out", "new.csv", "--out", "p.csv")[1]


def test_model_json_tells_what_the_model_is(finished):
    about = json.loads((finished / "model" / "model.json").read_text())
    assert about["target"] == "label"
    assert about["classes"] == ["no", "yes"]
    assert about["facts"]["metric"] == "roc_auc"


def test_a_budget_too_short_for_anything_still_gives_a_model(run, table):
    code, out, err = run("run", table, "--target", "label", "--budget", "1s", "--out", "out")
    assert (code, err) == (0, "")
    assert "The best single pipeline" in out


@pytest.mark.slow
@pytest.mark.parametrize("strategy", ["sequential", "alternating"])
def test_stages_that_the_budget_cuts_short_leave_nothing_behind(run, frames, tmp_path, strategy):
    """A fold that still runs when its stage ends must not reach the next stage."""
    make, target = frames["binary"]
    make(120).to_csv(tmp_path / "t.csv", index=False)
    words = ("--target", target, "--strategy", strategy, "--budget", "20s", "--workers", 2)
    # Of models that are fitted in a moment, or a busy machine would not come to the stages.
    code, _, err = run("run", "t.csv", *words, "--space", "small", "--out", "out")
    assert (code, err) == (0, "")
    names = optuna.study.get_all_study_names(f"sqlite:///{tmp_path}/out/study.db")
    assert len(names) >= (3 if strategy == "sequential" else 1)


def test_export_to_onnx(run, table, tmp_path):
    frame = pd.read_csv(table)
    frame[["age", "income", "city", "label"]].to_csv(table, index=False)
    run("run", table, "--target", "label", *QUICK, "--out", "out")
    code, out, err = run("export", "out", "--onnx")
    assert (code, err) == (0, "")
    assert "on 120 rows its predictions differ by at most" in flat(out)
    session = onnxruntime.InferenceSession(tmp_path / "out" / "model.onnx")
    assert session.run(
        ["prediction"], {"age": [[30.0]], "income": [[2e4]], "city": np.array([["Bern"]])}
    )[0][0] in ("no", "yes")

    code, _, err = run("export", "absent", "--onnx")
    assert (code, "absent holds no model" in flat(err)) == (2, True)
    code, _, err = run("export", "out", "--onnx", "--out", "absent/x.onnx")
    assert (code, "the folder absent does not exist; make it first" in flat(err)) == (2, True)
    code, _, err = run("export", "out")
    assert (code, flat(err)) == (2, "error: say which form to export to: --onnx")
    table.unlink()
    code, _, err = run("export", "out", "--onnx")
    assert code == 2
    assert "give a table to check the export on by --data TABLE" in flat(err)
    code, out, _ = run("export", "out/model", "--onnx", "--data", "new.csv", "--out", "x.onnx")
    assert (code, "on 30 rows" in flat(out)) == (0, True)
    assert (tmp_path / "x.onnx").is_file()


@pytest.mark.parametrize(
    "command", ["run absent.csv --target y", "compare absent.csv", "predict . absent.csv --out p"]
)
def test_a_missing_file_is_told_before_libraries_are_loaded(tmp_path, command):
    script = (
        "import sys\nfrom jointopt.cli import main\n"
        "try:\n    main()\nfinally:\n    print('sklearn' in sys.modules)"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script, *command.split()],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.returncode, ended.stdout) == (2, "False\n")
    assert "absent.csv: there is no such file" in ended.stderr


def test_a_metric_of_one_class_says_of_which(run, tmp_path):
    lines = [f"{i % 7},{'stayed' if i % 3 else 'left'}" for i in range(60)]
    (tmp_path / "people.csv").write_text("\n".join(["tenure,state", *lines]))
    words = ("run", "people.csv", "--target", "state", "--metric", "f1", "--trials", 1)
    code, out, _ = run(*words, "--space", "space.yaml", "--workers", 1)
    assert code == 0
    assert "by f1 of 'stayed'" in " ".join(out.split())
