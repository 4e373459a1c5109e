"""The first steps of a pipeline as nodes: from a table's columns to one matrix."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from onnx import TensorProto, helper

from jointopt.data import Kind
from jointopt.data.columns import LARGEST_NUMBER, SMALLEST_NUMBER
from jointopt.model.onnx.graph import Graph, InexpressibleError, Value
from jointopt.model.onnx.transformers import transform
from jointopt.pipeline.encoders import MISSING_CODE, UNKNOWN_CODE

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from onnx import ValueInfoProto
    from sklearn.compose import ColumnTransformer

    from jointopt.data import Schema
    from jointopt.pipeline.encoders import CategoryCodes
    from jointopt.pipeline.rankings import RankedMask

__all__ = ["MISSING", "Inputs", "Table"]

MISSING = ""
"""What stands for a missing category: ONNX knows no missing strings."""


class Inputs:
    """The columns that a graph takes, each an input of it once it is asked for."""

    def __init__(self, graph: Graph, schema: Schema) -> None:
        self.graph = graph
        self.declared: dict[str, ValueInfoProto] = {}
        self._kinds = {column.name: column.kind for column in schema.used}
        self._numbers: dict[str, Value] = {}

    def numbers(self, name: str) -> Value:
        """Return a numeric column; too large is missing and too small 0, as a schema reads it."""
        if self._kinds[name] is not Kind.NUMERIC:
            raise InexpressibleError(f"the {self._kinds[name]} column {name!r}")
        if name not in self._numbers:
            self._declare(name, TensorProto.DOUBLE)
            size = self.graph.add("Abs", name)
            too_large = self.graph.add("Greater", size, LARGEST_NUMBER)
            too_small = self.graph.add("Less", size, SMALLEST_NUMBER)
            held = self.graph.add("Where", too_large, np.nan, name)
            self._numbers[name] = self.graph.add("Where", too_small, 0.0, held)
        return self._numbers[name]

    def strings(self, name: str) -> Value:
        """Return a column of categories."""
        self._declare(name, TensorProto.STRING)
        return name

    def _declare(self, name: str, element: int) -> None:
        self.declared[name] = helper.make_tensor_value_info(name, element, [None, 1])


class Table:
    """The columns as the steps of one pipeline see them, each of shape (n_rows, 1)."""

    def __init__(self, inputs: Inputs) -> None:
        self._inputs = inputs
        self._graph = inputs.graph
        self._categories: dict[str, NDArray[np.object_]] = {}
        self._ready: dict[str, Value] = {}

    def code(self, step: CategoryCodes) -> None:
        """Let categories be numbers from now on, as the step `codes` does."""
        self._categories = dict(zip(step.columns, step.categories_, strict=True))

    def mask(self, step: RankedMask) -> None:
        """Let columns that a mask leaves out hold one value."""
        for name, median, stays in zip(step.columns, step.medians_, step.kept_, strict=True):
            if not stays:
                # Of the column's shape, whatever it holds.
                self._ready[name] = self._graph.add("Where", [True], median, self._column(name))

    def matrix(self, step: ColumnTransformer) -> Value:
        """Return what the step `columns` gives."""
        parts = []
        for _, transformer, names in step.transformers_:
            if isinstance(transformer, str) and transformer == "drop":
                continue
            x = self._graph.concat([self._column(name) for name in names])
            parts.append(transform(transformer, self._graph, x))
        return self._graph.concat(parts)

    def _column(self, name: str) -> Value:
        if name not in self._ready:
            coded = name in self._categories
            self._ready[name] = self._coded(name) if coded else self._inputs.numbers(name)
        return self._ready[name]

    def _coded(self, name: str) -> Value:
        known = self._categories[name]
        keys = np.array([MISSING, *known], dtype=object)
        codes = [MISSING_CODE, *range(len(known))]
        return self._graph.look_up(self._inputs.strings(name), keys, codes, [UNKNOWN_CODE])
