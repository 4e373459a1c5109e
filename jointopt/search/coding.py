"""Values as numbers: what samplers and the genetic algorithm compute with."""

from __future__ import annotations

from copy import copy
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from jointopt.space import Categorical, Choice, Float, Int, Subset
from jointopt.space.values import canonical

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from jointopt.space import Decision, Value

__all__ = ["Coded", "Grid", "code_of"]


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
        self._path, self._node = decision.path, decision.node
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
        return float(self._grid.codes(np.array([float(value or 0)]))[0])

    def decode(self, code: float) -> Value:
        """Return the value of a code; a number is put on the parameter's grid."""
        if self.n_options:
            return self._options[int(code)]
        return self.typed(float(self._grid.values(np.array([code]))[0]))

    def typed(self, value: float) -> Value:
        """Return a number as the space writes it: an integer, a point of its grid, or as it is.

        It may be given next to that point, as sums of steps are.
        """
        if isinstance(self._node, Int):
            return int(value)
        return canonical(self._node, value, self._path) if self.number().step else value

    @cached_property
    def _grid(self) -> Grid:
        return Grid([self])

    def number(self) -> Float | Int:
        """Return the range of what is a number.

        Raises
        ------
        TypeError
            If the parameter has options instead.
        """
        if not isinstance(self._node, Float | Int):
            raise TypeError(f"{self._node!r} is no number")
        return self._node


class Grid:
    """The ranges of several numbers, to code many values at once.

    Parameters
    ----------
    numbers : sequence of Coded
        One for each column of the arrays that the methods take.
    """

    def __init__(self, numbers: Sequence[Coded]) -> None:
        nodes = [coded.number() for coded in numbers]
        self._low = np.array([node.low for node in nodes], dtype=float)
        self._high = np.array([node.high for node in nodes], dtype=float)
        self._step = np.array([node.step or 0.0 for node in nodes], dtype=float)
        self._log = np.array([node.log for node in nodes], dtype=bool)
        # Whole numbers own half a step more on either side, or the ends would be drawn seldom.
        whole = np.array([isinstance(node, Int) for node in nodes], dtype=bool)
        half = np.where(whole, 0.5 * self._step, 0.0)
        low = np.where(self._log, np.maximum(self._low - half, 0.5 * self._low), self._low - half)
        self._start = self._scaled(low)
        self._width = self._scaled(self._high + half) - self._start

    @property
    def stepped(self) -> NDArray[np.bool_]:
        """Which columns hold only the points of a grid, be it of one point."""
        return np.asarray((self._step > 0) | (self._low == self._high))

    def at(self, columns: NDArray[np.int64]) -> Grid:
        """Return the grid of other columns, each of them one of these."""
        grid = copy(self)
        for name in ("_low", "_high", "_step", "_log", "_start", "_width"):
            setattr(grid, name, getattr(self, name)[columns])
        return grid

    def codes(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the codes of values; a range of one point has the code 0.5."""
        width = np.where(self._width == 0, 1.0, self._width)
        return np.where(self._width == 0, 0.5, (self._scaled(values) - self._start) / width)

    def values(self, codes: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the values of codes, put on the grid; codes outside [0, 1] mean its ends."""
        at = self._start + np.minimum(np.maximum(codes, 0.0), 1.0) * self._width
        at = np.where(self._log, np.exp(np.where(self._log, at, 0.0)), at)
        at = np.minimum(np.maximum(at, self._low), self._high)
        step = np.where(self._step == 0, 1.0, self._step)
        on_grid = self._low + np.round((at - self._low) / step) * step
        return np.asarray(np.where(self._step == 0, at, on_grid))

    def snapped(self, codes: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the codes of the values that these codes stand for."""
        return self.codes(self.values(codes))

    def _scaled(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.where(self._log, np.log(np.where(self._log, values, 1.0)), values)


def code_of(decision: Decision) -> dict[str, Coded]:
    """Return the coding of each parameter of a decision, by path."""
    coded = Coded(decision)
    return dict.fromkeys(decision.parameters, coded)
