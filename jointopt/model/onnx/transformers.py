"""Transformers as nodes of an ONNX graph."""

from __future__ import annotations

from functools import reduce, singledispatch
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.decomposition import PCA
from sklearn.frozen import FrozenEstimator
from sklearn.impute import MissingIndicator, SimpleImputer
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MinMaxScaler,
    OneHotEncoder,
    PolynomialFeatures,
    QuantileTransformer,
    RobustScaler,
    SplineTransformer,
    StandardScaler,
    TargetEncoder,
)
from skrub import SquashingScaler

from jointopt.model.onnx.curves import quantiles_nodes, splines_nodes
from jointopt.model.onnx.graph import Graph, InexpressibleError, Value
from jointopt.pipeline.encoders import FrequencyEncoder
from jointopt.pipeline.powers import BoxCox, LowerClip, YeoJohnson
from jointopt.pipeline.rankings import RankingSelector

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from jointopt.pipeline.target_transform import TargetTransform

__all__ = ["target_back", "transform"]

SMALL_POWER = 1e-8
"""Below it, (x^p - 1) / p loses more digits than log(x), its limit, is wrong by."""


@singledispatch
def transform(step: Any, _graph: Graph, _x: Value) -> Value:
    """Add the nodes of a fitted transformer.

    Parameters
    ----------
    step : transformer
        Fitted.
    _graph : Graph
        Where to add them.
    _x : Value
        Doubles of shape (n_rows, n_columns).

    Returns
    -------
    Value
        What the transformer would return.

    Raises
    ------
    InexpressibleError
        If there is no counterpart.
    """
    raise InexpressibleError(f"the transformer {type(step).__name__}")


@transform.register
def _(step: Pipeline, graph: Graph, x: Value) -> Value:
    return reduce(lambda value, named: transform(named[1], graph, value), step.steps, x)


@transform.register
def _(step: FeatureUnion, graph: Graph, x: Value) -> Value:
    return graph.concat([transform(part, graph, x) for _, part in step.transformer_list])


@transform.register
def _(step: FrozenEstimator, graph: Graph, x: Value) -> Value:
    return transform(step.estimator, graph, x)


@transform.register
def _(step: str, _graph: Graph, x: Value) -> Value:
    if step != "passthrough":
        raise InexpressibleError(f"the transformer {step!r}")
    return x


@transform.register
def _(step: FunctionTransformer, _graph: Graph, x: Value) -> Value:
    if step.func is not None:
        raise InexpressibleError("a FunctionTransformer with a function")
    return x


# ------------------------------------------------------------------------------ numbers


@transform.register
def _(step: SimpleImputer, graph: Graph, x: Value) -> Value:
    missing = graph.add("IsNaN", x)
    filled = graph.add("Where", missing, step.statistics_, x)
    if step.indicator_ is None:
        return filled
    told = graph.columns(graph.double(missing), step.indicator_.features_)
    return graph.concat([filled, told]) if len(step.indicator_.features_) else filled


@transform.register
def _(step: MissingIndicator, graph: Graph, x: Value) -> Value:
    return graph.columns(graph.double(graph.add("IsNaN", x)), step.features_)


@transform.register
def _(step: StandardScaler, graph: Graph, x: Value) -> Value:
    return graph.add("Div", graph.add("Sub", x, step.mean_), step.scale_)


def target_back(step: StandardScaler | TargetTransform, graph: Graph, x: Value) -> Value:
    """Add the nodes of the inverse of what a target went through."""
    if isinstance(step, StandardScaler):
        return graph.add("Add", graph.add("Mul", x, step.scale_), step.mean_)
    if step.scale != "log":
        raise InexpressibleError(f"the target's scale {step.scale}")
    logs = graph.add("Add", graph.add("Mul", x, step.std_), step.mean_)
    back = graph.add("Sub", graph.add("Exp", logs), 1.0)
    return graph.add("Clip", back, *(np.float64(limit) for limit in step.range_))


@transform.register
def _(step: RobustScaler, graph: Graph, x: Value) -> Value:
    return graph.add("Div", graph.add("Sub", x, step.center_), step.scale_)


@transform.register
def _(step: MinMaxScaler, graph: Graph, x: Value) -> Value:
    return graph.add("Add", graph.add("Mul", x, step.scale_), step.min_)


@transform.register
def _(step: LowerClip, graph: Graph, x: Value) -> Value:
    return graph.add("Max", x, step.lowest_)


@transform.register
def _(step: BoxCox, graph: Graph, x: Value) -> Value:
    return _power(graph, x, graph.constant(step.lambdas_))


@transform.register
def _(step: YeoJohnson, graph: Graph, x: Value) -> Value:
    power, (low, high) = step.lambdas_, step.range_
    positive = graph.add("GreaterOrEqual", x, 0.0)
    size = _power(
        graph,
        graph.add("Add", graph.add("Abs", x), 1.0),
        graph.add("Where", positive, power, 2.0 - power),
    )
    mapped = graph.add("Where", positive, size, graph.add("Neg", size))
    return graph.add("Min", graph.add("Max", mapped, low), high)


def _power(graph: Graph, x: Value, power: Value) -> Value:
    """Return (x^p - 1) / p, and log(x) where p is 0."""
    small = graph.add("Less", graph.add("Abs", power), SMALL_POWER)
    safe = graph.add("Where", small, 1.0, power)
    powered = graph.add("Div", graph.add("Sub", graph.add("Pow", x, safe), 1.0), safe)
    return graph.add("Where", small, graph.add("Log", x), powered)


@transform.register
def _(step: SquashingScaler, graph: Graph, x: Value) -> Value:
    n_columns = step.n_features_in_
    center, scale = np.zeros(n_columns), np.zeros(n_columns)
    if step.robust_scaler_ is not None:
        center[step.robust_cols_] = step.robust_scaler_.center_
        scale[step.robust_cols_] = 1 / step.robust_scaler_.scale_
    if step.minmax_scaler_ is not None:
        center[step.minmax_cols_] = step.minmax_scaler_.median_
        scale[step.minmax_cols_] = step.minmax_scaler_.scale_
    scaled = graph.add("Mul", graph.add("Sub", x, center), scale)
    ratio = graph.add("Div", scaled, float(step.max_absolute_value))
    size = graph.add("Sqrt", graph.add("Add", graph.add("Mul", ratio, ratio), 1.0))
    return graph.add("Div", scaled, size)


@transform.register
def _(step: QuantileTransformer, graph: Graph, x: Value) -> Value:
    return quantiles_nodes(step, graph, x)


@transform.register
def _(step: SplineTransformer, graph: Graph, x: Value) -> Value:
    return splines_nodes(step, graph, x)


@transform.register
def _(step: PCA, graph: Graph, x: Value) -> Value:
    return graph.add("MatMul", graph.add("Sub", x, step.mean_), step.components_.T)


@transform.register
def _(step: PolynomialFeatures, graph: Graph, x: Value) -> Value:
    powers = step.powers_
    n_columns = powers.shape[1]
    one = graph.add("Expand", 1.0, graph.add("Concat", _n_rows(graph, x), [1], axis=0))
    padded = graph.concat([x, one])
    # Each product as the list of its factors, as many as the degree: x0² x1 is 0, 0, 1.
    factors = [
        [
            *np.repeat(np.arange(n_columns), row),
            *[n_columns] * int(powers.sum(1).max() - row.sum()),
        ]
        for row in powers
    ]
    columns = [graph.columns(padded, places) for places in np.array(factors).T]
    return reduce(lambda left, right: graph.add("Mul", left, right), columns)


def _n_rows(graph: Graph, x: Value) -> Value:
    return graph.add("Shape", x, start=0, end=1)


@transform.register
def _(step: RankingSelector, graph: Graph, x: Value) -> Value:
    return graph.columns(x, step.get_support(indices=True))


# ------------------------------------------------------------------------------ categories


@transform.register
def _(step: OneHotEncoder, graph: Graph, x: Value) -> Value:
    if step.handle_unknown != "infrequent_if_exist":
        raise InexpressibleError(f"a OneHotEncoder with handle_unknown={step.handle_unknown!r}")
    parts: list[Value] = []
    for j, known in enumerate(step.categories_):
        rare = step.infrequent_categories_[j] if step.min_frequency is not None else None
        frequent = known if rare is None else known[~np.isin(known, rare)]
        column = graph.columns(x, [j])
        if len(frequent):
            parts.append(graph.double(graph.add("Equal", column, frequent.astype(float))))
        if rare is not None:
            parts.append(graph.look_up(column, known, np.isin(known, rare), [1.0]))
    return graph.concat(parts)


@transform.register
def _(step: FrequencyEncoder, graph: Graph, x: Value) -> Value:
    known = zip(step.categories_, step.shares_, strict=True)
    return graph.concat(
        [
            graph.look_up(graph.columns(x, [j]), categories, shares, [0.0])
            for j, (categories, shares) in enumerate(known)
        ]
    )


@transform.register
def _(step: TargetEncoder, graph: Graph, x: Value) -> Value:
    n_outputs = len(step.encodings_) // len(step.categories_)
    return graph.concat(
        [
            graph.look_up(
                graph.columns(x, [j]), known, _encodings(step, j, n_outputs), step.target_mean_
            )
            for j, known in enumerate(step.categories_)
        ]
    )


def _encodings(step: TargetEncoder, column: int, n_outputs: int) -> NDArray[np.float64]:
    """Return the means of a column's categories, one column of them for each class."""
    first = column * n_outputs
    return np.column_stack(step.encodings_[first : first + n_outputs])
