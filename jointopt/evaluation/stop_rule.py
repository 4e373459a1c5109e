"""Which configurations go on: a race, in which the leaders of paradigms have more patience."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from jointopt.evaluation.racing import FOLD_Z, SAMPLE_Z, Race

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jointopt.evaluation.tasks import FoldResult

__all__ = ["StopRule"]

LEADER_Z = 5.0
"""What leads its paradigm stops early only where it is so many standard errors behind: it says
what the paradigm can do, and an ensemble lives on models that differ."""
COSTLY_LEADER_Z = 3.3
NEARLY_DONE = 0.5
"""A leader that has passed that share of the folds passes the others too: what it has cost would
be lost, and it was near enough to come so far."""
CHEAP = 0.3
"""A leader whose fits take a greater share of the longest that is allowed is a costly one."""


class StopRule:
    """Says of each configuration whether it is worth another fit.

    Parameters
    ----------
    n_folds : int
        Folds that a configuration must pass to finish.
    max_fit_seconds : float or None, default=None
        Limit for one fit.
    """

    def __init__(self, n_folds: int, max_fit_seconds: float | None = None) -> None:
        self._n_folds = n_folds
        self._max_fit_seconds = max_fit_seconds
        self._race = Race(n_folds)
        self._best: dict[tuple[str, bool, int], float] = {}

    def finished(self, scores: Sequence[float], rungs: Sequence[float]) -> None:
        """Take in the scores of a configuration that passed all folds, and the samples before."""
        self._race.finished(scores, rungs)

    def lead(self, results: Sequence[FoldResult]) -> float:
        """Return how far a configuration with these results is ahead of the best that finished."""
        return self._race.lead([result.score for result in results])

    def why_to_stop(
        self, paradigm: str, results: Sequence[FoldResult], rungs: Sequence[FoldResult]
    ) -> str | None:
        """Return why a configuration is not worth another fit, None if it is.

        Parameters
        ----------
        paradigm : str
            Of the configuration.
        results, rungs : sequence of FoldResult
            On the first folds, and on samples of rows before.
        """
        scores = [result.score for result in results]
        leads = self._leads(paradigm, results or rungs, whole=bool(results))
        z = self._leader_z(results or rungs) if leads else None
        if not scores:
            samples = [result.score for result in rungs]
            hopeless = self._race.hopeless_on_sample(samples, z=z or SAMPLE_Z)
            return "behind the best on the same sample of rows" if hopeless else None
        if leads and len(scores) >= NEARLY_DONE * self._n_folds:
            return None
        hopeless = self._race.hopeless(scores, z=z or FOLD_Z)
        return "behind the best on the same folds" if hopeless else None

    def _leads(self, paradigm: str, results: Sequence[FoldResult], *, whole: bool) -> bool:
        """Whether none of its paradigm was better on the same folds, or samples; remember it."""
        mean = float(np.mean([result.score for result in results]))
        place = paradigm, whole, len(results)
        leads = mean >= self._best.get(place, -np.inf)
        if leads:
            self._best[place] = mean
        return leads

    def _leader_z(self, results: Sequence[FoldResult]) -> float:
        """Return by how many standard errors the best so far of a paradigm must be behind."""
        seconds = np.mean([result.fit_seconds + result.predict_seconds for result in results])
        if self._max_fit_seconds is not None and seconds > CHEAP * self._max_fit_seconds:
            return COSTLY_LEADER_Z
        return LEADER_Z
