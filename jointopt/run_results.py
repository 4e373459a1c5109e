"""What a run leaves in its folder, and what it says of it at its end."""

from __future__ import annotations

import time
from io import BytesIO
from typing import TYPE_CHECKING, Any

from optuna.trial import TrialState
from rich.markup import escape

from jointopt.files import write_whole
from jointopt.insight.leaderboard import leaderboard
from jointopt.insight.terminal import show_leaderboard, show_model
from jointopt.insight.words import counted
from jointopt.model.saving import save_model

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from rich.console import Console

    from jointopt.insight.held_out import HeldOut
    from jointopt.insight.search_result import SearchResult
    from jointopt.model.run import TableRun

__all__ = ["conclusion", "tell_results", "write_results"]


def write_results(
    folder: Path,
    run: TableRun,
    result: SearchResult,
    facts: Mapping[str, Any],
    started: float,
    outer: HeldOut | None,
) -> None:
    """Write leaderboard, model, out-of-fold predictions and report.

    Parameters
    ----------
    folder : Path
        Where to; it exists.
    run : TableRun
        What was found.
    result : SearchResult
        The same, as it is shown.
    facts : dict of str
        What the report says of how it was found.
    started : float
        `time.monotonic()` when the command began.
    outer : HeldOut or None
        Scores on rows that no search saw.
    """
    import numpy as np

    from jointopt.insight.card import render_card
    from jointopt.insight.report import render_report

    board = leaderboard(run.result.records, run.metric)
    write_whole(folder / "leaderboard.csv", board.to_csv(index=False))
    model_folder = save_model(run.model, folder / "model")
    latency = run.model.latency(run.dataset.X)
    write_whole(model_folder / "README.md", render_card(run, latency))
    predictions: dict[str, Any] = {f"{s}/{n}": p for (s, n), p in run.out_of_fold.items()}
    packed = BytesIO()
    np.savez_compressed(packed, **predictions)
    write_whole(folder / "out_of_fold.npz", packed.getvalue())
    facts = {**facts, "seconds": f"{time.monotonic() - started:.1f}"}
    page = render_report(run, result, board, facts, latency, folder=str(folder), outer=outer)
    write_whole(folder / "report.html", page)


def conclusion(run: TableRun) -> str:
    """Return in Markdown what became of the search, for the study's note."""
    members, facts = run.model.members, run.model.facts
    what = f"averages {len(members)} of the trials" if len(members) > 1 else "is one of the trials"
    return (
        f"A run on this study has ended. Its model {what} and has {facts['metric']} "
        f"**{facts['validation_score']:.5g}** in validation."
    )


def tell_results(
    console: Console, folder: Path, run: TableRun, seconds: float, *, elsewhere: bool
) -> None:
    """Show the best of each paradigm, the model, what failed and where everything is.

    Parameters
    ----------
    console : Console
        Where to.
    folder : Path
        In which results were written.
    run : TableRun
        What was found.
    seconds : float
        That the command took.
    elsewhere : bool
        Whether the study is not in the folder.
    """
    console.print()
    show_leaderboard(console, folder / "leaderboard.csv")
    console.print()
    show_model(console, run.model)
    failed = [r for r in run.result.records if r.trial.state is TrialState.FAIL]
    if failed:
        reason = failed[0].told.get("reason")
        console.print(
            f"{counted(len(failed), 'trial')} failed, for example: {escape(str(reason))}"
        )
    for note in run.notes:
        console.print(escape(note))
    study = "" if elsewhere else "study.db, "
    console.print(
        f"\n{counted(len(run.result.records), 'trial')} in {seconds:.1f} s. "
        f"In {escape(str(folder))}: model/, report.html, leaderboard.csv, {study}study.yaml, "
        "artifacts/, out_of_fold.npz",
        highlight=False,
    )
