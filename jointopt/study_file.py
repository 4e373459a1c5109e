"""Study definitions: YAML files that say what to run, as those in `studies/`."""

from __future__ import annotations

import difflib
from io import StringIO
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError

from jointopt.data import PREFIX
from jointopt.errors import OptionError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["StudyDefinition", "dump_study", "load_study"]


class StudyDefinition(BaseModel):
    """What a study runs.

    Attributes
    ----------
    data : str
        A table's path (relative to the file's folder), or `sklearn:NAME` for a table that
        scikit-learn ships.
    target : str
        The column to predict.
    metric, space, strategy, budget, trials, workers, seed
        As the options of `jointopt run`.
    name : str or None, default=None
        Of the study; by default the table's.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    data: str
    target: str
    name: str | None = None
    metric: str | None = None
    space: str = "tabular"
    strategy: Literal["joint", "sequential", "alternating", "random", "exhaustive"] = "joint"
    budget: str | float | None = None
    trials: int | None = Field(default=None, ge=1)
    workers: int | None = Field(default=None, ge=1)
    seed: int = Field(default=0, ge=0)


def load_study(path: Path) -> StudyDefinition:
    """Read a study definition.

    Raises
    ------
    OptionError
        If the file cannot be read or a key or value is wrong; the message names file and line.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise OptionError(f"{path} cannot be read: {error}") from error
    try:
        raw = YAML(typ="rt").load(text)
    except MarkedYAMLError as error:
        line = "" if error.problem_mark is None else f", line {error.problem_mark.line + 1}"
        raise OptionError(f"{path}{line}: not valid YAML: {error.problem}") from error
    if not isinstance(raw, dict):
        raise OptionError(f"{path}: a study definition is a mapping with at least data and target")
    try:
        study = StudyDefinition.model_validate(dict(raw))
    except ValidationError as error:
        raise OptionError(_message(path, raw, error)) from error
    return _relative_to(path.parent, study)


def dump_study(study: StudyDefinition) -> str:
    """Return a study definition as YAML; what is at its default is left out."""
    out = StringIO()
    YAML().dump(study.model_dump(exclude_defaults=True), out)
    return out.getvalue()


def _relative_to(folder: Path, study: StudyDefinition) -> StudyDefinition:
    """Paths in a definition start at its own folder."""
    changed: dict[str, str] = {}
    if not study.data.startswith(PREFIX):
        changed["data"] = str(folder / study.data)
    if study.space.endswith((".yaml", ".yml")):
        changed["space"] = str(folder / study.space)
    return study.model_copy(update=changed)


def _message(path: Path, raw: Any, error: ValidationError) -> str:
    first = error.errors()[0]
    key = str(first["loc"][0]) if first["loc"] else ""
    if first["type"] == "missing":
        return f"{path}: {key} is missing"
    line = raw.lc.key(key)[0] + 1 if key in raw else 1
    if first["type"] == "extra_forbidden":
        close = difflib.get_close_matches(key, StudyDefinition.model_fields, n=1)
        hint = f"; did you mean {close[0]!r}?" if close else ""
        known = ", ".join(StudyDefinition.model_fields)
        return f"{path}, line {line}: unknown key {key!r}{hint} (known: {known})"
    return f"{path}, line {line}: {key}: {first['msg']}, got {first['input']!r}"
