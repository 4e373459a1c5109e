"""Evaluations to the joint optimum of the enumerated space, by strategy: `make bench`."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from jointopt import compare_on_truth, load_space
from jointopt.insight.enumeration import small_dataset
from jointopt.insight.ground_truth import GroundTruth
from jointopt.pipeline.adapt import adapt_space

ARTIFACT = Path(__file__).parent / "data" / "small_diabetes.parquet"
N_TRIALS, N_SEEDS = 600, 10


@pytest.mark.slow
def test_evaluations_to_the_optimum():
    truth = GroundTruth.load(ARTIFACT, adapt_space(load_space("small"), small_dataset()))
    comparison = compare_on_truth(truth, n_trials=N_TRIALS, seeds=N_SEEDS)
    exact, near = (comparison.evaluations_to(share) for share in (1.0, 0.99))
    final = comparison.runs.groupby("strategy")["test"].median().map(truth.regret)
    lines = [f"N + M = {truth.n_plus_m}, N x M = {truth.n_times_m}, best {truth.optimum:.4f}"]
    for row, close in zip(exact.to_dict("records"), near["median"], strict=True):
        lines.append(
            f"{row['strategy']:12} median evaluations to the optimum {row['median']:4.0f} "
            f"({row['seeds_that_arrive']} of {row['seeds']} seeds), to 99 % {close:4.0f}; regret "
            f"at the end {final[row['strategy']]:.4f}"
        )
    sys.stdout.write("\n" + "\n".join(lines) + "\n")
    assert final["joint"] < final["random"]
