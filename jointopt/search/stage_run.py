"""The state of one running stage: what is under way, what is known, what it told."""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from optuna.trial import FrozenTrial, TrialState

from jointopt.evaluation.outcome import Outcome, State
from jointopt.search.live_study import STATES
from jointopt.search.result import DETAILS, told_of

if TYPE_CHECKING:
    import optuna

    from jointopt.search.durable import DurableStudy
    from jointopt.search.live_study import LiveStudy
    from jointopt.search.proposals import Proposals
    from jointopt.search.result import TrialRecord
    from jointopt.search.strategies import Stage
    from jointopt.space import Config, Space

__all__ = ["Key", "Pending", "StageRun", "config_of", "outcome_of"]

HELD = "held"
"""Under this name a trial keeps the parameters that its stage held, which are none of its own."""
MOST_CHARACTERS = 80
"""Of a reason as it is shown: optuna-dashboard has it in one line, and the page grows with it."""

Key = frozenset[tuple[str, Any]]


@dataclass(slots=True)
class Pending:
    """A configuration that is being evaluated."""

    trial: optuna.trial.Trial
    config: Config
    started: dt.datetime

    @property
    def key(self) -> Key:
        """Return what tells the configuration from others."""
        return frozenset(self.config.items())


@dataclass(slots=True)
class StageRun:
    """The state of one running stage."""

    stage: Stage
    live: LiveStudy
    durable: DurableStudy
    proposals: Proposals
    most_trials: float
    n_points: float
    deadline: float = math.inf
    known: dict[Key, TrialRecord] = field(default_factory=dict)
    pending: dict[int, Pending] = field(default_factory=dict)
    unstored: dict[Key, tuple[Pending, int, FrozenTrial]] = field(default_factory=dict)
    told: list[TrialRecord] = field(default_factory=list)
    is_over: bool = False
    ended: bool = False

    def is_done(self, proposal: Config | None) -> bool:
        """Whether nothing but what is known may be evaluated: a proposal, or what is drawn."""
        is_drawn = self.stage.sampler is not None and not self.all_known()
        return self.is_over or (proposal is None and not is_drawn)

    def all_known(self) -> bool:
        """Whether a finite space has no configuration left that is new."""
        ended = len(self.known) + len(self.unstored)
        under_way = sum(pending.key not in self.known for pending in self.pending.values())
        return ended + under_way >= self.n_points

    def make_known(self, record: TrialRecord) -> bool:
        """Let the sampler learn from a trial, if its configuration is one of this stage."""
        # Another stage, or another run in a stage of this name, may have held other values.
        held = self.stage.space.frozen
        if any(record.config.get(path, value) != value for path, value in held.items()):
            return False
        if not record.is_cut_short:
            self.known[frozenset(record.config.items())] = record
        self.live.add(record.config, record.trial)
        return True

    def propose_unfinished(self) -> None:
        """Propose first what an earlier run began, and had no time to end."""
        cut = {frozenset(r.config.items()): r.config for r in self.told if r.is_cut_short}
        self.proposals.put_first([config for key, config in cut.items() if key not in self.known])

    def part_ways(self) -> None:
        """Propose otherwise than another run with the same seed does."""
        self.live.reseed()
        self.proposals.scatter()

    def tell(self, outcome: Outcome) -> None:
        """Take in how an evaluation ended; it remains to be stored."""
        pending = self.pending.pop(outcome.number)
        value = outcome.value if outcome.state is State.COMPLETE else None
        # What a failed one passed before says nothing of it.
        steps = {} if outcome.state is State.FAILED else outcome.intermediate
        source = self.live.end(pending.trial, outcome.state, value, steps, outcome.attributes)
        told = _frozen(source, pending, outcome, self.stage)
        self.unstored[pending.key] = (pending, outcome.number, told)


def _frozen(source: FrozenTrial, pending: Pending, outcome: Outcome, stage: Stage) -> FrozenTrial:
    """Return the finished trial as it is stored, in one piece."""
    attributes, details = {**outcome.attributes, **stage.notes}, dict(outcome.details)
    if stage.space.frozen:
        details[HELD] = dict(stage.space.frozen)
    if outcome.reason is not None:
        attributes["reason"] = _shortened(outcome.reason)
        details["reason"] = outcome.reason
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
        # An objective's artifacts and constraints are among the source's.
        system_attrs=source.system_attrs | ({DETAILS: details} if details else {}),
        intermediate_values=dict(outcome.intermediate) or source.intermediate_values,
        trial_id=-1,
    )


def _shortened(text: str) -> str:
    return text if len(text) <= MOST_CHARACTERS else f"{text[: MOST_CHARACTERS - 1]}…"


def outcome_of(trial: FrozenTrial) -> Outcome:
    """Return what a stored trial's evaluation told."""
    states = {stored: state for state, stored in STATES.items()}
    told = told_of(trial)
    return Outcome(
        trial.number,
        states[trial.state],
        trial.value,
        trial.intermediate_values,
        trial.user_attrs,
        told,
        told.get("reason"),
    )


def config_of(trial: FrozenTrial, stage: Stage, space: Space) -> Config:
    """Return a stored trial's configuration, with what the stage that told it held.

    Parameters
    ----------
    trial : FrozenTrial
        Of a stage of this name.
    stage : Stage
        As it runs now; it may hold other values.
    space : Space
        The search's whole space.
    """
    # Of the details alone: an objective's own attributes may have any name.
    held = trial.system_attrs.get(DETAILS, {}).get(HELD, {})
    # An objective may have suggested parameters of its own.
    known = set(space.parameters)
    params = {path: value for path, value in trial.params.items() if path in known}
    if held == dict(stage.space.frozen):
        return stage.space.complete(params)
    return space.complete({**held, **params})
