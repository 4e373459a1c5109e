"""The search space for Optuna: suggesting values with a trial, and distributions by parameter.

Optuna is imported when it is first needed, so that importing jointopt stays quick.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from jointopt.space.leaves import Categorical, Config, Float, Int, Subset, Value
from jointopt.space.nodes import Choice
from jointopt.space.values import canonical, members_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from optuna.distributions import BaseDistribution
    from optuna.trial import BaseTrial

    from jointopt.space.flat import Decision, Leaf
    from jointopt.space.space import Space

__all__ = ["all_distributions", "distributions", "forced_member", "suggest"]

FLAGS = (False, True)


def suggest(trial: BaseTrial, decision: Decision, frozen: Mapping[str, Value]) -> Config:
    """Return the decision's parameters, those that are not frozen suggested by the trial.

    The last free member of a subset is not suggested but on when all others are off.

    Raises
    ------
    PlacedError
        If it is a subset that is not bound to a table yet.
    """
    paths = members_of(decision)
    config: Config = {path: frozen[path] for path in paths if path in frozen}
    free = [path for path in paths if path not in frozen]
    for path in free:
        forced = path == free[-1] and path == forced_member(decision, config, frozen)
        config[path] = True if forced else _suggest(trial, decision.node, path)
    return {path: config[path] for path in paths}


def forced_member(
    decision: Decision, config: Mapping[str, Value], frozen: Mapping[str, Value]
) -> str | None:
    """Return the last free member of a subset if all others are off, so that it must be on."""
    free = [path for path in decision.parameters if path not in frozen]
    if not isinstance(decision.node, Subset) or not free:
        return None
    others = (config.get(path) for path in decision.parameters if path != free[-1])
    return None if any(others) else free[-1]


def _suggest(trial: BaseTrial, node: Leaf, path: str) -> Value:
    value: object
    match node:
        case Float(low=low, high=high, log=log, step=step):
            value = trial.suggest_float(path, low, high, log=log, step=step)
        case Int(low=low, high=high, log=log, step=whole):
            value = trial.suggest_int(path, low, high, log=log, step=whole)
        case Categorical(options=options):
            value = trial.suggest_categorical(path, tuple(options))
        case Choice(branches=branches):
            value = trial.suggest_categorical(path, tuple(branches))
        case Subset():
            value = trial.suggest_categorical(path, FLAGS)
        case _:
            assert_never(node)
    return canonical(node, value, path)


def distributions(
    decision: Decision, frozen: Mapping[str, Value]
) -> Mapping[str, BaseDistribution]:
    """Return the Optuna distributions of the decision's parameters that are not frozen.

    Raises
    ------
    PlacedError
        If it is a subset that is not bound to a table yet.
    """
    return {
        path: _distribution(decision.node) for path in members_of(decision) if path not in frozen
    }


def all_distributions(space: Space) -> dict[str, BaseDistribution]:
    """Return the Optuna distributions of a space's free parameters, active or not."""
    return {
        path: distribution
        for decision in space.decisions
        if decision.parameters
        for path, distribution in distributions(decision, space.frozen).items()
    }


def _distribution(node: Leaf) -> BaseDistribution:
    from optuna.distributions import (
        CategoricalDistribution,
        FloatDistribution,
        IntDistribution,
    )

    match node:
        case Float(low=low, high=high, log=log, step=step):
            return FloatDistribution(low, high, log=log, step=step)
        case Int(low=low, high=high, log=log, step=whole):
            return IntDistribution(low, high, log=log, step=whole)
        case Categorical(options=options):
            return CategoricalDistribution(tuple(options))
        case Choice(branches=branches):
            return CategoricalDistribution(tuple(branches))
        case Subset():
            return CategoricalDistribution(FLAGS)
        case _:
            assert_never(node)
