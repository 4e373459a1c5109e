"""The one engine that runs every stage of every strategy.

It asks, lets evaluate, tells and stores. The sampler works on a private study in memory; the study
that users, optuna-dashboard and a resumed run read receives each trial once, whole, when it ends.
What ended is stored once the next evaluations are under way, so that no worker waits for a disk.
"""

from __future__ import annotations

import datetime as dt
import math
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from optuna.trial import FrozenTrial, TrialState

from jointopt.errors import SearchError
from jointopt.evaluation.outcome import Outcome, State
from jointopt.evaluation.seeds import derive_seed
from jointopt.search.durable import DurableStudy
from jointopt.search.proposals import Proposals
from jointopt.search.result import SearchResult, TrialRecord, trials_frame
from jointopt.search.samplers import StageSampler
from jointopt.search.storage import private_study
from jointopt.search.strategies import Evaluated, StageResult

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import optuna
    from optuna.storages import BaseStorage

    from jointopt.evaluation.outcome import Evaluator
    from jointopt.search.budget import Budget
    from jointopt.search.strategies import Stage, Strategy
    from jointopt.space import Config, Space

__all__ = ["Engine", "Listener"]

STATES = {
    State.COMPLETE: TrialState.COMPLETE,
    State.PRUNED: TrialState.PRUNED,
    State.FAILED: TrialState.FAIL,
}
PATIENCE_SECONDS = 0.25
"""How often a search whose budget has ended without any result looks for its first one."""
LOOK_SECONDS = 1.0
"""How often it is looked whether other runs have told trials of the same study."""
HELD = "held"
"""Under this name a trial keeps the parameters that its stage held, which are none of its own."""
MAX_REPEATS = 50
"""A sampler that proposes that many known configurations in a row has nothing new to say."""

Listener = "Callable[[TrialRecord], None]"
"""Called with each trial once it is stored."""


Key = frozenset[tuple[str, Any]]


@dataclass(slots=True)
class _Pending:
    trial: optuna.trial.Trial
    config: Config
    started: dt.datetime

    @property
    def key(self) -> Key:
        """Return what tells the configuration from others."""
        return frozenset(self.config.items())


@dataclass(slots=True)
class _StageRun:
    """The state of one running stage."""

    stage: Stage
    sampler: StageSampler
    memory: optuna.Study
    durable: DurableStudy
    proposals: Proposals
    most_trials: float
    deadline: float
    n_points: float
    known: dict[Key, TrialRecord] = field(default_factory=dict)
    pending: dict[int, _Pending] = field(default_factory=dict)
    unstored: dict[Key, tuple[_Pending, int, FrozenTrial]] = field(default_factory=dict)
    told: list[TrialRecord] = field(default_factory=list)
    ended: bool = False

    def all_known(self) -> bool:
        """Whether a finite space has no configuration left that is new."""
        ended = len(self.known) + len(self.unstored)
        under_way = sum(pending.key not in self.known for pending in self.pending.values())
        return ended + under_way >= self.n_points

    def make_known(self, record: TrialRecord) -> bool:
        """Let the sampler learn from a trial of the same study, if it is one of this stage."""
        # Another run may have held other values in a stage of this name.
        held = self.stage.space.frozen
        if any(record.config.get(path, value) != value for path, value in held.items()):
            return False
        self.known[frozenset(record.config.items())] = record
        self.memory.add_trial(record.trial)
        return True

    def part_ways(self) -> None:
        """Propose otherwise than another run with the same seed does."""
        self.sampler.reseed_rng()
        self.proposals.scatter()


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
    storage : BaseStorage
        Where studies are kept.
    name : str
        Studies are named `name/stage`.
    resume : bool, default=False
        Go on with studies of these names that the storage holds. Several engines may do so at
        once: each takes in what the others tell.
    listeners : sequence of callable, default=()
        Called with each TrialRecord once it is stored.
    """

    def __init__(
        self,
        evaluator: Evaluator,
        budget: Budget,
        *,
        direction: Literal["maximize", "minimize"],
        seed: int,
        storage: BaseStorage,
        name: str,
        resume: bool = False,
        listeners: Sequence[Callable[[TrialRecord], None]] = (),
    ) -> None:
        self._evaluator = evaluator
        self._budget = budget
        self._direction = direction
        self._seed = seed
        self._storage = storage
        self._name = name
        self._resume = resume
        self._listeners = listeners
        self._n_started = 0
        self._interrupted = False
        self._has_company = False
        self._look_at = 0.0
        self._durable: dict[str, DurableStudy] = {}
        self._records: list[TrialRecord] = []

    def run(self, strategy: Strategy, space: Space, starts: Sequence[Config]) -> SearchResult:
        """Run a strategy to its end or the budget's.

        Raises
        ------
        SearchError
            If no trial ended with a value; the message tells the commonest reason.
        """
        self._space = space
        plan = strategy(space, starts, self._seed)
        stage = next(plan, None)
        number = 0
        while stage is not None:
            run = self._run_stage(stage, number)
            number += 1
            try:
                stage = plan.send(self._stage_result(run))
            except StopIteration:
                stage = None
            if self._interrupted or not self._budget.allows(self._n_started):
                plan.close()
                stage = None
        best = self._best(self._records)
        if best is None or best.trial.value is None:
            raise SearchError(_nothing_found(self._records))
        return SearchResult(
            best_config=best.config,
            best_score=best.trial.value,
            trials=trials_frame(tuple(self._records)),
            studies={stage: durable.study for stage, durable in self._durable.items()},
            records=tuple(self._records),
        )

    def _stage_result(self, run: _StageRun) -> StageResult:
        """Say what the stage found, in scores of which greater is better."""
        sign = 1.0 if self._direction == "maximize" else -1.0
        evaluated = tuple(
            Evaluated(
                record.config,
                -math.inf if record.trial.value is None else sign * record.trial.value,
                complete=record.trial.state is TrialState.COMPLETE,
            )
            for record in {record.number: record for record in run.told}.values()
        )
        best = self._best(self._records)
        explain = run.stage.explain and best is not None and not self._interrupted
        importances = self._evaluator.explain(best.config) if explain and best is not None else {}
        return StageResult(evaluated, importances)

    # ---------------------------------------------------------------- one stage

    def _run_stage(self, stage: Stage, number: int) -> _StageRun:
        run = self._open(stage, number)
        try:
            while True:
                while len(run.pending) < self._evaluator.capacity and self._may_start(run):
                    self._start_trial(run)
                self._store(run)
                self._take_in_others(run)
                if not run.pending:
                    break
                left = self._seconds_left(run)
                if left is not None and left <= 0:
                    if self._records or self._evaluator.has_partial():
                        break
                    # One late result is worth more to the user than none in time.
                    left = PATIENCE_SECONDS
                left = LOOK_SECONDS if left is None else min(left, LOOK_SECONDS)
                for outcome in self._evaluator.collect(left):
                    self._tell(run, outcome)
        except KeyboardInterrupt:
            self._interrupted = True
        for outcome in self._evaluator.abandon():
            self._tell(run, outcome)
        self._store(run)
        return run

    def _seconds_left(self, run: _StageRun) -> float | None:
        left = self._budget.seconds_left()
        return None if left is None else min(left, run.deadline - self._budget.elapsed())

    def _may_start(self, run: _StageRun) -> bool:
        left = self._seconds_left(run)
        in_time = left is None or left > 0 or not (self._records or run.unstored)
        return not run.ended and in_time and self._n_started < run.most_trials

    def _open(self, stage: Stage, number: int) -> _StageRun:
        name = f"{self._name}/{stage.study}"
        earlier: list[FrozenTrial] = []
        if stage.study not in self._durable:
            durable = DurableStudy(self._storage, name, self._direction, resume=self._resume)
            self._durable[stage.study] = durable
            earlier = durable.unseen()
        # With the seed alone it would draw what the earlier run drew.
        seed = derive_seed(self._seed, number, len(earlier))
        sampler = StageSampler(stage, seed, self._budget.share_left)
        seconds, trials = self._budget.seconds_left(), self._budget.trials_left(self._n_started)
        run = _StageRun(
            stage=stage,
            sampler=sampler,
            memory=private_study(self._direction, sampler),
            durable=self._durable[stage.study],
            proposals=Proposals(stage.proposals),
            n_points=stage.space.size().joint if stage.space.is_finite else math.inf,
            most_trials=self._n_started + _rounded_up(stage.share * trials),
            deadline=math.inf
            if seconds is None
            else self._budget.elapsed() + stage.share * seconds,
        )
        for record in self._records:
            if record.stage == stage.study:
                run.make_known(record)
        self._remember(run, earlier)
        if self._has_company:
            run.part_ways()
        return run

    def _take_in_others(self, run: _StageRun) -> None:
        """Take in, now and then, what other runs on the same study have told."""
        if time.monotonic() < self._look_at:
            return
        self._look_at = time.monotonic() + LOOK_SECONDS
        found = run.durable.unseen()
        self._remember(run, found)
        if found and not self._has_company:
            self._has_company = True
            run.part_ways()

    def _remember(self, run: _StageRun, found: Sequence[FrozenTrial]) -> None:
        """Take in what other runs have told."""
        states = {told: state for state, told in STATES.items()}
        for trial in found:
            record = TrialRecord(
                run.stage.study, trial.number, self._config_of(trial, run.stage), trial
            )
            self._evaluator.learn(
                Outcome(
                    trial.number,
                    states[trial.state],
                    trial.value,
                    trial.intermediate_values,
                    trial.user_attrs,
                    trial.user_attrs.get("reason"),
                )
            )
            self._n_started += 1
            if run.make_known(record):
                run.told.append(record)
            self._record(record)

    def _config_of(self, trial: FrozenTrial, stage: Stage) -> Config:
        held = trial.user_attrs.get(HELD, {})
        if held == dict(stage.space.frozen):
            return stage.space.complete(trial.params)
        return self._space.complete({**held, **trial.params})

    def _start_trial(self, run: _StageRun) -> None:
        """Start the next proposal, or what the sampler draws, if it is new."""
        pending = {p.key for p in run.pending.values()}
        for _ in range(MAX_REPEATS):
            run.sampler.proposal = run.proposals.pop()
            if run.sampler.proposal is None and (run.stage.sampler is None or run.all_known()):
                break
            if run.sampler.proposal is not None:
                known = self._record_of(run, frozenset(run.sampler.proposal.items()))
                if known is not None:
                    run.told.append(known)
                    continue
            trial = run.memory.ask()
            config = run.stage.space.suggest(trial)
            key = frozenset(config.items())
            known = self._record_of(run, key)
            if known is None and key not in pending:
                number = self._n_started
                self._n_started += 1
                run.pending[number] = _Pending(trial, config, dt.datetime.now())
                self._evaluator.submit(number, config, trial)
                return
            _tell_repeat(run, trial, known)
        run.ended = True

    def _tell(self, run: _StageRun, outcome: Outcome) -> None:
        pending = run.pending.pop(outcome.number)
        source = _tell_memory(run, pending.trial, outcome)
        told = _frozen(source, pending, outcome, run.stage)
        run.unstored[pending.key] = (pending, outcome.number, told)

    def _record_of(self, run: _StageRun, key: Key) -> TrialRecord | None:
        """Return the trial of a configuration that has ended."""
        if key in run.unstored:
            self._store(run)
        return run.known.get(key)

    def _store(self, run: _StageRun) -> None:
        """Store what has ended, and make it known."""
        while run.unstored:
            key, (pending, evaluation, told) = next(iter(run.unstored.items()))
            stored = run.durable.add(told)
            # Only now: an interrupt must not lose it.
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


def _tell_memory(run: _StageRun, trial: optuna.trial.Trial, outcome: Outcome) -> FrozenTrial:
    if outcome.state is State.FAILED:
        return run.memory.tell(trial, state=TrialState.FAIL)
    reported = run.memory.get_trials(deepcopy=False)[trial.number].intermediate_values
    for step, value in outcome.intermediate.items():
        if step not in reported:
            trial.report(value, step)
    told = outcome.value if outcome.state is State.COMPLETE else None
    return run.memory.tell(trial, told, state=STATES[outcome.state])


def _tell_repeat(run: _StageRun, trial: optuna.trial.Trial, record: TrialRecord | None) -> None:
    """Tell the sampler what it should have known; what is still under way counts as failed."""
    if record is None or record.trial.state is not TrialState.COMPLETE:
        run.memory.tell(trial, state=TrialState.FAIL)
    else:
        run.memory.tell(trial, record.trial.value)


def _frozen(source: FrozenTrial, pending: _Pending, outcome: Outcome, stage: Stage) -> FrozenTrial:
    """Return the finished trial as it is stored, in one piece."""
    attributes = {**outcome.attributes, **stage.notes}
    if stage.space.frozen:
        attributes[HELD] = dict(stage.space.frozen)
    if outcome.reason is not None:
        attributes["reason"] = outcome.reason
    state = STATES[outcome.state]
    return FrozenTrial(
        number=source.number,
        state=state,
        value=None if state is TrialState.FAIL else outcome.value,
        datetime_start=pending.started,
        datetime_complete=dt.datetime.now(),
        params=source.params,
        distributions=source.distributions,
        user_attrs=attributes,
        system_attrs={},
        intermediate_values=dict(outcome.intermediate) or source.intermediate_values,
        trial_id=-1,
    )


def _rounded_up(number: float) -> float:
    return number if math.isinf(number) else math.ceil(number)


def _nothing_found(records: Sequence[TrialRecord]) -> str:
    reasons = [r.trial.user_attrs["reason"] for r in records if "reason" in r.trial.user_attrs]
    if not records:
        return "the budget ended before the first evaluation did; give it more"
    if not reasons:
        return f"none of {len(records)} trials ended with a value"
    commonest = max(set(reasons), key=reasons.count)
    return f"all {len(records)} trials failed; the commonest reason: {commonest}"
