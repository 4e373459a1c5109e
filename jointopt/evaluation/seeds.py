"""Seeds that derive from the study's."""

from __future__ import annotations

import operator
from collections.abc import Iterable
from typing import Final, SupportsIndex

import numpy as np

from jointopt.errors import OptionError

__all__ = ["MAX_SEED", "checked_seed", "checked_seeds", "derive_seed"]

MAX_SEED: Final = 2**32 - 1
"""NumPy's."""


def checked_seed(seed: SupportsIndex) -> int:
    """Return a seed that a user gives, which may be one of NumPy's integers.

    Raises
    ------
    OptionError
        If it is no whole number from 0 to `MAX_SEED`.

    Examples
    --------
    >>> checked_seed(np.int64(3))
    3
    """
    found = _seed(seed)
    if found is None:
        raise OptionError(f"seed must be a whole number from 0 to {MAX_SEED}, got {seed!r}")
    return found


def checked_seeds(
    seeds: SupportsIndex | Iterable[SupportsIndex], what: str = "seeds"
) -> list[int]:
    """Return the seeds that a user gives, or as many from 0 on as a number says.

    Parameters
    ----------
    seeds : int or iterable of int
        A number of seeds, or the seeds.
    what : str, default="seeds"
        What it is, for the message of an error.

    Raises
    ------
    OptionError
        If there is none, or one is given twice or is no whole number from 0 to `MAX_SEED`.

    Examples
    --------
    >>> checked_seeds(3), checked_seeds([7, 5])
    ([0, 1, 2], [7, 5])
    """
    given = seeds if isinstance(seeds, Iterable) else range(_seed(seeds) or 0)
    each = [_seed(seed) for seed in given]
    found = [seed for seed in dict.fromkeys(each) if seed is not None]
    if not found or len(found) < len(each):
        raise OptionError(
            f"{what} must be a number of at least 1, or different whole numbers from 0 to "
            f"{MAX_SEED}; got {seeds!r}"
        )
    return found


def _seed(seed: SupportsIndex) -> int | None:
    """Return a seed, None for what is none; a truth value is a mistake."""
    try:
        found = operator.index(seed)
    except TypeError:
        return None
    return found if 0 <= found <= MAX_SEED and not isinstance(seed, bool) else None


def derive_seed(seed: int, *parts: int) -> int:
    """Return a seed that depends on the study's seed and on the parts alone.

    >>> derive_seed(0, 3) == derive_seed(0, 3) != derive_seed(0, 4)
    True
    """
    return int(np.random.SeedSequence([seed, *parts]).generate_state(1)[0] % 2**31)
