"""Compare search strategies where every configuration's score is known."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pandas as pd

from jointopt.insight.compare_options import CompareOptions
from jointopt.insight.comparison import ANYTIME_COLUMNS, REGRET_COLUMNS, RUN_COLUMNS, Comparison
from jointopt.insight.kept_trials import TRIAL_COLUMNS, kept_space, kept_trials
from jointopt.insight.objective_search import search
from jointopt.insight.words import describe
from jointopt.search.catalogue import COMPARED

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from jointopt.insight.ground_truth import GroundTruth
    from jointopt.insight.search_result import SearchResult
    from jointopt.search.strategies import Strategy

__all__ = ["compare_on_truth"]


def compare_on_truth(
    truth: GroundTruth,
    strategies: Mapping[str, str | Strategy] | Sequence[str] = COMPARED,
    *,
    n_trials: int = 600,
    seeds: int | Sequence[int] = 10,
    name: str = "ground truth",
    listener: Callable[[Mapping[str, Any], int, int], None] | None = None,
) -> Comparison:
    """Search a space of known scores with each strategy and seed.

    Parameters
    ----------
    truth : GroundTruth
        What the strategies search; scores are looked up, so that it takes seconds.
    strategies : sequence of str, or mapping of str to str or callable
        The baseline first. A mapping gives names.
    n_trials : int, default=600
        Evaluations of each run.
    seeds : int or sequence of int, default=10
        A number of seeds, or the seeds: one run of each strategy for each.
    name : str, default="ground truth"
        What the data set is called.
    listener : callable or None, default=None
        Called as `listener(row, n_done, n_runs)` after each run.

    Returns
    -------
    Comparison
        With `evaluations_to()`, `frame.regret()` and `plot.regret()`. Nothing is held out, since
        the scores are the truth here: test and validation are both the score of what was found.

    Examples
    --------
    >>> import numpy as np
    >>> from jointopt import Int, Space
    >>> from jointopt.insight.ground_truth import GroundTruth
    >>> truth = GroundTruth(Space(hyperparameters={"k": Int(0, 9)}), np.arange(10.0))
    >>> found = compare_on_truth(truth, ["joint", "random"], n_trials=10, seeds=2)
    >>> found.evaluations_to()["seeds_that_arrive"].tolist()
    [2, 2]
    """
    options = CompareOptions(strategies=strategies, seeds=seeds)
    jobs = [
        (seed, label, how)
        for seed in options.listed_seeds()
        for label, how in options.named().items()
    ]
    sign = 1.0 if truth.direction == "maximize" else -1.0
    space = kept_space(truth.space)
    rows, curves, trials = [], [], []
    for done, (seed, label, how) in enumerate(jobs, start=1):
        started = time.perf_counter()
        result = search(
            truth.space,
            truth.objective,
            how,
            n_trials=n_trials,
            direction=truth.direction,
            seed=seed,
        )
        key: dict[str, Any] = {"dataset": name, "strategy": label, "seed": seed}
        row = key | _row(truth, result, n_trials, time.perf_counter() - started)
        rows.append(row)
        curves.append(_curve(truth, result).assign(**key))
        trials += [
            key | {"space": space} | t for t in kept_trials(result.records, truth.space, sign)
        ]
        if listener is not None:
            listener(row, done, len(jobs))
    whole = pd.concat(curves, ignore_index=True)
    runs = pd.DataFrame(rows, columns=[*RUN_COLUMNS])
    kept = pd.DataFrame(trials, columns=[*TRIAL_COLUMNS])
    return Comparison(runs, whole[[*ANYTIME_COLUMNS]], whole[[*REGRET_COLUMNS]], kept)


def _row(
    truth: GroundTruth, result: SearchResult, n_trials: int, seconds: float
) -> dict[str, Any]:
    score = truth.score(result.best_config)
    states = result.trials["state"].value_counts()
    return {
        "metric": str(truth.about.get("metric", "score")),
        "greater_is_better": truth.direction == "maximize",
        "test": score,
        "validation": score,
        "gap": 0.0,
        "n_trials": len(result.records),
        "n_complete": int(states.get("complete", 0)),
        "n_pruned": int(states.get("pruned", 0)),
        "n_failed": int(states.get("fail", 0)),
        "seconds": seconds,
        "n_train": int(truth.about.get("n_rows", 0)),
        "n_test": 0,
        "n_plus_m": str(truth.n_plus_m),
        "n_times_m": str(truth.n_times_m),
        "sizes": json.dumps({axis: str(count) for axis, count in truth.space.size().items()}),
        "budget": f"{n_trials} evaluations",
        "found": describe(result.best_config),
        "error": "",
    }


def _curve(truth: GroundTruth, result: SearchResult) -> pd.DataFrame:
    curve = truth.regret_curve(result)
    first = result.records[0].trial.datetime_start
    ends = [record.trial.datetime_complete for record in result.records]
    seconds = [(end - first).total_seconds() if end and first else 0.0 for end in ends]
    reach = truth.regret(truth.target(share=0.0))
    return curve.assign(seconds=seconds, relative=curve["regret"] / (reach or 1.0))
