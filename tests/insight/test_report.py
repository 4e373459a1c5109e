"""The report and the model card of one run."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sklearn.datasets import load_diabetes

from jointopt.data import make_dataset
from jointopt.insight.card import render_card
from jointopt.insight.leaderboard import leaderboard
from jointopt.insight.report import render_report
from jointopt.insight.search_result import SearchResult
from jointopt.model.run import RunOptions, run_table


@pytest.fixture(scope="module")
def run():
    dataset = make_dataset(load_diabetes(as_frame=True).frame.head(100), "target")
    return run_table(dataset, RunOptions(space="small", n_trials=1, final="single"))


@pytest.mark.parametrize(
    ("n_scored", "in_report", "in_card"),
    [
        (8, "the best model (mean over 8 folds), chosen", "deviation over 8 folds, from"),
        (
            3,
            "the best model (mean over 3 of 8 folds), chosen",
            "deviation over 3 of 8 folds, from",
        ),
        (1, "the best model (score on 1 of 8 folds), chosen", "on one part of the rows that was"),
        (0, "(score of a fit on a sample of the rows), chosen", "after a fit on a sample of the"),
    ],
)
def test_they_say_on_how_many_folds_the_model_was_scored(run, n_scored, in_report, in_card):
    """Where the budget ended before any trial had passed all folds, these are fewer."""
    assert run.n_folds == 8
    scores = run.model.facts["fold_scores"][:n_scored]
    model = replace(run.model, facts={**run.model.facts, "fold_scores": scores})
    run = replace(run, model=model)
    latency = {"model": 1.0, "single": 1.0}
    result = SearchResult.of(run.result, run.metric)
    board = leaderboard(run.result.records, run.metric)
    page = render_report(run, result, board, {"seconds": 1}, latency)
    assert in_report in " ".join(page.split())
    assert in_card in " ".join(render_card(run, latency).split())
