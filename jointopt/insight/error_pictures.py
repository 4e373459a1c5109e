"""Where a trial's predictions out of fold are wrong, as pictures in SVG.

They are drawn while a search waits, in about a millisecond.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from sklearn.metrics import confusion_matrix

from jointopt.insight.templates import get_template

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["draw_confusion", "draw_residuals"]

MOST_CLASSES: Final = 12
"""That have a row of their own; the rarer ones share one."""
LONGEST_LABEL: Final = 12
MOST_POINTS: Final = 500
N_TICKS: Final = 6
"""About as many as there is room for."""
WIDTH, HEIGHT = 440, 300
"""Of the plane of residuals."""


def draw_confusion(
    true: NDArray[np.int64], probabilities: NDArray[np.floating[Any]], labels: Sequence[object]
) -> str:
    """Draw how often each class was taken for each.

    Parameters
    ----------
    true : ndarray of shape (n_rows,)
        Class codes.
    probabilities : ndarray of shape (n_rows, n_classes)
        Predictions out of fold; NaN for rows that no fold scores.
    labels : sequence of object
        What the codes stand for.

    Returns
    -------
    str
        An SVG image.
    """
    scored = ~np.isnan(probabilities).any(axis=1)
    codes = np.stack([true[scored], probabilities[scored].argmax(axis=1)])
    names = [_short(label) for label in labels]
    if len(names) > MOST_CLASSES:
        frequent = np.bincount(codes[0], minlength=len(names)).argsort()[::-1][: MOST_CLASSES - 1]
        place = np.full(len(names), MOST_CLASSES - 1)
        place[frequent] = np.arange(MOST_CLASSES - 1)
        codes = place[codes]
        names = [*(names[code] for code in frequent), "others"]
    counts = confusion_matrix(codes[0], codes[1], labels=np.arange(len(names)))
    shares = counts / np.maximum(1, counts.sum(axis=1, keepdims=True))
    return get_template("confusion.svg.j2").render(
        names=names,
        counts=counts.tolist(),
        shares=shares.tolist(),
        n_rows=int(scored.sum()),
        side=60 if len(names) <= MOST_CLASSES / 2 else 38,
    )


def draw_residuals(true: NDArray[np.float64], predicted: NDArray[np.floating[Any]]) -> str:
    """Draw how far predictions are from the truth.

    Parameters
    ----------
    true : ndarray of shape (n_rows,)
        The target.
    predicted : ndarray of shape (n_rows,)
        Predictions out of fold; NaN for rows that no fold scores.

    Returns
    -------
    str
        An SVG image.
    """
    scored = np.flatnonzero(~np.isnan(predicted))
    shown = scored[np.unique(np.linspace(0, len(scored) - 1, MOST_POINTS).round().astype(int))]
    x = predicted[shown].astype(float)
    y = true[shown] - x
    reach = float(np.abs(y).max()) or 1.0
    left, right = float(x.min()), float(x.max())
    margin = 0.03 * (right - left) or 0.5
    left, right = left - margin, right + margin

    def across(value: Any) -> Any:
        return WIDTH * (value - left) / (right - left)

    def down(value: Any) -> Any:
        return HEIGHT * (1 - value / (1.06 * reach)) / 2

    return get_template("residuals.svg.j2").render(
        points=zip(across(x).tolist(), down(y).tolist(), strict=True),
        below=[(across(tick), f"{tick:.6g}") for tick in _ticks(left, right)],
        beside=[(down(tick), f"{tick:.6g}") for tick in _ticks(-reach, reach)],
        n_rows=len(scored),
        n_shown=len(shown),
        width=WIDTH,
        height=HEIGHT,
    )


def _ticks(low: float, high: float) -> list[float]:
    """Return some round numbers from one to another.

    >>> _ticks(6.2, 83.9), _ticks(-25.7, 25.7)
    ([20.0, 40.0, 60.0, 80.0], [-20.0, -10.0, 0.0, 10.0, 20.0])
    """
    rough = (high - low) / N_TICKS
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(step for step in (1, 2, 5, 10) if step * power >= rough) * power
    places = range(math.ceil(low / step), math.floor(high / step) + 1)
    return [place * step for place in places]


def _short(label: object) -> str:
    text = " ".join(str(label).split())
    return text if len(text) <= LONGEST_LABEL else f"{text[: LONGEST_LABEL - 1]}…"
