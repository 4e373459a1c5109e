"""A model of the scores of a whole space, and what it would be had other trials been made."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from jointopt.search.genome import Genome
from jointopt.search.history import History
from jointopt.search.promise import model_of
from jointopt.space.counting import undetermined

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pandas as pd
    from numpy.typing import NDArray
    from optuna.trial import FrozenTrial

    from jointopt.space import Config, Space

    Array = NDArray[np.float64]

__all__ = ["Evidence", "Surrogate"]

MOST_MODELLED: Final = 500
"""Trials that the model is made of: the better half of them the best, the rest drawn."""
MOST_FITTED: Final = 250
"""Those of them by which the kernel's weights are found: the cost grows with their cube."""
N_RESAMPLED: Final = 20
"""Bootstrap samples of the trials."""
FENCE: Final = 3.0
"""Interquartile ranges below the lower quartile that a score may lie (Tukey's outer fence)."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the trials of one or more studies on the same folds say, as arrays.

    Attributes
    ----------
    genome : Genome
        Of the space.
    rows : ndarray of shape (n, n_parameters)
        Configurations.
    scores : ndarray of shape (n,)
        Greater is better. A trial that was stopped early has the score that it would have come
        to on average; failed ones are not there.
    noise : ndarray of shape (n,)
        Variance of each score's noise, relative to that of a complete evaluation.
    free : ndarray of shape (n,)
        Whether no axis was held fixed, as it is in the stages of a sequential search.
    """

    genome: Genome
    rows: Array
    scores: Array
    noise: Array
    free: NDArray[np.bool_]

    @classmethod
    def of(
        cls, trials: Iterable[tuple[Config, FrozenTrial]], space: Space, sign: float
    ) -> Evidence:
        """Read trials.

        Parameters
        ----------
        trials : iterable of (Config, FrozenTrial)
            Whole configurations, and their trials.
        space : Space
            What was searched.
        sign : float
            -1 where smaller values are better.
        """
        genome = Genome(space)
        decided = undetermined(space.decisions, space.frozen)
        history = History(len(genome.paths))
        is_free = []
        for config, trial in trials:
            if trial.state.is_finished():
                history.take_in(trial, genome.encode(config), sign)
                held = _axes(decided.intersection(config)) - _axes(trial.params)
                is_free.append(not held)
        scores = history.scores()
        known = np.isfinite(scores)
        free = np.array(is_free, dtype=bool)
        return cls(genome, history.rows[known], scores[known], history.noise()[known], free[known])

    @classmethod
    def read(cls, kept: pd.DataFrame, space: Space) -> Evidence:
        """Read what `frame` has returned, or several such frames as one."""
        genome = Genome(space)
        rows = [genome.encode(json.loads(config)) for config in kept["config"]]
        return cls(
            genome,
            np.array(rows).reshape(-1, len(genome.paths)),
            kept["signed"].to_numpy(dtype=float),
            kept["noise"].to_numpy(dtype=float),
            kept["free"].to_numpy(dtype=bool),
        )

    def frame(self) -> pd.DataFrame:
        """Return one row per trial: `signed` score, `noise`, `free`, `config` as JSON."""
        import pandas as pd

        configs = [json.dumps(self.genome.decode(row)) for row in self.rows]
        columns = {"signed": self.scores, "noise": self.noise, "free": self.free}
        return pd.DataFrame(columns | {"config": pd.Series(configs, dtype="str")})

    def __len__(self) -> int:
        """Return the number of trials."""
        return len(self.scores)


@dataclass(slots=True)
class Surrogate:
    """A Gaussian process over all trials, and bootstrap samples of it.

    It is the sampler's own model: it knows which parameters are inactive, and which branch they
    belong to. Where trials are thick it follows them, whatever the sampler preferred; where they
    are thin it falls back on what it has learnt of the parameters elsewhere. A bootstrap sample
    keeps the kernel's weights and draws the trials anew.

    Parameters
    ----------
    evidence : Evidence
        At least a few trials.
    rng : numpy.random.Generator
        For the bootstrap, and the choice among many trials.
    """

    evidence: Evidence
    rng: np.random.Generator
    _model: Any = field(init=False, repr=False)
    _weights: Array = field(init=False, repr=False)
    _scaled: Array = field(init=False, repr=False)
    _mean: float = field(init=False)
    _scale: float = field(init=False)

    def __post_init__(self) -> None:
        """Fit the model."""
        evidence = self.evidence
        kept = self._kept()
        scores = _within_fence(evidence.scores)[kept]
        self._mean, self._scale = float(scores.mean()), float(scores.std()) or 1.0
        self._scaled = (scores - self._mean) / self._scale
        rows = evidence.rows[kept]
        known = (rows, evidence.genome.branches(rows), self._scaled, evidence.noise[kept])
        n = len(kept)
        some = self.rng.permutation(n)[:MOST_FITTED]
        self._model = model_of(evidence.genome)
        self._model.observe(*(array[some] for array in known))
        self._model.fit()
        self._model.observe(*known)
        self._model.condition()
        drawn = self.rng.multinomial(n, np.full(n, 1 / n), size=N_RESAMPLED)
        self._weights = self._model.resampled(np.vstack([np.ones(n), drawn]))

    def explained(self, threshold: float) -> float:
        """Return the share of the variance of scores, capped, that the model sees in advance.

        Each trial's score is predicted from the others; 0 is no better than their mean.

        Parameters
        ----------
        threshold : float
            What is worse counts as that.
        """
        seen = np.maximum(self._mean + self._scale * self._model.left_out(), threshold)
        true = np.maximum(self._mean + self._scale * self._scaled, threshold)
        spread = float(np.square(true - true.mean()).sum())
        return 1.0 - float(np.square(true - seen).sum()) / spread if spread else 0.0

    def _kept(self) -> NDArray[np.int64]:
        order = np.argsort(-self.evidence.scores, kind="stable")
        if len(order) <= MOST_MODELLED:
            return order
        half = MOST_MODELLED // 2
        others = self.rng.choice(order[half:], MOST_MODELLED - half, replace=False)
        return np.concatenate([order[:half], others])

    def __call__(self, rows: Array, *, resampled: bool = True) -> Array:
        """Return scores of shape (n_rows, 1 + n_samples): of all trials, then of each sample.

        Parameters
        ----------
        rows : ndarray of shape (n_rows, n_parameters)
            Configurations.
        resampled : bool, default=True
            Whether to predict from the samples, too.
        """
        weights = self._weights if resampled else self._weights[:, :1]
        # Drawn apart, many are one configuration once what is not active has been left out.
        bytes_of_row = np.dtype((np.void, rows.itemsize * rows.shape[1]))
        keys = np.ascontiguousarray(rows).view(bytes_of_row).ravel()
        _, first, inverse = np.unique(keys, return_index=True, return_inverse=True)
        branches = self.evidence.genome.branches(rows[first])
        means = self._model.means(rows[first], branches, weights)
        return np.asarray(self._mean + self._scale * means)[inverse]


def _axes(paths: Iterable[str]) -> set[str]:
    return {path.partition("/")[0] for path in paths}


def _within_fence(scores: Array) -> Array:
    """Draw what failed in all but name near the others: it would outweigh all that matters."""
    low, high = np.quantile(scores, [0.25, 0.75])
    return np.asarray(np.maximum(scores, low - FENCE * (high - low)))
