"""Study definitions: YAML files that say what to run, as those in `studies/`."""

from __future__ import annotations

import difflib
from functools import partial
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)
from ruamel.yaml import YAML

from jointopt.errors import OptionError, SpaceError
from jointopt.evaluation.limits import parse_memory
from jointopt.evaluation.seeds import MAX_SEED, checked_seeds
from jointopt.files import is_named
from jointopt.search.budget import parse_seconds
from jointopt.search.strategies import sequential
from jointopt.space.yaml_source import SUFFIXES, Source, read_part, read_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jointopt.search.strategies import Strategy
    from jointopt.space.yaml_source import Part

__all__ = [
    "SEQUENTIAL",
    "StudyDefinition",
    "TableDefinition",
    "dump_study",
    "load_study",
    "stem",
    "study_of",
    "within",
]

SEQUENTIAL = "sequential"

StrategyName = Literal["joint", "sequential", "alternating", "random", "exhaustive"]


class TableDefinition(BaseModel):
    """One of several tables to compare strategies on.

    Attributes
    ----------
    data : str
        A table's path (relative to the file's folder), `sklearn:NAME` or `simulated:SEED`.
    target : str
        The column to predict.
    name : str or None, default=None
        By default the file's.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    data: str
    target: str
    name: str | None = None

    @property
    def label(self) -> str:
        """What the table is called in results."""
        return self.name or stem(self.data)


class StudyDefinition(BaseModel):
    """What a study runs.

    Attributes
    ----------
    data : str or None
        A table's path (relative to the file's folder), `sklearn:NAME` for a table that
        scikit-learn ships, or `simulated:SEED` for one drawn at random.
    target : str or None
        The column to predict.
    tables : list of TableDefinition or None, default=None
        In place of `data` and `target`: several tables, to compare strategies on.
    drop : list of str, default=[]
        Columns that are left out.
    metric, space, strategy, budget, trials, workers, dask, seed, final
        As the options of `jointopt run`.
    trial_timeout, memory_limit
        As well.
    strategies : list of str or None, default=None
        Compares these in place of running one `strategy`.
    seeds : int or list of int, default=5
        Of a comparison: a number of seeds, or the seeds.
    parallel : int, default=1
        Runs of a comparison at once.
    ground_truth : bool, default=False
        Of a comparison: evaluate every configuration of the (finite) space first, then let the
        strategies search among the known scores, so that their regret is exact.
    order, shares : list of str, mapping of str to float, or None
        The axes' order and shares of the budget in the sequential strategy.
    name : str or None, default=None
        Of the study; by default the table's.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    data: str | None = None
    target: str | None = None
    tables: list[TableDefinition] | None = None
    drop: list[str] = []
    name: str | None = None
    metric: str | None = None
    space: str = "tabular"
    strategy: StrategyName = "joint"
    strategies: list[StrategyName] | None = Field(default=None, min_length=2)
    seeds: int | list[int] = 5
    ground_truth: bool = False
    order: list[str] | None = None
    shares: dict[str, float] | None = None
    budget: str | float | None = None
    trials: int | None = Field(default=None, ge=1)
    workers: int | None = Field(default=None, ge=1)
    dask: str | None = None
    trial_timeout: str | float | None = None
    memory_limit: str | float | None = None
    parallel: int = Field(default=1, ge=1)
    seed: int = Field(default=0, ge=0, le=MAX_SEED)
    final: Literal["ensemble", "single"] = "ensemble"

    @field_validator("budget", "trial_timeout")
    @classmethod
    def _is_duration(cls, given: str | float | None) -> str | float | None:
        if given is not None:
            parse_seconds(given, "value")
        return given

    @field_validator("memory_limit")
    @classmethod
    def _is_size(cls, given: str | float | None) -> str | float | None:
        if given is not None:
            parse_memory(given, "value")
        return given

    @field_validator("seeds", mode="before")
    @classmethod
    def _are_seeds(cls, given: Any) -> Any:
        checked_seeds(given, "value")
        return given

    @model_validator(mode="after")
    def _has_its_tables(self) -> Self:
        if self.tables is None and (self.data is None or self.target is None):
            missing = "data" if self.data is None else "target"
            raise ValueError(f"{missing} is missing (or give tables, to compare strategies on)")
        if self.tables is not None and (self.data is not None or self.target is not None):
            raise ValueError("give either data and target, or tables; not both")
        return self

    @property
    def listed(self) -> list[TableDefinition]:
        """The tables, one or several."""
        if self.tables is not None:
            return self.tables
        return [TableDefinition(data=str(self.data), target=str(self.target), name=self.name)]

    def how(self, strategy: str) -> str | Strategy:
        """Return a strategy with the order and shares of this study.

        Raises
        ------
        OptionError
            If the study does not run the strategy that they are for.
        """
        if self.order is None and self.shares is None:
            return strategy
        if strategy == SEQUENTIAL:
            return partial(sequential, order=self.order, shares=self.shares)
        if SEQUENTIAL not in (self.strategies or [self.strategy]):
            raise OptionError("order and shares are of the sequential strategy, which is not run")
        return strategy


def load_study(path: Path, given: Mapping[str, Any] | None = None) -> StudyDefinition:
    """Read a study definition.

    Parameters
    ----------
    path : Path
        The YAML file.
    given : mapping of str to value or None, default=None
        Keys and values in place of those in the file, checked like them.

    Raises
    ------
    OptionError
        If the file cannot be read or a key or value is wrong; the message names file and line, or
        the option.
    """
    given = given or {}
    try:
        root = read_part(read_text(path, str(path)), Source(str(path)))
        if not root.is_mapping:
            root.fail("", "a study definition is a mapping with at least data and target")
        root.entries("")
        raw = root.plain("")
    except SpaceError as error:
        raise OptionError(str(error)) from error
    if "target" in given and "tables" in raw:
        raise OptionError(
            f"--target is for one table, and {path} lists tables that each have a target of their "
            "own; leave --target out, or change the file"
        )
    study = within(study_of(raw, root), path.parent)
    return study_of({**study.model_dump(exclude_unset=True), **given}) if given else study


def study_of(plain: Mapping[str, Any], root: Part | None = None) -> StudyDefinition:
    """Return the study definition of plain values, of a command's options or of a file.

    Raises
    ------
    OptionError
        If one is wrong; the message names the option, or file and line.
    """
    try:
        return StudyDefinition.model_validate(plain)
    except ValidationError as error:
        raise OptionError(_message(error, root)) from error


def dump_study(study: StudyDefinition) -> str:
    """Return a study definition as YAML; what is at its default is left out."""
    out = StringIO()
    YAML().dump(study.model_dump(exclude_defaults=True), out)
    return out.getvalue()


def stem(data: str) -> str:
    """Return what a table is called after its file: `price` for `data/price.csv.gz`."""
    if is_named(data):
        return data.removeprefix("sklearn:").replace(":", "-")
    return Path(data).name.partition(".")[0] or "table"


def within(study: StudyDefinition, folder: Path) -> StudyDefinition:
    """Return a definition whose paths start at a folder."""
    changed: dict[str, Any] = {}
    if study.data is not None:
        changed["data"] = _placed(study.data, folder)
    if study.tables is not None:
        changed["tables"] = [
            table.model_copy(update={"data": _placed(table.data, folder)})
            for table in study.tables
        ]
    if study.space.endswith(SUFFIXES):
        changed["space"] = str(folder / Path(study.space).expanduser())
    return study.model_copy(update=changed)


def _placed(data: str, folder: Path) -> str:
    return data if is_named(data) else str(folder / Path(data).expanduser())


def _message(error: ValidationError, root: Part | None) -> str:
    """Say what is wrong with the first wrong value, and where: in the file, or which option."""
    # A misspelt key first: it is also why another one is missing.
    first = min(error.errors(), key=lambda wrong: wrong["type"] != "extra_forbidden")
    said = first["msg"].removeprefix("Value error, ").replace("Input", "value", 1)
    if first["type"] != "value_error":
        said += f", got {first['input']!r}"
    if root is None:
        option = f"--{str(first['loc'][0]).replace('_', '-')}: " if first["loc"] else ""
        return option + said
    place, keys = _place(root, first["loc"])
    match first["type"]:
        case "missing":
            said = f"{'/'.join(map(str, first['loc']))} is missing"
        case "extra_forbidden":
            said = _unknown(keys)
        case _ if keys:
            said = f"{'/'.join(keys)}: {said}"
    return f"{place}: {said}"


def _place(root: Part, loc: tuple[int | str, ...]) -> tuple[str, list[str]]:
    """Return file and line of a value and the keys to it; `loc` may go on with names of types."""
    keys: list[str] = []
    part, place = root, root.source.name
    for step in loc:
        below = part.children()
        if step not in below:
            break
        key, part = below[step]
        keys.append(str(step))
        place = f"{root.source.name}, line {key.line}"
    return place, keys


def _unknown(keys: list[str]) -> str:
    known = list((StudyDefinition if len(keys) == 1 else TableDefinition).model_fields)
    close = difflib.get_close_matches(keys[-1], known, n=1)
    hint = f"; did you mean {close[0]!r}?" if close else ""
    return f"unknown key {'/'.join(keys)!r}{hint} (known: {', '.join(known)})"
