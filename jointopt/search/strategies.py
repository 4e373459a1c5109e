"""Strategies: plans that yield stages and may look at what earlier stages found.

A strategy is a generator. It is sent a `StageResult` for every `Stage` it yields, knows nothing of
Optuna or of data, and so can be run by hand, with `next` and `send`.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from jointopt.errors import OptionError
from jointopt.space import AXES

if TYPE_CHECKING:
    from jointopt.space import Config, Space

__all__ = [
    "Evaluated",
    "Plan",
    "Stage",
    "StageResult",
    "Strategy",
    "exhaustive",
    "joint",
    "random",
    "sequential",
]


@dataclass(frozen=True, slots=True)
class Stage:
    """One step of a plan: proposals to evaluate, then a sampler's own.

    Attributes
    ----------
    study : str
        Name of its Optuna study within the search's; stages of one name share a study. Of several
        named `strategy/...`, a resumed run only reads those that an earlier one left for the next.
    space : Space
        What is searched; parameters that the stage holds fixed are frozen in it.
    proposals : iterable of Config
        Evaluated first, in order; may be long and is read as far as the budget goes. What any
        stage has evaluated is not evaluated again, and the sampler knows it.
    sampler : {"joint", "random"} or None
        What proposes then; None ends the stage with its proposals.
    share : float
        Of what is left of the budget, above 0 and at most 1.
    notes : mapping of str to value
        Kept with each trial of the stage.
    explain : bool, default=False
        Whether the result shall tell on which columns the search's best configuration relies.

    Examples
    --------
    >>> from jointopt import Float, Space, search
    >>> def twice(space, starts, seed):
    ...     found = yield Stage("twice/1-random", space, starts, sampler="random", share=0.5)
    ...     yield Stage("twice/2-joint", space, [found.best.config], sampler="joint")
    >>> space = Space(hyperparameters={"x": Float(0, 1)})
    >>> result = search(space, lambda config, _: config["hyperparameters/x"], twice, n_trials=10)
    >>> result.trials["stage"].value_counts(sort=False).to_dict()
    {'twice/1-random': 5, 'twice/2-joint': 5}
    """

    study: str
    space: Space
    proposals: Iterable[Config] = ()
    sampler: Literal["joint", "random"] | None = None
    share: float = 1.0
    notes: Mapping[str, Any] = field(default_factory=dict)
    explain: bool = False


@dataclass(frozen=True, slots=True)
class Evaluated:
    """A configuration that a stage evaluated.

    Attributes
    ----------
    config : Config
        The whole configuration.
    score : float
        Signed so that greater is better; minus infinity for a failed one.
    complete : bool
        Whether it passed all folds, or the objective returned a value.

    Examples
    --------
    >>> Evaluated({"hyperparameters/k": 5}, score=0.9, complete=True).score
    0.9
    """

    config: Config
    score: float
    complete: bool


@dataclass(frozen=True, slots=True)
class StageResult:
    """What a stage found.

    Attributes
    ----------
    evaluated : tuple of Evaluated
        In the order of their ends; configurations that were known already included.
    importances : mapping of str to float
        If the stage asked: how much the search's best configuration loses without each switch of
        a column mask, by parameter path. Empty where the evaluation cannot say.

    Examples
    --------
    >>> from jointopt import Int, Space
    >>> space = Space(hyperparameters={"k": Int(1, 9)})
    >>> plan = sequential(space, [space.default()], seed=0)
    >>> next(plan).study
    'sequential/0-starts'
    >>> best = Evaluated({"hyperparameters/k": 7}, 0.9, complete=True)
    >>> plan.send(StageResult((best,))).proposals
    [{'hyperparameters/k': 7}]
    """

    evaluated: tuple[Evaluated, ...]
    importances: Mapping[str, float] = field(default_factory=dict)

    @property
    def best(self) -> Evaluated | None:
        """The best complete one, else the best of all; None if all failed.

        Examples
        --------
        >>> failed = Evaluated({"hyperparameters/k": 9}, float("-inf"), complete=False)
        >>> good = Evaluated({"hyperparameters/k": 5}, 0.9, complete=True)
        >>> StageResult((failed, good)).best.config
        {'hyperparameters/k': 5}
        """
        found = [e for e in self.evaluated if e.complete] or [
            e for e in self.evaluated if e.score > float("-inf")
        ]
        return max(found, key=lambda e: e.score, default=None)


Plan = Generator[Stage, StageResult, None]
Strategy = Callable[["Space", Sequence["Config"], int], Plan]
"""Takes the space, the starting configurations and a seed."""


def joint(space: Space, starts: Sequence[Config], seed: int) -> Plan:
    """Search all axes in one study."""
    del seed  # the engine seeds samplers
    yield Stage("joint", space, starts, sampler="joint")


def random(space: Space, starts: Sequence[Config], seed: int) -> Plan:
    """Draw configurations at random: the baseline."""
    del seed
    yield Stage("random", space, starts, sampler="random")


def exhaustive(space: Space, starts: Sequence[Config], seed: int) -> Plan:
    """Evaluate every configuration of a finite space: the ground truth."""
    del starts, seed
    yield Stage("exhaustive", space, space.enumerate())


def sequential(
    space: Space,
    starts: Sequence[Config],
    seed: int,
    *,
    order: Sequence[str] | None = None,
    shares: Mapping[str, float] | None = None,
) -> Plan:
    """Settle one axis after another, each in a study of its own.

    The best start is where it begins. In each stage one axis is free, the earlier ones stay at
    what they found best and the later ones at the start's values or at their defaults. An axis
    with nothing to decide, such as the architecture of what is no network, is passed over, and
    its share goes to those that follow.

    Parameters
    ----------
    space : Space
        What is searched.
    starts : sequence of Config
        Evaluated first, in the study `sequential/0-starts`.
    seed : int
        Not needed: the engine seeds samplers.
    order : sequence of str or None, default=None
        The axes in the order in which they are settled, those left out not being searched;
        transforms, features, paradigm, architecture, hyperparameters and then any others by
        default.
    shares : mapping of str to float or None, default=None
        How much of the budget each axis gets, in any unit; equal shares by default.

    Raises
    ------
    OptionError
        If the space lacks an axis that is named, or a share is not above zero.
    """
    del seed
    known = space.axis_names
    _check_axes(known, order, shares)
    axes = [axis for axis in order or (*AXES, *known) if axis in known]
    axes = list(dict.fromkeys(axes))
    weights = {axis: (shares or {}).get(axis, 1.0) for axis in axes}
    found = yield Stage("sequential/0-starts", space, starts)
    best = found.best
    for number, axis in enumerate(axes, start=1):
        incumbent = space.default() if best is None else best.config
        held = {path: value for path, value in incumbent.items() if path.split("/")[0] != axis}
        free = space.freeze(held, [other for other in known if other != axis])
        if free.size()[axis] <= 1:
            continue
        share = weights[axis] / sum(weights[later] for later in axes[number - 1 :])
        found = yield Stage(
            f"sequential/{number}-{axis}", free, [incumbent], sampler="joint", share=share
        )
        if found.best is not None and (best is None or found.best.score > best.score):
            best = found.best


def _check_axes(
    known: Iterable[str], order: Sequence[str] | None, shares: Mapping[str, float] | None
) -> None:
    for axis in (*(order or ()), *(shares or {})):
        if axis not in known:
            raise OptionError(f"the space has no axis {axis!r}; its axes are {', '.join(known)}")
    for axis, share in (shares or {}).items():
        if not share > 0:
            raise OptionError(f"the share of {axis} must be above zero, got {share:g}")
