"""Statistics of a comparison: pure functions over tidy frames of runs, one row per run."""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any, Final, Literal, final

import numpy as np
import pandas as pd

from jointopt.errors import OptionError
from jointopt.insight.words import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = [
    "Friedman",
    "anytime_bands",
    "conclude",
    "fewest_pairs",
    "friedman_test",
    "holm",
    "in_order",
    "paired_tests",
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
N_BOOTSTRAP: Final = 2000
N_GRID: Final = 300
MIN_RANKED: Final = 3
MIN_PAIRS: Final = 2
SMALL_P: Final = 0.001


def in_order(values: pd.Series) -> list[Any]:
    """Return the distinct values in the order of their first appearance.

    >>> in_order(pd.Series(["joint", "random", "joint"]))
    ['joint', 'random']
    """
    return list(dict.fromkeys(values.tolist()))


def summary(runs: pd.DataFrame) -> pd.DataFrame:
    """Return one row per data set and strategy: means and standard deviations over the seeds.

    Parameters
    ----------
    runs : DataFrame
        One row per run.
    """
    rows = []
    for dataset in in_order(runs["dataset"]):
        for strategy in in_order(runs["strategy"]):
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


# ------------------------------------------------------------------------------ paired tests


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
    strategies = in_order(runs["strategy"])
    chosen = list(combinations(strategies, 2))
    if pairs == "baseline":
        chosen = chosen[: len(strategies) - 1]
    datasets = in_order(runs["dataset"])
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
    datasets = in_order(runs["dataset"])
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
    kept: NDArray[np.float64] = differences[differences != 0]
    return (kept / np.abs(kept).max()).round(9) if len(kept) else kept


def _wilcoxon(differences: NDArray[np.float64]) -> float:
    """Return the two-sided p of the signed-rank test, exact where the numbers allow."""
    from scipy.stats import wilcoxon

    if len(differences) < MIN_PAIRS:
        return np.nan
    kept = _nonzero(differences)
    if not len(kept):
        return 1.0
    return float(wilcoxon(kept).pvalue)


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
    if test["n"] < needed:
        return f"{NO_DIFFERENCE} ({needed} pairs at least could show one)"
    return NO_DIFFERENCE


# ------------------------------------------------------------------------------ many data sets


@final
@dataclass(frozen=True, slots=True, eq=False)
class Friedman:
    """The Friedman test over data sets, and Nemenyi's test of each pair.

    Attributes
    ----------
    statistic : float
        Chi-squared.
    p_value : float
        Of the hypothesis that all strategies rank alike.
    n_datasets : int
        That all strategies have scores on.
    ranks : Series
        Strategy to mean rank, 1 being the best, the best first.
    nemenyi : DataFrame of shape (n_strategies, n_strategies)
        p of each pair, in the order of `ranks`.

    Examples
    --------
    >>> score = {"joint": 0.9, "sequential": 0.8, "random": 0.7}
    >>> runs = pd.DataFrame([
    ...     {"dataset": dataset, "strategy": strategy, "seed": 0, "test": test}
    ...     for dataset in "abcdef" for strategy, test in score.items()
    ... ]).assign(greater_is_better=True)
    >>> found = friedman_test(runs)
    >>> found.verdict
    'strategies differ over 6 data sets'
    >>> found.ranks.to_dict()
    {'joint': 1.0, 'sequential': 2.0, 'random': 3.0}
    >>> found.frame().columns.tolist()
    ['strategy', 'mean_rank', 'joint', 'sequential', 'random']
    >>> found.groups()
    [['joint', 'sequential'], ['sequential', 'random']]

    References
    ----------
    J. Demšar, "Statistical comparisons of classifiers over multiple data sets", 2006.
    """

    statistic: float
    p_value: float
    n_datasets: int
    ranks: pd.Series
    nemenyi: pd.DataFrame

    @property
    def verdict(self) -> str:
        """What the test shows, in words."""
        if self.p_value >= ALPHA:
            return f"{NO_DIFFERENCE} between strategies over {self.n_datasets} data sets"
        return f"strategies differ over {self.n_datasets} data sets"

    def frame(self) -> pd.DataFrame:
        """Return one row per strategy: mean rank, and Nemenyi's p against each other."""
        frame = self.nemenyi.copy()
        frame.insert(0, "mean_rank", self.ranks)
        return frame.rename_axis("strategy").reset_index()

    def groups(self) -> list[list[str]]:
        """Return the longest runs of neighbours in rank that Nemenyi's test does not part."""
        p = self.nemenyi.to_numpy()
        names = [str(name) for name in self.ranks.index]
        ends = [
            max(j for j in range(i, len(p)) if p[i, j] >= ALPHA or i == j) for i in range(len(p))
        ]
        found: list[list[str]] = []
        last = -1
        for start, end in enumerate(ends):
            if end > max(start, last):
                found.append(names[start : end + 1])
                last = end
        return found

    def __repr__(self) -> str:
        """Say what was found and where the rest is."""
        return (
            f"Friedman({self.verdict}, p = {self.p_value:.3g}; see .ranks, .nemenyi, .groups(), "
            ".frame())"
        )


def friedman_test(runs: pd.DataFrame) -> Friedman:
    """Rank the strategies on each data set by their mean test score over the seeds.

    Parameters
    ----------
    runs : DataFrame
        One row per run. Data sets on which a strategy has no score are left out.

    Raises
    ------
    OptionError
        With fewer than three data sets or three strategies.
    """
    from scikit_posthocs import posthoc_nemenyi_friedman
    from scipy.stats import friedmanchisquare

    signed = runs.assign(test=np.where(runs["greater_is_better"], runs["test"], -runs["test"]))
    means = signed.groupby(["dataset", "strategy"], sort=False)["test"].mean()
    wide = means.unstack("strategy").dropna()[in_order(runs["strategy"])]
    _check_ranked(wide)
    # What differs by rounding alone is equal.
    wide = wide.apply(lambda row: np.round(row / max(np.abs(row).max(), 1e-12), 9), axis=1)
    mean_ranks = wide.rank(axis=1, ascending=False).mean().sort_values(kind="stable")
    wide = wide[mean_ranks.index]
    if (wide.nunique(axis=1) == 1).all():
        statistic, p_value = 0.0, 1.0
    else:
        found = friedmanchisquare(*(wide[name] for name in wide.columns))
        statistic, p_value = float(found.statistic), float(found.pvalue)
    nemenyi = posthoc_nemenyi_friedman(wide.to_numpy())
    table = pd.DataFrame(nemenyi.to_numpy(), index=wide.columns, columns=wide.columns)
    return Friedman(statistic, p_value, len(wide), mean_ranks, table)


def _check_ranked(wide: pd.DataFrame) -> None:
    n_datasets, n_strategies = wide.shape
    if n_datasets < MIN_RANKED:
        raise OptionError(
            f"ranks over data sets need at least {MIN_RANKED} data sets on which every strategy "
            f"has a score; there are {n_datasets}. tests() compares runs on any number"
        )
    if n_strategies < MIN_RANKED:
        raise OptionError(
            f"the Friedman test needs at least {MIN_RANKED} strategies, there are {n_strategies}; "
            "tests() compares two"
        )


# ------------------------------------------------------------------------------ curves


def anytime_bands(
    anytime: pd.DataFrame, x: Literal["evaluations", "seconds"] = "evaluations", seed: int = 0
) -> pd.DataFrame:
    """Return the mean over seeds of the best validation score so far, with its confidence band.

    A run that has ended keeps its best score. A curve begins where every seed has a score.

    Parameters
    ----------
    anytime : DataFrame
        Columns dataset, strategy, seed, evaluation, seconds, best.
    x : {"evaluations", "seconds"}, default="evaluations"
        What is spent.
    seed : int, default=0
        Of the bootstrap.

    Returns
    -------
    DataFrame
        Columns dataset, strategy, `x`, n_seeds, mean, low, high; low to high is the bootstrap
        95 % interval of the mean over seeds.
    """
    columns = {"evaluations": "evaluation", "seconds": "seconds"}
    if x not in columns:
        raise OptionError(f"x must be 'evaluations' or 'seconds', got {x!r}")
    parts = []
    for dataset in in_order(anytime["dataset"]):
        here = anytime[anytime["dataset"] == dataset]
        grid = _grid(here[columns[x]].to_numpy(dtype=float), whole=x == "evaluations")
        for strategy in in_order(here["strategy"]):
            curves = [
                _curve(run[columns[x]].to_numpy(float), run["best"].to_numpy(float), grid)
                for _, run in here[here["strategy"] == strategy].groupby("seed")
            ]
            band = _band(np.array(curves), grid, seed).rename(columns={"x": x})
            band.insert(0, "strategy", strategy)
            band.insert(0, "dataset", dataset)
            parts.append(band)
    if not parts:
        return pd.DataFrame(columns=["dataset", "strategy", x, "n_seeds", "mean", "low", "high"])
    return pd.concat(parts, ignore_index=True)


def _grid(values: NDArray[np.float64], *, whole: bool) -> NDArray[np.float64]:
    if whole:
        return np.unique(np.linspace(1, values.max(), N_GRID).round())
    return np.linspace(0, values.max(), N_GRID)


def _curve(
    x: NDArray[np.float64], best: NDArray[np.float64], grid: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return a run's best so far at each point of the grid, NaN before its first."""
    order = np.argsort(x, kind="stable")
    at = np.searchsorted(x[order], grid, side="right") - 1
    return np.where(at >= 0, best[order][np.maximum(at, 0)], np.nan)


def _band(curves: NDArray[np.float64], grid: NDArray[np.float64], seed: int) -> pd.DataFrame:
    known = ~np.isnan(curves).any(axis=0)
    curves, grid = curves[:, known], grid[known]
    n_seeds = len(curves)
    rng = np.random.default_rng(seed)
    drawn = rng.multinomial(n_seeds, np.full(n_seeds, 1 / n_seeds), size=N_BOOTSTRAP) / n_seeds
    low, high = np.quantile(drawn @ curves, [0.025, 0.975], axis=0)
    return pd.DataFrame(
        {"x": grid, "n_seeds": n_seeds, "mean": curves.mean(axis=0), "low": low, "high": high}
    )


# ------------------------------------------------------------------------------ words


def conclude(runs: pd.DataFrame) -> str:
    """Return what the runs show, in a few plain sentences that follow the paired tests.

    Parameters
    ----------
    runs : DataFrame
        One row per run.
    """
    strategies = in_order(runs["strategy"])
    if len(strategies) == 1:
        return f"Only {strategies[0]} was run: there is nothing to compare it with."
    tests = paired_tests(runs).to_dict("records")
    sentences = [f"{_where(runs)}: {_findings(tests, strategies[0])}.", _best(runs)]
    needed, n_pairs = fewest_pairs(len(tests)), max(test["n"] for test in tests)
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
    metrics, datasets = in_order(runs["metric"]), in_order(runs["dataset"])
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
    greater = runs["greater_is_better"]
    signed = runs.assign(signed=np.where(greater, runs["test"], -runs["test"]))
    means = signed.groupby(["dataset", "strategy"], sort=False)["signed"].mean().unstack()
    strategies = in_order(runs["strategy"])
    means = means[strategies]
    if len(means) == 1:
        row = means.iloc[0].dropna()
        if row.empty:
            return "No run gave a model."
        tied = row[np.isclose(row, row.max(), rtol=1e-9, atol=1e-12)]
        value = row.max() if bool(greater.iloc[0]) else -row.max()
        if len(tied) == len(strategies):
            return f"All have the same mean test score, {value:.5g}."
        return f"The best mean test score, {value:.5g}, is that of {_joined(list(tied.index))}."
    ranks = means.rank(axis=1, ascending=False).mean()
    tied = ranks[np.isclose(ranks, ranks.min())]
    return f"The best mean rank, {ranks.min():.3g}, is that of {_joined(list(tied.index))}."


def _joined(words: Sequence[str]) -> str:
    """Return words as a list in a sentence.

    >>> _joined(["a", "b", "c"])
    'a, b and c'
    """
    return " and ".join(filter(None, [", ".join(words[:-1]), words[-1]]))
