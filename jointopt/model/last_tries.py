"""Which configuration becomes the model, where only one does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from optuna.trial import TrialState

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from jointopt.data import Metric
    from jointopt.evaluation.tasks import Setting
    from jointopt.model.reserve import Reserve
    from jointopt.search.result import Found, TrialRecord

__all__ = ["last_tries"]

MAX_TRIES = 4
"""Fits on all rows that may fail before less will do."""


def last_tries(
    result: Found, reserve: Reserve, setting: Setting
) -> Iterator[tuple[TrialRecord, int | None, float | None]]:
    """Yield what to fit, on how many rows if not on all, and how many seconds it may take.

    The best that can be fitted on all rows in what is left; at last what was fastest, on no more
    rows than before, however late: a late model is worth more than none.

    Parameters
    ----------
    result : Found
        At least one trial has a value.
    reserve : Reserve
        It says what is left, and what a fit takes.
    setting : Setting
        The table and its folds.
    """
    ranked, seconds = _ranked(result, setting.metric), reserve.seconds_to_fit
    fastest = min(ranked, key=seconds)
    for _ in range(MAX_TRIES):
        left = reserve.seconds_left()
        in_time = (record for record in ranked if left is None or seconds(record) <= left)
        if (record := next(in_time, None)) is None:
            break
        ranked.remove(record)
        yield record, None, left
    yield fastest, _rows_seen(fastest, setting), None


def _ranked(result: Found, metric: Metric) -> list[TrialRecord]:
    """Return the trials that may become the model, the best first."""
    scored = [r for r in result.records if r.trial.value is not None]
    complete = [r for r in scored if r.trial.state is TrialState.COMPLETE]
    # Greater is better once a metric's sign is undone.
    ranked = sorted(
        complete or scored, key=lambda r: metric.display(r.trial.value or 0.0), reverse=True
    )
    return _overtaken(ranked[0], scored, metric) + ranked if complete else ranked


def _overtaken(
    best: TrialRecord, scored: Sequence[TrialRecord], metric: Metric
) -> list[TrialRecord]:
    """Return the trial, if any, that was ahead of the best on the same folds when time ended.

    The race never stops a trial that is ahead, so it is one that the budget cut short. At least
    half of the folds must speak for it.
    """
    reference = best.told["fold_scores"]
    leads = []
    for record in scored:
        scores = record.told["fold_scores"]
        half = scores and 2 * len(scores) >= len(reference)
        if record.trial.state is TrialState.PRUNED and reference and half:
            behind = np.mean(reference[: len(scores)])
            lead = metric.display(float(np.mean(scores) - behind))
            if lead > 0:
                leads.append((lead, -record.number, record))
    return [max(leads)[2]] if leads else []


def _rows_seen(record: TrialRecord, setting: Setting) -> int:
    """Return on how many rows a trial was fitted at least once."""
    attributes = record.told
    if attributes["fold_scores"]:
        return len(setting.folds[0][0])
    return setting.rungs[len(attributes["sample_scores"]) - 1]
