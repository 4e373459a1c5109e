"""Classifiers and regressors as nodes of an ONNX graph."""

from __future__ import annotations

from functools import singledispatch
from itertools import combinations
from typing import Any

import numpy as np
from lightgbm import LGBMClassifier, LGBMRegressor
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.linear_model import ElasticNet, LinearRegression, LogisticRegression, Ridge
from sklearn.naive_bayes import GaussianNB
from sklearn.svm import SVC, SVR
from xgboost import XGBClassifier, XGBRegressor

from jointopt.model.onnx.graph import Graph, InexpressibleError, Value
from jointopt.model.onnx.networks import network_scores
from jointopt.model.onnx.transformers import target_back
from jointopt.model.onnx.trees import forest_trees, lightgbm_trees, trees_node, xgboost_trees
from jointopt.pipeline.estimators import (
    CalibratedSVC,
    EarlyStoppingClassifier,
    EarlyStoppingRegressor,
)
from jointopt.pipeline.networks.estimators import NetworkClassifier, NetworkRegressor

__all__ = ["predict"]

BINARY = 2


@singledispatch
def predict(model: Any, _graph: Graph, _x: Value) -> Value:
    """Add the nodes of a fitted classifier or regressor.

    Parameters
    ----------
    model : estimator
        Fitted.
    _graph : Graph
        Where to add them.
    _x : Value
        Doubles of shape (n_rows, n_columns).

    Returns
    -------
    Value
        Probabilities, shape (n_rows, n_classes), or values, shape (n_rows, 1).

    Raises
    ------
    InexpressibleError
        If there is no counterpart.
    """
    raise InexpressibleError(f"the estimator {type(model).__name__}")


@predict.register
def _(model: TransformedTargetRegressor, graph: Graph, x: Value) -> Value:
    inner = predict(model.regressor_, graph, x)
    return target_back(model.transformer_, graph, inner)


@predict.register(EarlyStoppingClassifier)
@predict.register(EarlyStoppingRegressor)
def _(model: Any, graph: Graph, x: Value) -> Value:
    if model.categorical:
        least = np.full(model.n_features_in_, -np.inf)
        least[list(model.categorical)] = 0.0
        x = graph.add("Where", graph.add("Less", x, least), np.nan, x)
    return predict(model.estimator_, graph, x)


# ------------------------------------------------------------------------------ linear, Bayes


@predict.register
def _(model: LogisticRegression, graph: Graph, x: Value) -> Value:
    scores = graph.affine(x, model.coef_.T, model.intercept_)
    if len(model.classes_) > BINARY:
        return graph.add("Softmax", scores, axis=1)
    return _two_classes(graph, graph.add("Sigmoid", scores))


def _two_classes(graph: Graph, positive: Value) -> Value:
    return graph.concat([graph.add("Sub", 1.0, positive), positive])


@predict.register(Ridge)
@predict.register(ElasticNet)
@predict.register(LinearRegression)
def _(model: Any, graph: Graph, x: Value) -> Value:
    return graph.affine(x, np.reshape(model.coef_, (-1, 1)), model.intercept_)


@predict.register
def _(model: GaussianNB, graph: Graph, x: Value) -> Value:
    rows = graph.add("Unsqueeze", x, [1])
    distance = graph.add("Sub", rows, model.theta_)
    squares = graph.add("Div", graph.add("Mul", distance, distance), 2 * model.var_)
    constant = np.log(model.class_prior_) - 0.5 * np.log(2 * np.pi * model.var_).sum(axis=1)
    likelihood = graph.add("ReduceSum", squares, [2], keepdims=0)
    return graph.add("Softmax", graph.add("Sub", constant, likelihood), axis=1)


# ------------------------------------------------------------------------------ trees


@predict.register(RandomForestClassifier)
@predict.register(ExtraTreesClassifier)
def _(model: Any, graph: Graph, x: Value) -> Value:
    return trees_node(graph, graph.single(x), forest_trees(model), len(model.classes_))


@predict.register(RandomForestRegressor)
@predict.register(ExtraTreesRegressor)
def _(model: Any, graph: Graph, x: Value) -> Value:
    return trees_node(graph, graph.single(x), forest_trees(model), 1)


LINKS = {
    "binary": "Sigmoid",
    "binary:logistic": "Sigmoid",
    "multiclass": "Softmax",
    "multi:softprob": "Softmax",
    "regression": "Identity",
    "reg:squarederror": "Identity",
}
"""From the sum of the trees to the prediction, by LightGBM's and XGBoost's objectives."""


@predict.register(LGBMClassifier)
@predict.register(LGBMRegressor)
def _(model: Any, graph: Graph, x: Value) -> Value:
    objective = model.booster_.dump_model(num_iteration=1)["objective"].split()[0]
    n_outputs = model.booster_.num_model_per_iteration()
    return _linked(graph, trees_node(graph, x, lightgbm_trees(model), n_outputs), objective)


@predict.register(XGBClassifier)
@predict.register(XGBRegressor)
def _(model: Any, graph: Graph, x: Value) -> Value:
    trees, objective, base = xgboost_trees(model)
    n_outputs = max(tree.leaves[0][1] for tree in trees) + 1
    scores = trees_node(graph, graph.single(x), trees, n_outputs, strict=True)
    if LINKS.get(objective) == "Sigmoid":
        base = [np.log(p / (1 - p)) for p in base]
    return _linked(graph, graph.add("Add", scores, base), objective)


def _linked(graph: Graph, scores: Value, objective: str) -> Value:
    match LINKS.get(objective):
        case "Sigmoid":
            return _two_classes(graph, graph.add("Sigmoid", scores))
        case "Softmax":
            return graph.add("Softmax", scores, axis=1)
        case "Identity":
            return scores
        case _:
            raise InexpressibleError(f"boosting with the objective {objective!r}")


# ------------------------------------------------------------------------------ networks


@predict.register
def _(model: NetworkClassifier, graph: Graph, x: Value) -> Value:
    return graph.add("Softmax", network_scores(model, graph, x), axis=1)


@predict.register
def _(model: NetworkRegressor, graph: Graph, x: Value) -> Value:
    scores = graph.add("Mul", network_scores(model, graph, x), model.target_scale_)
    values = graph.add("Add", scores, model.target_center_)
    low, high = model.target_range_
    return graph.add("Min", graph.add("Max", values, low), high)


# ------------------------------------------------------------------------------ support vectors


@predict.register
def _(model: SVR, graph: Graph, x: Value) -> Value:
    return _margin(model, graph, x)


@predict.register
def _(model: CalibratedSVC, graph: Graph, x: Value) -> Value:
    (calibrated,) = model.model_.calibrated_classifiers_
    machine, sigmoids = calibrated.estimator, calibrated.calibrators
    many = len(model.classes_) > BINARY
    margin = _margins(machine, graph, x) if many else _margin(machine, graph, x)
    slopes, shifts = zip(*((sigmoid.a_, sigmoid.b_) for sigmoid in sigmoids), strict=True)
    score = graph.add("Add", graph.add("Mul", margin, slopes), shifts)
    shares = graph.add("Sigmoid", graph.add("Neg", score))
    if not many:
        return _two_classes(graph, shares)
    return graph.add("Div", shares, graph.add("ReduceSum", shares, [1], keepdims=1))


def _margins(machine: SVC, graph: Graph, x: Value) -> Value:
    """Return each class's votes among the pairs of classes, with their size between votes."""
    n_classes = len(machine.classes_)
    pairs = list(combinations(range(n_classes), 2))
    owner = np.repeat(np.arange(n_classes), machine.n_support_)
    weights = np.zeros((len(owner), len(pairs)))
    first, second = np.zeros((2, len(pairs), n_classes))
    for k, (i, j) in enumerate(pairs):
        weights[owner == i, k] = machine.dual_coef_[j - 1, owner == i]
        weights[owner == j, k] = machine.dual_coef_[i, owner == j]
        first[k, i] = second[k, j] = 1.0
    similarity = _similarity(machine, graph, x)
    duels = graph.affine(similarity, weights, machine.intercept_)
    lost = graph.double(graph.add("Less", duels, 0.0))
    votes = graph.affine(lost, second - first, first.sum(axis=0))
    total = graph.add("MatMul", duels, first - second)
    bound = graph.add("Mul", graph.add("Add", graph.add("Abs", total), 1.0), 3.0)
    return graph.add("Add", votes, graph.add("Div", total, bound))


def _margin(machine: SVC | SVR, graph: Graph, x: Value) -> Value:
    """Return the decision function of a machine with one."""
    similarity = _similarity(machine, graph, x)
    return graph.affine(similarity, machine.dual_coef_.T, machine.intercept_)


def _similarity(machine: SVC | SVR, graph: Graph, x: Value) -> Value:
    """Return the kernel between rows and support vectors."""
    gamma, vectors = machine._gamma, machine.support_vectors_  # noqa: SLF001
    products = graph.add("MatMul", x, vectors.T)
    match machine.kernel:
        case "linear":
            return products
        case "poly":
            inner = graph.add("Add", graph.add("Mul", products, gamma), float(machine.coef0))
            return graph.add("Pow", inner, float(machine.degree))
        case "rbf":
            own = graph.add("ReduceSum", graph.add("Mul", x, x), [1], keepdims=1)
            sizes = graph.add("Add", own, (vectors**2).sum(axis=1))
            squares = graph.add("Sub", sizes, graph.add("Mul", products, 2.0))
            return graph.add("Exp", graph.add("Mul", squares, -gamma))
        case other:
            raise InexpressibleError(f"a support vector machine with kernel={other!r}")
