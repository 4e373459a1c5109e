"""Which axes matter alone and together, and what settling them one by one is expected to lose.

The score is taken as a function on the whole space, in which every parameter is drawn
independently and uniformly on its scale (of a column mask each size is equally likely), those of
inactive branches included: the law by which jointopt draws at random. It is capped at what the
best tenth of configurations reach, as Hutter, Hoos and Leyton-Brown (2014) do: how bad bad
configurations are would outweigh everything else, and it is near the best ones that a search has
trials. The variance of this function is then divided among the axes (see `variance`).

The function is read from a model of the trials (see `surrogate`), so that the sampler's own law
does not enter: it decides only where the model is well informed. Intervals are a bootstrap over
trials and draws. They do not know of a part of the space that the search never looked at.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from jointopt.errors import OptionError
from jointopt.insight.sequence_price import Price, price_of_sequence
from jointopt.insight.surrogate import Evidence, Surrogate
from jointopt.insight.variance import hybrids, nested_axes, variance_by_axes
from jointopt.search.result import SearchResult
from jointopt.search.strategies import ORDER

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import optuna
    import plotly.graph_objects as go
    from numpy.typing import NDArray
    from optuna.trial import FrozenTrial

    from jointopt.search.genome import Genome
    from jointopt.space import Config, Space

    Array = NDArray[np.float64]

__all__ = ["MIN_TRIALS", "Interactions", "axis_interactions", "interactions_of"]

MIN_TRIALS: Final = 100
"""Scored trials below which nothing is said."""
N_EVALUATIONS: Final = 2**16
"""Of the model, by which the variance is divided."""
BEST_SHARE: Final = 0.1
"""Of the space: the score is capped at what these reach at least."""
LEAST_EXPLAINED: Final = 0.5
"""On the exact ground truth shares were within 0.05 above it, and off by up to 0.15 below."""
PAIR: Final = 2
REST: Final = "three or more"
COLUMNS: Final = ("first", "second", "share", "low", "high")


@dataclass(frozen=True, slots=True, repr=False)
class Interactions:
    """The share of the score's variance by axis and pair of axes, and the price of sequence.

    Made by `axis_interactions`.

    Parameters
    ----------
    shares : DataFrame
        One row per axis (`second` is empty), per pair of axes that can interact, and one for all
        sets of three or more (`first` says so): `share` of the variance, and its bootstrap 95 %
        interval from `low` to `high`. Shares sum to one.
    price : Price
        What settling one axis after another is expected to lose, in the metric's own unit.
    nested : Mapping
        The axes that an axis is nested in; with those it forms no pair, since what it does in
        each of their branches is its own share.
    threshold : float
        The score at which the function is capped, in the metric's own unit.
    explained : float
        The share of the variance of the trials' scores, so capped, that the model sees in advance
        when it is not told the trial: 1 is perfect, 0 no better than their mean.
    n_trials : int
        Scored trials that this was learnt from.
    """

    shares: pd.DataFrame
    price: Price
    nested: Mapping[str, frozenset[str]]
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
        from jointopt.insight.plots import plot_interactions

        return plot_interactions(self.shares, self.axes)

    def conclusion(self) -> str:
        """Return what was found, in plain sentences; that it is too little where it is."""
        if not self.is_reliable:
            return (
                f"The {self.n_trials} trials do not suffice to say how the axes interact: from "
                f"the others, {max(self.explained, 0):.0%} of what sets good trials apart can be "
                f"predicted, and {LEAST_EXPLAINED:.0%} are needed. Search longer, by the joint "
                "strategy."
            ).replace("%", " %")
        return f"{_say_shares(self)} {_say_price(self.price)}"

    def __repr__(self) -> str:
        """Say what was found and where the rest is."""
        return (
            f"Interactions({self.n_trials} trials; {self.conclusion()} See .frame(), .plot(), "
            ".price)"
        )


def axis_interactions(
    found: SearchResult | optuna.Study | Sequence[optuna.Study], space: Space, *, seed: int = 0
) -> Interactions:
    """Divide the score's variance among the axes of a search, and price the sequence.

    Parameters
    ----------
    found : SearchResult, optuna.Study or sequence of optuna.Study
        The trials: of a joint search best, since one that holds axes fixed cannot see how they
        interact. Several studies must have scored on the same folds.
    space : Space
        What was searched, bound to its table.
    seed : int, default=0
        Of the draws; the same seed gives the same result.

    Returns
    -------
    Interactions
        With `frame()`, `plot()`, `price` and `conclusion()`.

    Raises
    ------
    OptionError
        If fewer than 100 trials with no axis held fixed have a score, all scores are the same,
        or the space has fewer than two axes with anything to decide.

    Examples
    --------
    >>> from jointopt import Categorical, Int, Space, search
    >>> space = Space(transforms={"scale": Categorical(["none", "standard"])},
    ...               hyperparameters={"k": Int(0, 9)})
    >>> def objective(config, trial):
    ...     return config["hyperparameters/k"] * (config["transforms/scale"] == "none")
    >>> found = search(space, objective, strategy="random", n_trials=100)
    >>> axis_interactions(found, space).leading_pair
    ('transforms', 'hyperparameters')
    """
    studies = _studies(found)
    sign = 1.0 if studies[0].direction.name == "MAXIMIZE" else -1.0
    return interactions_of(Evidence.of(_trials(found, space), space, sign), space, sign, seed)


def interactions_of(evidence: Evidence, space: Space, sign: float, seed: int = 0) -> Interactions:
    """Do the same with trials that have been read.

    Parameters
    ----------
    evidence : Evidence
        Scored trials in the space.
    space : Space
        What was searched.
    sign : float
        -1 where smaller scores are better.
    seed : int, default=0
        Of the draws.

    Raises
    ------
    OptionError
        As `axis_interactions`.
    """
    axes = _axes(evidence.genome, space)
    if len(axes) < PAIR:
        raise OptionError(
            f"the space has one axis with anything to decide, {', '.join(axes) or 'none'}: there "
            "is nothing that it could interact with"
        )
    if evidence.n_free < MIN_TRIALS:
        raise OptionError(
            f"{evidence.n_free} trials have a score and hold no axis fixed; how axes interact can "
            f"be told from {MIN_TRIALS} on: search longer, by the joint strategy"
        )
    if np.ptp(evidence.scores) == 0:
        raise OptionError("all trials have the same score, so that no axis can be told to matter")
    rng = np.random.default_rng(seed)
    # More threads wait for each other, and for cores that fits are on.
    with threadpool_limits(limits=1, user_api="blas"):
        surrogate = Surrogate(evidence, rng)
        values = _values(surrogate, list(axes.values()), rng)
        price = price_of_sequence(surrogate, space, axes, rng)
    threshold = np.quantile(values, 1 - BEST_SHARE, axis=(0, 1))
    nested = nested_axes(space)
    shares = _shares(np.maximum(values, threshold), list(axes), nested, rng)
    cap = float(threshold[0])
    explained = surrogate.explained(cap)
    return Interactions(shares, price, nested, sign * cap, explained, len(evidence))


def _studies(
    found: SearchResult | optuna.Study | Sequence[optuna.Study],
) -> Sequence[optuna.Study]:
    if isinstance(found, SearchResult):
        return [*found.studies.values()]
    return found if isinstance(found, Sequence) else [found]


def _trials(
    found: SearchResult | optuna.Study | Sequence[optuna.Study], space: Space
) -> Iterator[tuple[Config, FrozenTrial]]:
    if isinstance(found, SearchResult):
        yield from ((record.config, record.trial) for record in found.records)
        return
    known = set(space.parameters)
    for study in _studies(found):
        for trial in study.get_trials(deepcopy=False):
            params = {path: value for path, value in trial.params.items() if path in known}
            yield space.complete(params), trial


def _axes(genome: Genome, space: Space) -> dict[str, NDArray[np.int64]]:
    """Return the columns of each axis on which anything is free, in the order of a sequence."""
    names = [path.partition("/")[0] for path in genome.paths]
    free = {
        name
        for name, path, n in zip(names, genome.paths, genome.n_options, strict=True)
        if n != 1 and path not in space.frozen
    }
    order = dict.fromkeys([*ORDER, *names])
    return {
        axis: np.array([j for j, name in enumerate(names) if name == axis])
        for axis in order
        if axis in free
    }


def _values(
    surrogate: Surrogate, groups: list[NDArray[np.int64]], rng: np.random.Generator
) -> Array:
    """Return scores of shape (n, 2 ** n_axes, 1 + n_samples) at mixtures of pairs of draws."""
    genome = surrogate.evidence.genome
    n = max(1, N_EVALUATIONS >> len(groups))
    first, second = (genome.valid(genome.uniform(n, rng), rng) for _ in range(2))
    full = hybrids(first, second, groups)
    rows = genome.active(full.reshape(-1, full.shape[2]), rng)
    return surrogate(rows).reshape(n, full.shape[1], -1)


def _shares(
    values: Array, axes: list[str], nested: Mapping[str, frozenset[str]], rng: np.random.Generator
) -> pd.DataFrame:
    n, _, n_versions = values.shape
    counts = np.vstack([np.ones(n), rng.multinomial(n, np.full(n, 1 / n), size=n_versions - 1)])
    versions = [
        variance_by_axes(values[:, :, k], counts[k], axes, nested) for k in range(n_versions)
    ]
    table = pd.DataFrame([_by_row(found, axes) for found in versions])
    low, high = table.iloc[1:].quantile([0.025, 0.975]).to_numpy()
    frame = pd.DataFrame([*table.columns], columns=["first", "second"])
    frame["share"] = table.iloc[0].to_numpy()
    frame["low"], frame["high"] = np.minimum(low, frame["share"]), np.maximum(high, frame["share"])
    kind = np.select([frame["first"] == REST, frame["second"] != ""], [2, 1], 0)
    order = frame.assign(kind=kind).sort_values(["kind", "share"], ascending=[True, False])
    return frame.loc[order.index, [*COLUMNS]].reset_index(drop=True)


def _by_row(
    found: Mapping[frozenset[str], float], axes: list[str]
) -> dict[tuple[str, str], float]:
    """Return shares by axis, pair and the rest; what sampling makes negative is zero."""
    variances = {members: max(v, 0.0) for members, v in found.items()}
    total = sum(variances.values())
    shares: dict[tuple[str, str], float] = {(REST, ""): 0.0}
    for members, variance in variances.items():
        named = [axis for axis in axes if axis in members]
        key = (named[0], named[1] if len(named) == PAIR else "") if len(named) <= PAIR else None
        shares[key or (REST, "")] = shares.get(key or (REST, ""), 0.0) + variance / total
    return shares


# ------------------------------------------------------------------------------ in words


def _say_shares(found: Interactions) -> str:
    shares = found.shares
    alone = shares[(shares["second"] == "") & (shares["first"] != REST)]
    told = ", ".join(f"{r['first']} {_percent(r)}" for r in alone.to_dict("records"))
    rest = float(shares.loc[shares["first"] == REST, "share"].iloc[0])
    text = f"Of what sets the best tenth of configurations apart, axes explain alone: {told}."
    if found.leading_pair is not None:
        pair = shares[shares["second"] != ""].iloc[0]
        text += (
            f" The pair that explains most only together is {pair['first']} with "
            f"{pair['second']}: {_percent(pair)}; three or more axes only together {rest:.0%}."
        )
    return text.replace("%", " %")


def _percent(row: Any) -> str:
    return f"{row['share']:.0%} ({row['low']:.0%} to {row['high']:.0%})"


def _say_price(price: Price) -> str:
    order = ", ".join(price.order)
    if price.loss <= 0:
        return (
            f"Settling the axes one by one ({order}) is not expected to lose anything here; the "
            f"95 % interval goes up to {price.high:.3g}."
        )
    text = (
        f"Settling the axes one by one ({order}) is expected to end {price.loss:.3g} worse than "
        f"the joint optimum (95 % interval {price.low:.3g} to {price.high:.3g})."
    )
    if price.pair is None:
        return f"{text} No single pair of axes is responsible."
    first, second = price.pair
    return (
        f"{text} Most of it is owed to {first} and {second}: settled together, they regain "
        f"{price.regained:.3g}."
    )
