"""Words of a search space that must mean something to what interprets them, before any fit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from jointopt.pipeline import columns_step
from jointopt.pipeline.blueprint import ARGUMENT_AXES, FLIPS, argument_of
from jointopt.pipeline.paradigms import KINDS, paradigms_of
from jointopt.pipeline.rankings import CRITERIA
from jointopt.pipeline.target_transform import SCALES
from jointopt.space import AXES, Categorical, Choice, Subset
from jointopt.space.grid import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from jointopt.pipeline.paradigms import Paradigm, TaskKind
    from jointopt.space import Space, Value
    from jointopt.space.flat import Decision

__all__ = ["check_space"]

OPTIONS: Final[Mapping[str, tuple[Value, ...]]] = {
    **columns_step.OPTIONS,
    "transforms/target": ("none", *SCALES),
    "features/ranking/criterion": CRITERIA,
    "features/ranked_mask/criterion": CRITERIA,
}
NEEDED: Final[Mapping[str, str | None]] = {
    **columns_step.NUMBERS,
    "features/ranking/keep": "features/ranking/criterion",
    "features/ranked_mask/keep": "features/ranked_mask/criterion",
    FLIPS: "features/ranked_mask/criterion",
}
"""Numbers and flips, each with the parameter without which it is not read, if there is one."""
READ: Final = frozenset((*OPTIONS, *NEEDED, "features", "paradigm"))
"""What pipelines read beside masks of columns and the arguments of estimators."""


def check_space(space: Space) -> None:
    """Check options of transforms and rankings, arguments of estimators, and that all is read.

    Raises
    ------
    SpaceError
        If one is not known; the message says where it was written.
    """
    for decision in space.decisions:
        if decision.path in OPTIONS:
            _check_options(space, decision.path, decision.node, OPTIONS[decision.path])
    paradigms = paradigms_of(space)
    for label, paradigm in paradigms.items():
        _check_fixed(space, label, paradigm)
        _check_arguments(space, label, paradigm)
    _check_all_is_read(space, paradigms)


def _check_all_is_read(space: Space, labels: Collection[str]) -> None:
    """Refuse what would be searched in vain: what changes no pipeline and shapes nothing."""
    paths = {decision.path for decision in space.decisions}
    shaping: set[str] = set()
    unread = []
    for decision in reversed(space.decisions):
        if decision.path in shaping or _is_read(decision, paths, labels):
            shaping |= {condition.path for condition in decision.conditions}
        else:
            unread.append(decision.path)
    if unread:
        first = unread[-1]
        raise space.error(first, f"is read by no part of a pipeline{_instead(first, labels)}")


def _is_read(decision: Decision, paths: Collection[str], labels: Collection[str]) -> bool:
    path = decision.path
    if needed := NEEDED.get(path):
        return needed in paths
    if isinstance(decision.node, Subset):
        return decision.axis == "features"
    return path in READ or any(argument_of(path, label) for label in labels)


def _instead(path: str, labels: Collection[str]) -> str:
    """Say what was meant, or where it belongs."""
    axis, *names = path.split("/")
    if needed := NEEDED.get(path):
        return f" without {needed}"
    if axis not in AXES:
        return did_you_mean(axis, AXES)
    if axis == "paradigm":
        return did_you_mean("".join(names[1:2]), AXES) or (
            "; an estimator's argument goes under hyperparameters in its branch"
        )
    if axis in ARGUMENT_AXES:
        return did_you_mean("".join(names[:1]), labels) or "; it goes into a branch of paradigm"
    return did_you_mean(path, READ)


def _check_options(space: Space, path: str, node: Any, known: Collection[Value]) -> None:
    match node:
        case Categorical(options=options) | Choice(branches=options):
            for option in options:
                if option not in known:
                    names = ", ".join(map(str, known))
                    hint = did_you_mean(option, known)
                    raise space.error(f"{path}/{option}", f"is not one of {names}{hint}")


def _check_fixed(space: Space, label: str, paradigm: Paradigm) -> None:
    for part, names in paradigm.fixed.items():
        for kind in KINDS if part == "all" else (part,):
            for name in names:
                if paradigm.estimator_class(kind) and _is_wrong(paradigm, name, (kind,)):
                    path = f"paradigm/{label}/estimator/fixed/{part}/{name}"
                    raise space.error(path, _no_argument(paradigm, name, (kind,)))


def _check_arguments(space: Space, label: str, paradigm: Paradigm) -> None:
    """Check what becomes a constructor's argument: of the class for one task at least."""
    shaping = {condition.path for d in space.decisions for condition in d.conditions}
    choices = dict(_choices(paradigm))
    for decision in space.decisions:
        if (found := argument_of(decision.path, label)) is None:
            continue
        argument, _ = found
        if decision.axis == "architecture":
            # What the class does not name is not passed on from there: a number of layers shapes
            # the space and need not be an argument.
            is_wrong = argument not in _known(paradigm, KINDS) and decision.path not in shaping
        else:
            is_wrong = _is_wrong(paradigm, argument, KINDS)
        if is_wrong:
            raise space.error(decision.path, _no_argument(paradigm, argument, KINDS))
        if argument in choices:
            _check_options(space, decision.path, decision.node, choices[argument])


def _choices(paradigm: Paradigm) -> Iterator[tuple[str, Collection[Value]]]:
    """Yield arguments of which the class says what they may be."""
    for kind in KINDS:
        yield from getattr(paradigm.estimator_class(kind), "choices", {}).items()


def _known(paradigm: Paradigm, kinds: Collection[TaskKind]) -> frozenset[str]:
    return frozenset[str]().union(*(paradigm.arguments(kind) for kind in kinds))


def _is_wrong(paradigm: Paradigm, name: str, kinds: Collection[TaskKind]) -> bool:
    """Whether no class takes the argument; of one that takes any, whether it looks like a slip."""
    known = _known(paradigm, kinds)
    if name in known:
        return False
    takes_any = any(paradigm.takes_any(kind) for kind in kinds)
    return not takes_any or bool(did_you_mean(name, known))


def _no_argument(paradigm: Paradigm, name: str, kinds: Collection[TaskKind]) -> str:
    classes = " and ".join(filter(None, (getattr(paradigm, kind) for kind in kinds)))
    return f"{classes}: no argument {name!r}{did_you_mean(name, _known(paradigm, kinds))}"
