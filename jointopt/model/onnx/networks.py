"""The networks of `pipeline/networks` as nodes of an ONNX graph."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from onnx import TensorProto
from sklearn.base import is_classifier

from jointopt.pipeline.networks.rows import CLIP

if TYPE_CHECKING:
    from jointopt.model.onnx.graph import Graph, Value
    from jointopt.pipeline.networks.estimators import NetworkClassifier, NetworkRegressor

__all__ = ["network_scores"]

FAR = 1e150
"""A number whose square is a double."""
EPSILON = 1e-5
"""torch's, in both of its normalisations."""
SELU_SCALE, SELU_ALPHA = 1.0507009873554805, 1.6732632423543772


def network_scores(network: NetworkClassifier | NetworkRegressor, graph: Graph, x: Value) -> Value:
    """Add the nodes of a fitted network and return its scores, one column for each output."""
    weights = {name: np.asarray(w, dtype=np.float64) for name, w in network.weights_.items()}
    units = graph.add("Mul", _embedded(network, weights, graph, x), weights["scale"])
    if network.ensemble_size > 1:
        units = graph.add("Unsqueeze", units, [1])
    for layer in range(len(network.width)):
        units = _block(network, _under(weights, f"blocks.{layer}."), graph, units)
    head = _under(weights, "head.")
    if network.ensemble_size == 1:
        return _linear(head, graph, units)
    return _pooled(_members_linear(head, graph, units), graph, classifies=is_classifier(network))


def _pooled(scores: Value, graph: Graph, *, classifies: bool) -> Value:
    """Return the mean of members' numbers, or the logarithm of their mean probabilities."""
    if not classifies:
        return graph.add("ReduceMean", scores, [1], keepdims=0)
    shares = graph.add("ReduceMean", graph.add("Softmax", scores, axis=2), [1], keepdims=0)
    return graph.add("Log", shares)


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
        # ONNX has no hypot, and the square of a far outlier overflows.
        scaled = graph.add("Clip", scaled, np.float64(-FAR), np.float64(FAR))
        ratio = graph.add("Div", scaled, CLIP)
        size = graph.add("Sqrt", graph.add("Add", graph.add("Mul", ratio, ratio), 1.0))
        parts.append(graph.single(graph.add("Div", scaled, size)))
        if embedding := _under(weights, "numbers."):
            embedded = _waves if network.numeric_embedding == "periodic" else _pieces
            parts.append(embedded(embedding, graph, parts[0]))
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


def _pieces(weights: dict[str, Any], graph: Graph, numbers: Value) -> Value:
    """Return the functions that are linear between quantiles; ends go on beyond them."""
    slopes, starts, mix = weights["impl.weight"], weights["impl.bias"], weights["linear.weight"]
    n_columns, n_bins, n_outputs = mix.shape
    x = graph.add("Unsqueeze", numbers, [2, 3])
    filled = graph.add("Mul", x, slopes[:, None, :])
    filled = graph.add("Add", filled, starts[:, None, :])
    if n_bins > 1:
        low, high = np.zeros((n_columns, n_bins)), np.ones((n_columns, n_bins))
        low[:, 0] = -np.inf
        high[:, -1] = np.inf
        low[:, -1] = np.where(weights.get("impl.single_bin_mask", False), -np.inf, 0.0)
        filled = graph.add("Max", filled, low[:, None, :])
        filled = graph.add("Min", filled, high[:, None, :])
    line = graph.add("Mul", x, weights["linear0.weight"][:, None, :])
    line = graph.add("Add", line, weights["linear0.bias"][:, None, :])
    both = graph.add("Add", line, graph.add("MatMul", filled, mix))
    return graph.add("Reshape", both, [-1, n_columns * n_outputs])


def _block(
    network: NetworkClassifier | NetworkRegressor, weights: dict[str, Any], graph: Graph, x: Value
) -> Value:
    units = x
    if network.ensemble_size > 1:
        units = graph.add("Mul", units, weights["before.weight"])
    units = _linear(_under(weights, "linear."), graph, units)
    if network.ensemble_size > 1:
        units = graph.add("Mul", units, weights["after.weight"])
        units = graph.add("Add", units, weights["after.bias"])
    units = _normalised(network.normalisation, _under(weights, "normalise."), graph, units)
    units = _activated(network.activation, graph, units)
    if not network.residual:
        return units
    around = _under(weights, "around.")
    return graph.add("Add", units, _linear(around, graph, x) if around else x)


def _linear(weights: dict[str, Any], graph: Graph, x: Value) -> Value:
    scaled = weights["weight"] / np.sqrt(len(weights["weight"]))
    return graph.affine(x, scaled, weights.get("bias", 0.0))


def _members_linear(weights: dict[str, Any], graph: Graph, x: Value) -> Value:
    scaled = weights["weight"] / np.sqrt(weights["weight"].shape[1])
    product = graph.affine(graph.add("Unsqueeze", x, [2]), scaled, weights["bias"])
    return graph.add("Squeeze", product, [2])


def _normalised(name: str, weights: dict[str, Any], graph: Graph, x: Value) -> Value:
    if name == "batch" and "impl.running_var" in weights:
        factor = weights["affine.weight"]
        mean, variance = (
            weights[f"impl.running_{what}"].reshape(factor.shape) for what in ("mean", "var")
        )
        factor = factor / np.sqrt(variance + EPSILON)
        shift = weights["affine.bias"] - mean * factor
        return graph.add("Add", graph.add("Mul", x, factor), shift)
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
