"""`jointopt export`: a run's model in a form that needs no jointopt."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.markup import escape

from jointopt.data import read_table
from jointopt.errors import DataError, OptionError
from jointopt.files import write_whole
from jointopt.model.saving import load_model
from jointopt.study_file import load_study
from jointopt.study_options import load_frame

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd
    from rich.console import Console

__all__ = ["export_onnx"]

CHECKED_ROWS = 2_000


def export_onnx(console: Console, folder: Path, out: Path | None, data: Path | None) -> None:
    """Write a model as an ONNX file, after checking that it predicts the same.

    Parameters
    ----------
    console : Console
        Where to tell what happened.
    folder : Path
        A run's folder, or its `model/`.
    out : Path or None
        The file; by default `model.onnx` in the folder.
    data : Path or None
        A table to check on; by default the training table.

    Raises
    ------
    OptionError
        If an option cannot be used or a package is missing.
    ModelError
        If ONNX cannot express the model, or it would not predict the same.
    StorageError
        If the file cannot be written.
    """
    try:
        from jointopt.model.onnx.export import check_onnx, onnx_model
    except ModuleNotFoundError as error:
        raise OptionError(
            f'--onnx needs the package {error.name}; pip install "jointopt[onnx]"'
        ) from error
    model = load_model(folder)
    out = folder / "model.onnx" if out is None else out
    if not out.parent.is_dir():
        raise OptionError(f"--out {out}: the folder {out.parent} does not exist; make it first")
    proto = onnx_model(model)
    strings = model.schema.string_columns
    frame = _training_table(folder) if data is None else read_table(data, strings=strings)
    frame = frame.sample(min(len(frame), CHECKED_ROWS), random_state=0)
    content = proto.SerializeToString()
    difference = check_onnx(content, model, frame)
    write_whole(out, content)
    n_pipelines = sum(len(member.pipelines) for member in model.members)
    console.print(
        f"{escape(str(out))}: {n_pipelines} pipeline{'s' if n_pipelines > 1 else ''}, "
        f"{len(content) / 1e6:.1f} MB; on {len(frame)} rows its predictions differ by at most "
        f"{difference:.1g}",
        highlight=False,
    )
    console.print(
        "Inputs: columns by name, each of shape (rows, 1); numbers as doubles, NaN where missing; "
        "categories as strings, empty where missing."
    )


def _training_table(folder: Path) -> pd.DataFrame:
    places = [place / "study.yaml" for place in (folder, folder.parent)]
    definition = next((place for place in places if place.is_file()), None)
    if definition is None:
        raise OptionError(
            f"{folder} has no study.yaml that names the training table: give a table to check "
            "the export on, with the training columns, by --data TABLE"
        )
    study = load_study(definition)
    try:
        return load_frame(study.listed[0], study.drop)
    except DataError as error:
        raise DataError(f"{error}; give a table to check the export on by --data TABLE") from error
