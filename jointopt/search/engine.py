"""The one engine that runs every stage of every strategy.

It asks, lets evaluate, tells and stores. The sampler works on a live study in memory; the study
that users, optuna-dashboard and a resumed run read receives each trial once, whole, when it ends.
What ended is stored once the next evaluations are under way, so that no worker waits for a disk.
Then, once a second, what other runs have told in that study is taken in, as at the beginning.
"""

from __future__ import annotations

import datetime as dt
import math
import time
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, Any, Literal

from optuna.trial import FrozenTrial, TrialState

from jointopt.errors import SearchError
from jointopt.evaluation.events import EvaluationBegun, EvaluationEnded, SearchEnded, StageBegun
from jointopt.evaluation.seeds import derive_seed
from jointopt.search.durable import DurableStudy
from jointopt.search.interrupts import Interrupts
from jointopt.search.live_study import LiveStudy
from jointopt.search.proposals import Proposals
from jointopt.search.result import Found, TrialRecord
from jointopt.search.stage_run import Key, Pending, StageRun, config_of, outcome_of
from jointopt.search.storage import names_after, take_name, used_seconds
from jointopt.search.strategies import Evaluated, StageResult

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from optuna.storages import BaseStorage

    from jointopt.evaluation.events import Event, Watcher
    from jointopt.evaluation.outcome import Evaluator, Outcome
    from jointopt.search.budget import Budget
    from jointopt.search.strategies import Plan, Stage, Strategy
    from jointopt.space import Config, Space

__all__ = ["Engine", "Shelf"]

PATIENCE_SECONDS = 0.25
"""How often a search whose budget has ended without any result looks for its first one."""
LOOK_SECONDS = 1.0
"""How often it is looked whether other runs have told trials of the same study."""
MAX_REPEATS = 50
"""A sampler that proposes that many known configurations in a row has nothing new to say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelf:
    """Where an engine keeps its studies.

    Attributes
    ----------
    storage : BaseStorage
        Where studies are kept.
    name : str
        Studies are named `name/stage`.
    numbered : bool, default=False
        Number the name, as in `name-2/stage`, where the storage holds studies of it.
    resume : bool, default=False
        Go on with studies of these names that the storage holds. Several engines may do so at
        once: each takes in what the others tell.
    terms : mapping of str to (str or int), or None, default=None
        What scores depend on; a study that was begun with other terms is refused.
    """

    storage: BaseStorage
    name: str
    numbered: bool = False
    resume: bool = False
    terms: Mapping[str, Any] | None = None


class Engine:
    """Runs the stages of a strategy.

    Parameters
    ----------
    evaluator : Evaluator
        Says how good a configuration is.
    budget : Budget
        What may be spent, by all stages together.
    direction : {"maximize", "minimize"}
        Of the objective.
    seed : int
        From which the samplers' seeds derive.
    shelf : Shelf
        Where studies are kept, and whether they may be there already.
    listeners : sequence of callable, default=()
        Called with each TrialRecord once it is stored.
    watch : callable or None, default=None
        Called with each event of what is under way.
    """

    def __init__(
        self,
        evaluator: Evaluator,
        budget: Budget,
        *,
        direction: Literal["maximize", "minimize"],
        seed: int,
        shelf: Shelf,
        listeners: Sequence[Callable[[TrialRecord], None]] = (),
        watch: Watcher | None = None,
    ) -> None:
        self._evaluator = evaluator
        self._budget = budget
        self._direction = direction
        self._seed = seed
        self._shelf = shelf
        self._name = shelf.name
        self._listeners = listeners
        self._watch = watch
        self._n_started = 0
        self._interrupts = Interrupts()
        self._interrupted = False
        self._has_company = False
        self._look_at = 0.0
        self._durable: dict[str, DurableStudy] = {}
        self._records: list[TrialRecord] = []
        self._explained: dict[Key, Mapping[str, float]] = {}

    def run(self, strategy: Strategy, space: Space, starts: Sequence[Config]) -> Found:
        """Run a strategy to its end or the budget's.

        Raises
        ------
        SearchError
            If no trial ended with a value; the message tells the commonest reason.
        """
        self._space = space
        plan = strategy(space, starts, self._seed)
        with self._interrupts.noted():
            try:
                self._run_stages(plan)
            except KeyboardInterrupt:
                if self._interrupted or self._interrupts.count > 1:
                    raise
                # Between two stages, such as while columns are ranked for the next one.
                self._interrupted = True
        plan.close()
        self._say(SearchEnded())
        best = self._best(self._records)
        if best is None or best.trial.value is None:
            raise SearchError(_nothing_found(self._records, interrupted=self._interrupted))
        return Found(
            best_config=best.config,
            best_score=best.trial.value,
            studies={stage: durable.study for stage, durable in self._durable.items()},
            records=tuple(self._records),
            space=space,
            direction=self._direction,
        )

    def _run_stages(self, plan: Plan) -> None:
        stage = next(plan, None)
        for number in count():
            if stage is None:
                return
            run = self._run_stage(stage, number)
            if self._interrupted or not self._budget.allows(self._n_started):
                return
            try:
                stage = plan.send(self._stage_result(run))
            except StopIteration:
                return

    def _stage_result(self, run: StageRun) -> StageResult:
        """Say what the stage found, in scores of which greater is better."""
        sign = 1.0 if self._direction == "maximize" else -1.0
        evaluated = tuple(
            Evaluated(
                record.config,
                -math.inf if record.trial.value is None else sign * record.trial.value,
                complete=record.trial.state is TrialState.COMPLETE,
            )
            for record in {(r.stage, r.number): r for r in run.told}.values()
        )
        best = self._best(self._records)
        explained = {} if best is None or not run.stage.explain else self._explain(best.config)
        return StageResult(evaluated, explained)

    def _explain(self, config: Config) -> Mapping[str, float]:
        """Return on which columns a configuration relies, which costs a fit."""
        key = frozenset(config.items())
        if key not in self._explained:
            self._explained = {key: self._evaluator.explain(config)}
        return self._explained[key]

    # ---------------------------------------------------------------- one stage

    def _run_stage(self, stage: Stage, number: int) -> StageRun:
        self._say(StageBegun(stage.study, " ".join(str(note) for note in stage.notes.values())))
        run = self._open(stage, number)
        try:
            while not self._interrupts.count:
                while len(run.pending) < self._evaluator.capacity and self._may_start(run):
                    self._start_trial(run)
                self._store(run)
                self._take_in_others(run)
                if not run.pending:
                    break
                left = self._seconds_left(run)
                if left is not None and left <= 0:
                    if self._best(self._records) or self._evaluator.has_partial():
                        break
                    # One late result is worth more to the user than none in time.
                    left = PATIENCE_SECONDS
                left = LOOK_SECONDS if left is None else min(left, LOOK_SECONDS)
                for outcome in self._evaluator.collect(left):
                    self._end(run, outcome)
        except KeyboardInterrupt:
            self._interrupts.caught()
            if self._interrupts.count > 1:
                raise
        self._interrupted = self._interrupts.count > 0
        for outcome in self._evaluator.abandon():
            self._end(run, outcome)
        self._store(run)
        return run

    def _end(self, run: StageRun, outcome: Outcome) -> None:
        run.tell(outcome)
        self._say(EvaluationEnded(outcome.number))

    def _say(self, event: Event) -> None:
        if self._watch is not None:
            self._watch(event)

    def _seconds_left(self, run: StageRun) -> float | None:
        left = self._budget.seconds_left()
        return None if left is None else min(left, run.deadline - self._budget.elapsed())

    def _may_start(self, run: StageRun) -> bool:
        left = self._seconds_left(run)
        in_time = left is None or left > 0 or not (self._records or run.unstored)
        return not run.ended and in_time and self._n_started < run.most_trials

    def _open(self, stage: Stage, number: int) -> StageRun:
        earlier: list[FrozenTrial] = []
        if stage.study not in self._durable:
            with self._interrupts.held():
                self._durable[stage.study] = durable = self._make_durable(stage)
                earlier = durable.unseen()
        # With the seed alone it would draw what the earlier run drew.
        seed = derive_seed(self._seed, number, len(earlier))
        trials = self._budget.trials_left(self._n_started)
        run = StageRun(
            stage=stage,
            live=LiveStudy(stage, seed, self._direction, self._budget.share_left),
            durable=self._durable[stage.study],
            proposals=Proposals(stage.proposals),
            n_points=stage.space.size().joint if stage.space.is_finite else math.inf,
            most_trials=self._n_started + _rounded_up(stage.share * trials),
        )
        for record in self._records:
            run.make_known(record)
        self._remember(run, earlier)
        run.propose_unfinished()
        run.deadline = self._deadline(stage, used_seconds(r.trial for r in run.told))
        if run.told and (run.deadline <= self._budget.elapsed() or self._was_left(stage)):
            # What later stages told stands on what this one found.
            run.is_over, run.deadline = True, math.inf
        if self._has_company:
            run.part_ways()
        return run

    def _deadline(self, stage: Stage, used: float) -> float:
        """Return when a stage has had its share of what was left when it began."""
        left = self._budget.seconds_left()
        if left is None:
            return math.inf
        return self._budget.elapsed() + stage.share * (left + used) - used

    def _was_left(self, stage: Stage) -> bool:
        """Whether an earlier run went on from a stage to a later one of the same strategy."""
        strategy = stage.study.partition("/")[0]
        later = names_after(self._shelf.storage, f"{self._name}/{stage.study}")
        return any(name.startswith(f"{self._name}/{strategy}/") for name in later)

    def _make_durable(self, stage: Stage) -> DurableStudy:
        shelf, direction = self._shelf, self._direction
        if shelf.numbered and not self._durable:
            self._name = take_name(shelf.storage, shelf.name, stage.study, direction)
        return DurableStudy(
            shelf.storage,
            f"{self._name}/{stage.study}",
            direction,
            # The name of one that is numbered is its own.
            resume=shelf.resume or shelf.numbered,
            terms=shelf.terms,
        )

    def _take_in_others(self, run: StageRun) -> None:
        """Take in, now and then, what other runs on the same study have told."""
        if time.monotonic() < self._look_at:
            return
        self._look_at = time.monotonic() + LOOK_SECONDS
        with self._interrupts.held():
            found = run.durable.unseen()
            self._remember(run, found)
        if found and not self._has_company:
            self._has_company = True
            run.part_ways()

    def _remember(self, run: StageRun, found: Sequence[FrozenTrial]) -> None:
        """Take in what other runs have told."""
        for trial in found:
            config = config_of(trial, run.stage, self._space)
            record = TrialRecord(run.stage.study, trial.number, config, trial)
            self._evaluator.learn(outcome_of(trial))
            self._n_started += 1
            if run.make_known(record):
                run.told.append(record)
            self._record(record)

    def _start_trial(self, run: StageRun) -> None:
        """Start the next proposal, or what the sampler draws, if it is new."""
        pending = {p.key for p in run.pending.values()}
        n_repeats = 0
        while n_repeats < MAX_REPEATS:
            proposal = run.proposals.pop()
            if proposal is not None:
                known = self._record_of(run, frozenset(proposal.items()))
                if known is not None:
                    run.told.append(known)
                    continue
            if run.is_done(proposal):
                break
            trial, config = run.live.ask(proposal)
            key = frozenset(config.items())
            if key not in pending and self._record_of(run, key) is None:
                number = self._n_started
                self._n_started += 1
                run.pending[number] = Pending(trial, config, dt.datetime.now())
                self._say(EvaluationBegun(number, config))
                self._evaluator.submit(number, config, trial)
                return
            run.live.forget(trial)
            n_repeats += 1
        run.ended = True

    def _record_of(self, run: StageRun, key: Key) -> TrialRecord | None:
        """Return the trial of a configuration that has ended."""
        if key in run.unstored:
            self._store(run)
        return run.known.get(key)

    def _store(self, run: StageRun) -> None:
        """Store what has ended, and make it known."""
        with self._interrupts.held():
            while run.unstored:
                key, (pending, evaluation, told) = next(iter(run.unstored.items()))
                stored = run.durable.add(told)
                # Only now: a second interrupt must not lose it.
                del run.unstored[key]
                number = run.durable.number_of(stored)
                record = TrialRecord(run.stage.study, number, pending.config, told, evaluation)
                run.known[key] = record
                run.told.append(record)
                self._record(record)

    def _record(self, record: TrialRecord) -> None:
        self._records.append(record)
        for listener in self._listeners:
            listener(record)

    def _best(self, records: Sequence[TrialRecord]) -> TrialRecord | None:
        """Return the best of the completed trials; failing those, of the pruned ones."""
        sign = 1.0 if self._direction == "maximize" else -1.0
        for state in (TrialState.COMPLETE, TrialState.PRUNED):
            found = [r for r in records if r.trial.state is state and r.trial.value is not None]
            if found:
                return max(found, key=lambda record: sign * (record.trial.value or 0.0))
        return None


def _rounded_up(number: float) -> float:
    return number if math.isinf(number) else math.ceil(number)


def _nothing_found(records: Sequence[TrialRecord], *, interrupted: bool) -> str:
    reasons = [r.told["reason"] for r in records if "reason" in r.told]
    if not records and interrupted:
        return "the search was interrupted before its first evaluation ended: nothing was found"
    if not records:
        return "the budget ended before the first evaluation did; give it more"
    if not reasons:
        return f"none of {len(records)} trials ended with a value"
    commonest = max(set(reasons), key=reasons.count)
    return f"all {len(records)} trials failed; the commonest reason: {commonest}"
