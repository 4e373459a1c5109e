"""How many configurations a space has, along each axis and jointly: exact, without listing them.

The decisions are read in order as a finite automaton. Its state is the set of conditions, of those
that later decisions still look at, that hold so far: one bit each. To count the distinct
projections on an axis, decisions of other axes are read as nondeterministic moves and the
automaton is made deterministic on the way (subset construction), so that each projection is
counted once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, TypeAlias, final

from jointopt.space.frozen_map import FrozenMap
from jointopt.space.values import n_values, values

if TYPE_CHECKING:
    from jointopt.space.flat import Condition, Decision
    from jointopt.space.leaves import Value

__all__ = ["Size", "possible", "size", "undetermined"]

State: TypeAlias = int
"""One bit for each condition that holds."""


@final
@dataclass(frozen=True, slots=True)
class Size(Mapping[str, int]):
    """How many distinct assignments each axis has.

    Attributes
    ----------
    axes : Mapping
        Axis to number.
    joint : int
        The number of valid configurations; the product over the axes where they are independent.
    sequential : int
        The sum over the axes: what searching one after another looks at.
    resolution : int
        As how many values a continuous parameter was counted.

    Examples
    --------
    >>> from jointopt import Categorical, Int, Space
    >>> scale = Categorical(["none", "standard"])
    >>> size = Space(transforms={"scale": scale}, hyperparameters={"k": Int(1, 9)}).size()
    >>> size["hyperparameters"], size.sequential, size.joint
    (9, 11, 18)
    """

    axes: FrozenMap[int]
    joint: int
    resolution: int

    @property
    def sequential(self) -> int:
        """The sum over the axes."""
        return sum(self.axes.values())

    def __getitem__(self, axis: str) -> int:
        """Return the number of an axis."""
        return self.axes[axis]

    def __iter__(self) -> Iterator[str]:
        """Return an iterator over the axes."""
        return iter(self.axes)

    def __len__(self) -> int:
        """Return the number of axes."""
        return len(self.axes)

    def __repr__(self) -> str:
        """Return all numbers in one line."""
        # An int of more than 4,300 digits is not written; as a decimal it is.
        axes = ", ".join(f"{axis!r}: {Decimal(count)}" for axis, count in self.axes.items())
        return (
            f"Size({{{axes}}}, joint={Decimal(self.joint)}, "
            f"sequential={Decimal(self.sequential)}, resolution={self.resolution})"
        )


@dataclass(frozen=True, slots=True)
class _Step:
    """A decision as a step of the automaton.

    `moves` maps the bits that a value switches on to the number of such values; `live` are the
    bits that later steps need.
    """

    decision: Decision
    needs: State
    moves: Mapping[State, int]
    live: State

    def is_active(self, state: State) -> bool:
        return state & self.needs == self.needs

    def skipped(self, states: frozenset[State]) -> frozenset[State]:
        return frozenset(s & self.live for s in states if not self.is_active(s))

    def taken(self, states: frozenset[State], move: State) -> frozenset[State]:
        return frozenset((s | move) & self.live for s in states if self.is_active(s))


def size(
    decisions: Sequence[Decision],
    axes: Sequence[str],
    frozen: Mapping[str, Value],
    resolution: int,
) -> Size:
    """Count the distinct assignments of each axis, and the valid configurations.

    Parameters
    ----------
    decisions : sequence of Decision
        Parents first.
    axes : sequence of str
        The axes to count.
    frozen : Mapping
        Parameters with one value only.
    resolution : int
        As how many values a continuous parameter counts.
    """
    steps = _automaton(decisions, frozen, resolution)
    counts = {axis: _count(steps, frozenset((axis,))) for axis in axes}
    return Size(FrozenMap(counts), _count(steps, frozenset(axes)), resolution)


def possible(decisions: Sequence[Decision], frozen: Mapping[str, Value]) -> Iterator[Decision]:
    """Yield the decisions that are active in at least one configuration.

    Parameters
    ----------
    decisions : sequence of Decision
        Parents first.
    frozen : Mapping
        Parameters with one value only.
    """
    needs: dict[str, dict[str, frozenset[Value]]] = {}
    for decision in decisions:
        if any(condition.path not in needs for condition in decision.conditions):
            continue
        own: dict[str, frozenset[Value]] = {}
        for condition in decision.conditions:
            inherited = needs[condition.path].items()
            for path, allowed in (*inherited, (condition.path, condition.allowed)):
                own[path] = own.get(path, allowed) & allowed
        if all(
            frozen[path] in allowed if path in frozen else allowed for path, allowed in own.items()
        ):
            needs |= dict.fromkeys((decision.path, *decision.parameters), own)
            yield decision


def undetermined(decisions: Sequence[Decision], frozen: Mapping[str, Value]) -> frozenset[str]:
    """Return the parameters that differ between configurations, of what `possible` takes.

    Examples
    --------
    >>> from jointopt.space import Int, Space, Subset
    >>> space = Space(features={"use": Subset(["age"])},
    ...               hyperparameters={"depth": Int(2, 2), "k": Int(1, 9)})
    >>> undetermined(space.decisions, space.frozen)
    frozenset({'hyperparameters/k'})
    """
    return frozenset(
        path
        for decision in possible(decisions, frozen)
        if n_values(decision, frozen, resolution=2) > 1
        for path in decision.parameters
        if path not in frozen
    )


def _automaton(
    decisions: Sequence[Decision],
    frozen: Mapping[str, Value],
    resolution: int,
) -> list[_Step]:
    bits: dict[Condition, State] = {}
    for decision in decisions:
        for condition in decision.conditions:
            bits.setdefault(condition, 1 << len(bits))
    watched: dict[str, list[Condition]] = {}
    for condition in bits:
        watched.setdefault(condition.path, []).append(condition)
    steps: list[_Step] = []
    live = 0
    for decision in reversed(decisions):
        moves = (
            _moves(decision, frozen, watched[decision.path], bits)
            if decision.path in watched
            else {0: n_values(decision, frozen, resolution)}
        )
        needs = sum(bits[condition] for condition in decision.conditions)
        steps.append(_Step(decision, needs, moves, live))
        live |= needs
    return steps[::-1]


def _moves(
    decision: Decision,
    frozen: Mapping[str, Value],
    watched: Sequence[Condition],
    bits: Mapping[Condition, State],
) -> Mapping[State, int]:
    return Counter(
        sum(bits[condition] for condition in watched if condition.holds(config))
        for config in values(decision, frozen)
    )


def _count(steps: Sequence[_Step], visible: frozenset[str]) -> int:
    """Count the distinct words that the automaton can read at decisions of visible axes."""
    words = Counter({frozenset((0,)): 1})
    for step in steps:
        following: Counter[frozenset[State]] = Counter()
        for states, n_words in words.items():
            moved = {move: step.taken(states, move) for move in step.moves}
            skipped = step.skipped(states)
            if step.decision.axis not in visible:
                following[skipped.union(*moved.values())] += n_words
                continue
            if skipped:
                following[skipped] += n_words
            for move, after in moved.items():
                if after:
                    following[after] += n_words * step.moves[move]
        words = following
    return sum(words.values())
