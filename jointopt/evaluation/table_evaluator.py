"""Evaluates configurations on a table, fold by fold, as a race."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from jointopt.evaluation.attempt import attempt, reason_of
from jointopt.evaluation.events import FitBegun
from jointopt.evaluation.learning_curves import CurveRace, LearningCurve
from jointopt.evaluation.one_fold import FoldTask
from jointopt.evaluation.outcome import BUDGET_ENDED, Outcome, State
from jointopt.evaluation.racing import Race

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import optuna
    from numpy.typing import NDArray

    from jointopt.evaluation.events import Watcher
    from jointopt.evaluation.executors import Executor
    from jointopt.evaluation.one_fold import FoldResult, Setting
    from jointopt.space import Config

__all__ = ["TableEvaluator"]

MAX_KEPT = 40
"""Predictions and models are kept of that many configurations, the best ones."""
MAX_FOLD_MODELS = 4
"""Of so many folds: beside a fit on all rows, more of them change predictions little, and each
costs time when the model is saved, loaded and used."""
MAX_KEPT_BYTES = 2_000_000_000
"""All models that are kept."""

LEADER_PATIENCE = 3.0
"""What leads its paradigm stops early only at so many times the confidence asked of others: it
says what the paradigm can do, and an ensemble lives on models that differ."""
COSTLY_LEADER_PATIENCE = 2.0
NEARLY_DONE = 0.5
"""A leader that has passed that share of the folds passes the others too: what it has cost would
be lost, and it was near enough to come so far."""
CHEAP = 0.3
"""A leader whose fits take a greater share of the longest that is allowed is a costly one."""


@dataclass(slots=True)
class _Running:
    config: Config
    rungs: list[FoldResult] = field(default_factory=list)
    results: list[FoldResult] = field(default_factory=list)
    ahead: dict[int, FoldResult] = field(default_factory=dict)
    """Of folds after one that is still under way."""
    n_begun: int = 0
    """Whole folds."""

    @property
    def is_waiting(self) -> bool:
        """Whether nothing of it is under way."""
        return self.n_begun == len(self.results) + len(self.ahead)


class TableEvaluator:
    """Runs the folds of each configuration in order and stops the hopeless ones.

    Where nothing else is to be evaluated, as at the end of a search, idle places take further
    folds of what is under way; what they find counts once the folds before have passed.

    Parameters
    ----------
    setting : Setting
        Data, folds and metric.
    executor : Executor
        Where folds run; as many configurations are under way as it has places.
    max_fit_seconds : float or None, default=None
        Limit for one fit.
    first_seconds : float, default=0.0
        No fit is stopped sooner while none has ended well: a late result is worth more than none.
    keep_models : bool, default=False
        Whether the pipelines that are fitted on the first four folds are kept, those of the best.
    watch : callable or None, default=None
        Called with a FitBegun for each fit.

    Attributes
    ----------
    setting : Setting
        Data, folds and metric.
    out_of_fold : dict of int to ndarray
        Predictions of the best configurations that finished, by trial number, of shape
        (n_rows, n_classes) or (n_rows,); NaN for rows that no fold scores.
    models : dict of int to tuple of Path
        Where the pipelines that were fitted on the first four folds are, of those of `out_of_fold`
        of which all could be kept.
    notes : list of str
        What did not go as planned.
    """

    def __init__(
        self,
        setting: Setting,
        executor: Executor,
        *,
        max_fit_seconds: float | None = None,
        first_seconds: float = 0.0,
        keep_models: bool = False,
        watch: Watcher | None = None,
    ) -> None:
        self.out_of_fold: dict[int, NDArray[np.float32]] = {}
        self.models: dict[int, tuple[Path, ...]] = {}
        self.setting = setting
        self._keep_models = keep_models
        self._executor = executor
        self.notes: list[str] = []
        self._watch = watch
        self._max_fit_seconds = max_fit_seconds
        self._first_seconds = first_seconds
        self._race = Race(len(setting.folds))
        self._curves: defaultdict[tuple[str, str, int], CurveRace] = defaultdict(CurveRace)
        self._running: dict[int, _Running] = {}
        self._n_fits = 0
        self._scores: dict[int, float] = {}
        self._bytes: dict[int, int] = {}
        self._leaders: dict[tuple[str, bool], list[float]] = {}

    @property
    def capacity(self) -> int:
        """How many configurations are under way at once."""
        return self._executor.capacity

    def submit(self, number: int, config: Config, trial: optuna.trial.Trial | None = None) -> None:
        """Start the first fit of a configuration; `trial` is not needed."""
        del trial
        self._running[number] = _Running(config)
        self._next_fit(number)

    def collect(self, timeout: float | None) -> list[Outcome]:
        """Wait for folds to end; start the next folds of those that go on."""
        self._fill_places()
        outcomes = []
        for number, result in self._executor.collect(timeout):
            self._n_fits -= 1
            running = self._running.get(number)
            if running is None:
                # A fold that was begun ahead of the one that ended its configuration.
                self._forget_models(number)
                continue
            outcome = self._take_in(number, running, result)
            if outcome is not None:
                del self._running[number]
                if outcome.state is not State.COMPLETE:
                    self._forget_models(number)
                outcomes.append(outcome)
            elif running.is_waiting:
                self._next_fit(number)
        return outcomes

    def _fill_places(self) -> None:
        behind = [running for running in self._running.items() if running[1].results]
        n_folds = len(self.setting.folds)
        while self._n_fits < self._executor.capacity:
            left = {number: n_folds - running.n_begun for number, running in behind}
            longest = max(left, key=left.__getitem__, default=None)
            if longest is None or not left[longest]:
                return
            self._next_fit(longest)

    def _take_in(self, number: int, running: _Running, result: FoldResult) -> Outcome | None:
        """Take in a fit, and what was waiting for it; return how the configuration ended."""
        if result.error is None:
            self._first_seconds = 0.0
        if result.curve is not None and result.fold == 0:
            race = self._curve_race(running.config, result.n_rows)
            race.ended(result.curve, stopped=result.stopped)
        if result.n_rows is not None:
            running.rungs.append(result)
            return self._outcome(number, running)
        running.ahead[result.fold] = result
        outcome = None
        while outcome is None and len(running.results) in running.ahead:
            running.results.append(running.ahead.pop(len(running.results)))
            outcome = self._outcome(number, running)
        return outcome

    def has_partial(self) -> bool:
        """Whether a configuration under way has passed a fold, or a sample of one."""
        return any(running.results or running.rungs for running in self._running.values())

    def abandon(self) -> list[Outcome]:
        """Return as pruned what has passed at least one fit; the rest is as if never started."""
        outcomes = [
            self._told(number, running, State.PRUNED, BUDGET_ENDED)
            for number, running in self._running.items()
            if running.results or running.rungs
        ]
        self._running.clear()
        self._executor.cancel()
        self._n_fits = 0
        return outcomes

    def explain(self, config: Config) -> dict[str, float]:
        """Tell how much the first fold's score falls when columns are shuffled.

        If that fails it returns {}, and `notes` says why.
        """
        # A fit, and as long again for its predictions.
        limit = None if self._max_fit_seconds is None else 2 * self._max_fit_seconds
        found = attempt(lambda: self._executor.explain(config, limit))
        if isinstance(found, Exception):
            self.notes.append(f"columns could not be ranked by permutation: {reason_of(found)}")
            return {}
        return found

    def learn(self, outcome: Outcome) -> None:
        """Let a configuration that finished in an earlier run take part in the race."""
        if outcome.state is State.COMPLETE:
            display = self.setting.metric.display
            scores, rungs = (
                [display(score) for score in outcome.details.get(name, ())]
                for name in ("fold_scores", "sample_scores")
            )
            self._race.finished(scores, rungs)
        for told in outcome.details.get("learning_curves", ()):
            curve = LearningCurve(tuple(told["progress"]), tuple(told["losses"]))
            race = self._curves[told["paradigm"], told["target"], told["n_rows"]]
            race.ended(curve, stopped=told["stopped"])

    def _next_fit(self, number: int) -> None:
        running, limit = self._running[number], self._limit()
        if len(running.rungs) < len(self.setting.rungs):
            n_rows = self.setting.rungs[len(running.rungs)]
            bar = self._curve_race(running.config, n_rows).must_reach()
            task = FoldTask(running.config, 0, n_rows, limit, must_reach=bar)
            self._begin(number, task, f"{n_rows:,} rows")
            return
        fold = running.n_begun
        running.n_begun += 1
        kept = self._keep_models and fold < MAX_FOLD_MODELS
        keep = self._model_path(number, fold) if kept else None
        bar = self._curve_race(running.config, None).must_reach() if fold == 0 else None
        task = FoldTask(running.config, fold, None, limit, keep, bar)
        self._begin(number, task, f"fold {fold + 1} of {len(self.setting.folds)}")

    def _limit(self) -> float | None:
        if self._max_fit_seconds is None:
            return None
        return max(self._max_fit_seconds, self._first_seconds)

    def _begin(self, number: int, task: FoldTask, what: str) -> None:
        self._executor.submit(number, task)
        self._n_fits += 1
        if self._watch is not None:
            self._watch(FitBegun(number, what))

    def _curve_race(self, config: Config, n_rows: int | None) -> CurveRace:
        """Return the race between networks of a paradigm on the first fold, or a sample of it.

        Losses compare only where networks see the target on the same scale.
        """
        key = (str(config["paradigm"]), _target_scale(config), self._n_rows(n_rows))
        return self._curves[key]

    def _n_rows(self, n_rows: int | None) -> int:
        return len(self.setting.folds[0][0]) if n_rows is None else n_rows

    def _model_path(self, number: int, fold: int) -> Path:
        return self._executor.scratch / f"{number}-{fold}.pickle"

    def _forget_models(self, number: int) -> None:
        if not self._keep_models:
            return
        self.models.pop(number, None)
        for fold in range(MAX_FOLD_MODELS):
            self._model_path(number, fold).unlink(missing_ok=True)

    def _outcome(self, number: int, running: _Running) -> Outcome | None:
        """Return how the configuration ended, None if it goes on."""
        last = (running.results or running.rungs)[-1]
        if last.error is not None:
            return self._told(number, running, State.FAILED, last.error)
        if last.stopped:
            return self._told(number, running, State.PRUNED, _behind(last))
        rungs = [result.score for result in running.rungs]
        scores = [result.score for result in running.results]
        if len(scores) == len(self.setting.folds):
            self._race.finished(scores, rungs)
            self._keep(number, running, float(np.mean(scores)))
            return self._told(number, running, State.COMPLETE, None)
        why = self._why_to_stop(running, scores, rungs)
        return None if why is None else self._told(number, running, State.PRUNED, why)

    def _why_to_stop(
        self, running: _Running, scores: Sequence[float], rungs: Sequence[float]
    ) -> str | None:
        """Return why a configuration is not worth another fit, None if it is."""
        leads = self._leads(running)
        patience = self._patience(running) if leads else 1.0
        nearly_done = len(scores) >= NEARLY_DONE * len(self.setting.folds)
        if not scores:
            hopeless = self._race.hopeless_on_sample(rungs, patience=patience)
            return "behind the best on the same sample of rows" if hopeless else None
        if leads and nearly_done:
            return None
        hopeless = self._race.hopeless(scores, patience=patience)
        return "behind the best on the same folds" if hopeless else None

    def _leads(self, running: _Running) -> bool:
        """Whether a configuration is the best so far of its paradigm; it is remembered as such."""
        scores = [result.score for result in running.results or running.rungs]
        stage = (str(running.config.get("paradigm")), bool(running.results))
        leader = self._leaders.get(stage, [])
        if len(leader) >= len(scores) and np.mean(scores) < np.mean(leader[: len(scores)]):
            return False
        self._leaders[stage] = scores
        return True

    def _patience(self, running: _Running) -> float:
        """Return how sure the race must be to stop the best so far of a paradigm."""
        results = running.results or running.rungs
        seconds = np.mean([r.fit_seconds + r.predict_seconds for r in results])
        if self._max_fit_seconds is not None and seconds > CHEAP * self._max_fit_seconds:
            return COSTLY_LEADER_PATIENCE
        return LEADER_PATIENCE

    def _told(self, number: int, running: _Running, state: State, reason: str | None) -> Outcome:
        good = [result for result in running.results if result.error is None]
        scores = [result.score for result in good]
        display = self.setting.metric.display
        samples = [result.score for result in running.rungs if result.error is None]
        running_means = np.cumsum(scores) / np.arange(1, len(scores) + 1)
        details: dict[str, list[Any]] = {"fold_scores": [display(score) for score in scores]}
        if self.setting.rungs:
            details["sample_scores"] = [display(score) for score in samples]
        attributes: dict[str, object] = {
            **{name: [_rounded(score) for score in found] for name, found in details.items()},
            "fit_seconds": round(self._fit_seconds(running), 4),
            "predict_seconds": round(float(np.sum([r.predict_seconds for r in good])), 4),
        }
        if good:
            attributes["n_features"] = good[-1].n_features
            found = [result.refit_params for result in good]
            attributes["refit_params"] = {
                name: round(float(np.mean([params[name] for params in found])))
                for name in found[0]
            }
        if curves := list(self._told_curves(running)):
            details["learning_curves"] = curves
        steps = [*samples, *running_means]
        value = None if state is State.FAILED or not steps else display(float(steps[-1]))
        intermediate = {step: display(float(score)) for step, score in enumerate(steps)}
        return Outcome(number, state, value, intermediate, attributes, details, reason)

    def _told_curves(self, running: _Running) -> Iterator[dict[str, object]]:
        for result in (*running.rungs, *running.results[:1]):
            if result.curve is not None:
                yield {
                    "paradigm": str(running.config["paradigm"]),
                    "target": _target_scale(running.config),
                    "n_rows": self._n_rows(result.n_rows),
                    "stopped": result.stopped,
                    **asdict(result.curve),
                }

    def _fit_seconds(self, running: _Running) -> float:
        """Return what its folds took; what the first one would take where it passed none."""
        if running.results or not running.rungs:
            return float(np.sum([result.fit_seconds for result in running.results]))
        last = running.rungs[-1]
        return last.fit_seconds * len(self.setting.folds[0][0]) / (last.n_rows or np.inf)

    def _keep(self, number: int, running: _Running, score: float) -> None:
        """Keep predictions and models of the best; both of the worst go when there are many."""
        first = running.results[0].predictions
        if first is None:
            return
        shape = (self.setting.dataset.n_rows, *first.shape[1:])
        predictions = np.full(shape, np.nan, dtype=np.float32)
        for (_, scored_rows), result in zip(self.setting.folds, running.results, strict=True):
            predictions[scored_rows] = result.predictions
        self.out_of_fold[number] = predictions
        self._scores[number] = score
        sizes = [result.model_bytes for result in running.results[:MAX_FOLD_MODELS]]
        if all(sizes):
            self._bytes[number] = sum(sizes)
            self.models[number] = tuple(self._model_path(number, k) for k in range(len(sizes)))
        else:
            self._forget_models(number)
        while len(self.out_of_fold) > MAX_KEPT:
            worst = min(self.out_of_fold, key=lambda kept: self._scores[kept])
            del self.out_of_fold[worst]
            self._forget_models(worst)
        while sum(self._bytes[kept] for kept in self.models) > MAX_KEPT_BYTES:
            self._forget_models(min(self.models, key=lambda kept: self._scores[kept]))


def _rounded(score: float) -> float:
    # optuna-dashboard shows all folds' scores in one line, which it does not wrap.
    return float(f"{score:.5g}")


def _target_scale(config: Config) -> str:
    return str(config.get("transforms/target", "none"))


def _behind(result: FoldResult) -> str:
    assert result.curve is not None
    percent = 100 * result.curve.progress[-1]
    return f"the network was behind others of its paradigm at {percent:.0f} % of its training"
