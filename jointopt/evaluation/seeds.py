"""Seeds that derive from the study's."""

from __future__ import annotations

import operator
from typing import SupportsIndex

import numpy as np

from jointopt.errors import OptionError

__all__ = ["checked_seed", "derive_seed"]


def checked_seed(seed: SupportsIndex) -> int:
    """Return a seed that a user gives, which may be one of NumPy's integers.

    Raises
    ------
    OptionError
        If it is no whole number from 0 on.

    Examples
    --------
    >>> checked_seed(np.int64(3))
    3
    """
    try:
        found = operator.index(seed)
    except TypeError:
        found = -1
    if found < 0:
        raise OptionError(f"seed must be a whole number from 0 on, got {seed!r}")
    return found


def derive_seed(seed: int, *parts: int) -> int:
    """Return a seed that depends on the study's seed and on the parts alone.

    >>> derive_seed(0, 3) == derive_seed(0, 3) != derive_seed(0, 4)
    True
    """
    return int(np.random.SeedSequence([seed, *parts]).generate_state(1)[0] % 2**31)
