"""Debian's chromium, and what is looked at in it."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from filelock import FileLock
from rich.console import Console

from jointopt import Categorical, Choice, Float, Space, compare_on_truth
from jointopt.insight.ground_truth import GroundTruth
from jointopt.run_command import RunCommand

EVIL = "<img src=x onerror=alert(1)>"
EVIL_NAME = "<script>alert(2)</script><b>"
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
      estimator: {classification: sklearn.linear_model.LogisticRegression}
      hyperparameters: {C: {float: [0.001, 100], log: true}}
    bayes:
      estimator: {classification: sklearn.naive_bayes.GaussianNB}
"""


@pytest.fixture(scope="session")
def browser():
    """One browser for all pages."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("Debian's chromium is not installed")
    quiet = ["--disable-background-networking", "--disable-component-update"]
    with playwright.sync_playwright() as api:
        opened = api.chromium.launch(
            executable_path=program, args=["--no-sandbox", "--disable-gpu", *quiet]
        )
        yield opened
        opened.close()


class Watched:
    """A page of its own, with what its scripts complained of and what asked for attention."""

    def __init__(self, browser):
        self.complaints = []
        self.page = browser.new_page()
        self.page.set_default_timeout(60_000)
        self.page.on("console", lambda m: self._note(m.text) if m.type == "error" else None)
        self.page.on("pageerror", lambda error: self._note(str(error)))
        self.page.on("dialog", lambda dialog: (self._note(dialog.message), dialog.dismiss()))

    def _note(self, text):
        self.complaints.append(text)


@pytest.fixture(scope="session")
def watched(browser):
    """Open pages that are watched, until the tests end."""
    opened = []

    def new():
        opened.append(Watched(browser))
        return opened[-1]

    yield new
    for one in opened:
        one.page.close()


@pytest.fixture
def fresh(watched):
    return watched()


@pytest.fixture
def complaints(fresh):
    """What the scripts of this test's page complained of, and what asked for attention."""
    return fresh.complaints


@pytest.fixture
def browser_page(fresh):
    """An empty page; its console's errors are in `complaints`."""
    yield fresh.page
    fresh.page.close()


@pytest.fixture(scope="session")
def run_folder(tmp_path_factory, worker_id):
    """A small run on a table whose every name is an attack; test processes share it."""
    if worker_id == "master":
        return small_run(tmp_path_factory.mktemp("browser"))
    folder = tmp_path_factory.getbasetemp().parent / "browser"
    with FileLock(folder.with_suffix(".lock")):
        if (folder / "out").is_dir():
            return folder / "out"
        folder.mkdir()
        return small_run(folder)


def small_run(folder):
    rng = np.random.default_rng(0)
    table = pd.DataFrame(rng.normal(size=(90, 3)), columns=[EVIL, "b</script>", "c"])
    noisy = table[EVIL] + rng.normal(size=90) > 0
    table["y"] = np.where(noisy, "<i>yes</i>", EVIL)
    table.to_csv(folder / "table.csv", index=False)
    (folder / "space.yaml").write_text(SPACE)
    options = {
        "target": "y",
        "metric": "f1",
        "trials": 24,
        "name": EVIL_NAME,
        "space": str(folder / "space.yaml"),
        "workers": 1,
    }
    command = RunCommand.from_options(folder / "table.csv", options)
    with Path("/dev/null").open("w") as nowhere:
        return command.run(Console(file=nowhere), out=folder / "out", held_out=table.head(20))


@pytest.fixture(scope="session")
def comparison_folder(tmp_path_factory):
    """A comparison on known scores, with enough trials to tell how axes interact."""
    space = Space(
        transforms={"x": Categorical([f"t{i}" for i in range(8)])},
        paradigm=Choice(
            {name: {"hyperparameters": {"z": Float(0, 1, step=0.1)}} for name in ("p", "q")}
        ),
    )

    def score(config):
        z = config[f"hyperparameters/{config['paradigm']}/z"]
        x = int(config["transforms/x"][1:]) / 8
        return -((x - z) ** 2) + 0.1 * (config["paradigm"] == "p")

    truth = GroundTruth(space, np.array([score(config) for config in space.enumerate()]))
    names = {EVIL_NAME: "joint", "random": "random"}
    found = compare_on_truth(truth, names, n_trials=110, seeds=1, name=EVIL)
    folder = tmp_path_factory.mktemp("comparison")
    found.save(folder)
    return folder
