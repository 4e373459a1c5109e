"""What the report says of trials that were stopped early."""

from __future__ import annotations

import optuna
from optuna.trial import TrialState

from jointopt.evaluation.outcome import BUDGET_ENDED
from jointopt.insight.savings import savings_frame
from jointopt.search.result import TrialRecord

CURVE = {"progress": [0.5], "losses": [1.0], "paradigm": "mlp", "target": "none", "n_rows": 80}


def record(number, reason, passed, seconds, *, stopped=False, in_vain=0, state=TrialState.PRUNED):
    told = {"fold_scores": [0.5] * passed, "fit_seconds": seconds, "reason": reason}
    if stopped:
        told["learning_curves"] = [CURVE | {"stopped": True}]
    if in_vain:
        told["folds_in_vain"] = in_vain
    trial = optuna.trial.create_trial(state=state, value=0.5, user_attrs=told)
    return TrialRecord("joint", number, {}, trial)


def test_all_that_was_behind_counts_and_what_time_cut_short_does_not():
    records = [
        record(0, None, 8, 8.0, state=TrialState.COMPLETE),
        record(1, "behind the best on the same folds", 2, 4.0),
        record(2, "behind the best on the same sample of rows", 0, 3.0),
        record(3, "the network was behind others of its paradigm", 1, 1.0, stopped=True),
        record(4, BUDGET_ENDED, 3, 3.0),
        record(5, "behind the best on the same folds", 2, 4.0, in_vain=2),
    ]
    assert savings_frame(records, 8).to_dict("records") == [
        {
            "stopped": "on a sample of the rows",
            "trials": 1,
            "folds_saved": 8,
            "seconds_saved": 24.0,
        },
        {
            "stopped": "while a network learned",
            "trials": 1,
            "folds_saved": 7,
            "seconds_saved": 7.0,
        },
        {"stopped": "after 2 folds", "trials": 2, "folds_saved": 10, "seconds_saved": 20.0},
    ]
