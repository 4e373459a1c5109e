"""`jointopt demo`: the main job on a real table that scikit-learn ships."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.markup import escape
from sklearn.datasets import load_breast_cancer
from sklearn.metrics import accuracy_score, roc_auc_score
from sklearn.model_selection import train_test_split

from jointopt.errors import OptionError
from jointopt.model.saving import load_model
from jointopt.run_command import RunCommand
from jointopt.study_options import result_folder

if TYPE_CHECKING:
    from pathlib import Path

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
    """
    results = out / "results"
    result_folder(out)
    if not (out / "train.csv").is_file() and any(out.iterdir()):
        raise OptionError(f"--out {out} holds other things than a demo; choose another folder")
    for old in ("study.db", "study.db-wal", "study.db-shm"):
        (results / old).unlink(missing_ok=True)
    table = load_breast_cancer(as_frame=True)
    frame = table.data.assign(diagnosis=table.target.map({0: "malignant", 1: "benign"}))
    train, test = train_test_split(
        frame, test_size=0.25, random_state=0, stratify=frame["diagnosis"]
    )
    train.to_csv(out / "train.csv", index=False)
    test.to_csv(out / "test.csv", index=False)
    command = RunCommand.from_options(
        out / "train.csv", {"target": "diagnosis", "budget": budget, "name": "breast cancer"}
    )
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
