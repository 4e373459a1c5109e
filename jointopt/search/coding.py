"""Values as numbers: what samplers and the genetic algorithm compute with."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from jointopt.space import Categorical, Choice, Float, Int, Subset

if TYPE_CHECKING:
    from jointopt.space import Decision, Value

__all__ = ["Coded", "code_of"]


class Coded:
    """How one parameter is coded: a number in [0, 1], or the index of an option.

    Parameters
    ----------
    decision : Decision
        Whose parameter it is; each member of a subset is one of its own.

    Attributes
    ----------
    n_options : int
        Of a categorical parameter; 0 for a number.
    """

    def __init__(self, decision: Decision) -> None:
        self._node = decision.node
        self._options: list[Value] = []
        match decision.node:
            case Categorical(options=options):
                self._options = list(options)
            case Choice(branches=branches):
                self._options = list(branches)
            case Subset():
                self._options = [False, True]
        self.n_options = len(self._options)

    def encode(self, value: Value) -> float:
        """Return the code of a value."""
        if self.n_options:
            return float(self._options.index(value))
        low, high = self._bounds()
        at = math.log(float(value or 0)) if self._is_log() else float(value or 0)
        return 0.5 if high == low else (at - low) / (high - low)

    def decode(self, code: float) -> Value:
        """Return the value of a code; a number is put on the parameter's grid."""
        if self.n_options:
            return self._options[int(code)]
        low, high = self._bounds()
        at = low + min(1.0, max(0.0, code)) * (high - low)
        at = math.exp(at) if self._is_log() else at
        return self._on_grid(at)

    def _on_grid(self, at: float) -> Value:
        node = self._node
        if not isinstance(node, Float | Int):
            raise TypeError(f"{node!r} has no grid")
        at = min(float(node.high), max(float(node.low), at))
        if node.step is not None:
            at = node.low + round((at - node.low) / node.step) * node.step
        return int(at) if isinstance(node, Int) else at

    def _is_log(self) -> bool:
        return isinstance(self._node, Float | Int) and self._node.log

    def _bounds(self) -> tuple[float, float]:
        """Return the ends of the range; whole numbers own half a step more on either side."""
        node = self._node
        if not isinstance(node, Float | Int):
            raise TypeError(f"{node!r} has no range")
        half = 0.5 * node.step if isinstance(node, Int) else 0.0
        low, high = node.low - half, node.high + half
        if not node.log:
            return low, high
        return math.log(max(low, 0.5 * node.low)), math.log(high)


def code_of(decision: Decision) -> dict[str, Coded]:
    """Return the coding of each parameter of a decision, by path."""
    coded = Coded(decision)
    return dict.fromkeys(decision.parameters, coded)
