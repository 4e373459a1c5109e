"""Which axes matter alone and together, and what settling them one by one is expected to lose.

The score is taken as a function on the whole space, in which every parameter is drawn
independently and uniformly on its scale (of a column mask each size is equally likely), those of
inactive branches included: the law by which jointopt draws at random. It is capped at what the
best tenth of configurations reach, as Hutter, Hoos and Leyton-Brown (2014) do: how bad bad
configurations are would outweigh everything else, and it is near the best ones that a search has
trials. The variance of this function is then divided among the axes (see `variance`).

To be among the best takes several axes that are right at once, so that a capped score has
interactions even where axes simply add up. The decomposition of the score itself
(`best_share=1`) has none there, but rests on how bad configurations are that no search visits.
What interactions cost, whatever the scale, is what the price of sequence says.

The function is read from a model of the trials (see `surrogate`), so that the sampler's own law
does not enter: it decides only where the model is well informed. Intervals are a bootstrap over
trials and draws. They do not know of a part of the space that the search never looked at.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, Protocol

import numpy as np
from optuna import Study

from jointopt.errors import OptionError
from jointopt.insight.interactions import REST, Interactions, ranked
from jointopt.insight.sequence_price import price_of_sequence
from jointopt.insight.surrogate import Evidence, Surrogate
from jointopt.insight.variance import hybrids, nested_axes, variance_by_axes
from jointopt.space import AXES
from jointopt.space.counting import undetermined

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import pandas as pd
    from numpy.typing import NDArray
    from optuna.trial import FrozenTrial

    from jointopt.search.genome import Genome
    from jointopt.search.result import TrialRecord
    from jointopt.space import Config, Space

    Array = NDArray[np.float64]

__all__ = ["BEST_SHARE", "MIN_TRIALS", "axis_interactions", "interactions_of"]

MIN_TRIALS: Final = 100
"""Scored trials below which nothing is said."""
N_EVALUATIONS: Final = 2**16
"""Of the model, by which the variance is divided."""
MOST_AXES: Final = 7
"""With one more, of which each doubles the mixtures of a draw, the draws are so few that intervals
hold two of three shares that are known and some shares are off by 0.1; at 10 one of three."""
BEST_SHARE: Final = 0.1
"""Of the space: the score is capped at what these reach at least. On the exact ground truth shares
are within 0.04 then, and off by up to 0.3 without a cap."""
NEGLIGIBLE: Final = 1e-3
"""Standard deviations of the score. What should be equal the model predicts a little apart."""
PAIR: Final = 2


class Searched(Protocol):
    """What a search found: a `SearchResult` is one."""

    @property
    def studies(self) -> Mapping[str, Study]:
        """By stage."""

    @property
    def records(self) -> Sequence[TrialRecord]:
        """The trials, with their whole configurations."""


def axis_interactions(
    found: Searched | Study | Sequence[Study],
    space: Space,
    *,
    best_share: float = BEST_SHARE,
    seed: int = 0,
) -> Interactions:
    """Divide the score's variance among the axes of a search, and price the sequence.

    Parameters
    ----------
    found : SearchResult, optuna.Study or sequence of optuna.Study
        The trials: of a joint search best, since one that holds axes fixed cannot see how they
        interact. Several studies must have scored on the same folds.
    space : Space
        What was searched, bound to its table.
    best_share : float, default=0.1
        The score is capped at what this share of the space reaches at least; 1 for no cap.
    seed : int, default=0
        Of the draws; the same seed gives the same result.

    Returns
    -------
    Interactions
        With `frame()`, `plot()`, `price` and `conclusion()`.

    Raises
    ------
    OptionError
        If fewer than 100 trials with no axis held fixed have a score, all scores are the same or
        hardly any is another, or the space has fewer than two axes with anything to decide or
        more than seven; or if `best_share` is not above 0 and at most 1.

    Examples
    --------
    >>> from jointopt import Categorical, Float, Space, search
    >>> space = Space(transforms={"scale": Categorical(["none", "standard"])},
    ...               hyperparameters={"C": Float(0, 1)})
    >>> def objective(config, trial):
    ...     return config["hyperparameters/C"] * (config["transforms/scale"] == "none")
    >>> found = search(space, objective, strategy="random", n_trials=100)
    >>> axis_interactions(found, space).leading_pair
    ('transforms', 'hyperparameters')
    """
    studies = _studies(found)
    sign = 1.0 if studies[0].direction.name == "MAXIMIZE" else -1.0
    evidence = Evidence.of(_trials(found, space), space, sign)
    return interactions_of(evidence, space, sign, best_share=best_share, seed=seed)


def interactions_of(
    evidence: Evidence,
    space: Space,
    sign: float,
    *,
    best_share: float = BEST_SHARE,
    seed: int = 0,
) -> Interactions:
    """Do the same with trials that have been read.

    Parameters
    ----------
    evidence : Evidence
        Scored trials in the space.
    space : Space
        What was searched.
    sign : float
        -1 where smaller scores are better.
    best_share, seed
        As for `axis_interactions`.

    Raises
    ------
    OptionError
        As `axis_interactions`.
    """
    if not 0 < best_share <= 1:
        raise OptionError(f"best_share must be above 0 and at most 1, got {best_share:g}")
    axes = _axes(evidence.genome, space)
    if len(axes) < PAIR:
        raise OptionError(
            f"the space has one axis with anything to decide, {', '.join(axes) or 'none'}: there "
            "is nothing that it could interact with"
        )
    if len(axes) > MOST_AXES:
        raise OptionError(
            f"the space has {len(axes)} axes with anything to decide; how axes interact can be "
            f"told of at most {MOST_AXES}: group parameters under fewer axes, as in "
            "Space(hyperparameters={...})"
        )
    n_free = int(evidence.free.sum())
    if n_free < MIN_TRIALS:
        raise OptionError(
            f"{n_free} trials have a score and hold no axis fixed; how axes interact can "
            f"be told from {MIN_TRIALS} on: search longer, by the joint strategy"
        )
    if np.ptp(evidence.scores) == 0:
        raise OptionError("all trials have the same score, so that no axis can be told to matter")
    from threadpoolctl import threadpool_limits

    rng = np.random.default_rng(seed)
    # More threads wait for each other, and for cores that fits are on.
    with threadpool_limits(limits=1, user_api="blas"):
        surrogate = Surrogate(evidence, rng)
        values = _values(surrogate, list(axes.values()), rng)
        price = price_of_sequence(surrogate, space, axes, rng)
    reached = np.quantile(values, 1 - best_share, axis=(0, 1))
    threshold = _lowered(reached, values)
    nested = nested_axes(space)
    shares = _shares(np.maximum(values, threshold), list(axes), nested, rng)
    cap = float(threshold[0])
    if cap < reached[0]:
        best_share = float(np.mean(values[:, :, 0] > cap))
    explained = surrogate.explained(cap)
    return Interactions(shares, price, nested, best_share, sign * cap, explained, len(evidence))


def _studies(
    found: Searched | Study | Sequence[Study],
) -> Sequence[Study]:
    if isinstance(found, Study):
        return [found]
    return found if isinstance(found, Sequence) else [*found.studies.values()]


def _trials(
    found: Searched | Study | Sequence[Study], space: Space
) -> Iterator[tuple[Config, FrozenTrial]]:
    if not isinstance(found, (Study, Sequence)):
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
    free = {path.partition("/")[0] for path in undetermined(space.decisions, space.frozen)}
    order = dict.fromkeys([*AXES, *names])
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


def _lowered(reached: Array, values: Array) -> Array:
    """Return thresholds, one per version, so low that something is above them.

    So many may be the best that nothing would be: a paradigm without parameters is a few
    configurations, however much of the space it is.
    """
    below_best = values.max(axis=(0, 1)) - NEGLIGIBLE * values.std(axis=(0, 1))
    highest_below = np.where(values < below_best, values, -np.inf).max(axis=(0, 1))
    return np.where(reached < below_best, reached, highest_below)


def _shares(
    values: Array, axes: list[str], nested: Mapping[str, frozenset[str]], rng: np.random.Generator
) -> pd.DataFrame:
    import pandas as pd

    n, _, n_versions = values.shape
    counts = np.vstack([np.ones(n), rng.multinomial(n, np.full(n, 1 / n), size=n_versions - 1)])
    versions = [
        variance_by_axes(values[:, :, k], counts[k], axes, nested) for k in range(n_versions)
    ]
    table = pd.DataFrame([_by_row(found, axes) for found in versions])
    if table.iloc[0].isna().any():
        raise OptionError(
            "hardly any trial has another score than the others, so that no axis can be told to "
            "matter"
        )
    low, high = table.iloc[1:].quantile([0.025, 0.975]).to_numpy()
    frame = pd.DataFrame([*table.columns], columns=["first", "second"])
    frame["share"] = table.iloc[0].to_numpy()
    frame["low"], frame["high"] = np.minimum(low, frame["share"]), np.maximum(high, frame["share"])
    return ranked(frame)


def _by_row(
    found: Mapping[frozenset[str], float], axes: list[str]
) -> dict[tuple[str, str], float]:
    """Return shares by axis, pair and the rest, NaN of nothing; negative by sampling is zero."""
    variances = {members: max(v, 0.0) for members, v in found.items()}
    total = sum(variances.values()) or np.nan
    shares: dict[tuple[str, str], float] = {(REST, ""): 0.0}
    for members, variance in variances.items():
        named = [axis for axis in axes if axis in members]
        key = (named[0], named[1] if len(named) == PAIR else "") if len(named) <= PAIR else None
        shares[key or (REST, "")] = shares.get(key or (REST, ""), 0.0) + variance / total
    return shares
