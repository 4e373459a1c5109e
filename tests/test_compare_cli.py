"""`jointopt compare` and study definitions, run as a person would."""

from __future__ import annotations

from pathlib import Path

import optuna
import pandas as pd
import pytest
from rich.console import Console

from jointopt import Comparison
from jointopt.compare_command import show_comparison
from jointopt.errors import OptionError
from jointopt.insight.comparison import ANYTIME_COLUMNS, RUN_COLUMNS
from jointopt.study_file import load_study
from jointopt.study_options import load_frame

STUDIES = sorted((Path(__file__).parent.parent / "studies").glob("*.yaml"))


def test_compare_writes_a_comparison_that_goes_on(run, tmp_path):
    words = ("compare", "sklearn:iris", "--target", "target", "--space", "space.yaml")
    words = (*words, "--trials", 4, "--workers", 1, "--out", "both")
    code, out, err = run(*words, "--strategies", "joint,random", "--seeds", 1)
    assert (code, err) == (0, "")
    assert "2 of 2" in out
    before, after = " ".join(out.split()).split("2 of 2", 1)
    told = "With 1 pair of runs no difference can be shown, however large; 6 "
    assert told + "at least are needed: more seeds or tables." in before
    assert told + "pairs at least are needed." in after
    assert all(len(line) <= 80 for line in out.splitlines())
    assert {"comparison.parquet", "comparison.html", "study.yaml"} <= {
        path.name for path in (tmp_path / "both").iterdir()
    }
    code, out, _ = run(*words, "--strategies", "joint,random", "--seeds", 2)
    assert code == 0
    assert "1 of 4" not in out
    assert "4 of 4" in out
    kept = Comparison.load(tmp_path / "both").frame()
    assert kept.groupby("strategy")["seed"].apply(list).to_dict() == {
        "joint": [0, 1],
        "random": [0, 1],
    }
    code, out, _ = run("report", "both")
    assert code == 0
    assert "comparison.html" in out
    code, _, err = run(*words, "--strategies", "joint,random", "--metric", "accuracy")
    assert code == 2
    assert "metric" in err


def test_runs_without_a_model_are_told_beside_the_means(capsys):
    runs = pd.DataFrame(
        {
            **dict.fromkeys(RUN_COLUMNS, 0),
            "dataset": "toy",
            "strategy": ["alternating", "joint"] * 3,
            "metric": "accuracy",
            "seed": [0, 0, 1, 1, 2, 2],
            "test": [None, 0.8, None, 0.9, None, None],
            "n_plus_m": ["", "291"] * 3,
            "n_times_m": ["", "42075"] * 3,
            "sizes": "{}",
        }
    )
    show_comparison(Console(width=80), Comparison(runs, pd.DataFrame(columns=[*ANYTIME_COLUMNS])))
    out = capsys.readouterr().out
    told = " ".join(out.split())
    assert "toy: accuracy, mean of 3 runs, scores of those with a model" in told
    assert "N + M = 291, N × M = 42,075" in told
    rows = [line.split() for line in out.splitlines() if line.startswith(("str", "alt", "joint"))]
    assert [(row[0], row[-1]) for row in rows[:3]] == [
        ("strategy", "failed"),
        ("alternating", "3"),
        ("joint", "1"),
    ]


def test_a_ground_truth_is_enumerated_once(run, space_text, tmp_path):
    (tmp_path / "truth.yaml").write_text(
        "data: 'sklearn:iris'\ntarget: target\nspace: finite.yaml\nground_truth: true\n"
        "strategies: [random, joint]\ntrials: 5\nseeds: 2\nworkers: 1\n"
    )
    (tmp_path / "finite.yaml").write_text(
        space_text.replace(
            "{float: [0.01, 100], log: true}", "{categorical: [0.1, 1.0, 10.0]}"
        ).replace("{float: [1.0e-9, 1.0e-2], log: true}", "{categorical: [1.0e-9, 0.01]}")
    )
    code, out, err = run("run", "truth.yaml", "--out", "truth")
    assert "on test rows" not in out
    assert "runs.jsonl" not in out
    assert (code, err) == (0, "")
    assert "all 10 configurations" in out
    assert "seeds arrive" in out
    assert (tmp_path / "truth" / "ground_truth.parquet").is_file()
    assert "Against the exact optimum" in (tmp_path / "truth" / "comparison.html").read_text()
    written = (tmp_path / "truth" / "ground_truth").stat().st_mtime_ns
    assert run("run", "truth.yaml", "--out", "truth")[0] == 0
    assert (tmp_path / "truth" / "ground_truth").stat().st_mtime_ns == written


def test_run_compares_where_the_study_says_so(run, tmp_path):
    (tmp_path / "two.yaml").write_text(
        "tables:\n"
        "  - {data: 'sklearn:iris', target: target}\n"
        "  - {data: other.csv, target: y, name: other}\n"
        "space: space.yaml\nstrategies: [random, sequential]\ntrials: 3\nseeds: [4]\n"
        "workers: 1\ndrop: []\norder: [paradigm, hyperparameters]\n"
    )
    frame = pd.DataFrame({"a": range(40), "b": [i % 7 for i in range(40)]})
    frame.assign(y=["u" if i % 3 else "v" for i in range(40)]).to_csv("other.csv", index=False)
    code, out, err = run("run", "two.yaml", "--out", "two")
    assert (code, err) == (0, "")
    assert "4 of 4" in out
    found = pd.read_parquet(tmp_path / "two" / "comparison.parquet")
    assert set(found["dataset"]) == {"iris", "other"}
    assert set(found["seed"]) == {4}
    code, out, err = run("run", "two/study.yaml", "--out", "two")
    assert (code, err) == (0, ""), "what the folder holds is not run again"
    assert "of 4" not in out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--strategies", "joint,jiont"), "jiont"),
        (("--strategies", "joint"), "at least 2"),
        (("--strategies", "joint,random", "--order", "paradigm"), "sequential"),
        (("--shares", "transforms"), "transforms=1"),
        (("--order", "paradgim"), "no axis 'paradgim'"),
        (("--shares", "paradigm=0"), "above zero"),
        (("--metric", "rmse"), "rmse"),
        (("--target", "trget"), "trget"),
    ],
)
def test_mistakes_are_told_in_a_sentence(run, words, message):
    code, _, err = run(
        *("compare", "sklearn:iris", "--target", "target", "--space", "space.yaml"),
        *("--trials", 2, "--seeds", 1, "--workers", 1, *words),
    )
    assert code == 2
    assert message in err
    assert "Traceback" not in err


def test_a_mistake_leaves_no_folder(run, tmp_path):
    words = ("compare", "sklearn:iris", "--target", "target", "--metric", "rmse", "--out", "new")
    assert run(*words, "--trials", 2)[0] == 2
    assert not (tmp_path / "new").exists()


def test_what_a_comparison_pays_no_heed_to_is_refused(run, tmp_path):
    study = "data: 'sklearn:iris'\ntarget: target\nstrategies: [joint, random]\ntrials: 2\n"
    for line, message in {
        "seed: 3": "seed is for a single run, with --strategy: a comparison has seeds",
        "final: single": "final is for a single run",
        "final: ensemble": "final is for a single run",
        "seed: 0": "seed is for a single run",
        "parallel: 2\nworkers: 4": "leave out either parallel, here 2, or workers, here 4",
        "ground_truth: true\nbudget: 9s": "budget has no meaning where all scores are known",
    }.items():
        (tmp_path / "two.yaml").write_text(f"{study}{line}\n")
        code, _, err = run("run", "two.yaml")
        assert code == 2
        assert message in " ".join(err.split())
    (tmp_path / "two.yaml").write_text(study)
    code, _, err = run("run", "two.yaml", "--final", "ensemble")
    assert (code, "final is for a single run" in " ".join(err.split())) == (2, True)


def test_the_folder_of_a_run_is_not_a_comparison_s(run, tmp_path):
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "study.db").write_bytes(b"")
    words = ("compare", "sklearn:iris", "--target", "target", "--trials", 2, "--out", "one")
    code, _, err = run(*words)
    assert (code, "one holds the results of a run" in err) == (2, True)


def test_the_folder_of_a_run_with_its_study_elsewhere_is_not_a_comparison_s(run, tmp_path):
    words = ("sklearn:iris", "--target", "target", "--space", "space.yaml", "--trials", 2)
    words = (*words, "--workers", 1, "--out", "one")
    assert run("run", *words, "--storage", "sqlite:///elsewhere.db")[0] == 0
    written = (tmp_path / "one" / "study.yaml").read_text()
    code, _, err = run("compare", *words, "--strategies", "joint,random", "--seeds", 1)
    assert (code, "one holds the results of a run" in err) == (2, True)
    assert (tmp_path / "one" / "study.yaml").read_text() == written


@pytest.mark.parametrize("option", [(), ("--resume",), ("--storage", "sqlite:///elsewhere.db")])
@pytest.mark.parametrize("name", ["comparison.parquet", "runs.jsonl"])
def test_the_folder_of_a_comparison_is_not_a_run_s(run, tmp_path, name, option):
    folder = tmp_path / "both"
    folder.mkdir()
    for kept in (name, "study.yaml"):
        (folder / kept).write_text("strategies: [joint, random]\n")
    words = ("sklearn:iris", "--target", "target", "--space", "space.yaml", "--trials", 2)
    code, _, err = run("run", *words, "--workers", 1, "--out", "both", *option)
    assert (code, "both holds the results of a comparison; choose another --out" in err) == (
        2,
        True,
    )
    assert {path.name for path in folder.iterdir()} == {name, "study.yaml"}
    assert all("joint, random" in path.read_text() for path in folder.iterdir())


def test_another_order_under_the_same_name_is_refused(run):
    words = ("compare", "sklearn:iris", "--target", "target", "--space", "space.yaml")
    words = (*words, "--strategies", "joint,sequential", "--trials", 2, "--seeds", 1)
    words = (*words, "--workers", 1, "--out", "both")
    assert run(*words)[0] == 0
    code, _, err = run(*words, "--order", "paradigm,hyperparameters")
    assert code == 2
    told = " ".join(err.split())
    assert "holds runs of sequential as 'sequential', but now that is sequential(order=" in told


def test_a_single_run_of_a_comparison_s_study_runs_again(run, tmp_path):
    (tmp_path / "two.yaml").write_text(
        "data: 'sklearn:iris'\ntarget: target\nspace: space.yaml\n"
        "strategies: [joint, sequential]\nseeds: 3\norder: [paradigm, hyperparameters]\n"
        "trials: 2\nworkers: 1\n"
    )
    assert run("run", "two.yaml", "--strategy", "joint", "--out", "one")[0] == 0
    code, out, err = run("run", "one/study.yaml", "--out", "again")
    assert (code, err) == (0, "")
    assert "The best single pipeline" in out


def test_a_sequential_run_of_a_study_that_compares_others_takes_an_order(run, tmp_path):
    (tmp_path / "two.yaml").write_text(
        "data: 'sklearn:iris'\ntarget: target\nspace: space.yaml\n"
        "strategies: [joint, random]\ntrials: 3\nworkers: 1\n"
    )
    words = ("--strategy", "sequential", "--order", "hyperparameters,paradigm", "--out", "one")
    code, _, err = run("run", "two.yaml", *words)
    assert (code, err) == (0, "")
    names = optuna.get_all_study_names("sqlite:///one/study.db")
    assert "iris/sequential/1-hyperparameters" in names


def test_whole_numbers_as_names_of_columns(run, tmp_path):
    pd.DataFrame([[i, i % 3, i % 2] for i in range(40)]).to_parquet(tmp_path / "t.parquet")
    words = ("--target", 2, "--space", "space.yaml", "--trials", 2, "--seeds", 1, "--workers", 1)
    code, _, err = run("compare", "t.parquet", "--strategies", "joint,random", *words)
    assert (code, err) == (0, "")


def test_order_and_shares_reach_the_sequential_strategy(run):
    code, out, err = run(
        *("run", "sklearn:iris", "--target", "target", "--space", "space.yaml", "--trials", 9),
        *("--strategy", "sequential", "--order", "paradigm,transforms,hyperparameters"),
        *("--shares", "paradigm=1,transforms=2", "--workers", 1, "--out", "ordered"),
    )
    assert (code, err) == (0, ""), out
    names = optuna.get_all_study_names("sqlite:///ordered/study.db")
    assert "iris/sequential/1-paradigm" in names
    assert "iris/sequential/2-transforms" in names


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("data: 'sklearn:iris'\n", "target is missing"),
        ("data: a.csv\ntarget: y\ntables: [{data: b.csv, target: y}]\n", "not both"),
        ("tables: [{data: b.csv}]\n", "target is missing"),
        ("data: a.csv\ntarget: y\nstrategies: [joint]\n", "line 3: strategies"),
        ("data: a.csv\ntarget: y\nsedes: 3\n", "did you mean 'seeds'"),
    ],
)
def test_mistakes_in_a_definition_name_the_place(tmp_path, text, message):
    path = tmp_path / "study.yaml"
    path.write_text(text)
    with pytest.raises(OptionError, match=r"study\.yaml") as caught:
        load_study(path)
    assert message in str(caught.value)


def test_a_column_to_leave_out_must_be_there(run, tmp_path):
    (tmp_path / "s.yaml").write_text("data: 'sklearn:iris'\ntarget: target\ndrop: [width]\n")
    code, _, err = run("run", "s.yaml")
    assert code == 2
    assert "no column 'width'" in err


@pytest.mark.parametrize("path", STUDIES, ids=lambda path: path.stem)
def test_the_study_reads_its_tables(path):
    assert path.read_text().startswith("# ")
    study = load_study(path)
    for table in study.listed:
        assert table.target in load_frame(table, study.drop).columns
    for name in study.strategies or [study.strategy]:
        study.how(name)
