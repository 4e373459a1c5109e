"""The trials of a comparison's runs, kept with it so that they can be learnt from later."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from jointopt.errors import OptionError
from jointopt.insight.axis_analysis import interactions_of
from jointopt.insight.interactions import Interactions
from jointopt.insight.surrogate import Evidence
from jointopt.search.terms import told_tree
from jointopt.space import Space

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from jointopt.search.result import TrialRecord

__all__ = ["TRIAL_COLUMNS", "interactions_of_kept", "kept_space", "kept_trials"]

TRIAL_COLUMNS: Final = {
    "dataset": "str",
    "strategy": "str",
    "seed": "int64",
    "signed": "float64",
    "noise": "float64",
    "free": "bool",
    "config": "str",
    "space": "str",
}


def kept_trials(records: Sequence[TrialRecord], space: Space, sign: float) -> list[dict[str, Any]]:
    """Return a run's scored trials as plain values, without what names the run and the space.

    Parameters
    ----------
    records : sequence of TrialRecord
        Of the run.
    space : Space
        What it searched, bound to its table.
    sign : float
        -1 where smaller scores are better.
    """
    evidence = Evidence.of(((r.config, r.trial) for r in records), space, sign)
    rows = evidence.frame().to_dict("records")
    return [{str(name): value for name, value in row.items()} for row in rows]


def kept_space(space: Space) -> str:
    """Return a space as text that `interactions_of_kept` reads."""
    return json.dumps({"tree": told_tree(space), "frozen": dict(space.frozen)})


def interactions_of_kept(
    kept: pd.DataFrame, runs: pd.DataFrame, dataset: str | None
) -> Interactions:
    """Divide the score's variance among the axes, by the trials of all runs on a data set.

    Runs of one seed share folds and space, and are learnt from together, each configuration once;
    seeds are averaged.

    Parameters
    ----------
    kept : DataFrame
        Columns `TRIAL_COLUMNS`.
    runs : DataFrame
        One row per run.
    dataset : str or None
        Which data set; may be left out where there is one.

    Raises
    ------
    OptionError
        If there are several data sets and none is named, it is not there, or its trials are too
        few.
    """
    names = runs["dataset"].unique().tolist()
    if dataset is None and len(names) > 1:
        raise OptionError(f"say which data set: one of {', '.join(names)}")
    dataset = names[0] if dataset is None else dataset
    own = kept[kept["dataset"] == dataset]
    if own.empty:
        raise OptionError(
            f"no trials of {dataset!r} are kept; the data sets are {', '.join(names)}, and runs "
            "of earlier versions kept none"
        )
    better = runs.loc[runs["dataset"] == dataset, "greater_is_better"].iloc[0]
    found = []
    for _, of_seed in own.groupby("seed", sort=False):
        told = json.loads(of_seed["space"].iloc[0])
        space = Space.from_yaml(told["tree"]).freeze(told["frozen"])
        evidence = Evidence.read(_once(of_seed), space)
        found.append(interactions_of(evidence, space, 1.0 if better else -1.0))
    return Interactions.pooled(found)


def _once(trials: pd.DataFrame) -> pd.DataFrame:
    """Keep each configuration once, as it is least noisy.

    All strategies begin with the same ones and get the same scores: repeated, these would be
    predicted from each other and taken for more than is known.
    """
    free = trials.groupby("config")["free"].transform("any")
    least = trials.assign(free=free).sort_values("noise", kind="stable")
    return least.drop_duplicates("config").sort_index()
