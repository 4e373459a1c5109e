"""What a sampler knows: finished configurations as arrays, added to and never rebuilt."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from optuna.trial import TrialState

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray
    from optuna.trial import FrozenTrial

__all__ = ["History", "worst_of_use"]

DIGITS = 9
"""To which two rows of one configuration agree."""
FENCE = 10.0
"""How far below the lower quartile a score may lie, in distances from there to the best."""
TIMED = ("fold_scores", "fit_seconds", "predict_seconds")
"""What a trial's attributes tell where its fits were timed."""


class History:
    """Configurations and their scores.

    Parameters
    ----------
    n_parameters : int
        Columns of the rows.

    Attributes
    ----------
    n : int
        Configurations.
    n_scored : int
        Those that did not fail.
    """

    def __init__(self, n_parameters: int) -> None:
        self._rows = np.full((64, n_parameters), np.nan)
        self._scores = np.full(64, -np.inf)
        self._steps = np.full(64, -1)
        self._seconds = np.full(64, np.nan)
        self._keys: set[bytes] = set()
        self._gains: dict[int, tuple[float, int]] = {}
        self._last_step = -1
        self.n = 0
        self.n_scored = 0

    @property
    def rows(self) -> NDArray[np.float64]:
        """Codes of shape (n, n_parameters); NaN where a parameter was not active."""
        return self._rows[: self.n]

    @property
    def complete(self) -> NDArray[np.bool_]:
        """Whether each was evaluated to the end, shape (n,)."""
        return self._steps[: self.n] < 0

    def add(
        self,
        row: NDArray[np.float64],
        score: float,
        steps: Mapping[int, float],
        *,
        complete: bool,
        seconds: float = np.nan,
    ) -> None:
        """Take in a finished configuration.

        Parameters
        ----------
        row : ndarray of shape (n_parameters,)
        score : float
            Greater is better; minus infinity for a failure.
        steps : mapping of int to float
            Intermediate scores.
        complete : bool
            Whether it was evaluated to the end.
        seconds : float, default=NaN
            That one of its steps took.
        """
        if self.n == len(self._scores):
            self._rows = np.concatenate([self._rows, np.full_like(self._rows, np.nan)])
            self._scores = np.concatenate([self._scores, np.full_like(self._scores, -np.inf)])
            self._steps = np.concatenate([self._steps, np.full_like(self._steps, -1)])
            self._seconds = np.concatenate([self._seconds, np.full_like(self._seconds, np.nan)])
        self._rows[self.n] = row
        self._scores[self.n] = score
        self._seconds[self.n] = seconds
        self._keys.add(_key(row))
        self.n_scored += math.isfinite(score)
        if complete:
            for step, value in steps.items():
                if not math.isfinite(score - value):
                    continue
                total, count = self._gains.get(step, (0.0, 0))
                self._gains[step] = (total + score - value, count + 1)
            self._last_step = max(self._last_step, *steps) if steps else self._last_step
        else:
            self._steps[self.n] = max(steps, default=0)
        self.n += 1

    def take_in(
        self, trial: FrozenTrial, row: NDArray[np.float64], sign: float
    ) -> tuple[float, bool]:
        """Add a finished trial; return its score and whether it was evaluated to the end.

        Parameters
        ----------
        trial : optuna.trial.FrozenTrial
            In any finished state.
        row : ndarray of shape (n_parameters,)
            Its configuration.
        sign : float
            -1 where smaller values are better.
        """
        complete = trial.state is TrialState.COMPLETE and trial.value is not None
        steps = {step: sign * value for step, value in trial.intermediate_values.items()}
        score = -np.inf
        if complete:
            score = sign * (trial.value or 0.0)
        elif steps and trial.state is not TrialState.FAIL:
            last = steps[max(steps)]
            score = last if np.isfinite(last) else -np.inf
        self.add(row, score, steps, complete=complete, seconds=_step_seconds(trial))
        return score, complete

    def knows(self, row: NDArray[np.float64]) -> bool:
        """Whether a configuration has been evaluated."""
        return _key(row) in self._keys

    def order(self) -> NDArray[np.int64]:
        """Return all rows' numbers from the best to the worst; unfinished ones come last."""
        return np.lexsort((-self._scores[: self.n], ~self.complete))

    def spread(self) -> float:
        """Return the standard deviation of the scores, 0 for fewer than two.

        Those that are far worse than most count as the worst of use.
        """
        finite = self._scores[: self.n][np.isfinite(self._scores[: self.n])]
        return float(np.maximum(finite, worst_of_use(finite)).std()) if len(finite) > 1 else 0.0

    def scores(self) -> NDArray[np.float64]:
        """Return scores of shape (n,), as they would be had all been evaluated to the end.

        What was stopped at a step is given what complete ones gained after that step on average:
        running means over folds of different difficulty are comparable only so.
        """
        scores = self._scores[: self.n].copy()
        last_steps = self._steps[: self.n]
        for step in np.unique(last_steps[~self.complete]).tolist():
            total, count = self._gains.get(step, (0.0, 1))
            scores[last_steps == step] += total / count
        return scores

    def seconds(self) -> NDArray[np.float64]:
        """Return what a step of each took, shape (n,); NaN where it is not known."""
        return self._seconds[: self.n]

    def noise(self) -> NDArray[np.float64]:
        """Return how much noisier each score is than that of a complete evaluation, shape (n,)."""
        n_steps = self._last_step + 1
        passed = np.where(self.complete, n_steps, np.minimum(self._steps[: self.n] + 1, n_steps))
        return n_steps / np.maximum(passed, 1) if n_steps else np.ones(self.n)


def worst_of_use(scores: NDArray[np.float64]) -> float:
    """Return how bad a score may be to be told apart from others as bad.

    What diverged, or got a penalty of its user's choice, is far worse than most; the mean and the
    standard deviation would be of it alone.

    Parameters
    ----------
    scores : ndarray of shape (n,)
        Finite; greater is better.
    """
    # Several times faster than numpy.quantile, which each trial would wait for.
    quarter = len(scores) // 4
    quartile, best = np.partition(scores, quarter)[quarter], scores.max()
    fence = quartile - FENCE * (best - quartile)
    # Where most are the best, nothing tells how far others may be from them.
    return float(max(fence, scores.min()) if fence < quartile else scores.min())


def _step_seconds(trial: FrozenTrial) -> float:
    """Return what a step of a trial took.

    Its fits tell that where they were timed: between them it may have waited for others, and some
    of them may have run at the same time.
    """
    scores, fitting, predicting = (trial.user_attrs.get(name) for name in TIMED)
    # An objective of one's own may use these names for other things.
    if (
        isinstance(scores, list)
        and isinstance(fitting, int | float)
        and isinstance(predicting, int | float)
    ):
        # The fold on which it failed took time too, and has no score.
        n_fits = len(scores) + (trial.state is TrialState.FAIL)
        return (fitting + predicting) / (n_fits or 1)
    took = trial.duration
    return np.nan if took is None else took.total_seconds() / (len(trial.intermediate_values) or 1)


def _key(row: NDArray[np.float64]) -> bytes:
    return (np.round(row, DIGITS) + 0.0).tobytes()  # no negative zero
