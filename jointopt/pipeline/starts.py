"""Where a search starts: configurations that did well on other tables, and good defaults."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from ruamel.yaml import YAML

from jointopt.pipeline.paradigms import paradigms_of
from jointopt.space import library

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from jointopt.data import Task
    from jointopt.space import Config, Space, Value

__all__ = ["load_portfolio", "start_configs"]

PORTFOLIO = "portfolio.yaml"


def load_portfolio(space: Space, path: Path | None = None) -> list[Mapping[str, Value]]:
    """Return those entries of a portfolio that a space has, best first.

    Parameters
    ----------
    space : Space
        Before it is adapted to a table. An entry with a parameter or a value that it lacks is
        left out: a space of other ranges is another question.
    path : Path or None, default=None
        Of the portfolio; None for the shipped one.
    """
    entries = _shipped() if path is None else _entries(path.read_text(encoding="utf-8"))
    return [entry for entry in entries if space.possible(entry) == entry]


@cache
def _shipped() -> list[Mapping[str, Value]]:
    """Return the shipped portfolio, whose reading takes longer than a small table's fits."""
    return _entries((library() / PORTFOLIO).read_text(encoding="utf-8"))


def _entries(text: str) -> list[Mapping[str, Value]]:
    entries: list[Mapping[str, Value]] = YAML(typ="safe").load(text)
    return entries


def start_configs(
    space: Space, task: Task, portfolio: Sequence[Mapping[str, Value]] = ()
) -> list[Config]:
    """Return the configurations to evaluate first.

    Parameters
    ----------
    space : Space
        Adapted to the table.
    task : Task
        What is predicted.
    portfolio : sequence of mapping, default=()
        Values by parameter path, best first; what the adapted space lacks is left out.

    Returns
    -------
    list of Config
        The portfolio, then a good default of each paradigm, the space's default paradigm first.
        Where an only paradigm names more starts for this case, its default and these are first.
    """
    paradigms = paradigms_of(space)
    default = space.default()["paradigm"]
    usual = [
        paradigms[label].start_for(task.kind) | {"paradigm": label}
        for label in sorted(paradigms, key=lambda label: label != default)
    ]
    alone = [
        start | {"paradigm": label}
        for label, paradigm in paradigms.items()
        for start in paradigm.starts_alone_for(task.kind)
        if len(paradigms) == 1
    ]
    known = [entry for entry in portfolio if entry["paradigm"] in paradigms]
    # The default is the cheapest: a search that is short or on a busy machine still has one model.
    entries = (*usual, *alone, *known) if alone else (*known, *usual)
    return _distinct(space.complete(space.possible(entry)) for entry in entries)


def _distinct(configs: Iterable[Config]) -> list[Config]:
    return list({frozenset(config.items()): config for config in configs}.values())
