"""Seeds that derive from the study's."""

from __future__ import annotations

import numpy as np

__all__ = ["derive_seed"]


def derive_seed(seed: int, *parts: int) -> int:
    """Return a seed that depends on the study's seed and on the parts alone.

    >>> derive_seed(0, 3) == derive_seed(0, 3) != derive_seed(0, 4)
    True
    """
    return int(np.random.SeedSequence([seed, *parts]).generate_state(1)[0] % 2**31)
