"""What is shown while a search runs: on a real pseudo-terminal, through a pipe, in a notebook."""

from __future__ import annotations

import fcntl
import io
import os
import pty
import re
import struct
import sys
import termios
import threading
import time

import nbformat
import pytest
from nbclient import NotebookClient
from rich.console import Console
from rich.text import Text

from jointopt import Choice, Float, Space, compare
from jointopt.data import get_metric, make_dataset
from jointopt.evaluation.events import (
    EvaluationBegun,
    EvaluationEnded,
    FitBegun,
    FitEnded,
    StageBegun,
)
from jointopt.insight.progress import Progress
from jointopt.insight.progress_view import Limits, SearchView, sparkline
from jointopt.insight.screen import Screen
from jointopt.model.run import RunOptions, run_table

SPACE = Space(
    paradigm=Choice(
        {
            "linear[bold]": {
                "estimator": {"classification": "sklearn.linear_model.LogisticRegression"},
                "hyperparameters": {"C": Float(0.01, 10, log=True)},
            }
        }
    )
)


class Terminal:
    """A pseudo-terminal whose output is read as it comes."""

    def __init__(self, columns, rows=24):
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.file = os.fdopen(slave, "w", encoding="utf-8")
        self._read = []
        self._thread = threading.Thread(target=self._drain, daemon=True)
        self._thread.start()

    def _drain(self):
        while True:
            try:
                self._read.append(os.read(self._master, 65536))
            except OSError:
                return

    def close(self):
        """Return all that was written."""
        self.file.close()
        self._thread.join(timeout=5)
        os.close(self._master)
        return b"".join(self._read).decode("utf-8")


def screen(written):
    """Return the lines that a terminal shows, and those before each line was erased."""
    lines, row, shown = [""], 0, []
    for code, argument, final, text in re.findall(
        r"(\x1b\[([?\d;]*)([A-Za-z]))|([^\x1b\r\n]+|\r|\n)", written
    ):
        if code and final == "A":
            row -= int(argument or 1)
        elif code and final == "K":
            shown.append(list(lines))
            lines[row] = ""
        elif text == "\n":
            row += 1
            lines += [""] * (row + 1 - len(lines))
        elif text and text != "\r":
            lines[row] += text
    return lines, shown


def run(console, frames, *, strategy="joint", interrupt=False):
    make, target = frames["quick binary"]
    dataset = make_dataset(make(60), target)
    options = RunOptions(strategy=strategy, space=SPACE, n_trials=5, portfolio=False)

    def pause(record):
        time.sleep(0.15)
        if interrupt and record.number == 2:
            raise RuntimeError("the listener broke")

    metric = get_metric(None, dataset.task)
    with Progress(console, metric, Limits(None, 5), time.monotonic()) as progress:
        run_table(dataset, options, listeners=[progress.hear, pause], watch=progress.see)


@pytest.mark.parametrize("columns", [80, 30])
def test_a_terminal_shows_the_search_and_is_left_clean(frames, monkeypatch, columns):
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("COLUMNS", raising=False)
    terminal = Terminal(columns)
    began = time.monotonic()
    # Rich asks the process's own streams for the width, and those are none of this terminal's.
    run(Console(file=terminal.file, width=columns), frames)
    n_most = 4 * (time.monotonic() - began) + 3
    written = terminal.close()
    left, states = screen(written)
    told = "\n".join(line for state in states for line in state)
    assert "best roc_auc 0." in told
    assert "of 5 trials" in told
    assert "fitting #" in told
    assert ("linear[bold]  fold 1 of 8" in told) == (columns == 80)
    assert max(len(line) for state in states for line in state) <= columns
    assert written.count("best roc_auc") <= n_most
    assert not any(line.strip() for line in left)
    assert written.rindex("\x1b[?25h") > written.rindex("\x1b[?25l")


def test_what_waits_for_others_is_told_apart():
    now = [0.0]
    view = SearchView(
        "rmse", greater_is_better=False, limits=Limits(60, None), started=0.0, clock=lambda: now[0]
    )

    def lines(*events):
        for event in events:
            view.see(event)
        now[0] += 3.0
        console = Console(file=io.StringIO(), width=80)
        console.print(view)
        return [
            re.sub(" +", " ", line.strip()) for line in console.file.getvalue().splitlines()[3:]
        ]

    begun = EvaluationBegun(7, {"paradigm": "knn"})
    assert lines(StageBegun("joint", ""), begun) == ["evaluating #7 knn 3 s"]
    two = [FitBegun(7, "fold 1 of 5"), FitBegun(7, "fold 2 of 5")]
    assert lines(*two) == ["fitting #7 knn fold 1 of 5 3 s"]
    assert lines(FitEnded(7, "fold 1 of 5")) == ["fitting #7 knn fold 2 of 5 6 s"]
    assert lines(FitEnded(7, "fold 2 of 5")) == ["waiting #7 knn 3 s"]
    assert lines(EvaluationEnded(7)) == []


def test_an_error_leaves_a_clean_terminal(frames, monkeypatch):
    monkeypatch.setenv("TERM", "xterm-256color")
    terminal = Terminal(80)
    with pytest.raises(RuntimeError, match="broke"):
        run(Console(file=terminal.file), frames, interrupt=True)
    written = terminal.close()
    assert not any(line.strip() for line in screen(written)[0])
    assert written.rindex("\x1b[?25h") > written.rindex("\x1b[?25l")


def test_a_pipe_gets_plain_lines(frames):
    file = io.StringIO()
    run(Console(file=file, width=40), frames, strategy="sequential")
    lines = file.getvalue().splitlines()
    assert re.fullmatch(r" +\d+\.\d s  roc_auc 0\.\d+  trial 0  linear\[bold\]", lines[0])
    assert any(line.endswith("stage sequential/2-hyperparameters") for line in lines)
    assert "\x1b" not in file.getvalue()


def test_a_terminal_without_block_characters_gets_ascii(frames, monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    terminal = Terminal(80)
    terminal.file.reconfigure(encoding="ascii")
    run(Console(file=terminal.file), frames)
    assert terminal.close().isascii()


def test_compare_draws_the_run_under_way(frames, monkeypatch):
    terminal = Terminal(80)
    monkeypatch.setenv("TERM", "xterm-256color")
    # Two runs are over in less time than lies between two pictures for a reader.
    monkeypatch.setattr("jointopt.insight.screen.PER_SECOND", 1000)
    monkeypatch.setattr("sys.stdout", terminal.file)
    make, target = frames["quick binary"]
    frame = make(80)
    X, y = frame.drop(columns=target), frame[target]
    compare(X, y, ["joint", "random"], budget=None, n_trials=4, seeds=1, space=SPACE, verbose=True)
    left, states = screen(terminal.close())
    told = "\n".join(line for state in states for line in state)
    assert "0 of 2 runs" in told
    assert "data joint seed 0" in told
    assert [line.split()[:3] for line in left if line.strip()] == [
        ["1", "of", "2"],
        ["2", "of", "2"],
    ]


def test_no_printed_line_is_erased_by_a_picture_that_shrinks(monkeypatch):
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setattr("jointopt.insight.screen.PER_SECOND", 1000)
    terminal = Terminal(80)
    switch_interval = sys.getswitchinterval()

    class Picture:
        height = 1

        def __rich_console__(self, console, options):
            yield Text("\n".join(f"drawn {row}" for row in range(self.height)))

    picture, lines = Picture(), [f"line {number}" for number in range(300)]
    sys.setswitchinterval(1e-5)
    try:
        with Screen(Console(file=terminal.file), picture) as drawn:
            for number, line in enumerate(lines):
                picture.height = 1 + 5 * (number % 2)
                time.sleep(0.001)
                drawn.line(line)
    finally:
        sys.setswitchinterval(switch_interval)
    left, _ = screen(terminal.close())
    assert [line for line in left if line.strip()] == lines


def test_falling_errors_fall_in_the_sparkline():
    assert sparkline([(0.0, 9.0), (4.0, 5.0), (6.0, 1.0)], 8.0, 8) == "████▅▅▁▁"


@pytest.mark.filterwarnings("ignore")
@pytest.mark.slow
def test_a_notebook_keeps_the_last_picture(tmp_path):
    code = """
from sklearn.datasets import load_iris
from jointopt import JointClassifier
X, y = load_iris(return_X_y=True, as_frame=True)
JointClassifier(n_trials=3, budget=None, verbose=True).fit(X, y);
"""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)])
    NotebookClient(notebook, timeout=600, resources={"metadata": {"path": tmp_path}}).execute()
    (output,) = (o for o in notebook.cells[0].outputs if o.output_type == "display_data")
    assert "3 of 3 trials" in output.data["text/plain"]
    assert "<pre" in output.data["text/html"]
