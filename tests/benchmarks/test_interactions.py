"""Shares of variance beside those of the enumerated space, and what they cost: `make bench`."""

from __future__ import annotations

import sys
import time
from itertools import combinations
from math import comb
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from jointopt import load_space, search
from jointopt.data import make_dataset
from jointopt.data.bundled import load_table
from jointopt.insight.axis_analysis import BEST_SHARE, axis_interactions
from jointopt.insight.enumeration import small_dataset
from jointopt.insight.ground_truth import GroundTruth
from jointopt.pipeline.adapt import adapt_space

ARTIFACT = Path(__file__).parent / "data" / "small_diabetes.parquet"
N_TRIALS, N_SEEDS = 500, 10
AXES = ("transforms", "features", "paradigm", "hyperparameters")


def exact_shares(truth):
    """Return the shares by means over the product space, which the scores fill.

    The law is that of jointopt's draws: scalings, paradigms and each paradigm's hyperparameters
    uniform, each number of columns equally likely, a mask of none replaced by one column.
    """
    frame = truth.frame
    values = {
        axis: frame.groupby(
            [c for c in frame if c.partition("/")[0] == axis], dropna=False
        ).ngroup()
        for axis in AXES
    }
    n = sum(column.startswith("features/") for column in frame)
    kept = frame.filter(like="features/").sum(axis=1)
    masks = kept.map(lambda k: 1 / (n + 1) / comb(n, k) + (k == 1) / (n + 1) / n)
    cells = pd.DataFrame(values)
    settings = cells.groupby("paradigm")["hyperparameters"].transform("nunique")
    weights = masks / cells["transforms"].nunique() / cells["paradigm"].nunique() / settings
    assert weights.sum() == pytest.approx(1)
    signed = -frame["score"]
    order = signed.sort_values(ascending=False).index
    threshold = signed[order][weights[order].cumsum() >= BEST_SHARE].iloc[0]
    capped = signed.clip(lower=threshold)
    mean = (weights * capped).sum()

    def closed(*axes):
        known = {*axes, "paradigm"} if "hyperparameters" in axes else {*axes}
        if not known:
            return 0.0
        sums = pd.DataFrame({"w": weights, "wy": weights * (capped - mean)})
        sums = sums.groupby([values[axis] for axis in sorted(known)]).sum()
        return float((sums["wy"] ** 2 / sums["w"]).sum())

    total = closed(*AXES)
    shares = {(axis, ""): closed(axis) / total for axis in AXES}
    shares["hyperparameters", ""] -= shares["paradigm", ""]
    for first, second in combinations(AXES, 2):
        if (first, second) != ("paradigm", "hyperparameters"):
            apart = closed(first, second) - closed(first) - closed(second)
            shares[first, second] = apart / total
    # What transforms or features explain with the paradigm is part of closed(…, paradigm).
    for axis in ("transforms", "features"):
        shares[axis, "hyperparameters"] -= shares[axis, "paradigm"]
    return pd.Series(shares)


@pytest.mark.slow
def test_shares_are_those_of_the_ground_truth():
    space = adapt_space(load_space("small"), small_dataset())
    truth = GroundTruth.load(ARTIFACT, space)
    exact = exact_shares(truth)
    lines = ["exact  " + "  ".join(f"{'/'.join(k)} {v:.3f}" for k, v in exact.items())]
    errors, leads = [], 0
    pairs = [key for key in exact.index if key[1]]
    leading = exact[pairs].idxmax()
    settled, _ = truth.one_axis_after_another(space.default())
    for seed in range(N_SEEDS):
        found = search(space, truth.objective, n_trials=N_TRIALS, direction="minimize", seed=seed)
        learnt = axis_interactions(found, space, seed=seed)
        shares = learnt.frame().set_index(["first", "second"])["share"]
        off = (shares.reindex(exact.index) - exact).abs()
        errors.append(off.max())
        leads += learnt.leading_pair == leading
        price = learnt.price
        lines.append(
            f"seed {seed}: greatest error {off.max():.3f} ({'/'.join(off.idxmax())}), of pairs "
            f"{off[pairs].max():.3f}; leading {'/'.join(learnt.leading_pair)}; price "
            f"{price.loss:.2f} ({price.low:.2f} to {price.high:.2f}) {'/'.join(price.pair or ())}"
        )
    lines.append(f"greatest error {max(errors):.3f}; leading pair right in {leads} of {N_SEEDS}")
    lines.append(f"models as one axis, exactly: {truth.regret(truth.score(settled)):.2f} lost")
    sys.stdout.write("\n" + "\n".join(lines) + "\n")
    assert max(errors) < 0.05
    assert leads >= 0.9 * N_SEEDS


@pytest.mark.slow
def test_a_long_study_of_the_default_space_takes_seconds():
    dataset = make_dataset(load_table("sklearn:breast_cancer"), "target")
    space = adapt_space(load_space("tabular"), dataset)

    def score(config, _):
        numbers = [v for v in config.values() if isinstance(v, int | float)]
        return float(np.sin(len(config)) + np.cos(sum(numbers)) / 5)

    found = search(space, score, n_trials=1_000, seed=0)
    taken = []
    for _ in range(3):
        began = time.process_time()
        axis_interactions(found, space)
        taken.append(time.process_time() - began)
    shown = ", ".join(f"{seconds:.2f}" for seconds in taken)
    sys.stdout.write(f"\n1,000 trials of tabular: {shown} s of work\n")
    assert sorted(taken)[1] < 3
