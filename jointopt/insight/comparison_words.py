"""What a comparison shows, in plain sentences that follow its statistics."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from jointopt.insight.comparison_ranks import LAST, scores_to_rank
from jointopt.insight.comparison_stats import (
    ALPHA,
    NO_DIFFERENCE,
    TOO_FEW,
    fewest_pairs,
    paired_tests,
    shared_scores,
)
from jointopt.insight.words import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

__all__ = ["conclude"]

SMALL_P: Final = 0.001
NOTHING_SHARED: Final = "No seed has a model of each strategy, so that means cannot be compared."


def conclude(runs: pd.DataFrame) -> str:
    """Return what the runs show, in a few plain sentences that follow the paired tests.

    Parameters
    ----------
    runs : DataFrame
        One row per run.
    """
    strategies = runs["strategy"].unique().tolist()
    if len(strategies) == 1:
        return f"Only {strategies[0]} was run: there is nothing to compare it with."
    tests = paired_tests(runs).to_dict("records")
    sentences = [f"{_where(runs)}: {_findings(tests, strategies[0])}.", _best(runs)]
    # An opponent without enough runs is not tested: the others' p need no correction for it.
    n_tests = sum(test["verdict"] != TOO_FEW for test in tests)
    needed, n_pairs = fewest_pairs(max(1, n_tests)), max(test["n"] for test in tests)
    if n_pairs < needed:
        sentences.append(
            f"With {counted(n_pairs, 'pair')} of runs no difference can be shown, however large; "
            f"{needed} pairs at least are needed."
        )
    failed = runs[runs["test"].isna()]
    if len(failed):
        told = [f"{count} of {name}" for name, count in failed["strategy"].value_counts().items()]
        sentences.append(f"Runs that gave no model, left out of the tests: {', '.join(told)}.")
    return " ".join(sentences)


def _where(runs: pd.DataFrame) -> str:
    metrics, datasets = runs["metric"].unique().tolist(), runs["dataset"].unique().tolist()
    n_seeds = runs["seed"].nunique()
    seeds = counted(n_seeds, "seed")
    what = f"test {metrics[0]}" if len(metrics) == 1 else "test score"
    if len(datasets) == 1:
        return f"On {datasets[0]}, in {what} over {seeds}"
    return f"On {len(datasets)} data sets, in {what} over {seeds}"


def _findings(tests: Sequence[dict[Any, Any]], baseline: str) -> str:
    """Tell each opponent, those with the same verdict together; losses as openly as wins."""
    told: dict[str, list[str]] = {"better": [], "worse": [], NO_DIFFERENCE: [], TOO_FEW: []}
    for test in tests:
        p = "p < 0.001" if test["p_holm"] < SMALL_P else f"p = {test['p_holm']:.2g}"
        counts = f"{test['wins']} wins, {test['ties']} ties, {test['losses']} losses, "
        if test["verdict"] == TOO_FEW:
            told[TOO_FEW].append(test["second"])
        elif test["p_holm"] >= ALPHA:
            told[NO_DIFFERENCE].append(f"{test['second']} ({p})")
        else:
            word = "better" if test["effect_size"] > 0 else "worse"
            told[word].append(f"{test['second']} ({counts}{p})")
    starts = {
        "better": f"{baseline} better than",
        "worse": f"{baseline} worse than",
        NO_DIFFERENCE: f"{NO_DIFFERENCE} between {baseline} and",
        TOO_FEW: f"{TOO_FEW} to compare {baseline} with",
    }
    return "; ".join(f"{starts[word]} {_joined(names)}" for word, names in told.items() if names)


def _best(runs: pd.DataFrame) -> str:
    """Say who has the best mean, whoever it is."""
    if runs["test"].isna().all():
        return "No run gave a model."
    if runs["dataset"].nunique() == 1:
        return _best_mean(runs)
    scores = scores_to_rank(runs)
    if scores.empty:
        return NOTHING_SHARED
    ranks = scores.rank(axis=1, ascending=False).mean()
    tied = ranks[np.isclose(ranks, ranks.min())]
    last = (
        "; where a strategy gave no model, it ranks last"
        if (scores == LAST).any(axis=None)
        else ""
    )
    return f"The best mean rank, {ranks.min():.3g}, is that of {_joined(list(tied.index))}{last}."


def _best_mean(runs: pd.DataFrame) -> str:
    shared, n_seeds = shared_scores(runs), runs["seed"].nunique()
    if shared.empty:
        return NOTHING_SHARED
    means = shared.mean()
    tied = means[np.isclose(means, means.max(), rtol=1e-9, atol=1e-12)]
    value = f"{means.max() if bool(runs['greater_is_better'].iloc[0]) else -means.max():.5g}"
    if len(shared) < n_seeds:
        value += f" over the {len(shared)} of {n_seeds} seeds that can be compared"
    if len(tied) == runs["strategy"].nunique():
        return f"All have the same mean test score, {value}."
    return f"The best mean test score, {value}, is that of {_joined(list(tied.index))}."


def _joined(words: Sequence[str]) -> str:
    """Return words as a list in a sentence.

    >>> _joined(["a", "b", "c"])
    'a, b and c'
    """
    return " and ".join(filter(None, [", ".join(words[:-1]), words[-1]]))
