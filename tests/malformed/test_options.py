"""Options that cannot be followed."""

from __future__ import annotations

import socket

import pytest

RUN = "run t.csv --target y --space space.yaml --out out --trials 1 --workers 1"
OPTIONS = {
    "--budget -5s": "--budget: value '-5s' is not a duration; write a number with a unit",
    "--budget abc": "--budget: value 'abc' is not a duration",
    "--budget 1e400": "--budget: value '1e400' is not a duration",
    "--budget nan": "--budget: value 'nan' is not a duration",
    "--budget ''": "--budget: value '' is not a duration",
    "--budget 0s": "--budget: value '0s' leaves no time",
    "--trial-timeout -1s": "--trial-timeout: value '-1s' is not a duration",
    "--trials 0": "Invalid value for '--trials': Input should be greater than or equal to 1",
    "--trials 1.5": "Invalid value for '--trials'",
    "--workers 0": "Invalid value for '--workers': Input should be greater than or equal to 1",
    "--workers many": "Invalid value for '--workers'",
    "--memory-limit 5XB": "--memory-limit: value '5XB' is not a size",
    "--memory-limit -1GB": "--memory-limit: value '-1GB' is not a size",
    "--memory-limit 1e999GB": "--memory-limit: value '1e999GB' is not a size",
    "--memory-limit 1MB": "is less than the 1.0 GB that a worker needs",
    "--seed -1": "Invalid value for '--seed': Input should be greater than or equal to 0",
    "--seed 99999999999999999999": "--seed: value should be less than or equal to 4294967295",
    "--strategy jiont": "--strategy: value should be 'joint', 'sequential'",
    "--final both": "--final: value should be 'ensemble' or 'single'",
    "--metric roc_acu": "metric 'roc_acu' is not known; did you mean 'roc_auc'",
    "--metric rmse": "rmse",
    "--order paradigm": "order and shares are of the sequential strategy",
    "--strategy sequential --order paradgim": "no axis 'paradgim'",
    "--strategy sequential --shares paradigm=nan": "the share of paradigm must be above zero",
    "--shares paradigm": "--shares 'paradigm': write an axis and a number",
    "--space tabluar": "no search space 'tabluar'; choose from",
    "--space absent.yaml": "absent.yaml cannot be read: No such file or directory",
    "--space .": "no search space '.'",
    "--storage here": "storage 'here' is neither a database URL",
    "--storage mongodb://me:secret@host/x": "storage mongodb://... is not the URL of a known",
    "--storage ://": "is not the URL of a known database",
    "--storage postgresql://me:secret@host:port/x": "postgresql://... is not the URL of a known",
    "--storage mysql://me:secret@host/x": (
        "storage mysql://me:***@host/x needs a driver that is not installed"
    ),
    "--storage sqlite:////nowhere/at/all.db": "storage sqlite:////nowhere/at/all.db cannot be",
    "--storage sqlite:///t.csv": "(sqlite3.DatabaseError) file is not a database",
    "--storage nowhere/s.journal": "nowhere/s.journal cannot be opened: [Errno 2] No such file",
    "--dask nonsense": "no Dask scheduler answers at 'nonsense'",
    "--dask http://127.0.0.1:1": "no Dask scheduler answers at 'http://127.0.0.1:1'",
    "--workers 2 --dask nonsense": "workers, here 2, are processes of this machine",
    "--out t.csv": "--out t.csv is a file; give a folder",
    "--out t.csv/out": "--out t.csv/out cannot be made: Not a directory",
    "--budgte 5s": "No such option: --budgte (Possible options: --budget",
}


@pytest.mark.parametrize("option", OPTIONS)
def test_an_option_of_run_is_refused(refuses, option):
    command = RUN
    if option.startswith("--dask"):
        pytest.importorskip("distributed")
        command = RUN.removesuffix(" --workers 1")
    refuses(f"{command} {option}", OPTIONS[option])


def test_of_a_storage_that_cannot_be_no_folder_is_left(refuses, here):
    refuses(f"{RUN} --out results --storage results.jurnal", "storage 'results.jurnal' is neither")
    assert not (here / "results").exists()


COMMANDS = {
    "rnu t.csv": "No such command 'rnu'",
    "run": "Missing argument",
    "run t.csv": "say which column of t.csv to predict: --target NAME",
    "run t.csv --target ''": "the table has no column '' to predict",
    "compare t.csv": "say which column of t.csv to predict: --target NAME",
    "compare t.csv --target y --seeds 0": "Invalid value for '--seeds'",
    "compare t.csv --target y --parallel 0": "Invalid value for '--parallel'",
    "compare t.csv --target y --strategies joint": "--strategies: List should have at least 2",
    "compare t.csv --target y --strategies joint,rnd": "--strategies: value should be 'joint'",
    "compare t.csv --target yy": "t.csv has no column 'yy' to predict",
    "space tabular --columns 0": "Invalid value for '--columns'",
    "space tabluar": "no search space 'tabluar'",
    "report nowhere": "nowhere holds no report.html; jointopt run writes one",
    "dashboard nowhere": "nowhere holds no study.db; jointopt run writes one",
    "dashboard . --port 99999": "Invalid value for '--port'",
    "demo --budget soon": "--budget: value 'soon' is not a duration",
    "demo --out t.csv": "--out t.csv is a file; give a folder",
}


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_is_refused(refuses, command):
    refuses(command, COMMANDS[command])


RESULTS = {
    "no leaderboard": ("report.html", "", "leaderboard.csv cannot be read"),
    "an empty leaderboard": ("leaderboard.csv", "", "leaderboard.csv cannot be read"),
    "another table": ("leaderboard.csv", "a,b\n1,2\n", "leaderboard.csv is no leaderboard"),
    "half a comparison": ("comparison.html", "", "comparison.parquet is missing"),
    "a damaged comparison": ("comparison.parquet", "PAR1", "comparison.parquet cannot be read"),
}


@pytest.mark.parametrize("case", RESULTS)
def test_a_folder_of_damaged_results_is_refused(refuses, here, case):
    name, content, message = RESULTS[case]
    (here / "report.html").touch()
    if "comparison" in name:
        (here / "comparison.html").touch()
    (here / name).write_text(content)
    refuses("report .", message)


def test_a_port_in_use_is_refused(refuses, here):
    (here / "study.db").touch()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        refuses(f"dashboard . --port {port}", f"--port {port} cannot be opened")


def test_a_study_db_that_is_none_is_refused(refuses, here):
    (here / "study.db").write_text("x,y\n" * 400)
    refuses("dashboard .", "file is not a database")
