"""What is to be predicted: one of two classes, one of several, or a number."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Literal

import numpy as np
import pandas as pd

from jointopt.data.normalise import as_numbers, as_strings

__all__ = ["Task", "infer_task"]

MIN_CLASSES_ALLOWED = 2
MAX_INTEGER_CLASSES = 20
INTEGER_CLASSES_SHARE = 0.05
MAX_ASKED_CLASSES = 100
PARSED_SHARE = 0.95


class Task(StrEnum):
    """What is to be predicted."""

    BINARY = "binary"
    MULTICLASS = "multiclass"
    REGRESSION = "regression"

    @property
    def kind(self) -> Literal["classification", "regression"]:
        """Whether classes or numbers are predicted.

        >>> Task.BINARY.kind
        'classification'
        """
        return "regression" if self is Task.REGRESSION else "classification"


def infer_task(y: Any, asked: Literal["classification", "regression"] | None = None) -> Task:
    """Tell by the target what is to be predicted.

    Strings, categories and truth values are classes, numbers with a fraction are a regression.
    Whole numbers are classes if there are few distinct ones: at most 2, or at most 20 and 5 % of
    the rows; so are strings that nearly all spell numbers, fractions or not.

    Parameters
    ----------
    y : array-like of shape (n_samples,)
        The target; missing values do not count.
    asked : {"classification", "regression"} or None, default=None
        What the metric is of. It decides where the target leaves it open: numbers are a
        regression, up to 100 whole numbers are classes.

    Examples
    --------
    >>> infer_task(["yes", "no", "yes"]), infer_task([0.5, 2.0, 1.0])
    (<Task.BINARY: 'binary'>, <Task.REGRESSION: 'regression'>)
    >>> infer_task([0, 1, 2, 1]), infer_task([0, 1, 2, 1], "classification")
    (<Task.REGRESSION: 'regression'>, <Task.MULTICLASS: 'multiclass'>)
    """
    values = y if isinstance(y, pd.Series) else pd.Series(y)
    values = values.dropna()
    n_unique = len(pd.unique(as_strings(values)))
    classes = Task.BINARY if n_unique <= MIN_CLASSES_ALLOWED else Task.MULTICLASS
    dtype: Any = values.dtype
    if isinstance(dtype, pd.CategoricalDtype) or dtype.kind == "b":
        return classes
    numbers = as_numbers(values)
    if np.isnan(numbers).sum() > (1 - PARSED_SHARE) * len(numbers):
        return classes
    is_number = dtype.kind in "iuf" or not values.map(lambda v: isinstance(v, str)).any()
    known = numbers[~np.isnan(numbers)]
    if is_number and (known != np.round(known)).any():
        return Task.REGRESSION
    if asked == "regression" and len(known) == len(numbers):
        return Task.REGRESSION
    allowed = min(MAX_INTEGER_CLASSES, INTEGER_CLASSES_SHARE * len(values))
    if asked == "classification":
        allowed = MAX_ASKED_CLASSES
    return classes if n_unique <= max(MIN_CLASSES_ALLOWED, allowed) else Task.REGRESSION
