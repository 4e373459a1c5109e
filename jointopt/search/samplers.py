"""What proposes configurations within a stage."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from optuna.samplers import BaseSampler, RandomSampler

from jointopt.search.joint_sampler import JointSampler

if TYPE_CHECKING:
    from collections.abc import Callable

    from optuna.distributions import BaseDistribution
    from optuna.study import Study
    from optuna.trial import FrozenTrial

    from jointopt.search.strategies import Stage
    from jointopt.space import Config

__all__ = ["StageSampler"]


class StageSampler(BaseSampler):
    """Gives the next trial a stage's proposal if there is one, else what its sampler draws.

    Parameters
    ----------
    stage : Stage
        Whose space and sampler.
    seed : int
        Of the sampler.
    share_left : callable or None, default=None
        Returns the share of the time budget that is left; None without a time budget.

    Attributes
    ----------
    proposal : Config or None
        What the next trial shall be.
    """

    def __init__(
        self, stage: Stage, seed: int, share_left: Callable[[], float] | None = None
    ) -> None:
        self.proposal: Config | None = None
        self._stage = stage
        self._inner: BaseSampler = RandomSampler(seed=seed)
        if stage.sampler == "joint":
            self._inner = JointSampler(stage.space, seed, share_left)

    def infer_relative_search_space(
        self, study: Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        """Return the distributions of the proposal's parameters, or what the sampler infers."""
        if self.proposal is None:
            return self._inner.infer_relative_search_space(study, trial)
        return dict(self._stage.space.distributions(self.proposal))

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Return the proposal's values, or what the sampler draws."""
        if self.proposal is None:
            return self._inner.sample_relative(study, trial, search_space)
        return {path: self.proposal[path] for path in search_space}

    def sample_independent(
        self,
        study: Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        """Let the sampler draw."""
        return self._inner.sample_independent(study, trial, param_name, param_distribution)

    def reseed_rng(self) -> None:
        """Let the sampler draw otherwise than the same sampler in another process."""
        self._inner.reseed_rng()
