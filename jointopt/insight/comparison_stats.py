"""Statistics of a comparison: pure functions over tidy frames of runs, one row per run."""

from __future__ import annotations

import json
from itertools import combinations
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np
import pandas as pd

from jointopt.errors import OptionError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = [
    "fewest_pairs",
    "holm",
    "paired_means",
    "paired_tests",
    "shared_scores",
    "summary",
]

ALPHA: Final = 0.05
NO_DIFFERENCE: Final = "no difference shown"
TOO_FEW: Final = "too few runs"
SCALED_UNIT: Final = "standard deviations of the data set's test scores"
MEASURES: Final = {
    "test": "test",
    "validation": "validation",
    "gap": "gap",
    "n_trials": "evaluations",
    "seconds": "seconds",
}
MIN_PAIRS: Final = 2
MOST_TIED: Final = 13
"""Differences, some of them equal, of which all signs are tried; more have a normal law."""


def summary(runs: pd.DataFrame) -> pd.DataFrame:
    """Return one row per data set and strategy: means and standard deviations over the seeds.

    Parameters
    ----------
    runs : DataFrame
        One row per run.
    """
    rows = []
    for dataset in runs["dataset"].unique().tolist():
        for strategy in runs["strategy"].unique().tolist():
            part = runs[(runs["dataset"] == dataset) & (runs["strategy"] == strategy)]
            if part.empty:
                continue
            row: dict[str, Any] = {
                "dataset": dataset,
                "strategy": strategy,
                "metric": part["metric"].iloc[0],
                "runs": len(part),
                "failed_runs": int(part["test"].isna().sum()),
            }
            for column, name in MEASURES.items():
                row[f"{name}_mean"] = part[column].mean()
                row[f"{name}_std"] = part[column].std(ddof=1)
            known = part[part["n_times_m"] != ""]
            for name in ("n_plus_m", "n_times_m"):
                row[name] = known[name].iloc[0] if len(known) else ""
            if len(known):
                sizes = json.loads(known["sizes"].iloc[0])
                row |= {f"size_{axis}": count for axis, count in sizes.items()}
            rows.append(row)
    return pd.DataFrame(rows).pipe(_without_gaps)


def _without_gaps(table: pd.DataFrame) -> pd.DataFrame:
    """Let an axis that one data set's space lacks have no size."""
    sizes = [name for name in table.columns if str(name).startswith("size_")]
    return table.assign(**{name: table[name].fillna("") for name in sizes})


def shared_scores(runs: pd.DataFrame) -> pd.DataFrame:
    """Return the test scores on one data set, by seed and strategy, greater being better.

    Seeds on which a run gave no model are left out: a mean would be better for each hard split
    that a strategy fails on. So are strategies that gave none at all.

    Parameters
    ----------
    runs : DataFrame
        One row per run, all on the same data set.
    """
    sign = 1.0 if bool(runs["greater_is_better"].iloc[0]) else -1.0
    wide = sign * runs.pivot(index="seed", columns="strategy", values="test")
    known = [name for name in runs["strategy"].unique().tolist() if wide[name].notna().any()]
    return wide[known].dropna()


def paired_means(runs: pd.DataFrame) -> pd.DataFrame:
    """Return the mean of `shared_scores` by data set and strategy, NaN where there is none.

    Parameters
    ----------
    runs : DataFrame
        One row per run.
    """
    means = {
        name: shared_scores(part).mean() for name, part in runs.groupby("dataset", sort=False)
    }
    strategies = runs["strategy"].unique().tolist()
    return pd.DataFrame(means, index=strategies, dtype="float64").T


def paired_tests(
    runs: pd.DataFrame,
    pairs: Literal["baseline", "all"] = "baseline",
    *,
    per_dataset: bool = False,
) -> pd.DataFrame:
    """Compare strategies on the test scores of the same data set and seed.

    Parameters
    ----------
    runs : DataFrame
        One row per run. The first strategy in it is the baseline.
    pairs : {"baseline", "all"}, default="baseline"
        The baseline with each other strategy, or each pair.
    per_dataset : bool, default=False
        Test on each data set alone instead of all together.

    Returns
    -------
    DataFrame
        One row per test; see `Comparison.tests`.
    """
    if pairs not in ("baseline", "all"):
        raise OptionError(f"pairs must be 'baseline' or 'all', got {pairs!r}")
    strategies = runs["strategy"].unique().tolist()
    chosen = list(combinations(strategies, 2))
    if pairs == "baseline":
        chosen = chosen[: len(strategies) - 1]
    datasets = runs["dataset"].unique().tolist()
    scopes = [[name] for name in datasets] if per_dataset else [datasets]
    rows = [
        _test(runs[runs["dataset"].isin(scope)], first, second)
        for scope in scopes
        for first, second in chosen
    ]
    frame = pd.DataFrame(rows, columns=[*_TEST_COLUMNS])
    frame["p_holm"] = holm(frame["p_value"].to_numpy(dtype=float))
    n_tests = int(frame["p_value"].notna().sum())
    frame["verdict"] = [_verdict(row, n_tests) for row in frame.to_dict("records")]
    return frame


_TEST_COLUMNS: Final = (
    "dataset",
    "first",
    "second",
    "n",
    "mean_difference",
    "unit",
    "wins",
    "ties",
    "losses",
    "effect_size",
    "p_value",
)


def _test(runs: pd.DataFrame, first: str, second: str) -> dict[str, Any]:
    datasets = runs["dataset"].unique().tolist()
    differences = _differences(runs, first, second, scaled=len(datasets) > 1)
    return {
        "dataset": datasets[0] if len(datasets) == 1 else f"all {len(datasets)}",
        "first": first,
        "second": second,
        "n": len(differences),
        "mean_difference": float(differences.mean()) if len(differences) else np.nan,
        "unit": runs["metric"].iloc[0] if len(datasets) == 1 else SCALED_UNIT,
        "wins": int((differences > 0).sum()),
        "ties": int((differences == 0).sum()),
        "losses": int((differences < 0).sum()),
        "effect_size": _rank_biserial(differences),
        "p_value": _wilcoxon(differences),
    }


def _differences(
    runs: pd.DataFrame, first: str, second: str, *, scaled: bool
) -> NDArray[np.float64]:
    """Return first minus second per (data set, seed), positive where the first is better.

    What differs by rounding alone is equal: it counts as zero.
    """
    parts = []
    for _, part in runs.groupby("dataset", sort=False):
        sign = 1.0 if bool(part["greater_is_better"].iloc[0]) else -1.0
        wide = part.pivot(index="seed", columns="strategy", values="test")
        if not {first, second} <= set(wide.columns):
            continue
        both = wide[[first, second]].dropna().to_numpy(dtype=float)
        difference = sign * (both[:, 0] - both[:, 1])
        difference[np.isclose(both[:, 0], both[:, 1], rtol=1e-9, atol=1e-12)] = 0.0
        spread = float(part["test"].std(ddof=1)) if scaled else 1.0
        parts.append(difference / spread if spread > 0 else difference)
    return np.concatenate(parts) if parts else np.empty(0)


def _nonzero(differences: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the differences that are not zero, with those that differ by rounding made equal."""
    # Each by its own digits: beside a run that diverged all others would be zero.
    mantissas, exponents = np.frexp(differences[differences != 0])
    rounded: NDArray[np.float64] = np.ldexp(mantissas.round(9), exponents)
    return rounded


def _wilcoxon(differences: NDArray[np.float64]) -> float:
    """Return the two-sided p of the signed-rank test, exact where the numbers allow."""
    from scipy.stats import permutation_test, rankdata, wilcoxon

    if len(differences) < MIN_PAIRS:
        return np.nan
    kept = _nonzero(differences)
    if not len(kept):
        return 1.0
    sizes = np.abs(kept)
    if len(kept) > MOST_TIED or len(np.unique(sizes)) == len(kept):
        return float(wilcoxon(kept).pvalue)
    # As `wilcoxon` would, which ranks them anew for each of the thousands of signs.
    signed = (np.sign(kept) * rankdata(sizes),)
    exact = permutation_test(signed, np.sum, permutation_type="samples", vectorized=True)
    return float(exact.pvalue)


def _rank_biserial(differences: NDArray[np.float64]) -> float:
    """Return the matched-pairs rank-biserial correlation: 1 if the first always wins."""
    from scipy.stats import rankdata

    if not len(differences):
        return np.nan
    kept = _nonzero(differences)
    if not len(kept):
        return 0.0
    ranks = rankdata(np.abs(kept))
    return float((np.sign(kept) * ranks).sum() / ranks.sum())


def holm(p_values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return p values corrected for their number by Holm's method; NaN is no test.

    >>> holm(np.array([0.01, 0.04, np.nan, 0.03])).tolist()
    [0.03, 0.06, nan, 0.06]
    """
    corrected = np.full(len(p_values), np.nan)
    tested = np.flatnonzero(~np.isnan(p_values))
    order = tested[np.argsort(p_values[tested], kind="stable")]
    factors = np.arange(len(order), 0, -1)
    corrected[order] = np.minimum(1.0, np.maximum.accumulate(factors * p_values[order]))
    return corrected


def fewest_pairs(n_tests: int = 1) -> int:
    """Return how many pairs at least a two-sided signed-rank test needs to show a difference.

    With n pairs the smallest p is 2 / 2^n, which Holm's method multiplies by the tests' number.

    >>> fewest_pairs(1), fewest_pairs(3)
    (6, 7)
    """
    n = 1
    while n_tests * 2.0 ** (1 - n) >= ALPHA:
        n += 1
    return n


def _verdict(test: dict[Any, Any], n_tests: int) -> str:
    if np.isnan(test["p_value"]):
        return TOO_FEW
    if test["p_holm"] < ALPHA:
        return f"{test['first']} {'better' if test['effect_size'] > 0 else 'worse'}"
    needed = fewest_pairs(n_tests)
    # Equal pairs have no rank in the test.
    if test["wins"] + test["losses"] < needed:
        return f"{NO_DIFFERENCE} ({needed} unequal pairs at least could show one)"
    return NO_DIFFERENCE
