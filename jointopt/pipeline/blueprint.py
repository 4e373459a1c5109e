"""What pipelines of one table are built from, beside the configuration."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jointopt.data import Schema, Task
    from jointopt.pipeline.paradigms import Paradigm
    from jointopt.space import Config

__all__ = [
    "ARGUMENT_AXES",
    "FLIPS",
    "MAX_MASK_COLUMNS",
    "Blueprint",
    "argument_of",
    "parameter",
]

FLIPS: Final = "features/ranked_mask/flip"
"""The one subset that is no mask: it turns columns over around a ranking."""

ARGUMENT_AXES: Final = ("architecture", "hyperparameters")
"""Those whose parameters become arguments of estimators."""

MAX_MASK_COLUMNS: Final = 64
"""Of more columns a mask over a table's columns switches groups."""


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


def argument_of(path: str, label: str) -> tuple[str, bool] | None:
    """Return which argument of a paradigm's constructor a parameter is, and if it is one of many.

    It is the last word of the path that is no number. Such a number is that of a copy: the values
    of a `Repeat`, or of something in its body, become one list, in the order of the copies.
    None for what is not below the paradigm.

    Parameters
    ----------
    path : str
        Of the parameter.
    label : str
        Of the paradigm's branch.

    Examples
    --------
    >>> argument_of("hyperparameters/svm/kernel/poly/degree", "svm")
    ('degree', False)
    >>> argument_of("architecture/mlp/width/0", "mlp"), argument_of("paradigm", "mlp")
    (('width', True), None)
    >>> argument_of("architecture/mlp/layer/1/dropout", "mlp")
    ('dropout', True)
    """
    axis, *words = path.split("/")
    if axis not in ARGUMENT_AXES or words[:1] != [label] or len(words) == 1:
        return None
    names = [word for word in words[1:] if not word.isdigit()]
    return (names or words)[-1], len(names) < len(words) - 1
