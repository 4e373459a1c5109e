"""Functional analysis of variance over groups of parameters, by pick-freeze.

A function of independent groups is in one way the sum of a constant, one function of each group,
one of each pair of groups and so on, each with mean zero over each of its groups (Hoeffding, 1948;
Sobol', "Sensitivity estimates for nonlinear mathematical models", 1993; for the parameters of
learning algorithms Hutter, Hoos and Leyton-Brown, "An efficient approach for assessing
hyperparameter importance", 2014). The variances of these functions add up to the function's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from jointopt.space import Choice

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from jointopt.space import Decision, Space

    Array = NDArray[np.float64]

__all__ = ["hybrids", "nested_axes", "variance_by_axes"]


def hybrids(first: Array, second: Array, groups: Sequence[NDArray[np.int64]]) -> Array:
    """Return each mixture of two rows, group by group, shape (n, 2 ** n_groups, n_columns).

    Parameters
    ----------
    first, second : ndarray of shape (n, n_columns)
        Drawn independently. Mixture number `m` has group `g` from the second if bit `g` is set.
    groups : sequence of ndarray
        The columns of each group.
    """
    found = np.repeat(first[:, None], 2 ** len(groups), axis=1)
    for g, columns in enumerate(groups):
        of_second = np.flatnonzero(np.arange(found.shape[1]) >> g & 1)
        found[:, of_second[:, None], columns] = second[:, None, columns]
    return found


def variance_by_axes(
    values: Array, weights: Array, axes: Sequence[str], nested: Mapping[str, frozenset[str]]
) -> dict[frozenset[str], float]:
    """Return the variance that each set of axes explains only together.

    Half the mean squared difference of two mixtures that differ in some axes is the variance of
    all components that these take part in (Jansen, "Analysis of variance designs for model
    output", 1999); all pairs of mixtures that differ in the same axes are used. Components follow
    by inclusion and exclusion.

    An axis that is nested in another, as a paradigm's hyperparameters are, has no effect apart
    from it: effect and interaction with what it is nested in are one component, counted to the
    nested axis, as is usual in the analysis of nested designs.

    Parameters
    ----------
    values : ndarray of shape (n, 2 ** n_axes)
        The function at `hybrids`.
    weights : ndarray of shape (n,)
        How much each of the n draws counts.
    axes : sequence of str
        The names of the groups.
    nested : mapping of str to frozenset of str
        The axes that each is nested in.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> pair = rng.normal(size=(2, 20_000, 2))
    >>> x = hybrids(*pair, [np.array([0]), np.array([1])])
    >>> found = variance_by_axes(x[..., 0] * x[..., 1], np.ones(20_000), ["a", "b"], {})
    >>> {"".join(sorted(axes)): abs(round(v, 1)) for axes, v in found.items()}
    {'a': 0.0, 'b': 0.0, 'ab': 1.0}
    """
    every = np.arange(values.shape[1])
    touched = np.zeros(len(every))
    for m in every[1:]:
        once = every[every < every ^ m]
        apart = values[:, once] - values[:, once ^ m]
        touched[m] = 0.5 * weights @ np.square(apart).mean(axis=1) / weights.sum()
    component = touched[-1] - touched[::-1]
    for g in range(len(axes)):
        has = every >> g & 1 == 1
        component[has] -= component[every[has] ^ (1 << g)]
    found: dict[frozenset[str], float] = {}
    for m in every[1:]:
        members = frozenset(axis for g, axis in enumerate(axes) if m >> g & 1)
        above = frozenset().union(*(nested.get(axis, frozenset()) for axis in members))
        found[members - above] = found.get(members - above, 0.0) + float(component[m])
    return found


def nested_axes(space: Space) -> dict[str, frozenset[str]]:
    """Return the axes in whose choices' branches all parameters of each axis are.

    >>> from jointopt.space import Categorical, Int, Space
    >>> nested_axes(Space(transforms={"scale": Categorical(["none", "robust"])},
    ...                   paradigm=Choice({"knn": {"hyperparameters": {"k": Int(1, 9)}}})))
    {'hyperparameters': frozenset({'paradigm'})}
    """
    by_path = {decision.path: decision for decision in space.decisions}
    found: dict[str, frozenset[str]] = {}
    for decision in space.decisions:
        above = frozenset(_branches_above(decision, by_path)) - {decision.axis}
        found[decision.axis] = found.get(decision.axis, above) & above
    return {axis: above for axis, above in found.items() if above}


def _branches_above(decision: Decision, by_path: Mapping[str, Decision]) -> Iterator[str]:
    """Yield the axes of the choices of which a decision needs one branch."""
    for condition in decision.conditions:
        parent = by_path[condition.path]
        if isinstance(parent.node, Choice) and len(condition.allowed) == 1:
            yield parent.axis
        yield from _branches_above(parent, by_path)
