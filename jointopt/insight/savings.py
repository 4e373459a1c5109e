"""What stopping hopeless trials early has saved."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pandas as pd
from optuna.trial import TrialState

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jointopt.search.result import TrialRecord

__all__ = ["savings_frame"]

BEHIND: Final = "behind"
"""How the reason of a trial begins that lost its race; others were cut short by the budget."""


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
        their folds would have taken at the pace of those that they passed.
    """
    rows = []
    for record in records:
        trial, told = record.trial, record.trial.user_attrs
        if trial.state is not TrialState.PRUNED or not str(told.get("reason")).startswith(BEHIND):
            continue
        passed = len(told.get("fold_scores", []))
        # Of one that was stopped on a sample, what its first fold would have taken is told.
        each = told.get("fit_seconds", 0.0) / max(1, passed)
        rows.append((passed, n_folds - passed, (n_folds - passed) * each))
    frame = pd.DataFrame(rows, columns=["passed", "folds_saved", "seconds_saved"])
    frame["trials"] = 1
    sums = frame.groupby("passed", as_index=False).sum()
    words = {0: "on a sample of the rows", 1: "after 1 fold"}
    sums["stopped"] = [words.get(n, f"after {n} folds") for n in sums["passed"]]
    chosen: pd.DataFrame = sums[["stopped", "trials", "folds_saved", "seconds_saved"]]
    return chosen
