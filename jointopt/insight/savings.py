"""What stopping hopeless trials early has saved."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
from optuna.trial import TrialState

from jointopt.insight.words import counted

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from jointopt.search.result import TrialRecord

__all__ = ["savings_frame"]


def savings_frame(records: Sequence[TrialRecord], n_folds: int) -> pd.DataFrame:
    """Return how many fits on folds were saved, by when trials were stopped.

    Parameters
    ----------
    records : sequence of TrialRecord
        Of a search on a table.
    n_folds : int
        Fits of a whole evaluation.

    Returns
    -------
    DataFrame
        Columns `stopped` (when), `trials`, `folds_saved` and `seconds_saved`: what the rest of
        their folds would have taken at the pace of those that they passed. Fits that were begun
        ahead of others, and did not count, are not saved.
    """
    rows = []
    for record in records:
        if record.trial.state is not TrialState.PRUNED or record.is_cut_short:
            continue
        told = record.told
        passed = len(told.get("fold_scores", []))
        saved = n_folds - passed - told.get("folds_in_vain", 0)
        rows.append((passed, _when(passed, told), 1, saved, saved * record.fold_seconds))
    columns = ["passed", "stopped", "trials", "folds_saved", "seconds_saved"]
    frame = pd.DataFrame(rows, columns=columns)
    sums = frame.groupby(["passed", "stopped"], as_index=False).sum()
    return sums.drop(columns="passed")


def _when(passed: int, told: Mapping[str, Any]) -> str:
    """Return when a trial was stopped; the fold in which a network was counts as passed."""
    if any(curve["stopped"] for curve in told.get("learning_curves", ())):
        return "while a network learned"
    return f"after {counted(passed, 'fold')}" if passed else "on a sample of the rows"
