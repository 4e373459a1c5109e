"""Ensembles of trees as one node of an ONNX graph."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from onnx import numpy_helper

from jointopt.model.onnx.graph import ML, Graph, InexpressibleError, Value

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lightgbm import LGBMModel
    from numpy.typing import NDArray
    from xgboost import XGBModel

__all__ = ["forest_trees", "lightgbm_trees", "trees_node", "xgboost_trees"]


@dataclass(slots=True)
class _Tree:
    """Nodes by number; node 0 is the root, and a leaf has no feature, which is -1.

    A row goes left if its feature is at most the threshold, or equal to it where the node splits
    categories, or if it is missing and the node says so. To split more than one category off,
    nodes follow each other on the right and share what is on their left.
    """

    feature: list[int] = field(default_factory=list)
    threshold: list[float] = field(default_factory=list)
    left: list[int] = field(default_factory=list)
    right: list[int] = field(default_factory=list)
    missing_left: list[bool] = field(default_factory=list)
    equal: list[bool] = field(default_factory=list)
    leaves: list[tuple[int, int, float]] = field(default_factory=list)
    """What leaves add to the outputs: node, output, number."""


def trees_node(
    graph: Graph, x: Value, trees: Iterable[_Tree], n_outputs: int, *, strict: bool = False
) -> Value:
    """Add a node that sums what trees say.

    Parameters
    ----------
    graph : Graph
        Where to add it.
    x : Value
        Doubles of shape (n_rows, n_columns).
    trees : iterable of trees
        Of one of the functions below.
    n_outputs : int
        Columns of the sum.
    strict : bool, default=False
        Whether only values below a threshold go left, not those equal to it.
    """
    branch = "BRANCH_LT" if strict else "BRANCH_LEQ"
    how: dict[str, list[Any]] = {name: [] for name in (*NODES, *TARGETS)}
    thresholds: list[float] = []
    weights: list[float] = []
    for number, tree in enumerate(trees):
        n_nodes = len(tree.feature)
        how["nodes_treeids"] += [number] * n_nodes
        how["nodes_nodeids"] += range(n_nodes)
        how["nodes_featureids"] += [max(feature, 0) for feature in tree.feature]
        how["nodes_modes"] += [
            "LEAF" if feature < 0 else "BRANCH_EQ" if equal else branch
            for feature, equal in zip(tree.feature, tree.equal, strict=True)
        ]
        how["nodes_truenodeids"] += tree.left
        how["nodes_falsenodeids"] += tree.right
        how["nodes_missing_value_tracks_true"] += map(int, tree.missing_left)
        thresholds += tree.threshold
        how["target_treeids"] += [number] * len(tree.leaves)
        nodes, outputs, numbers = zip(*tree.leaves, strict=True)
        how["target_nodeids"] += nodes
        how["target_ids"] += outputs
        weights += numbers
    node = graph.add(
        "TreeEnsembleRegressor",
        x,
        domain=ML,
        nodes_values_as_tensor=numpy_helper.from_array(np.array(thresholds)),
        target_weights_as_tensor=numpy_helper.from_array(np.array(weights)),
        n_targets=n_outputs,
        **how,
    )
    return graph.double(node)


NODES = (
    "nodes_treeids",
    "nodes_nodeids",
    "nodes_featureids",
    "nodes_modes",
    "nodes_truenodeids",
    "nodes_falsenodeids",
    "nodes_missing_value_tracks_true",
)
TARGETS = ("target_treeids", "target_nodeids", "target_ids")


# ------------------------------------------------------------------------------ scikit-learn


def forest_trees(forest: Any) -> Iterable[_Tree]:
    """Return the trees of a scikit-learn forest, whose sum is the mean over them."""
    for estimator in forest.estimators_:
        tree = estimator.tree_
        inner = tree.children_left >= 0
        values = tree.value[:, 0, :]
        if hasattr(forest, "classes_"):
            values = values / values.sum(axis=1, keepdims=True)
        yield _Tree(
            feature=np.where(inner, tree.feature, -1).tolist(),
            threshold=np.where(inner, tree.threshold, 0.0).tolist(),
            left=np.maximum(tree.children_left, 0).tolist(),
            right=np.maximum(tree.children_right, 0).tolist(),
            missing_left=np.asarray(tree.missing_go_to_left, dtype=bool).tolist(),
            equal=[False] * len(inner),
            leaves=_leaves(np.flatnonzero(~inner), values / len(forest.estimators_)),
        )


def _leaves(nodes: NDArray[np.intp], values: NDArray[np.float64]) -> list[tuple[int, int, float]]:
    """Return the leaves' numbers; zeros add nothing, but no leaf may be without any number."""
    stated = values[nodes] != 0
    stated[~stated.any(axis=1), 0] = True
    places, outputs = np.nonzero(stated)
    found = zip(nodes[places], outputs, values[nodes[places], outputs], strict=True)
    return [(int(node), int(output), float(number)) for node, output, number in found]


# ------------------------------------------------------------------------------ LightGBM


def lightgbm_trees(model: LGBMModel) -> Iterable[_Tree]:
    """Return the trees of a LightGBM model."""
    dump = model.booster_.dump_model()
    if dump["average_output"]:
        raise InexpressibleError("LightGBM with boosting_type='rf'")
    n_outputs = dump["num_tree_per_iteration"]
    for info in dump["tree_info"]:
        tree = _Tree()
        _add_lightgbm(tree, info["tree_structure"], info["tree_index"] % n_outputs)
        yield tree


def _add_lightgbm(tree: _Tree, node: dict[str, Any], output: int) -> int:
    """Add a node and those below it, and return its number."""
    if "leaf_value" in node:
        number = _add(tree, -1)
        tree.leaves.append((number, output, node["leaf_value"]))
        return number
    if node["missing_type"] == "Zero" or "leaf_coeff" in node:
        raise InexpressibleError("LightGBM with zeros as missing or linear trees")
    feature, threshold = node["split_feature"], node["threshold"]
    if node["decision_type"] == "==":
        chain = [_add(tree, feature, float(code), equal=True) for code in threshold.split("||")]
    else:
        # Where training saw no missing values, they count as zeros.
        of_zero = threshold >= 0.0
        missing_left = node["default_left"] if node["missing_type"] == "NaN" else of_zero
        chain = [_add(tree, feature, threshold, missing_left=missing_left)]
    left = _add_lightgbm(tree, node["left_child"], output)
    right = _add_lightgbm(tree, node["right_child"], output)
    _link(tree, chain, left, right)
    return chain[0]


def _add(
    tree: _Tree,
    feature: int,
    threshold: float = 0.0,
    *,
    missing_left: bool = False,
    equal: bool = False,
) -> int:
    """Add a node, a leaf if its feature is -1, and return its number."""
    tree.feature.append(feature)
    tree.threshold.append(threshold)
    tree.left.append(0)
    tree.right.append(0)
    tree.missing_left.append(missing_left)
    tree.equal.append(equal)
    return len(tree.feature) - 1


def _link(tree: _Tree, chain: list[int], left: int, right: int) -> None:
    """Let nodes follow each other on the right, and share what is on the left."""
    for node, other in pairwise([*chain, right]):
        tree.left[node], tree.right[node] = left, other


# ------------------------------------------------------------------------------ XGBoost


def xgboost_trees(model: XGBModel) -> tuple[list[_Tree], str, list[float]]:
    """Return the trees of an XGBoost model, its objective, and the score that they add to."""
    booster = model.get_booster()
    if booster.attr("best_iteration") is not None:
        booster = booster[: booster.best_iteration + 1]
    learner = json.loads(booster.save_raw("json"))["learner"]
    if learner["gradient_booster"]["name"] != "gbtree":
        raise InexpressibleError(f"XGBoost with booster={learner['gradient_booster']['name']!r}")
    base = json.loads(learner["learner_model_param"]["base_score"])
    forest = learner["gradient_booster"]["model"]
    outputs = forest["tree_info"]
    trees = [_xgboost_tree(*pair) for pair in zip(forest["trees"], outputs, strict=True)]
    score = np.atleast_1d(base).astype(np.float32).astype(float)
    return trees, learner["objective"]["name"], score.tolist()


def _xgboost_tree(tree: dict[str, Any], output: int) -> _Tree:
    left = np.array(tree["left_children"])
    inner = left >= 0
    if int(tree["tree_param"]["size_leaf_vector"]) > 1:
        raise InexpressibleError("XGBoost with trees of several outputs")
    # XGBoost computes in single precision; its JSON rounds to as many digits as that needs.
    numbers = np.array(tree["split_conditions"], dtype=np.float32).astype(float)
    found = _Tree(
        feature=np.where(inner, tree["split_indices"], -1).tolist(),
        threshold=np.where(inner, numbers, 0.0).tolist(),
        left=np.maximum(left, 0).tolist(),
        right=np.maximum(tree["right_children"], 0).tolist(),
        missing_left=np.array(tree["default_left"], dtype=bool).tolist(),
        equal=[False] * len(inner),
        leaves=[(int(node), output, float(numbers[node])) for node in np.flatnonzero(~inner)],
    )
    parts = ("categories_nodes", "categories_segments", "categories_sizes")
    for node, first, size in zip(*(tree[part] for part in parts), strict=True):
        _split_categories(found, node, tree["categories"][first : first + size])
    return found


def _split_categories(tree: _Tree, node: int, codes: list[int]) -> None:
    """Let a node send these categories right, as XGBoost does: equal ones go left here."""
    left, right = tree.left[node], tree.right[node]
    tree.missing_left[node] = not tree.missing_left[node]
    tree.threshold[node], tree.equal[node] = float(codes[0]), True
    more = [_add(tree, tree.feature[node], float(code), equal=True) for code in codes[1:]]
    _link(tree, [node, *more], left=right, right=left)
