"""What is kept of the best configurations: predictions, and the pipelines fitted on folds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from jointopt.evaluation.folds import Fold
    from jointopt.evaluation.tasks import FoldResult

__all__ = ["Kept"]

MAX_KEPT = 40
"""Predictions and models are kept of that many configurations, the best ones."""
MAX_PREDICTION_BYTES = 2_000_000_000
"""All predictions that are kept, but for those of the very best, which always are."""
MAX_FOLD_MODELS = 4
"""Of so many folds: beside a fit on all rows, more of them change predictions little, and each
costs time when the model is saved, loaded and used."""
MAX_KEPT_BYTES = 2_000_000_000
"""All models that are kept."""


class Kept:
    """Predictions and models of the best configurations that finished.

    Parameters
    ----------
    folds : sequence of tuple of ndarray
        Fitted and scored rows of each.
    n_rows : int
        Of the table.
    scratch : Path or None
        Folder of the models; None if none are kept.

    Attributes
    ----------
    predictions : dict of int to ndarray
        Of each row by the pipeline that was not fitted on it, by configuration, of shape
        (n_rows, n_classes) or (n_rows,); NaN for rows that no fold scores.
    models : dict of int to tuple of Path
        Where the pipelines that were fitted on the first four folds are, of those of `predictions`
        of which all could be kept.
    """

    def __init__(self, folds: Sequence[Fold], n_rows: int, scratch: Path | None) -> None:
        self._folds = folds
        self._n_rows = n_rows
        self._scratch = scratch
        self._scores: dict[int, float] = {}
        self._bytes: dict[int, int] = {}
        self.predictions: dict[int, NDArray[np.floating]] = {}
        self.models: dict[int, tuple[Path, ...]] = {}

    def model_path(self, number: int, fold: int) -> Path | None:
        """Return where a configuration's pipeline of a fold belongs, None if it is not kept."""
        if self._scratch is None or fold >= MAX_FOLD_MODELS:
            return None
        return self._scratch / f"{number}-{fold}.pickle"

    def add(self, number: int, results: Sequence[FoldResult]) -> None:
        """Keep what a configuration left on all folds, in place of the worst when it is much."""
        first = results[0].predictions
        if first is None:
            return
        predictions = np.full((self._n_rows, *first.shape[1:]), np.nan, dtype=first.dtype)
        for (_, scored_rows), result in zip(self._folds, results, strict=True):
            predictions[scored_rows] = result.predictions
        self.predictions[number] = predictions
        self._scores[number] = float(np.mean([result.score for result in results]))
        sizes = [result.model_bytes for result in results[:MAX_FOLD_MODELS]]
        paths = [self.model_path(number, fold) for fold in range(len(sizes))]
        if all(sizes):
            self._bytes[number] = sum(sizes)
            self.models[number] = tuple(path for path in paths if path is not None)
        else:
            self.forget_models(number)
        most = max(1, min(MAX_KEPT, MAX_PREDICTION_BYTES // predictions.nbytes))
        while len(self.predictions) > most:
            worst = self._worst(self.predictions)
            del self.predictions[worst]
            self.forget_models(worst)
        while sum(self._bytes[kept] for kept in self.models) > MAX_KEPT_BYTES:
            self.forget_models(self._worst(self.models))

    def forget_models(self, number: int) -> None:
        """Remove the files of a configuration, also of one that was not added."""
        self.models.pop(number, None)
        for fold in range(MAX_FOLD_MODELS):
            if (path := self.model_path(number, fold)) is not None:
                path.unlink(missing_ok=True)

    def _worst(self, among: Iterable[int]) -> int:
        return min(among, key=self._scores.__getitem__)
