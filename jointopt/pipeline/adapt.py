"""A search space meets a table: what the table has no use for is left out."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import numpy as np

from jointopt.data import Kind, Task
from jointopt.pipeline.blueprint import FLIPS, Blueprint
from jointopt.pipeline.checks import check_space
from jointopt.pipeline.paradigms import paradigms_of
from jointopt.space import Choice, Subset

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from jointopt.data import Dataset
    from jointopt.pipeline.paradigms import Paradigm, TaskKind
    from jointopt.space import Space

__all__ = ["adapt_space", "blueprint_of", "column_groups"]

MAX_MASK_COLUMNS = 64
MAX_CLUSTERED = 2_000
"""Columns of which all pairs are looked at: the memory for that grows by their square."""
MAX_PRODUCT_COLUMNS = 20
MAX_SPLINE_CELLS = 2_000_000
"""Rows times numeric columns: each becomes up to thirteen, 200 MB together."""
MAX_COMPONENT_WORK = 5e10
"""Rows times columns times the fewer of both: what a decomposition takes, some ten seconds."""


def adapt_space(space: Space, dataset: Dataset) -> Space:
    """Leave out of the space what has no meaning for this table, and name its columns.

    Left out are: paradigms without an estimator for the task or limited to fewer rows;
    hyperparameters that the task's estimator does not take; imputation where nothing is missing;
    whole groups of transforms for kinds of columns that the table lacks; Box-Cox where a column
    is not positive; the target's scale unless it is a number, and its logarithm where it is
    negative; pairwise products of fewer than 2 or more than 20 numeric columns, splines of more
    than two million numbers, and components of so many that they would take longer than a model;
    sets of categories where no paradigm splits them; the column mask and the ranking of a single
    column, and a mask around a ranking of none. Subsets of `table` become its columns, or groups
    of correlated columns where there are more than 64.

    Parameters
    ----------
    space : Space
        With an `estimator` in each branch of its axis `paradigm`.
    dataset : Dataset
        The training table.

    Returns
    -------
    Space

    Raises
    ------
    SpaceError
        If no paradigm is left, a paradigm's section is wrong, or an option or a constructor's
        argument is not known.
    """
    check_space(space)
    bound = space.bind({"table": list(column_groups(dataset))})
    return bound.prune(_useless(bound, dataset), missing_ok=True)


def blueprint_of(space: Space, dataset: Dataset) -> Blueprint:
    """Return what pipelines are built from, for a space adapted to the table."""
    groups = column_groups(dataset)
    switched: dict[bool, dict[str, list[str]]] = {False: {}, True: {}}
    for decision in space.decisions:
        if decision.axis == "features" and isinstance(decision.node, Subset):
            flips = decision.path == FLIPS
            for path, member in zip(decision.parameters, decision.node.members, strict=True):
                if member in groups:
                    switched[flips][path] = groups[member]
    return Blueprint(
        schema=dataset.schema,
        task=dataset.task,
        paradigms=paradigms_of(space),
        switches=switched[False],
        flips=switched[True],
        n_rows=dataset.n_rows,
    )


_groups: WeakKeyDictionary[Dataset, Mapping[str, list[str]]] = WeakKeyDictionary()
"""Of a wide table they take seconds, and both of the functions above need them."""


def column_groups(dataset: Dataset) -> Mapping[str, list[str]]:
    """Return what a mask over the table's columns switches: name of the group to its columns.

    Up to 64 columns each is its own group. Above, numeric columns are put together by complete
    linkage on one minus their absolute rank correlation until 64 groups remain; a group is named
    by its first column and the number of the others. Of more than 2,000 numeric columns so many,
    drawn at random, are put together, and each other one joins that with which it correlates most.
    Correlations do not look at the target.
    """
    if dataset not in _groups:
        _groups[dataset] = _grouped(dataset)
    return _groups[dataset]


def _grouped(dataset: Dataset) -> dict[str, list[str]]:
    names = [str(name) for name in dataset.X.columns]
    if len(names) <= MAX_MASK_COLUMNS:
        return {name: [name] for name in names}
    numeric = dataset.schema.names(Kind.NUMERIC)
    numbers = set(numeric)
    others = [name for name in names if name not in numbers]
    groups = [[name] for name in others[: MAX_MASK_COLUMNS // 2]]
    if others[MAX_MASK_COLUMNS // 2 :]:
        groups.append(others[MAX_MASK_COLUMNS // 2 :])
    groups += _correlated(dataset, numeric, max(2, MAX_MASK_COLUMNS - len(groups)))
    return {g[0] if len(g) == 1 else f"{g[0]} +{len(g) - 1}": g for g in groups}


def _correlated(dataset: Dataset, names: list[str], n_groups: int) -> list[list[str]]:
    from scipy.cluster.hierarchy import fcluster, linkage
    from scipy.spatial.distance import squareform
    from scipy.stats import rankdata

    if len(names) <= n_groups:
        return [[name] for name in names]
    values = dataset.X[names].iloc[:2000].to_numpy(dtype=float)
    ranks = rankdata(np.where(np.isnan(values), np.inf, values), axis=0)
    ranks = (ranks - ranks.mean(axis=0)) / np.maximum(ranks.std(axis=0), 1e-12)
    ranks = ranks.astype(np.float32)
    is_many = len(names) > MAX_CLUSTERED
    # At random, for columns may come in turns.
    few = np.random.default_rng(0).permutation(len(names))[:MAX_CLUSTERED]
    clustered = ranks[:, few] if is_many else ranks
    distance = np.clip(1 - np.abs(clustered.T @ clustered / len(ranks)), 0, 1)
    np.fill_diagonal(distance, 0)
    tree = linkage(squareform(distance, checks=False), method="complete")
    labels = fcluster(tree, t=n_groups, criterion="maxclust")
    if is_many:
        blocks = np.array_split(ranks, math.ceil(len(names) / MAX_CLUSTERED), axis=1)
        nearest = [np.abs(block.T @ clustered).argmax(axis=1) for block in blocks]
        labels = labels[np.concatenate(nearest)]
    found: dict[int, list[str]] = {}
    for name, label in zip(names, labels, strict=True):
        found.setdefault(int(label), []).append(name)
    return list(found.values())


def _useless(space: Space, dataset: Dataset) -> Iterator[str]:
    for kind in Kind:
        if not dataset.schema.names(kind):
            yield f"transforms/{kind}"
    yield from _useless_of_target(dataset)
    yield from _useless_of_numbers(dataset)
    if not dataset.schema.names(Kind.NUMERIC) + dataset.schema.names(Kind.CATEGORICAL):
        yield "features/ranked_mask"
    if dataset.n_columns == 1:
        yield from _choices_of_columns(space)
    paradigms = paradigms_of(space)
    usable = {label for label, one in paradigms.items() if _is_usable(one, dataset)}
    if not any(paradigms[label].early_stopping for label in usable):
        yield "transforms/categorical/encode/ordinal/native"
    for label, paradigm in paradigms.items():
        if label not in usable:
            yield f"paradigm/{label}"
            continue
        yield from _useless_of_paradigm(space, label, paradigm, dataset.task.kind)


def _useless_of_numbers(dataset: Dataset) -> Iterator[str]:
    numeric = dataset.X[dataset.schema.names(Kind.NUMERIC)]
    if not numeric.shape[1]:
        return
    if not numeric.isna().to_numpy().any():
        yield "transforms/numeric/impute"
        yield "transforms/numeric/indicator"
    if not (numeric.min() > 0).all():
        yield "transforms/numeric/scale/box_cox"
    if not 1 < numeric.shape[1] <= MAX_PRODUCT_COLUMNS:
        yield "transforms/numeric/products"
    if numeric.size > MAX_SPLINE_CELLS:
        yield "transforms/numeric/derive/spline"
    if numeric.size * min(numeric.shape) > MAX_COMPONENT_WORK:
        yield "transforms/numeric/derive/pca"


def _useless_of_target(dataset: Dataset) -> Iterator[str]:
    if dataset.task is not Task.REGRESSION:
        yield "transforms/target"
    elif dataset.y.min() < 0:
        yield "transforms/target/log"


def _choices_of_columns(space: Space) -> Iterator[str]:
    """Yield what the features axis could decide, which on a table of one column is nothing."""
    for decision in space.decisions:
        if decision.path == "features" and isinstance(decision.node, Choice):
            yield from (
                f"features/{label}" for label, body in decision.node.branches.items() if body
            )
        elif decision.axis == "features" and isinstance(decision.node, Subset):
            yield decision.path


def _is_usable(paradigm: Paradigm, dataset: Dataset) -> bool:
    too_long = paradigm.max_rows is not None and dataset.n_rows > paradigm.max_rows
    return paradigm.estimator_class(dataset.task.kind) is not None and not too_long


def _useless_of_paradigm(
    space: Space, label: str, paradigm: Paradigm, kind: TaskKind
) -> Iterator[str]:
    for decision in space.decisions:
        prefix, _, name = decision.path.rpartition("/")
        if prefix == f"hyperparameters/{label}" and not paradigm.takes(name, kind):
            yield decision.path
