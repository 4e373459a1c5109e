"""Transformers that bend each column along a curve, as nodes of an ONNX graph."""

from __future__ import annotations

from functools import reduce
from math import factorial
from typing import TYPE_CHECKING

import numpy as np
from onnx import TensorProto

from jointopt.model.onnx.graph import InexpressibleError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from sklearn.preprocessing import QuantileTransformer, SplineTransformer

    from jointopt.model.onnx.graph import Graph, Value

__all__ = ["quantiles_nodes", "splines_nodes"]

BOUND = 1e-7
"""Scikit-learn's: how close to the ends a quantile counts as the end."""


def splines_nodes(step: SplineTransformer, graph: Graph, x: Value) -> Value:
    """Add the nodes of splines with straight ends."""
    if step.extrapolation != "linear":
        raise InexpressibleError(f"a SplineTransformer with extrapolation={step.extrapolation!r}")
    parts = []
    for j, spline in enumerate(step.bsplines_):
        breaks = spline.t[spline.k : len(spline.t) - spline.k]
        starts = np.array([breaks[0], *breaks])
        # Taylor's polynomials; before and after the knots only their straight part.
        pieces = np.array([spline(starts, nu=m) / factorial(m) for m in range(spline.k + 1)])
        pieces[2:, [0, -1]] = 0.0
        kept = pieces if step.include_bias else pieces[:, :, :-1]
        parts.append(_piecewise(graph, graph.columns(x, [j]), breaks, kept))
    return graph.concat(parts)


def quantiles_nodes(step: QuantileTransformer, graph: Graph, x: Value) -> Value:
    """Add the nodes of a map to quantiles, of a uniform or a normal distribution."""
    normal = step.output_distribution == "normal"
    columns = []
    for j, quantiles in enumerate(step.quantiles_.T):
        column = graph.columns(x, [j])
        steps, rises = np.diff(quantiles), np.diff(step.references_)
        slopes = np.divide(rises, steps, out=np.zeros_like(rises), where=steps > 0)
        heights = [step.references_[0], *step.references_]
        pieces = np.array([heights, [0.0, *slopes, 0.0]])[:, :, None]
        # Where a value fills several quantiles, scikit-learn takes the middle of them.
        ways = [_piecewise(graph, column, quantiles, pieces, strict=s) for s in (False, True)]
        share = graph.add("Mul", graph.add("Add", *ways), 0.5)
        near = BOUND if normal else 0.0
        high = graph.add("GreaterOrEqual", column, quantiles[-1] - near)
        low = graph.add("LessOrEqual", column, quantiles[0] + near)
        share = graph.add("Where", low, 0.0, graph.add("Where", high, 1.0, share))
        columns.append(_normal_quantile(graph, share) if normal else share)
    return graph.concat(columns)


def _piecewise(
    graph: Graph,
    column: Value,
    breaks: NDArray[np.float64],
    pieces: NDArray[np.float64],
    *,
    strict: bool = False,
) -> Value:
    """Return polynomials of a column, others between each two breaks.

    Parameters
    ----------
    graph : Graph
        Where to add the nodes.
    column : Value
        Of shape (n_rows, 1).
    breaks : ndarray of shape (n_breaks,)
        Ascending.
    pieces : ndarray of shape (degree + 1, n_breaks + 1, n_outputs)
        Coefficients by power of the distance to the break before; for what lies before the
        first break, to that.
    strict : bool, default=False
        Whether a value on a break belongs to the piece before it.
    """
    passed = graph.add("Greater" if strict else "GreaterOrEqual", column, breaks)
    counted = graph.add("Cast", passed, to=TensorProto.INT32)
    place = graph.add("ReduceSum", counted, [1], keepdims=0)
    starts = np.array([breaks[0], *breaks])[:, None]
    distance = graph.add("Sub", column, graph.add("Gather", starts, place, axis=0))
    coefficients = [graph.add("Gather", piece, place, axis=0) for piece in pieces]
    return _polynomial(graph, distance, coefficients)


def _polynomial(graph: Graph, x: Value, coefficients: Sequence[Value | float]) -> Value:
    """Return a polynomial by Horner's rule, its coefficients from the least power."""
    *rest, highest = coefficients
    start = highest if isinstance(highest, str) else graph.constant(highest)
    return reduce(
        lambda value, c: graph.add("Add", graph.add("Mul", value, x), c), reversed(rest), start
    )


CENTRE = (
    (
        3.3871328727963666080e0,
        1.3314166789178437745e2,
        1.9715909503065514427e3,
        1.3731693765509461125e4,
        4.5921953931549871457e4,
        6.7265770927008700853e4,
        3.3430575583588128105e4,
        2.5090809287301226727e3,
    ),
    (
        1.0,
        4.2313330701600911252e1,
        6.8718700749205790830e2,
        5.3941960214247511077e3,
        2.1213794301586595867e4,
        3.9307895800092710610e4,
        2.8729085735721942674e4,
        5.2264952788528545610e3,
    ),
)
TAIL = (
    (
        1.42343711074968357734e0,
        4.63033784615654529590e0,
        5.76949722146069140550e0,
        3.64784832476320460504e0,
        1.27045825245236838258e0,
        2.41780725177450611770e-1,
        2.27238449892691845833e-2,
        7.74545014278341407640e-4,
    ),
    (
        1.0,
        2.05319162663775882187e0,
        1.67638483018380384940e0,
        6.89767334985100004550e-1,
        1.48103976427480074590e-1,
        1.51986665636164571966e-2,
        5.47593808499534494600e-4,
        1.05075007164441684324e-9,
    ),
)
CENTRE_WIDTH, CENTRE_SHIFT, TAIL_SHIFT = 0.425, 0.180625, 1.6


def _normal_quantile(graph: Graph, share: Value) -> Value:
    """Return where the normal distribution has a share below it, the ends drawn in by BOUND.

    The rational approximations are those of M. J. Wichura, "Algorithm AS 241: the percentage
    points of the normal distribution", 1988.
    """
    share = graph.add("Min", graph.add("Max", share, BOUND), 1 - BOUND)
    offset = graph.add("Sub", share, 0.5)
    squared = graph.add("Sub", CENTRE_SHIFT, graph.add("Mul", offset, offset))
    centre = graph.add("Mul", offset, _ratio(graph, squared, CENTRE))
    outer = graph.add("Min", share, graph.add("Sub", 1.0, share))
    depth = graph.add("Sqrt", graph.add("Neg", graph.add("Log", outer)))
    size = _ratio(graph, graph.add("Sub", depth, TAIL_SHIFT), TAIL)
    tail = graph.add("Mul", size, graph.add("Sign", offset))
    central = graph.add("LessOrEqual", graph.add("Abs", offset), CENTRE_WIDTH)
    return graph.add("Where", central, centre, tail)


def _ratio(graph: Graph, x: Value, polynomials: tuple[Sequence[float], Sequence[float]]) -> Value:
    above, below = (_polynomial(graph, x, coefficients) for coefficients in polynomials)
    return graph.add("Div", above, below)
