"""The exceptions that jointopt raises on purpose.

::

    JointOptError
    ├── SpaceError      a search space, or a configuration of it, is not valid (a ValueError)
    ├── DataError       a table or its target cannot be used (a ValueError)
    ├── OptionError     an option such as a budget or a metric is not valid (a ValueError)
    ├── SearchError     a search ended without any usable result
    ├── StorageError    a study, or what came of it, cannot be written or read
    └── ModelError      a saved model cannot be loaded or does not fit the new table

Every message says what was wrong, where, and what to do about it.
"""

from __future__ import annotations

__all__ = [
    "DataError",
    "JointOptError",
    "ModelError",
    "OptionError",
    "SearchError",
    "SpaceError",
    "StorageError",
]


class JointOptError(Exception):
    """The root of all exceptions that jointopt raises on purpose.

    Examples
    --------
    >>> from jointopt import Float
    >>> try:
    ...     Float(2, 1)
    ... except JointOptError as error:
    ...     print(error)
    low must not be above high, got low=2.0 and high=1.0
    """


class SpaceError(JointOptError, ValueError):
    """A search space, or a configuration of it, is not valid.

    Examples
    --------
    >>> from jointopt import Float
    >>> Float(2, 1)
    Traceback (most recent call last):
        ...
    jointopt.errors.SpaceError: low must not be above high, got low=2.0 and high=1.0
    """


class DataError(JointOptError, ValueError):
    """A table or its target cannot be used.

    Examples
    --------
    >>> from jointopt import JointClassifier
    >>> JointClassifier().fit([[1.0], [2.0]], ["a", "b"])
    Traceback (most recent call last):
        ...
    jointopt.errors.DataError: too few rows have a target to validate a model (n_samples=2): at
        least 6 are needed
    """


class OptionError(JointOptError, ValueError):
    """An option such as a budget, a metric or a strategy is not valid.

    Examples
    --------
    >>> from jointopt import Float, Space, search
    >>> search(Space(hyperparameters={"x": Float(0, 1)}), lambda *_: 0.0, budget="soon")
    Traceback (most recent call last):
        ...
    jointopt.errors.OptionError: budget 'soon' is not a duration; write a number with a unit, such
        as 60s, 5m or 1h
    """


class SearchError(JointOptError):
    """A search ended without any usable result.

    Examples
    --------
    >>> from jointopt import Float, Space, search
    >>> space = Space(hyperparameters={"x": Float(0, 1)})
    >>> search(space, lambda *_: float("nan"), n_trials=1)
    Traceback (most recent call last):
        ...
    jointopt.errors.SearchError: all 1 trials failed; the commonest reason: the objective returned
        NaN
    """


class StorageError(JointOptError):
    """A study, or what came of it, cannot be written or read.

    Examples
    --------
    >>> from jointopt import Comparison
    >>> Comparison.load("no such folder")
    Traceback (most recent call last):
        ...
    jointopt.errors.StorageError: no such folder holds no comparison: comparison.parquet is missing
    """


class ModelError(JointOptError):
    """A saved model cannot be loaded, or does not fit the new table.

    Examples
    --------
    >>> from jointopt import load_model
    >>> load_model("no such folder")
    Traceback (most recent call last):
        ...
    jointopt.errors.ModelError: no such folder holds no model: expected model.json in it, or in its
        folder model/; jointopt run writes one
    """
