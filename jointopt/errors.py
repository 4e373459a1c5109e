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
    """The root of all exceptions that jointopt raises on purpose."""


class SpaceError(JointOptError, ValueError):
    """A search space, or a configuration of it, is not valid."""


class DataError(JointOptError, ValueError):
    """A table or its target cannot be used."""


class OptionError(JointOptError, ValueError):
    """An option such as a budget, a metric or a strategy is not valid."""


class SearchError(JointOptError):
    """A search ended without any usable result."""


class StorageError(JointOptError):
    """A study, or what came of it, cannot be written or read."""


class ModelError(JointOptError):
    """A saved model cannot be loaded, or does not fit the new table."""
