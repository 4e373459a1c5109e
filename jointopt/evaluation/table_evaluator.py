"""Evaluates configurations on a table, fold by fold, as a race."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from jointopt.evaluation.attempt import attempt, reason_of
from jointopt.evaluation.events import FitBegun, FitEnded
from jointopt.evaluation.kept import Kept
from jointopt.evaluation.learning_curves import CurveRace, LearningCurve
from jointopt.evaluation.outcome import BUDGET_ENDED, State
from jointopt.evaluation.stop_rule import StopRule
from jointopt.evaluation.tasks import FoldTask
from jointopt.evaluation.under_way import UnderWay, target_scale

if TYPE_CHECKING:
    from collections.abc import Mapping

    import optuna

    from jointopt.evaluation.events import Watcher
    from jointopt.evaluation.executors import Executor
    from jointopt.evaluation.outcome import Outcome
    from jointopt.evaluation.tasks import FoldResult, Setting
    from jointopt.space import Config

__all__ = ["TableEvaluator"]


class TableEvaluator:
    """Runs the folds of each configuration in order and stops the hopeless ones.

    What is not behind the best that finished, on the folds that it has passed, gets the places
    that come free, of several the one with the fewest folds left: the sooner it has finished, the
    sooner others are compared with it, and the less is lost of what is under way when the budget
    ends. Idle places, as at the end of a search, take further folds too. What is found on a fold
    counts once the folds before have passed.

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
    racing : bool, default=True
        Whether the hopeless are stopped; else each configuration that does not fail finishes.
    watch : callable or None, default=None
        Called with a FitBegun and a FitEnded for each fit.

    Attributes
    ----------
    setting : Setting
        Data, folds and metric.
    kept : Kept
        Predictions and models of the best configurations that finished.
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
        racing: bool = True,
        watch: Watcher | None = None,
    ) -> None:
        scratch = executor.scratch if keep_models else None
        self.kept = Kept(setting.folds, setting.dataset.n_rows, scratch)
        self.setting = setting
        self._executor = executor
        self.notes: list[str] = []
        self._watch = watch
        self._max_fit_seconds = max_fit_seconds
        self._first_seconds = first_seconds
        self._racing = racing
        self._stop_rule = StopRule(len(setting.folds), max_fit_seconds)
        self._curves: defaultdict[tuple[str, str, int], CurveRace] = defaultdict(CurveRace)
        self._running: dict[int, UnderWay] = {}
        self._n_fits = 0

    @property
    def capacity(self) -> int:
        """How many configurations are under way at once."""
        return self._executor.capacity

    def submit(self, number: int, config: Config, trial: optuna.trial.Trial | None = None) -> None:
        """Start the first fit of a configuration; `trial` is not needed."""
        del trial
        self._running[number] = running = UnderWay(number, config, self.setting)
        self._next_fit(running)

    def collect(self, timeout: float | None) -> list[Outcome]:
        """Wait for folds to end; start the next folds of those that go on."""
        self._fill(self._executor.capacity)
        outcomes = []
        for number, result in self._executor.collect(timeout):
            self._n_fits -= 1
            running = self._running.get(number)
            if running is None:
                # A fold that was begun ahead of the one that ended its configuration.
                self.kept.forget_models(number)
                continue
            running.n_fits -= 1
            if self._watch is not None:
                self._watch(FitEnded(number, self._what(result)))
            outcome = self._take_in(running, result)
            if outcome is not None:
                del self._running[number]
                if outcome.state is not State.COMPLETE:
                    self.kept.forget_models(number)
                outcomes.append(outcome)
        # The places of those that ended are for others that are new.
        self._fill(min(len(self._running), self._executor.capacity))
        return outcomes

    def _fill(self, n_places: int) -> None:
        while self._n_fits < n_places:
            running = self._next_in_line()
            if running is None:
                return
            self._next_fit(running)

    def _next_in_line(self) -> UnderWay | None:
        """Return what takes the next free place: a leader, what waits, or what is longest."""
        folded = [r for r in self._running.values() if r.results and r.n_left and not r.is_lost]
        leads = {running.number: self._stop_rule.lead(running.results) for running in folded}
        leaders = [running for running in folded if leads[running.number] >= 0]
        if leaders:
            # A long lead on a single fold is often luck, so that it only decides between equals.
            return min(leaders, key=lambda running: (running.n_left, -leads[running.number]))
        waiting = (running for running in self._running.values() if not running.n_fits)
        longest = max(folded, key=lambda running: running.n_left, default=None)
        return next(waiting, longest)

    def _take_in(self, running: UnderWay, result: FoldResult) -> Outcome | None:
        """Take in a fit, and what was waiting for it; return how the configuration ended."""
        if result.error is None:
            self._first_seconds = 0.0
        if result.curve is not None and result.fold == 0:
            race = self._curve_race(running.config, result.n_rows)
            race.ended(result.curve, stopped=result.stopped)
        if result.n_rows is not None:
            running.rungs.append(result)
            return self._outcome(running)
        running.ahead[result.fold] = result
        outcome = None
        while outcome is None and len(running.results) in running.ahead:
            running.results.append(running.ahead.pop(len(running.results)))
            outcome = self._outcome(running)
        return outcome

    def has_partial(self) -> bool:
        """Whether a configuration under way has passed a fold, or a sample of one."""
        return any(running.results or running.rungs for running in self._running.values())

    def abandon(self) -> list[Outcome]:
        """Return as pruned what has passed at least one fit; the rest is as if never started."""
        outcomes = [
            running.outcome(State.PRUNED, BUDGET_ENDED)
            for running in self._running.values()
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
            self._stop_rule.finished(scores, rungs)
        for told in outcome.details.get("learning_curves", ()):
            curve = LearningCurve(tuple(told["progress"]), tuple(told["losses"]))
            race = self._curves[told["paradigm"], told["target"], told["n_rows"]]
            race.ended(curve, stopped=told["stopped"])

    def _next_fit(self, running: UnderWay) -> None:
        limit = self._limit()
        if len(running.rungs) < len(self.setting.rungs):
            n_rows = self.setting.rungs[len(running.rungs)]
            task = FoldTask(
                running.config, 0, n_rows, limit, must_reach=self._bar(running, n_rows)
            )
            self._begin(running, task)
            return
        fold = running.n_begun
        running.n_begun += 1
        keep = self.kept.model_path(running.number, fold)
        bar = self._bar(running, None) if fold == 0 else None
        task = FoldTask(running.config, fold, None, limit, keep, bar)
        self._begin(running, task)

    def _limit(self) -> float | None:
        if self._max_fit_seconds is None:
            return None
        return max(self._max_fit_seconds, self._first_seconds)

    def _begin(self, running: UnderWay, task: FoldTask) -> None:
        self._executor.submit(running.number, task)
        self._n_fits += 1
        running.n_fits += 1
        if self._watch is not None:
            self._watch(FitBegun(running.number, self._what(task)))

    def _what(self, fit: FoldTask | FoldResult) -> str:
        if fit.n_rows is not None:
            return f"{fit.n_rows:,} rows"
        return f"fold {fit.fold + 1} of {len(self.setting.folds)}"

    def _bar(self, running: UnderWay, n_rows: int | None) -> Mapping[float, float] | None:
        """Return what loss a network must reach on the first fold, or a sample of it."""
        return self._curve_race(running.config, n_rows).must_reach() if self._racing else None

    def _curve_race(self, config: Config, n_rows: int | None) -> CurveRace:
        """Return the race between networks of a paradigm on the first fold, or a sample of it.

        Losses compare only where networks see the target on the same scale.
        """
        fitted = n_rows or len(self.setting.folds[0][0])
        return self._curves[str(config["paradigm"]), target_scale(config), fitted]

    def _outcome(self, running: UnderWay) -> Outcome | None:
        """Return how the configuration ended, None if it goes on."""
        last = (running.results or running.rungs)[-1]
        if last.error is not None:
            return running.outcome(State.FAILED, last.error)
        if last.stopped:
            return running.outcome(State.PRUNED, _behind(last))
        rungs = [result.score for result in running.rungs]
        scores = [result.score for result in running.results]
        if len(scores) == len(self.setting.folds):
            self._stop_rule.finished(scores, rungs)
            self.kept.add(running.number, running.results)
            return running.outcome(State.COMPLETE)
        if not self._racing:
            return None
        paradigm = str(running.config.get("paradigm"))
        why = self._stop_rule.why_to_stop(paradigm, running.results, running.rungs)
        return None if why is None else running.outcome(State.PRUNED, why)


def _behind(result: FoldResult) -> str:
    assert result.curve is not None
    percent = 100 * result.curve.progress[-1]
    return f"the network was behind others of its paradigm at {percent:.0f} % of its training"
