"""Words of a search space that must mean something to what interprets them, before any fit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from jointopt.pipeline import columns_step
from jointopt.pipeline.paradigms import KINDS, paradigms_of
from jointopt.pipeline.rankings import CRITERIA
from jointopt.pipeline.target_transform import SCALES
from jointopt.space import Categorical, Choice
from jointopt.space.grid import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from jointopt.pipeline.paradigms import Paradigm, TaskKind
    from jointopt.space import Space, Value

__all__ = ["check_space"]

OPTIONS: Final[Mapping[str, tuple[Value, ...]]] = {
    **columns_step.OPTIONS,
    "transforms/target": ("none", *SCALES),
    "features/ranking/criterion": CRITERIA,
    "features/ranked_mask/criterion": CRITERIA,
}


def check_space(space: Space) -> None:
    """Check options of transforms and rankings, and the arguments of estimators.

    Raises
    ------
    SpaceError
        If one is not known; the message says where it was written.
    """
    for decision in space.decisions:
        if decision.path in OPTIONS:
            _check_options(space, decision.path, decision.node, OPTIONS[decision.path])
    for label, paradigm in paradigms_of(space).items():
        _check_fixed(space, label, paradigm)
        _check_arguments(space, label, paradigm)


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
        axis, _, rest = decision.path.partition("/")
        branch, _, name = rest.partition("/")
        if axis not in ("architecture", "hyperparameters") or branch != label:
            continue
        argument = [word for word in name.split("/") if not word.isdigit()][-1]
        # A number of layers shapes the space and need not be an argument.
        is_shape = axis == "architecture" and decision.path in shaping
        if not is_shape and _is_wrong(paradigm, argument, KINDS):
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
