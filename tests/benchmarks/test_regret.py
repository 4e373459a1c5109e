"""Evaluations to the joint optimum of the enumerated space, by strategy: `make bench`."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from jointopt import load_space, search
from jointopt.insight.enumeration import small_dataset
from jointopt.insight.ground_truth import GroundTruth
from jointopt.pipeline.adapt import adapt_space

ARTIFACT = Path(__file__).parent / "data" / "small_diabetes.parquet"
N_TRIALS, N_SEEDS = 600, 10


@pytest.mark.slow
def test_evaluations_to_the_optimum():
    truth = GroundTruth.load(ARTIFACT, adapt_space(load_space("small"), small_dataset()))
    lines = [f"N + M = {truth.n_plus_m}, N x M = {truth.n_times_m}, best {truth.optimum:.4f}"]
    final = {}
    for strategy in ("joint", "sequential", "alternating", "random"):
        results = [
            search(
                truth.space,
                truth.objective,
                strategy,
                n_trials=N_TRIALS,
                direction=truth.direction,
                seed=seed,
            )
            for seed in range(N_SEEDS)
        ]
        to_best, to_near = (
            np.median([truth.evaluations_to(r, share) or np.inf for r in results])
            for share in (1.0, 0.99)
        )
        final[strategy] = np.median([truth.regret(r.best_score) for r in results])
        spent = np.median([len(r.trials) for r in results])
        lines.append(
            f"{strategy:12} median evaluations to the optimum {to_best:6.1f}, "
            f"to 99 % {to_near:6.1f}; regret after {spent:.0f}: {final[strategy]:.4f}"
        )
    sys.stdout.write("\n" + "\n".join(lines) + "\n")
    assert final["joint"] < final["random"]
