"""The networks of `pipeline/network_modules.py` as nodes of an ONNX graph."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from onnx import TensorProto

from jointopt.pipeline.network import CLIP

if TYPE_CHECKING:
    from jointopt.model.onnx.graph import Graph, Value
    from jointopt.pipeline.network import NetworkClassifier, NetworkRegressor

__all__ = ["network_scores"]

EPSILON = 1e-5
"""torch's, in both of its normalisations."""
SELU_SCALE, SELU_ALPHA = 1.0507009873554805, 1.6732632423543772


def network_scores(network: NetworkClassifier | NetworkRegressor, graph: Graph, x: Value) -> Value:
    """Add the nodes of a fitted network and return its scores, one column for each output."""
    weights = {name: np.asarray(w, dtype=np.float64) for name, w in network.weights_.items()}
    units = graph.add("Mul", _embedded(network, weights, graph, x), weights["scale"])
    for layer in range(len(network.width)):
        units = _block(network, _under(weights, f"blocks.{layer}."), graph, units)
    return _linear(_under(weights, "head."), graph, units)


def _under(weights: dict[str, Any], prefix: str) -> dict[str, Any]:
    found = weights.items()
    return {name.removeprefix(prefix): w for name, w in found if name.startswith(prefix)}


def _embedded(
    network: NetworkClassifier | NetworkRegressor, weights: dict[str, Any], graph: Graph, x: Value
) -> Value:
    """Return scaled numbers, their waves and the vectors of categories, side by side."""
    categorical = list(network.categorical or ())
    parts = []
    if numeric := [j for j in range(network.n_features_in_) if j not in categorical]:
        scaled = graph.add("Sub", graph.columns(x, numeric), network.center_)
        scaled = graph.add("Mul", scaled, network.scale_)
        ratio = graph.add("Div", scaled, CLIP)
        size = graph.add("Sqrt", graph.add("Add", graph.add("Mul", ratio, ratio), 1.0))
        parts.append(graph.single(graph.add("Div", scaled, size)))
        if waves := _under(weights, "numbers."):
            parts.append(_waves(waves, graph, parts[0]))
    first = 0
    for column, known in zip(categorical, network.categories_, strict=True):
        # The first vector is that of unknown categories, which negative codes are.
        vectors = weights["categories.table"][first : first + 1 + len(known)]
        keys = np.append(-1.0, known)
        parts.append(graph.look_up(graph.columns(x, [column]), keys, vectors, vectors[0]))
        first += len(vectors)
    return graph.concat(parts)


def _waves(weights: dict[str, Any], graph: Graph, numbers: Value) -> Value:
    n_columns, _, n_outputs = weights["mix"].shape
    turns = graph.add("Unsqueeze", numbers, [2, 3])
    angles = graph.add("Mul", turns, 2 * np.pi * weights["frequency"][:, None, :])
    waves = graph.add("Cos", graph.add("Add", angles, weights["phase"][:, None, :]))
    mixed = graph.add(
        "Reshape", graph.add("MatMul", waves, weights["mix"]), [-1, n_columns * n_outputs]
    )
    return graph.add("Add", mixed, weights["shift"].ravel())


def _block(
    network: NetworkClassifier | NetworkRegressor, weights: dict[str, Any], graph: Graph, x: Value
) -> Value:
    units = _linear(_under(weights, "linear."), graph, x)
    units = _normalised(network.normalisation, _under(weights, "normalise."), graph, units)
    units = _activated(network.activation, graph, units)
    if not network.residual:
        return units
    around = _under(weights, "around.")
    return graph.add("Add", units, _linear(around, graph, x) if around else x)


def _linear(weights: dict[str, Any], graph: Graph, x: Value) -> Value:
    scaled = weights["weight"] / np.sqrt(len(weights["weight"]))
    return graph.affine(x, scaled, weights.get("bias", 0.0))


def _normalised(name: str, weights: dict[str, Any], graph: Graph, x: Value) -> Value:
    if name == "batch":
        factor = weights["weight"] / np.sqrt(weights["running_var"] + EPSILON)
        shift = weights["bias"] - weights["running_mean"] * factor
        return graph.add("Add", graph.add("Mul", x, factor), shift)
    if name == "layer":
        factor, shift = weights["weight"], weights["bias"]
        return graph.add("LayerNormalization", x, factor, shift, epsilon=EPSILON, axis=-1)
    return x


def _activated(name: str, graph: Graph, x: Value) -> Value:
    positive = graph.add("Relu", x)
    match name:
        case "relu":
            return positive
        case "selu":
            below = graph.add("Sub", graph.add("Exp", graph.add("Min", x, 0.0)), 1.0)
            both = graph.add("Add", positive, graph.add("Mul", below, SELU_ALPHA))
            return graph.add("Mul", both, SELU_SCALE)
        case "silu":
            return graph.add("Mul", x, graph.add("Sigmoid", x))
        case "mish":
            fading = graph.add("Exp", graph.add("Neg", graph.add("Abs", x)))
            soft = graph.add("Add", positive, graph.add("Log", graph.add("Add", fading, 1.0)))
            return graph.add("Mul", x, graph.add("Tanh", soft))
        case _:
            # gelu; runtimes have erf in single precision only.
            root = graph.add("Cast", graph.add("Mul", x, np.sqrt(0.5)), to=TensorProto.FLOAT)
            share = graph.add("Add", graph.double(graph.add("Erf", root)), 1.0)
            return graph.add("Mul", graph.add("Mul", x, share), 0.5)
