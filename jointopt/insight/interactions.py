"""Which axes matter alone and together: what `axis_interactions` has found, and in words."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Self

import numpy as np

from jointopt.insight.plots import plot_interactions
from jointopt.insight.sequence_price import Price

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import pandas as pd
    import plotly.graph_objects as go

__all__ = ["REST", "Interactions", "ranked"]

LEAST_EXPLAINED: Final = 0.5
"""On the exact ground truth shares were within 0.05 above it, and off by up to 0.15 below."""
REST: Final = "three or more"


@dataclass(frozen=True, slots=True, repr=False)
class Interactions:
    """The share of the score's variance by axis and pair of axes, and the price of sequence.

    Made by `axis_interactions`.

    Parameters
    ----------
    shares : DataFrame
        One row per axis (`second` is empty), per pair of axes that can interact, and one for all
        sets of three or more (`first` says so): `share` of the variance, and its bootstrap 95 %
        interval from `low` to `high`, over trials that might have been drawn; what the model
        itself has wrong is not in it: on an exact ground truth it held three of four shares.
        Shares sum to one.
    price : Price
        What settling one axis after another is expected to lose, in the metric's own unit.
    nested : Mapping
        The axes that an axis is nested in; with those it forms no pair, since what it does in
        each of their branches is its own share.
    best_share : float
        Of the space: what reaches the threshold. More than what was asked for where as many are
        the best.
    threshold : float
        The score at which the function is capped, in the metric's own unit.
    explained : float
        The share of the variance of the trials' scores, so capped, that the model sees in advance
        when it is not told the trial: 1 is perfect, 0 no better than their mean.
    n_trials : int
        Scored trials that this was learnt from.

    Examples
    --------
    >>> from jointopt import Float, Space, search
    >>> space = Space(transforms={"x": Float(0, 1)}, hyperparameters={"y": Float(0, 1)})
    >>> def objective(config, trial):
    ...     return config["transforms/x"] * config["hyperparameters/y"]
    >>> found = search(space, objective, "random", n_trials=100).interactions()
    >>> found.frame().columns.tolist()
    ['first', 'second', 'share', 'low', 'high']
    >>> found.axes, found.leading_pair, found.is_reliable
    (['transforms', 'hyperparameters'], ('transforms', 'hyperparameters'), True)
    >>> found.conclusion().partition(":")[0]
    'Of what sets the best 10 % apart, axes explain alone'
    >>> found.plot().data[0].type
    'heatmap'
    >>> found.price.order, found.price.pair
    (('transforms', 'hyperparameters'), None)
    >>> Interactions.pooled([found, found]).n_trials
    200
    """

    shares: pd.DataFrame
    price: Price
    nested: Mapping[str, frozenset[str]]
    best_share: float
    threshold: float
    explained: float
    n_trials: int

    def frame(self) -> pd.DataFrame:
        """Return the shares, the greatest first within axes, pairs and the rest."""
        return self.shares.copy()

    @property
    def is_reliable(self) -> bool:
        """Whether the model explains enough of the trials for the shares to mean something."""
        return self.explained >= LEAST_EXPLAINED

    @property
    def axes(self) -> list[str]:
        """The axes, in the order in which a sequence settles them."""
        return list(self.price.order)

    @property
    def leading_pair(self) -> tuple[str, str] | None:
        """The pair of axes that explains most together, None where no pair can interact."""
        pairs = self.shares[(self.shares["second"] != "")]
        return None if pairs.empty else (str(pairs["first"].iloc[0]), str(pairs["second"].iloc[0]))

    def plot(self) -> go.Figure:
        """Plot a heat map: axes alone on the diagonal, pairs below it."""
        return plot_interactions(self.shares, self.axes)

    def conclusion(self, unit: str = "") -> str:
        """Return what was found, in plain sentences; that it is too little where it is.

        Parameters
        ----------
        unit : str, default=""
            Of the price, such as the metric's name.
        """
        if not self.is_reliable:
            return (
                f"The {self.n_trials} trials do not suffice to say how the axes interact: from "
                f"the others, {max(self.explained, 0):.0%} of what sets good trials apart can be "
                f"predicted, and {LEAST_EXPLAINED:.0%} are needed. Search longer, by the joint "
                "strategy."
            ).replace("%", " %")
        return f"{_say_shares(self)} {_say_price(self.price, unit)}"

    @classmethod
    def pooled(cls, found: Sequence[Self]) -> Self:
        """Return the mean of what several runs on one data set found.

        Of intervals the mean, too: the runs are of one table, so that they do not narrow them.
        """
        import pandas as pd

        if len(found) == 1:
            return found[0]
        by = ["first", "second"]
        every = pd.concat([one.shares for one in found])
        mean = every.groupby(by, sort=False)[["share", "low", "high"]].mean().reset_index()
        prices = [one.price for one in found]
        pair, _ = Counter(price.pair for price in prices).most_common(1)[0]
        blamed = [price for price in prices if price.pair == pair]
        price = Price(
            loss=_mean(price.loss for price in prices),
            low=_mean(price.low for price in prices),
            high=_mean(price.high for price in prices),
            order=prices[0].order,
            pair=pair,
            regained=_mean(price.regained for price in blamed),
        )
        return cls(
            ranked(mean),
            price,
            found[0].nested,
            found[0].best_share,
            _mean(one.threshold for one in found),
            _mean(one.explained for one in found),
            sum(one.n_trials for one in found),
        )

    def __repr__(self) -> str:
        """Say what was found and where the rest is."""
        return (
            f"Interactions({self.n_trials} trials; {self.conclusion()} See .frame(), .plot(), "
            ".price)"
        )


def ranked(shares: pd.DataFrame) -> pd.DataFrame:
    """Return axes, then pairs, then the rest, the greatest share first within each."""
    kind = np.select([shares["first"] == REST, shares["second"] != ""], [2, 1], 0)
    order = shares.assign(kind=kind).sort_values(["kind", "share"], ascending=[True, False])
    return shares.loc[order.index].reset_index(drop=True)


# ------------------------------------------------------------------------------ in words


def _say_shares(found: Interactions) -> str:
    shares = found.shares
    alone = shares[(shares["second"] == "") & (shares["first"] != REST)]
    told = ", ".join(f"{r['first']} {_percent(r)}" for r in alone.to_dict("records"))
    rest = float(shares.loc[shares["first"] == REST, "share"].iloc[0])
    best = found.best_share
    what = "the score's variance" if best == 1 else f"what sets the best {best:.0%} apart"
    text = f"Of {what}, axes explain alone: {told}."
    if found.leading_pair is not None:
        pair = shares[shares["second"] != ""].iloc[0]
        text += (
            f" The pair that explains most only together is {pair['first']} with "
            f"{pair['second']}: {_percent(pair)}; three or more axes only together {rest:.0%}."
        )
    return text.replace("%", " %")


def _percent(row: Any) -> str:
    return f"{row['share']:.0%} ({row['low']:.0%} to {row['high']:.0%})"


def _say_price(price: Price, unit: str) -> str:
    loss = f"{price.loss:.3g} {unit}".strip()
    order = ", ".join(price.order)
    if price.loss <= 0:
        return (
            f"Settling the axes one by one ({order}) is not expected to lose anything here; the "
            f"95 % interval goes up to {price.high:.3g}."
        )
    text = (
        f"Settling the axes one by one ({order}) is expected to end {loss} worse than "
        f"the joint optimum (95 % interval {price.low:.3g} to {price.high:.3g})."
    )
    if price.pair is None:
        return f"{text} No single pair of axes is responsible."
    first, second = price.pair
    return (
        f"{text} Of all pairs, {first} and {second} are most to blame: settled together, they "
        f"regain {price.regained:.3g}."
    )


def _mean(numbers: Iterable[float]) -> float:
    return float(np.mean([*numbers]))
