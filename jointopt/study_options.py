"""A study as a command is given it: its definition, table, limits and folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from jointopt.data import load_table
from jointopt.data.columns import with_string_names
from jointopt.errors import OptionError
from jointopt.files import write_whole
from jointopt.search.budget import parse_seconds
from jointopt.space.yaml_source import SUFFIXES
from jointopt.study_file import StudyDefinition, dump_study, load_study, study_of, within

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from jointopt.study_file import TableDefinition

__all__ = [
    "budget_of",
    "check_folder",
    "check_holds_no",
    "load_frame",
    "result_folder",
    "study_from_options",
    "write_study",
]

DEFAULT_BUDGET = "60s"

TRACES: Final = {
    # A run may keep its study elsewhere, and a comparison that was stopped has its runs alone.
    "run": ("study.db", "leaderboard.csv"),
    "comparison": ("comparison.parquet", "runs.jsonl"),
}
"""What tells in a folder whose results it holds."""


def study_from_options(data: Path, given: dict[str, Any]) -> StudyDefinition:
    """Return what to run: a study definition with options in its place, or a table's options.

    Raises
    ------
    OptionError
        If an option is not valid or the target is missing.
    """
    if data.suffix in SUFFIXES:
        return load_study(data, given)
    if "target" not in given:
        raise OptionError(f"say which column of {data} to predict: --target NAME")
    return study_of({"data": str(data), **given})


def budget_of(study: StudyDefinition) -> float | None:
    """Return the seconds of a run; a minute where neither time nor trials are limited."""
    if study.budget is None:
        return None if study.trials is not None else parse_seconds(DEFAULT_BUDGET)
    return parse_seconds(study.budget)


def load_frame(table: TableDefinition, drop: Sequence[str]) -> pd.DataFrame:
    """Read a table without the columns to leave out.

    Raises
    ------
    DataError
        If it cannot be read.
    OptionError
        If a column to leave out is not there.
    """
    frame = with_string_names(load_table(table.data))
    for column in drop:
        if column not in frame.columns:
            raise OptionError(f"drop: {table.data} has no column {column!r}")
    return frame.drop(columns=list(drop))


def write_study(folder: Path, study: StudyDefinition, name: str) -> None:
    """Write the definition that runs the same again from anywhere on this machine."""
    placed = within(study, Path.cwd()).model_copy(update={"name": name})
    write_whole(folder / "study.yaml", dump_study(placed))


def check_folder(out: Path) -> Path:
    """Return a path where there is a folder, or nothing yet.

    Raises
    ------
    OptionError
        If it is a file.
    """
    if out.exists() and not out.is_dir():
        raise OptionError(f"--out {out} is a file; give a folder")
    return out


def check_holds_no(kind: Literal["run", "comparison"], folder: Path) -> None:
    """Refuse a folder of the other kind of results, whose study definition would be replaced.

    Raises
    ------
    OptionError
        If it holds results of that kind.
    """
    if any((folder / name).exists() for name in TRACES[kind]):
        raise OptionError(f"{folder} holds the results of a {kind}; choose another --out")


def result_folder(out: Path) -> Path:
    """Return the folder for a command's results, made if need be.

    Raises
    ------
    OptionError
        If it is a file, or cannot be made.
    """
    check_folder(out)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OptionError(f"--out {out} cannot be made: {error.strerror}") from error
    return out
