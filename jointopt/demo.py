"""`jointopt demo`: the main job on a real table that scikit-learn ships."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.markup import escape
from sklearn.datasets import load_breast_cancer
from sklearn.metrics import accuracy_score, roc_auc_score
from sklearn.model_selection import train_test_split

from jointopt.errors import OptionError
from jointopt.files import plain_reading, write_whole
from jointopt.model.saving import load_model
from jointopt.run_command import RunCommand
from jointopt.study_options import check_folder, result_folder

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import pandas as pd
    from rich.console import Console

__all__ = ["run_demo"]


def run_demo(console: Console, out: Path, budget: str, started: float) -> None:
    """Write the table as CSV, run on three quarters of its rows, score on the others.

    Parameters
    ----------
    console : Console
        Where to tell what happens.
    out : Path
        Folder for the data and the results; earlier results of a demo in it are replaced.
    budget : str
        Wall-clock time.
    started : float
        `time.monotonic()` when the command began.

    Raises
    ------
    OptionError
        If the budget is not valid, or the folder holds other things than a demo.
    """
    train_csv, results = out / "train.csv", out / "results"
    command = RunCommand.from_options(
        train_csv, {"target": "diagnosis", "budget": budget, "name": "breast cancer"}
    )
    table = load_breast_cancer(as_frame=True)
    frame = table.data.assign(diagnosis=table.target.map({0: "malignant", 1: "benign"}))
    train, test = train_test_split(
        frame, test_size=0.25, random_state=0, stratify=frame["diagnosis"]
    )
    tables = {train_csv: _as_csv(train), out / "test.csv": _as_csv(test)}
    _check_is_own(out, tables)
    result_folder(out)
    for old in ("study.db", "study.db-wal", "study.db-shm"):
        (results / old).unlink(missing_ok=True)
    for path, content in tables.items():
        write_whole(path, content)
    command.run(console, out=results, started=started, held_out=test)
    model = load_model(results)
    # Of two classes in alphabetical order, malignant is the second.
    area = roc_auc_score(test["diagnosis"] == "malignant", model.predict_proba(test)[:, 1])
    accuracy = accuracy_score(test["diagnosis"], model.predict(test))
    console.print(
        f"\n[bold]On {len(test)} held-out rows: roc_auc {area:.4f}, "
        f"accuracy {accuracy:.4f}[/bold]",
        highlight=False,
    )
    words = escape(f"jointopt predict {results} {out}/test.csv --out preds.csv")
    console.print(f"Predict new rows: {words}")


def _as_csv(frame: pd.DataFrame) -> bytes:
    return frame.to_csv(index=False).encode()


def _check_is_own(out: Path, tables: Mapping[Path, bytes]) -> None:
    """Refuse a folder that no demo made: others have files of these names, too."""
    if not check_folder(out).exists() or not any(out.iterdir()):
        return
    # One that was stopped early has written the first alone.
    there = [path for path in tables if path.exists()]
    if not there or any(not _holds(path, tables[path]) for path in there):
        raise OptionError(f"--out {out} holds other things than a demo; choose another folder")


def _holds(path: Path, content: bytes) -> bool:
    with plain_reading(path):
        # A large file of another's is told by its size, unread.
        return path.stat().st_size == len(content) and path.read_bytes() == content
