"""The one engine that runs every stage of every strategy.

It asks, lets evaluate, tells and stores. The sampler works on a private study in memory; the study
that users, optuna-dashboard and a resumed run read receives each trial once, whole, when it ends.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from optuna.trial import FrozenTrial, TrialState

from jointopt.errors import SearchError
from jointopt.evaluation.outcome import Outcome, State
from jointopt.evaluation.seeds import derive_seed
from jointopt.search.result import SearchResult, TrialRecord, trials_frame
from jointopt.search.samplers import make_sampler
from jointopt.search.storage import open_study, private_study
from jointopt.search.strategies import StageResult

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
MAX_REPEATS = 200
"""A stage ends when that many proposals in a row have been evaluated before."""

Listener = "Callable[[TrialRecord], None]"
"""Called with each trial once it is stored."""


@dataclass(slots=True)
class _Pending:
    trial: optuna.trial.Trial
    config: Config
    started: dt.datetime


@dataclass(slots=True)
class _StageRun:
    """The state of one running stage."""

    stage: Stage
    memory: optuna.Study
    durable: optuna.Study
    seen: dict[frozenset[tuple[str, Any]], Outcome | None] = field(default_factory=dict)
    pending: dict[int, _Pending] = field(default_factory=dict)
    records: list[TrialRecord] = field(default_factory=list)
    exhausted: bool = False


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
        Go on with studies of these names that the storage holds.
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

    def run(self, strategy: Strategy, space: Space, starts: Sequence[Config]) -> SearchResult:
        """Run a strategy to its end or the budget's.

        Raises
        ------
        SearchError
            If no trial ended with a value; the message tells the commonest reason.
        """
        plan = strategy(space, starts)
        records: list[TrialRecord] = []
        studies: dict[str, optuna.Study] = {}
        stage = next(plan, None)
        while stage is not None and not self._interrupted:
            run = self._run_stage(stage, len(studies))
            studies[stage.name] = run.durable
            records += run.records
            best = self._best(run.records)
            config, value = (None, None) if best is None else (best.config, best.trial.value)
            try:
                stage = plan.send(StageResult(config, value, len(run.records)))
            except StopIteration:
                stage = None
        best = self._best(records)
        if best is None or best.trial.value is None:
            raise SearchError(_nothing_found(records))
        return SearchResult(
            best_config=best.config,
            best_score=best.trial.value,
            trials=trials_frame(tuple(records)),
            studies=studies,
            records=tuple(records),
        )

    # ---------------------------------------------------------------- one stage

    def _run_stage(self, stage: Stage, index: int) -> _StageRun:
        run = self._open(stage, index)
        try:
            while True:
                while len(run.pending) < self._evaluator.capacity and self._may_start(run):
                    self._start_trial(run)
                if not run.pending:
                    break
                left = self._budget.seconds_left()
                if left is not None and left <= 0:
                    if run.records or self._evaluator.has_partial():
                        break
                    # One late result is worth more to the user than none in time.
                    left = PATIENCE_SECONDS
                for outcome in self._evaluator.collect(left):
                    self._tell(run, outcome)
        except KeyboardInterrupt:
            self._interrupted = True
        for outcome in self._evaluator.abandon():
            self._tell(run, outcome)
        return run

    def _may_start(self, run: _StageRun) -> bool:
        return not run.exhausted and self._budget.allows(self._n_started)

    def _open(self, stage: Stage, index: int) -> _StageRun:
        sampler = make_sampler(stage.sampler, derive_seed(self._seed, index))
        memory = private_study(self._direction, sampler)
        durable = open_study(
            self._storage, f"{self._name}/{stage.name}", self._direction, resume=self._resume
        )
        run = _StageRun(stage, memory, durable)
        for trial in durable.get_trials(deepcopy=False):
            self._remember(run, trial)
        for config in stage.starts:
            if frozenset(config.items()) not in run.seen:
                free = stage.space.distributions(config)
                memory.enqueue_trial({path: config[path] for path in free})
        return run

    def _remember(self, run: _StageRun, trial: FrozenTrial) -> None:
        """Take in a trial of an earlier run."""
        if not trial.state.is_finished():
            return
        config = run.stage.space.complete(trial.params)
        states = {told: state for state, told in STATES.items()}
        outcome = Outcome(
            trial.number,
            states[trial.state],
            trial.value,
            trial.intermediate_values,
            trial.user_attrs,
            trial.user_attrs.get("reason"),
        )
        run.memory.add_trial(trial)
        run.seen[frozenset(config.items())] = outcome
        self._evaluator.learn(outcome)
        self._record(run, TrialRecord(run.stage.name, trial.number, config, trial))
        self._n_started += 1

    def _start_trial(self, run: _StageRun) -> None:
        """Ask for a configuration that is new and start it."""
        for _ in range(MAX_REPEATS):
            trial = run.memory.ask()
            config = run.stage.space.suggest(trial)
            key = frozenset(config.items())
            if key not in run.seen:
                run.seen[key] = None
                number = self._n_started
                self._n_started += 1
                run.pending[number] = _Pending(trial, config, dt.datetime.now())
                self._evaluator.submit(number, config, trial)
                return
            _tell_memory(run, trial, run.seen[key])
        run.exhausted = True

    def _tell(self, run: _StageRun, outcome: Outcome) -> None:
        pending = run.pending.pop(outcome.number)
        run.seen[frozenset(pending.config.items())] = outcome
        told = _frozen(_tell_memory(run, pending.trial, outcome), pending, outcome)
        run.durable.add_trial(told)
        number = len(run.durable.get_trials(deepcopy=False)) - 1
        record = TrialRecord(run.stage.name, number, pending.config, told, outcome.number)
        self._record(run, record)

    def _record(self, run: _StageRun, record: TrialRecord) -> None:
        run.records.append(record)
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


def _tell_memory(
    run: _StageRun, trial: optuna.trial.Trial, outcome: Outcome | None
) -> FrozenTrial:
    """Tell the sampler; a repeat counts as what it was, one still under way as failed."""
    if outcome is None or outcome.state is State.FAILED:
        return run.memory.tell(trial, state=TrialState.FAIL)
    reported = run.memory.get_trials(deepcopy=False)[trial.number].intermediate_values
    for step, value in outcome.intermediate.items():
        if step not in reported:
            trial.report(value, step)
    told = outcome.value if outcome.state is State.COMPLETE else None
    return run.memory.tell(trial, told, state=STATES[outcome.state])


def _frozen(source: FrozenTrial, pending: _Pending, outcome: Outcome) -> FrozenTrial:
    """Return the finished trial as it is stored, in one piece."""
    attributes = dict(outcome.attributes)
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


def _nothing_found(records: Sequence[TrialRecord]) -> str:
    reasons = [r.trial.user_attrs["reason"] for r in records if "reason" in r.trial.user_attrs]
    if not records:
        return "the budget ended before the first evaluation did; give it more"
    if not reasons:
        return f"none of {len(records)} trials ended with a value"
    commonest = max(set(reasons), key=reasons.count)
    return f"all {len(records)} trials failed; the commonest reason: {commonest}"
