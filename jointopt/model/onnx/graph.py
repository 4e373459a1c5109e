"""An ONNX graph under construction."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from onnx import TensorProto, helper, numpy_helper

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray
    from onnx import NodeProto

__all__ = ["ML", "Graph", "InexpressibleError", "Value"]

Value: TypeAlias = str
"""The name of what a node of the graph computes, or of an input."""

ML = "ai.onnx.ml"


class InexpressibleError(Exception):
    """Part of a model has no counterpart in ONNX; the message names it."""


class Graph:
    """Nodes, and the constants that they use.

    Numbers are doubles: a value rounded to single precision may fall on the other side of a
    tree's threshold.
    """

    def __init__(self) -> None:
        self.nodes: list[NodeProto] = []
        self.initializers: list[TensorProto] = []

    def add(self, op: str, *inputs: Value | ArrayLike, domain: str = "", **how: Any) -> Value:
        """Add a node and return its output.

        Parameters
        ----------
        op : str
            An operator of ONNX.
        *inputs : Value or array-like
            Names of values; whatever is not a name becomes a constant.
        domain : str, default=""
            The operator set, ONNX's own by default.
        **how
            Attributes.
        """
        names = [x if isinstance(x, str) else self.constant(x) for x in inputs]
        out = f"jointopt.{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, names, [out], domain=domain, **how))
        return out

    def constant(self, array: ArrayLike) -> Value:
        """Add a constant; floats are doubles, Python objects strings."""
        values = np.asarray(array)
        if values.dtype.kind in "fU":
            values = values.astype(np.float64 if values.dtype.kind == "f" else object)
        name = f"jointopt.constant.{len(self.initializers)}"
        self.initializers.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def affine(self, x: Value, weights: ArrayLike, bias: ArrayLike) -> Value:
        """Return `x @ weights + bias`."""
        return self.add("Add", self.add("MatMul", x, weights), bias)

    def columns(self, x: Value, indices: ArrayLike) -> Value:
        """Return columns of a matrix, in that order."""
        return self.add("Gather", x, np.asarray(indices, dtype=np.int64), axis=1)

    def concat(self, parts: Sequence[Value]) -> Value:
        """Return matrices side by side."""
        return parts[0] if len(parts) == 1 else self.add("Concat", *parts, axis=1)

    def double(self, x: Value) -> Value:
        """Return numbers or truth values as doubles."""
        return self.add("Cast", x, to=TensorProto.DOUBLE)

    def single(self, x: Value) -> Value:
        """Return doubles that are rounded to single precision."""
        return self.double(self.add("Cast", x, to=TensorProto.FLOAT))

    def look_up(
        self, column: Value, keys: NDArray[Any], rows: ArrayLike, other: ArrayLike
    ) -> Value:
        """Return the row that belongs to each value of a column.

        Parameters
        ----------
        column : Value
            Strings, or whole numbers; of shape (n_rows, 1).
        keys : ndarray of shape (n_keys,)
            The values that are known.
        rows : array-like of shape (n_keys, width)
            What they stand for.
        other : array-like of shape (width,)
            What all others stand for.
        """
        table = np.vstack([np.asarray(rows, dtype=float).reshape(len(keys), -1), other])
        if keys.dtype.kind in "OU":
            known: dict[str, Any] = {"keys_strings": keys.tolist()}
        else:
            column = self.add("Cast", column, to=TensorProto.INT64)
            known = {"keys_int64s": keys.astype(np.int64).tolist()}
        known |= {"values_int64s": list(range(len(keys))), "default_int64": len(keys)}
        places = self.add("LabelEncoder", column, domain=ML, **known)
        return self.add("Reshape", self.add("Gather", table, places, axis=0), [-1, table.shape[1]])
