"""Study definitions: YAML files that say what to run, as those in `studies/`."""

from __future__ import annotations

import difflib
from functools import partial
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError

from jointopt.data import is_named
from jointopt.errors import OptionError
from jointopt.search.strategies import sequential

if TYPE_CHECKING:
    from jointopt.search.strategies import Strategy

__all__ = ["StudyDefinition", "TableDefinition", "dump_study", "load_study", "stem", "within"]

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
    seed: int = Field(default=0, ge=0)
    final: Literal["ensemble", "single"] = "ensemble"

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
        if SEQUENTIAL not in (self.strategies or [self.strategy]):
            raise OptionError("order and shares are of the sequential strategy, which is not run")
        if strategy != SEQUENTIAL:
            return strategy
        return partial(sequential, order=self.order, shares=self.shares)


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
        study = StudyDefinition.model_validate(_plain(raw))
    except ValidationError as error:
        raise OptionError(_message(path, raw, error)) from error
    return within(study, path.parent)


def _plain(raw: Any) -> Any:
    """Return what was read without its line numbers."""
    if isinstance(raw, dict):
        return {key: _plain(value) for key, value in raw.items()}
    return [_plain(value) for value in raw] if isinstance(raw, list) else raw


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
    if study.space.endswith((".yaml", ".yml")):
        changed["space"] = str(folder / study.space)
    return study.model_copy(update=changed)


def _placed(data: str, folder: Path) -> str:
    return data if is_named(data) else str(folder / data)


def _message(path: Path, raw: Any, error: ValidationError) -> str:
    first = error.errors()[0]
    key = str(first["loc"][0]) if first["loc"] else ""
    if first["type"] == "missing":
        return f"{path}: {'/'.join(map(str, first['loc']))} is missing"
    if not key:
        return f"{path}: {first['msg'].removeprefix('Value error, ')}"
    line = raw.lc.key(key)[0] + 1 if key in raw else 1
    if first["type"] == "extra_forbidden":
        close = difflib.get_close_matches(key, StudyDefinition.model_fields, n=1)
        hint = f"; did you mean {close[0]!r}?" if close else ""
        known = ", ".join(StudyDefinition.model_fields)
        return f"{path}, line {line}: unknown key {key!r}{hint} (known: {known})"
    return f"{path}, line {line}: {key}: {first['msg']}, got {first['input']!r}"
