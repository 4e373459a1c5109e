"""What the report of a long study costs: `make bench`."""

from __future__ import annotations

import sys
import time
from dataclasses import replace

import numpy as np
import optuna
import pytest

from jointopt import search
from jointopt.data import make_dataset
from jointopt.data.bundled import load_table
from jointopt.insight.axis_analysis import axis_interactions
from jointopt.insight.leaderboard import leaderboard
from jointopt.insight.report import render_report
from jointopt.insight.search_result import SearchResult
from jointopt.model.run import RunOptions, run_table

N_TRIALS, N_FOLDS = 1_000, 8
REPORT_SECONDS = 5.0


def raced(config, trial):
    """Return the mean of what looks like the scores of folds; most trials stop at the second."""
    numbers = [value for value in config.values() if isinstance(value, int | float)]
    level = float(np.sin(len(config)) + np.cos(sum(numbers)) / 5)
    folds = (level + 0.1 * np.random.default_rng(trial.number).normal(size=N_FOLDS)).tolist()
    n_passed = N_FOLDS if trial.number % 3 == 0 else 2
    for step, score in enumerate(folds[:n_passed]):
        trial.report(score, step)
    known = {"fold_scores": folds[:n_passed], "n_features": 30, "fit_seconds": 0.1 * n_passed}
    for name, value in known.items():
        trial.set_user_attr(name, value)
    if n_passed < N_FOLDS:
        raise optuna.TrialPruned
    return float(np.mean(folds))


@pytest.mark.slow
def test_the_report_of_a_long_study_takes_seconds():
    # The table, its space and its model are real; that many fits would take an hour.
    dataset = make_dataset(load_table("sklearn:breast_cancer"), "target")
    run = run_table(dataset, RunOptions(n_trials=2, final="single"))
    found = search(run.space, raced, n_trials=N_TRIALS, seed=0)
    run = replace(run, result=found, n_folds=N_FOLDS)
    axis_interactions(found, run.space)  # what is loaded at first use is no part of it

    began = time.process_time()
    axis_interactions(found, run.space)
    of_axes = time.process_time() - began
    board = leaderboard(run.result.records, run.metric)
    facts, latency = {"data": "breast_cancer"}, run.model.latency(dataset.X)
    page = render_report(run, SearchResult.of(found, run.metric), board, facts, latency)
    of_report = time.process_time() - began - of_axes
    sys.stdout.write(
        f"\nreport of {N_TRIALS:,} trials of tabular: {of_report:.1f} s of work, "
        f"{len(page) / 1e6:.1f} MB; importance and interaction alone {of_axes:.1f} s\n"
    )
    assert of_report < REPORT_SECONDS
