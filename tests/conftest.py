"""Small tables, generated search spaces and places that fail, which tests share."""

from __future__ import annotations

import getpass
import os
import pwd
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing, suppress
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import strategies as st

from jointopt import cli
from jointopt.data import make_dataset
from jointopt.space import Categorical, Choice, Float, Int, Repeat, Space, Subset


def pytest_configure(config):
    if config.getoption("numprocesses", None):
        # As many test processes run as there are cores: each has one. Set before they start, for
        # a numeric library reads it when it is loaded.
        for name in ("LOKY_MAX_CPU_COUNT", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
            os.environ[name] = "1"


def mixed_frame(n_rows: int = 120, seed: int = 0) -> pd.DataFrame:
    """Return a table with every kind of column, missing values and a known signal."""
    rng = np.random.default_rng(seed)
    age = rng.uniform(18, 90, n_rows)
    income = np.exp(rng.normal(10, 1, n_rows))
    city = rng.choice(["Bern", "Oslo", "Rome", "Lima"], n_rows, p=[0.5, 0.3, 0.15, 0.05])
    words = np.array(["fast", "slow", "red", "blue", "large", "small", "old", "new"])
    text = [" ".join(rng.choice(words, 6)) for _ in range(n_rows)]
    signal = (age - 50) / 20 + (city == "Bern") + rng.normal(0, 0.4, n_rows)
    frame = pd.DataFrame(
        {
            "age": age,
            "income": income,
            "city": pd.Series(city, dtype="str"),
            "plan": rng.choice(["a", "b", "c"], n_rows),
            "joined": pd.date_range("2020-01-01", periods=n_rows, freq="17h"),
            "note": text,
            "signal": signal,
        }
    )
    frame.loc[rng.random(n_rows) < 0.1, "income"] = np.nan
    frame.loc[rng.random(n_rows) < 0.1, "city"] = np.nan
    return frame


def binary_frame(n_rows: int = 120, seed: int = 0) -> pd.DataFrame:
    frame = mixed_frame(n_rows, seed)
    label = np.where(frame.pop("signal") > 0.3, "yes", "no")
    return frame.assign(label=label)


def three_class_frame(n_rows: int = 120, seed: int = 0) -> pd.DataFrame:
    frame = mixed_frame(n_rows, seed)
    cut = pd.cut(frame.pop("signal"), [-np.inf, -0.3, 0.8, np.inf], labels=["low", "mid", "high"])
    return frame.assign(label=cut.astype(str))


def quick(make):
    """Leave out dates and texts: for them each worker process loads skrub, for some seconds."""
    return lambda *args, **kwargs: make(*args, **kwargs).drop(columns=["joined", "note"])


@pytest.fixture
def hears_ctrl_c():
    """A shell lets what it runs in the background, these tests too, ignore interrupts."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(scope="session")
def frames():
    """Makers of tables by task: each returns a frame and the target's name."""
    return {
        "binary": (binary_frame, "label"),
        "multiclass": (three_class_frame, "label"),
        "regression": (mixed_frame, "signal"),
        "quick binary": (quick(binary_frame), "label"),
        "quick regression": (quick(mixed_frame), "signal"),
    }


# Of what two classes have and three have not, whole commands are run.
@pytest.fixture(
    params=[pytest.param("binary", marks=pytest.mark.slow), "multiclass", "regression"]
)
def dataset(request, frames):
    """A dataset of each task with every kind of column."""
    make, target = frames[request.param]
    return make_dataset(make(), target)


# ---------------------------------------------------------------------- generated spaces

NAMES = ("a", "b", "c")


@st.composite
def leaves(draw, *, finite=True, unless=None):
    kind = draw(st.sampled_from(["int", "float", "categorical", "subset"]))
    if kind == "int":
        low = draw(st.integers(-1, 2))
        return Int(
            low,
            low + 2 * draw(st.integers(0, 1)),
            step=draw(st.sampled_from([1, 2])),
            unless=unless,
        )
    if kind == "float":
        if finite:
            return Float(0, draw(st.sampled_from([0, 0.2])), step=0.1, unless=unless)
        log = draw(st.booleans())
        return Float(0.5, draw(st.floats(0.6, 9)), log=log, unless=unless)
    if kind == "categorical":
        options = draw(
            st.lists(
                st.sampled_from(["x", "y", None, False, 7, 1.5]),
                min_size=1,
                max_size=3,
                unique=True,
            )
        )
        return Categorical(options, draw(st.sampled_from(options)), unless)
    members = draw(
        st.lists(st.sampled_from(["p", "q/r", "s"]), min_size=1, max_size=2, unique=True)
    )
    return Subset(members, unless)


@st.composite
def choices(draw, depth, *, finite, unless=None):
    labels = draw(st.lists(st.sampled_from(["k", "l", "m"]), min_size=1, max_size=3, unique=True))
    branches = {label: draw(groups(depth - 1, finite=finite, branch=True)) for label in labels}
    return Choice(branches, draw(st.sampled_from([None, *labels])), unless)


@st.composite
def groups(draw, depth, *, finite, branch=False, unlesses=()):
    found = {}
    unless = st.sampled_from([None, *unlesses])
    for name in NAMES[: draw(st.integers(0, 2))]:
        kind = draw(st.sampled_from(["leaf", "leaf", "choice", "group", "repeat"]))
        if kind == "leaf" or depth <= 0:
            found[name] = draw(leaves(finite=finite, unless=draw(unless)))
        elif kind == "choice":
            found[name] = draw(choices(depth, finite=finite, unless=draw(unless)))
        elif kind == "group":
            found[name] = draw(groups(depth - 1, finite=finite, unlesses=unlesses))
        else:
            low = draw(st.integers(0, 1))
            found["count"] = Int(low, low + 1)
            leaf = leaves(finite=finite, unless=draw(unless))
            body = draw(st.one_of(leaf, groups(0, finite=finite, unlesses=unlesses)))
            found[name] = Repeat("count", body, draw(unless))
    if branch and draw(st.booleans()):
        axis = draw(st.sampled_from(["hyperparameters", "extra"]))
        found[axis] = draw(groups(0, finite=finite))
    return found


@st.composite
def spaces(draw, *, finite=True):
    """Spaces with nested choices, repeats, subsets, axis switches and conditions."""
    paradigm = draw(choices(2, finite=finite))
    refused = draw(st.lists(st.sampled_from([*paradigm.branches, "gone"]), min_size=1, max_size=2))
    unlesses = [{"paradigm": refused}]
    axes = {}
    if draw(st.booleans()):
        axes["held"] = {"group": {"mode": Categorical(["on", "off"])}}
        unlesses.append({"held/group/mode": ["off"]})
    axes["transforms"] = draw(groups(1, finite=finite, unlesses=unlesses))
    axes["paradigm"] = paradigm
    if draw(st.booleans()):
        axes["extra"] = draw(groups(0, finite=finite, unlesses=unlesses))
    return Space(**axes)


@pytest.fixture(scope="session")
def finite_spaces():
    return spaces()


@pytest.fixture(scope="session")
def any_spaces():
    return spaces(finite=False)


# ---------------------------------------------------------------------- places that fail


class Disk:
    """A small disk of its own."""

    def __init__(self, folder):
        self.folder = folder
        self._ballast = folder / "ballast"

    def fill(self):
        with self._ballast.open("ab", buffering=0) as file, suppress(OSError):
            while True:
                file.write(bytes(4096))

    def free(self):
        self._ballast.unlink()


@pytest.fixture
def small_disk(tmp_path):
    folder = tmp_path / "disk"
    folder.mkdir()
    if shutil.which("mount") is None:
        pytest.skip("a small disk needs the program mount")
    command = ["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(folder)]
    mounted = subprocess.run(command, capture_output=True, text=True, check=False)
    if mounted.returncode != 0:
        pytest.skip(f"a small disk cannot be mounted: {mounted.stderr.strip()}")
    yield Disk(folder)
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


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


class PostgreSQL:
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
def postgresql():
    pytest.importorskip("psycopg", reason="psycopg, PostgreSQL's driver, is not installed")
    programs = binaries()
    if programs is None:
        pytest.skip("PostgreSQL's initdb is not installed")
    found = PostgreSQL(programs)
    found.start()
    yield found
    found.stop()
    found.remove()


# ---------------------------------------------------------------------- runs

SPACE = """\
transforms: {numeric: {scale: {categorical: [none, standard]}}}
paradigm:
  choice:
    bayes:
      estimator: {classification: sklearn.naive_bayes.GaussianNB}
      hyperparameters:
        var_smoothing: {float: [1.0e-9, 1.0e-2], log: true}
    linear:
      estimator:
        classification: sklearn.linear_model.LogisticRegression
        regression: sklearn.linear_model.Ridge
      hyperparameters:
        C: {float: [0.01, 100], log: true}
        alpha: {float: [0.01, 100], log: true}
"""


@pytest.fixture(scope="session")
def space_text():
    """A space of models that are fitted in a moment."""
    return SPACE


@pytest.fixture(scope="session")
def command_line():
    """Run a command in this process; returns its exit code."""

    def call(*words):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sys, "argv", ["jointopt", *map(str, words)])
            try:
                cli.main()
            except SystemExit as end:
                return int(end.code or 0)
        return 0

    return call


@pytest.fixture
def run(command_line, space_text, monkeypatch, capsys, tmp_path):
    """Run a command in this test's folder; returns exit code, output and error."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    (tmp_path / "space.yaml").write_text(space_text)

    def call(*words):
        code = command_line(*words)
        out, err = capsys.readouterr()
        return code, out, err

    return call


TINY_SPACE = """
paradigm:
  choice:
    linear:
      estimator: {regression: sklearn.linear_model.Ridge}
      hyperparameters: {alpha: {float: [0.001, 1000], log: true}}
    knn:
      estimator: {regression: sklearn.neighbors.KNeighborsRegressor}
      hyperparameters: {n_neighbors: {int: [1, 50]}}
"""


@pytest.fixture(scope="session")
def n_stored():
    """Count an SQLite file's trials without Optuna, which would make tables while a run does."""

    def count(path):
        try:
            with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
                return database.execute("SELECT count(*) FROM trials").fetchone()[0]
        except sqlite3.OperationalError:
            return 0

    return count


@pytest.fixture
def start_run(tmp_path):
    """Start `jointopt run` on a small table; what is still there at the end is stopped."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(150, 4)), columns=list("abcd"))
    frame["y"] = frame["a"] - 2 * frame["b"] + 0.1 * rng.normal(size=150)
    frame.to_csv(tmp_path / "table.csv", index=False)
    (tmp_path / "space.yaml").write_text(TINY_SPACE)
    processes = []

    def run(*words):
        command = [sys.executable, "-m", "jointopt.cli", "run", "table.csv", "--target", "y"]
        command += ["--space", "space.yaml", "--workers", "1", *map(str, words)]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        process = subprocess.Popen(
            command, cwd=tmp_path, text=True, start_new_session=True, **pipes
        )
        processes.append(process)
        return process

    yield run
    for process in processes:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def pytest_collection_modifyitems(items):
    """Begin with tests of whole commands: one that runs a minute must not be the last."""
    items.sort(key=lambda item: item.path.parent.name != "tests")
