"""Ranks of strategies over many data sets: Friedman's test and Nemenyi's of each pair."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, final

import pandas as pd

from jointopt.errors import OptionError
from jointopt.insight.comparison_stats import ALPHA, NO_DIFFERENCE, paired_means

__all__ = ["Friedman", "friedman_test", "scores_to_rank"]

MIN_RANKED: Final = 3
LAST: Final = -2.0
"""Below all scores to rank, which are from -1 to 1."""


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
        That strategies are ranked on.
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


def scores_to_rank(runs: pd.DataFrame) -> pd.DataFrame:
    """Return by data set and strategy what ranks are made of, greater being better.

    It is the mean over the seeds that strategies share (see `shared_scores`). A strategy without
    any score on a data set ranks last there: left out, it would be the better for what it fails
    at. Data sets without a shared seed are left out.

    Parameters
    ----------
    runs : DataFrame
        One row per run.
    """
    means = paired_means(runs).dropna(how="all")
    # What differs by rounding alone is equal.
    scaled = means.div(means.abs().max(axis=1).clip(lower=1e-12), axis=0).round(9)
    return scaled.fillna(LAST)


def friedman_test(runs: pd.DataFrame) -> Friedman:
    """Rank the strategies on each data set by their mean test score over the seeds they share.

    Parameters
    ----------
    runs : DataFrame
        One row per run. A strategy without any score on a data set ranks last there.

    Raises
    ------
    OptionError
        With fewer than three data sets or three strategies.
    """
    from scikit_posthocs import posthoc_nemenyi_friedman
    from scipy.stats import friedmanchisquare

    wide = scores_to_rank(runs)
    _check_ranked(wide)
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
            f"ranks over data sets need at least {MIN_RANKED} data sets with a seed on which "
            f"strategies have scores; there are {n_datasets}. tests() compares runs on any number"
        )
    if n_strategies < MIN_RANKED:
        raise OptionError(
            f"the Friedman test needs at least {MIN_RANKED} strategies, there are {n_strategies}; "
            "tests() compares two"
        )
