"""The trials as people compare them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from optuna.trial import TrialState

from jointopt.insight.words import describe

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jointopt.data import Metric
    from jointopt.model.fitted import FittedModel
    from jointopt.search.result import TrialRecord

__all__ = ["leaderboard", "members_frame"]

COLUMNS = [
    "rank",
    "trial",
    "stage",
    "paradigm",
    "score",
    "std",
    "folds",
    "n_features",
    "fit_seconds",
    "state",
    "pipeline",
]


def leaderboard(records: Sequence[TrialRecord], metric: Metric) -> pd.DataFrame:
    """Return the trials that have a score, the best first.

    Parameters
    ----------
    records : sequence of TrialRecord
        Of a search.
    metric : Metric
        Of the study.

    Returns
    -------
    DataFrame
        Columns `rank` (of those that finished all folds), `trial` (its number in the study of its
        stage), `stage`, `paradigm`, `score` (mean over the folds passed, in the metric's own
        unit), `std` (over folds), `folds` (passed), `n_features`, `fit_seconds` (all folds
        together), `state` and `pipeline` (in words).
        Trials that finished come first, those that were stopped early after them.
    """
    rows = []
    for record in records:
        trial, told = record.trial, record.told
        scores = told.get("fold_scores", [])
        if trial.state is TrialState.FAIL or not scores:
            continue
        rows.append(
            {
                "trial": record.number,
                "stage": record.stage,
                "paradigm": record.config.get("paradigm"),
                "score": float(np.mean(scores)),
                "std": float(np.std(scores)),
                "folds": len(scores),
                "n_features": told.get("n_features"),
                "fit_seconds": told.get("fit_seconds"),
                "state": trial.state.name.lower(),
                "pipeline": describe(record.config),
            }
        )
    if not rows:
        return pd.DataFrame(columns=COLUMNS)
    frame = pd.DataFrame(rows)
    signed = frame["score"] if metric.greater_is_better else -frame["score"]
    order = pd.DataFrame({"stopped": frame["state"] != "complete", "signed": -signed})
    frame = frame.loc[order.sort_values(["stopped", "signed"], kind="stable").index]
    frame = frame.reset_index(drop=True)
    complete = frame["state"] == "complete"
    frame.insert(0, "rank", np.where(complete, np.arange(1, len(frame) + 1), np.nan))
    frame["rank"] = frame["rank"].astype("Int64")
    return frame


def members_frame(model: FittedModel) -> pd.DataFrame:
    """Return what a model averages, the heaviest first.

    Parameters
    ----------
    model : FittedModel
        An ensemble, or a single pipeline.

    Returns
    -------
    DataFrame
        Columns `weight`, `trial`, `paradigm`, `score` (the trial's), `n_pipelines` (fitted, on
        all rows, on those of up to four folds, or both) and `pipeline` (in words).
    """
    return pd.DataFrame(
        [
            {
                "weight": member.weight,
                "trial": member.trial,
                "paradigm": member.config.get("paradigm"),
                "score": member.score,
                "n_pipelines": len(member.pipelines),
                "pipeline": describe(member.config),
            }
            for member in model.members
        ]
    )
