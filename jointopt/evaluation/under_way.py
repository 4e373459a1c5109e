"""A configuration under way: its fits so far, and what they tell."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from jointopt.evaluation.outcome import Outcome, State

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jointopt.evaluation.tasks import FoldResult, Setting
    from jointopt.space import Config

__all__ = ["UnderWay", "target_scale"]


@dataclass(slots=True)
class UnderWay:
    """The fits of a configuration.

    Attributes
    ----------
    number : int
        Under which it was submitted.
    config : Config
        What is evaluated.
    setting : Setting
        Data, folds and metric.
    rungs, results : list of FoldResult
        On samples of rows, and on the first folds.
    ahead : dict of int to FoldResult
        On folds after one that is still under way.
    n_begun : int
        Whole folds.
    n_fits : int
        That were begun and have not ended.
    """

    number: int
    config: Config
    setting: Setting
    rungs: list[FoldResult] = field(default_factory=list)
    results: list[FoldResult] = field(default_factory=list)
    ahead: dict[int, FoldResult] = field(default_factory=dict)
    n_begun: int = 0
    n_fits: int = 0

    @property
    def n_left(self) -> int:
        """How many whole folds were not begun."""
        return len(self.setting.folds) - self.n_begun

    @property
    def is_lost(self) -> bool:
        """Whether it will fail once the folds before have passed."""
        return any(result.error is not None for result in self.ahead.values())

    def outcome(self, state: State, reason: str | None = None) -> Outcome:
        """Return how it ended, and all that its fits told."""
        good = [result for result in self.results if result.error is None]
        scores = [result.score for result in good]
        display = self.setting.metric.display
        samples = [result.score for result in self.rungs if result.error is None]
        running_means = np.cumsum(scores) / np.arange(1, len(scores) + 1)
        details: dict[str, list[Any]] = {"fold_scores": [display(score) for score in scores]}
        if self.setting.rungs:
            details["sample_scores"] = [display(score) for score in samples]
        attributes: dict[str, object] = {
            **{name: [_rounded(score) for score in found] for name, found in details.items()},
            "fit_seconds": round(self._fit_seconds(), 4),
            "predict_seconds": round(self._predict_seconds(), 4),
        }
        if good:
            attributes["n_features"] = good[-1].n_features
            found = [result.refit_params for result in good]
            attributes["refit_params"] = {
                name: round(float(np.mean([params[name] for params in found])))
                for name in found[0]
            }
        if curves := list(self._curves()):
            details["learning_curves"] = curves
        if in_vain := self.n_begun - len(self.results):
            attributes["folds_in_vain"] = in_vain
        steps = [*samples, *running_means]
        value = None if state is State.FAILED or not steps else display(float(steps[-1]))
        intermediate = {step: display(float(score)) for step, score in enumerate(steps)}
        return Outcome(self.number, state, value, intermediate, attributes, details, reason)

    def _curves(self) -> Iterator[dict[str, object]]:
        for result in (*self.rungs, *self.results[:1]):
            if result.curve is not None:
                yield {
                    "paradigm": str(self.config["paradigm"]),
                    "target": target_scale(self.config),
                    "n_rows": result.n_rows or len(self.setting.folds[0][0]),
                    "stopped": result.stopped,
                    **asdict(result.curve),
                }

    def _predict_seconds(self) -> float:
        # A sample is scored on the rows of the first fold, as the fold itself would be.
        found = self.results or self.rungs[-1:]
        return float(np.sum([result.predict_seconds for result in found]))

    def _fit_seconds(self) -> float:
        """Return what its folds took; what the first one would take where it passed none."""
        if self.results or not self.rungs:
            return float(np.sum([result.fit_seconds for result in self.results]))
        last = self.rungs[-1]
        return last.fit_seconds * len(self.setting.folds[0][0]) / (last.n_rows or np.inf)


def target_scale(config: Config) -> str:
    """Return how a configuration's model sees the target."""
    return str(config.get("transforms/target", "none"))


def _rounded(score: float) -> float:
    # optuna-dashboard shows all folds' scores in one line, which it does not wrap.
    return float(f"{score:.5g}")
