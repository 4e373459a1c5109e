"""The model card: what a model is, how good, what it takes, for those who use it later."""

from __future__ import annotations

import platform
from datetime import UTC, datetime
from importlib.resources import files
from typing import TYPE_CHECKING

import numpy as np
from jinja2 import Environment

from jointopt.data import Kind
from jointopt.insight.leaderboard import members_frame
from jointopt.insight.versions import versions
from jointopt.insight.words import describe_calibration, describe_decision, percent

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from jointopt.data import Column
    from jointopt.model.run import TableRun

__all__ = ["render_card"]

N_CATEGORIES = 30
"""Categories named before the rest is only counted."""


def render_card(run: TableRun, latency: Mapping[str, float]) -> str:
    """Return the model card as Markdown.

    Parameters
    ----------
    run : TableRun
        What came out.
    latency : mapping of str to float
        As `FittedModel.latency` gives it.
    """
    text = files("jointopt.insight").joinpath("card.md.j2").read_text(encoding="utf-8")
    # Markdown, not HTML: nothing is escaped but what would break a table, by `_cell`.
    template = Environment(trim_blocks=True, lstrip_blocks=True).from_string(text)
    model, dataset = run.model, run.dataset
    scores = np.array(model.facts["fold_scores"])
    schema = dataset.schema
    decision = describe_decision(model.classes, model.decision_weights)
    return template.render(
        model=model,
        facts=model.facts,
        target=_cell(model.target),
        classes=None if model.classes is None else [_cell(label) for label in model.classes],
        scores=scores,
        n_folds=run.n_folds,
        decision=_cell(decision) if decision else "",
        calibration=describe_calibration(model.temperature),
        members=members_frame(model).to_dict("records"),
        n_trials=len(run.result.records),
        columns=[
            (_cell(c.name), c.kind, percent(c.missing_share, 1), _values(c, dataset.X[c.name]))
            for c in schema.used
        ],
        ignored=[(_cell(c.name), c.note) for c in schema.columns if not c.used],
        latency=latency,
        versions=versions(),
        python=platform.python_version(),
        machine=f"{platform.system()} {platform.machine()}",
        date=datetime.now(UTC).date(),
    )


def _values(column: Column, values: pd.Series) -> str:
    """Say what a column held in training."""
    known = values.dropna()
    match column.kind:
        case Kind.NUMERIC:
            return f"{known.min():.6g} to {known.max():.6g}"
        case Kind.DATE:
            return f"{known.min():%Y-%m-%d} to {known.max():%Y-%m-%d}"
        case Kind.TEXT:
            return "any"
        case Kind.CATEGORICAL:
            names = sorted(known.unique())
            more = len(names) - N_CATEGORIES
            told = ", ".join(_cell(name) for name in names[:N_CATEGORIES])
            return told + (f" and {more} more" if more > 0 else "")


def _cell(value: object) -> str:
    r"""Return text that stays within a cell of a Markdown table.

    >>> print(_cell("a|b"), _cell("two \t words"))
    `a\|b` `two words`
    """
    words = " ".join(str(value).split()).replace("`", "'").replace("|", r"\|")
    return f"`{words}`"
