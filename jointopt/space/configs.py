"""Configurations of a flattened space: completing, checking, listing them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jointopt.errors import SpaceError
from jointopt.space import grid
from jointopt.space.leaves import Config, PlacedError, Subset, Value
from jointopt.space.values import (
    allows,
    assign,
    canonical,
    check_not_empty,
    default_value,
    members_of,
    values,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from jointopt.space.flat import Decision

__all__ = [
    "active",
    "check_frozen",
    "complete",
    "defaults",
    "enumerate_all",
    "resolve",
    "still_valid",
    "validate",
]

MAX_COMPLAINTS = 8


def resolve(
    decisions: Sequence[Decision], choose: Callable[[Decision, Config], Mapping[str, Value]]
) -> Config:
    """Return the configuration that comes of choosing at each active decision in order.

    Parameters
    ----------
    decisions : sequence of Decision
        Parents first.
    choose : callable
        Takes the decision and what has been chosen before; returns parameter path to value.
    """
    config: Config = {}
    for decision in decisions:
        if decision.is_active(config):
            config.update(choose(decision, config))
    return config


def active(decisions: Sequence[Decision], config: Mapping[str, Value]) -> Iterator[Decision]:
    """Yield the decisions that are active in a configuration."""
    known: Config = {}
    for decision in decisions:
        if decision.is_active(known):
            yield decision
            known.update({p: config[p] for p in decision.parameters if p in config})


def complete(
    decisions: Sequence[Decision], partial: Mapping[str, object], frozen: Mapping[str, Value]
) -> Config:
    """Return a configuration with frozen values, else given ones, else defaults.

    Raises
    ------
    SpaceError
        If a given value of an active parameter is not valid.
    """
    return resolve(decisions, lambda decision, _: assign(decision, partial, frozen))


def defaults(decisions: Sequence[Decision], axis: str) -> Config:
    """Return the default of every parameter of an axis, active or not."""
    return {
        path: default_value(decision.node)
        for decision in decisions
        if decision.axis == axis
        for path in decision.parameters
    }


def validate(
    decisions: Sequence[Decision], config: Mapping[str, object], frozen: Mapping[str, Value]
) -> None:
    """Check a configuration.

    Raises
    ------
    SpaceError
        If parameters are unknown, inactive, missing or have values that they cannot have.
    """
    wrong: dict[str, str] = {}

    def check(decision: Decision, _: Config) -> Config:
        valid: Config = {}
        for path in members_of(decision):
            try:
                valid[path] = _valid(decision, path, config, frozen)
            except PlacedError as error:
                wrong[path] = str(error)
        if len(valid) == len(decision.parameters):
            try:
                check_not_empty(decision, valid)
            except PlacedError as error:
                wrong[error.path] = str(error)
        return valid

    found = resolve(decisions, check)
    known = {path for decision in decisions for path in decision.parameters}
    for path in config:
        if path not in known:
            wrong[path] = f"{path}: is not a parameter{grid.did_you_mean(path, known)}"
        elif path not in found and path not in wrong:
            wrong[path] = f"{path}: is not active in this configuration"
    if wrong:
        listed = "; ".join(list(wrong.values())[:MAX_COMPLAINTS])
        more = f"; and {len(wrong) - MAX_COMPLAINTS} more" if len(wrong) > MAX_COMPLAINTS else ""
        raise SpaceError(f"the configuration is not valid: {listed}{more}")


def _valid(
    decision: Decision, path: str, config: Mapping[str, object], frozen: Mapping[str, Value]
) -> Value:
    if path not in config:
        raise PlacedError(path, "is active and has no value")
    value = canonical(decision.node, config[path], path)
    if path in frozen and value != frozen[path]:
        raise PlacedError(path, f"is frozen at {frozen[path]!r}, got {config[path]!r}")
    return value


def check_frozen(decisions: Sequence[Decision], frozen: Mapping[str, Value]) -> None:
    """Check that no subset has all its members frozen off.

    Raises
    ------
    SpaceError
        If one has.
    """
    for decision in decisions:
        if decision.parameters and all(path in frozen for path in decision.parameters):
            check_not_empty(decision, frozen)


def still_valid(decisions: Sequence[Decision], frozen: Mapping[str, Value]) -> Config:
    """Return the frozen values that a changed space still can have."""
    kept: Config = {}
    for decision in decisions:
        held = {
            path: canonical(decision.node, frozen[path], path)
            for path in decision.parameters
            if path in frozen and allows(decision.node, frozen[path])
        }
        all_off = len(held) == len(decision.parameters) and not any(held.values())
        if not (isinstance(decision.node, Subset) and all_off):
            kept |= held
    return kept


def enumerate_all(decisions: Sequence[Decision], frozen: Mapping[str, Value]) -> Iterator[Config]:
    """Yield all configurations, the last decision changing fastest."""
    config: Config = {}
    assigned: list[tuple[str, ...]] = []
    open_decisions: list[Iterator[Config]] = []

    def enter() -> None:
        decision = decisions[len(open_decisions)]
        is_active = decision.is_active(config)
        open_decisions.append(values(decision, frozen) if is_active else iter(({},)))
        assigned.append(())

    if not decisions:
        yield {}
        return
    enter()
    while open_decisions:
        for path in assigned[-1]:
            del config[path]
        assigned[-1] = ()
        choice = next(open_decisions[-1], None)
        if choice is None:
            open_decisions.pop()
            assigned.pop()
            continue
        config.update(choice)
        assigned[-1] = tuple(choice)
        if len(open_decisions) == len(decisions):
            yield dict(config)
        else:
            enter()
