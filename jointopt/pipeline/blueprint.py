"""What pipelines of one table are built from, beside the configuration."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jointopt.data import Schema, Task
    from jointopt.pipeline.paradigms import Paradigm
    from jointopt.space import Config

__all__ = ["FLIPS", "Blueprint", "parameter"]

FLIPS: Final = "features/ranked_mask/flip"
"""The one subset that is no mask: it turns columns over around a ranking."""


@dataclass(frozen=True, slots=True)
class Blueprint:
    """All that a pipeline's construction needs beside the configuration.

    Attributes
    ----------
    schema : Schema
        The table's columns.
    task : Task
        What is predicted.
    paradigms : mapping of str to Paradigm
        By branch label.
    switches, flips : mapping of str to list of str
        What the space's column mask switches, and what it turns over around a ranking: parameter
        path to columns.
    n_rows : int
        Rows of the table.
    """

    schema: Schema
    task: Task
    paradigms: Mapping[str, Paradigm]
    switches: Mapping[str, list[str]]
    flips: Mapping[str, list[str]]
    n_rows: int


def parameter(config: Config, prefix: str, name: str, default: Any) -> Any:
    """Return a parameter's value, or the default where it is not active."""
    return config.get(f"{prefix}/{name}", default)
