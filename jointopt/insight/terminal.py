"""A run's results on the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
from rich.markup import escape
from rich.table import Table

from jointopt.data.columns import quoted
from jointopt.errors import DataError
from jointopt.insight.leaderboard import COLUMNS, members_frame
from jointopt.insight.words import (
    describe_calibration,
    describe_decision,
    describe_features,
    describe_model,
    describe_transforms,
)

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import Console

    from jointopt.model.fitted import FittedModel
    from jointopt.space import Config

__all__ = ["show_leaderboard", "show_model", "show_pipeline"]

N_ROWS = 8


def show_leaderboard(console: Console, path: Path) -> None:
    """Print the best trial of each paradigm, from `leaderboard.csv`.

    Raises
    ------
    DataError
        If it is not there, or not a leaderboard.
    """
    try:
        frame = pd.read_csv(path)
    except (OSError, ValueError) as error:
        raise DataError(f"{path} cannot be read: {error}; jointopt run writes one") from error
    if missing := [name for name in COLUMNS if name not in frame.columns]:
        raise DataError(
            f"{path} is no leaderboard: it lacks {quoted(missing)}; jointopt run writes one"
        )
    frame = frame[frame["state"] == "complete"].drop_duplicates("paradigm").head(N_ROWS)
    if frame.empty:
        console.print("No configuration was evaluated on all folds.")
        return
    table = Table(box=None, pad_edge=False, padding=(0, 2), title_justify="left")
    for name in ("paradigm", "score", "± folds", "columns", "fit s", "rank", "trial"):
        table.add_column(name, justify="left" if name == "paradigm" else "right")
    for row in frame.to_dict("records"):
        table.add_row(
            escape(str(row["paradigm"])),
            f"{row['score']:.5g}",
            f"{row['std']:.2g}",
            f"{row['n_features']:.0f}",
            f"{row['fit_seconds']:.1f}",
            f"{row['rank']:.0f}",
            str(row["trial"]),
        )
    console.print("[bold]Best of each paradigm[/bold] (all trials: leaderboard.csv)")
    console.print(table)


def show_model(console: Console, model: FittedModel) -> None:
    """Print what the model averages, and the best single pipeline, in words."""
    if len(model.members) > 1:
        facts = model.facts
        console.print(
            f"[bold]The model[/bold] averages {len(model.members)} configurations: "
            f"{facts['metric']} {facts['validation_score']:.5g}, the best alone "
            f"{facts['best_single_score']:.5g}",
            highlight=False,
        )
        for row in members_frame(model).to_dict("records"):
            console.print(
                f"  {row['weight']:.2f}  trial {row['trial']}, "
                f"{escape(str(row['paradigm']))}, {row['score']:.5g}",
                highlight=False,
            )
    decision = describe_decision(model.classes, model.decision_weights)
    for tuned in filter(None, (decision, describe_calibration(model.temperature))):
        console.print(f"[bold]The model[/bold] {escape(tuned)}", highlight=False)
    show_pipeline(console, model.config)


def show_pipeline(console: Console, config: Config) -> None:
    """Print a pipeline in words."""
    console.print("[bold]The best single pipeline[/bold]")
    console.print(f"  model     {escape(describe_model(config))}", highlight=False)
    console.print(f"  features  {escape(describe_features(config))}", highlight=False)
    for line in describe_transforms(config).split("; "):
        if line:
            console.print(f"  {escape(line)}", highlight=False)
