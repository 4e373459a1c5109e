"""The study in memory from which a running stage's trials come."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, cast

import optuna
from optuna.pruners import MedianPruner
from optuna.samplers import RandomSampler
from optuna.storages import InMemoryStorage
from optuna.trial import TrialState

from jointopt.evaluation.outcome import State
from jointopt.search.joint_sampler import JointSampler
from jointopt.search.storage import unannounced
from jointopt.space import Subset
from jointopt.space.distributions import all_distributions, forced_member

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from optuna.distributions import BaseDistribution
    from optuna.study import StudyDirection
    from optuna.trial import FrozenTrial, Trial

    from jointopt.search.strategies import Stage
    from jointopt.space import Config

__all__ = ["STATES", "LiveStudy"]

STATES = {
    State.COMPLETE: TrialState.COMPLETE,
    State.PRUNED: TrialState.PRUNED,
    State.FAILED: TrialState.FAIL,
}


@dataclass(frozen=True, slots=True)
class _WithOthers:
    """What a median pruner asks of a study, with trials that ended elsewhere."""

    study: optuna.Study
    complete: Sequence[FrozenTrial]

    @property
    def direction(self) -> StudyDirection:
        return self.study.direction

    def get_trials(self, *, deepcopy: bool, states: Sequence[TrialState]) -> list[FrozenTrial]:
        return [*self.complete, *self.study.get_trials(deepcopy, states)]


class _Pruner(MedianPruner):
    """Stops what is worse than the median of all known trials.

    Those of earlier stages are not put into the study of each: that copies them, and a strategy
    may have a stage for every few trials.
    """

    def __init__(self) -> None:
        super().__init__()
        self.complete_elsewhere: list[FrozenTrial] = []

    def prune(self, study: optuna.Study, trial: FrozenTrial) -> bool:
        known = cast("optuna.Study", _WithOthers(study, self.complete_elsewhere))
        return super().prune(known, trial)


class LiveStudy:
    """The trials of a running stage, of which only the engine knows.

    It begins trials with what the stage proposes or its sampler draws. The parameters of one are
    set at once, and it ends in the storage itself, because Optuna's study copies a trial with each
    parameter that is suggested, and once more when it is told.

    Parameters
    ----------
    stage : Stage
        Whose space and sampler.
    seed : int
        Of the sampler.
    direction : {"maximize", "minimize"}
        Of the objective.
    share_left : callable or None, default=None
        Returns the share of the time budget that is left; None without a time budget.
    """

    def __init__(
        self,
        stage: Stage,
        seed: int,
        direction: Literal["maximize", "minimize"],
        share_left: Callable[[], float] | None = None,
    ) -> None:
        self._space = stage.space
        self._distributions = all_distributions(stage.space)
        self._subsets = [d for d in stage.space.decisions if isinstance(d.node, Subset)]
        self._joint: JointSampler | None = None
        if stage.sampler == "joint":
            self._joint = JointSampler(stage.space, seed, share_left)
        self._storage = InMemoryStorage()
        self._pruner = _Pruner()
        with unannounced():
            self._study = optuna.create_study(
                storage=self._storage,
                sampler=RandomSampler(seed=seed),
                pruner=self._pruner,
                direction=direction,
            )
        self._id = self._storage.get_study_id_from_name(self._study.study_name)

    def ask(self, proposal: Config | None = None) -> tuple[Trial, Config]:
        """Begin a trial with what is proposed, else with what the sampler draws.

        Returns
        -------
        trial : optuna.trial.Trial
            Under way.
        config : Config
            Its configuration, with what the stage holds.
        """
        trial = self._study.ask()
        if proposal is not None:
            config = self._space.complete(proposal)
        elif self._joint is not None:
            config = self._joint.propose(self._study, trial.number)
        else:
            return trial, self._space.suggest(trial)
        self._set(trial, config)
        return trial, config

    def _set(self, trial: Trial, config: Config) -> None:
        """Give a trial the parameters of a configuration."""
        begun = self._storage.get_trial(self._id_of(trial))  # the trial itself, not a copy
        begun.distributions.update(self._asked(config))
        begun.params.update({path: config[path] for path in begun.distributions})

    def _asked(self, config: Config) -> dict[str, BaseDistribution]:
        """Return the parameters of a configuration that `Space.suggest` would ask for."""
        forced = {forced_member(subset, config, self._space.frozen) for subset in self._subsets}
        return {
            path: distribution
            for path, distribution in self._distributions.items()
            if path in config and path not in forced
        }

    def end(
        self,
        trial: Trial,
        state: State,
        value: float | None = None,
        steps: Mapping[int, float] | None = None,
        attributes: Mapping[str, Any] | None = None,
    ) -> FrozenTrial:
        """End a trial and return it.

        Parameters
        ----------
        trial : optuna.trial.Trial
            As `ask` returned it.
        state : State
            How it ended.
        value : float or None, default=None
            Of one that is complete.
        steps : mapping of int to float, or None, default=None
            Intermediate values, beside those that the objective reported.
        attributes : mapping of str to object, or None, default=None
            What its evaluation told.
        """
        known = self._id_of(trial)
        under_way = self._storage.get_trial(known)  # the trial itself, not a copy
        under_way.user_attrs.update(attributes or {})
        for step, passed in (steps or {}).items():
            if step not in under_way.intermediate_values:
                self._storage.set_trial_intermediate_value(known, step, passed)
        values = None if value is None else [value]
        self._storage.set_trial_state_values(known, STATES[state], values)
        return self._storage.get_trial(known)

    def forget(self, trial: Trial) -> None:
        """End a trial that repeats another one, so that the sampler learns nothing of it."""
        known = self._id_of(trial)
        repeated = self._storage.get_trial(known)  # the trial itself, not a copy
        # With its parameters it would be learnt as a failure of their configuration.
        repeated.params.clear()
        repeated.distributions.clear()
        self._storage.set_trial_state_values(known, TrialState.FAIL)

    def add(self, config: Config, trial: FrozenTrial) -> None:
        """Let the sampler, if it learns, and the pruner know a trial that ended elsewhere.

        Parameters
        ----------
        config : Config
            The trial's configuration, with what the stage holds.
        trial : optuna.trial.FrozenTrial
            Which may have had other parameters, as others may have been held.
        """
        if self._joint is None:
            if trial.state is TrialState.COMPLETE:
                self._pruner.complete_elsewhere.append(trial)
            return
        own = copy(trial)
        own.distributions = self._asked(config)
        own.params = {path: config[path] for path in own.distributions}
        self._storage.create_new_trial(self._id, template_trial=own)

    def reseed(self) -> None:
        """Draw otherwise than another process with the same seed does."""
        self._study.sampler.reseed_rng()
        if self._joint is not None:
            self._joint.reseed_rng()

    def _id_of(self, trial: Trial) -> int:
        return self._storage.get_trial_id_from_study_id_trial_number(self._id, trial.number)
