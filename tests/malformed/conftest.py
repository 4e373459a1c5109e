"""What malformed inputs are made from, and the command line that is given them."""

from __future__ import annotations

import re
import shlex
import shutil

import pandas as pd
import pytest

from jointopt import save_model
from jointopt.data import make_dataset
from jointopt.model.run import RunOptions, run_table
from jointopt.space import Space

STUDY = """\
data: t.csv
target: y
space: space.yaml
budget: 60s
trials: 3
seeds: [1, 2]
strategies: [joint, random]
workers: 1
"""
TABLE = "x,z,y\n" + "".join(f"{i},{i % 3},{'ab'[i % 2]}\n" for i in range(20))
BOX = re.compile("[─│╭╮╰╯]")
MOST_CHARACTERS = 700


@pytest.fixture(scope="session")
def texts(space_text):
    """A valid table, space and study definition by file name."""
    return {"t.csv": TABLE, "space.yaml": space_text, "s.yaml": STUDY}


@pytest.fixture(scope="session")
def new_rows():
    """Rows that the model of `trained` takes."""
    days = pd.date_range("2020-01-01", periods=60).astype(str)
    return pd.DataFrame({"a": range(60), "c": ["u", "v", "w"] * 20, "d": days})


@pytest.fixture(scope="session")
def trained(space_text, new_rows, tmp_path_factory):
    """A model's folder."""
    dataset = make_dataset(new_rows.assign(y=["no", "yes"] * 30), "y")
    options = RunOptions(space=Space.from_yaml(space_text), n_trials=1, final="single")
    return save_model(run_table(dataset, options).model, tmp_path_factory.mktemp("model"))


@pytest.fixture
def here(tmp_path, texts):
    """The current folder, with the valid files."""
    for name, text in texts.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


@pytest.fixture
def model(here, trained, new_rows):
    """A copy of the model's folder beside `new.csv`."""
    new_rows.to_csv(here / "new.csv", index=False)
    return shutil.copytree(trained, here / "model")


@pytest.fixture
def told(command_line, here, monkeypatch, capsys):
    """Run a command in this process; returns exit code and what it told as an error."""
    monkeypatch.chdir(here)
    monkeypatch.setenv("COLUMNS", "200")

    def call(words):
        code = command_line(*shlex.split(words))
        error = capsys.readouterr().err
        return code, " ".join(BOX.sub(" ", error).split())

    return call


@pytest.fixture
def refuses(told):
    """Check that a command ends with a plain message about what the user can mend."""

    def check(command, message):
        code, error = told(command)
        assert message in error
        assert code == 2, error
        assert "Traceback" not in error
        assert len(error) < MOST_CHARACTERS, error

    return check
