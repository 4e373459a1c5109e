"""Which configuration comes next."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from optuna.samplers import RandomSampler, TPESampler

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler

__all__ = ["make_sampler"]


def make_sampler(kind: Literal["tpe", "random"], seed: int) -> BaseSampler:
    """Return a sampler with its own seed."""
    if kind == "random":
        return RandomSampler(seed=seed)
    return TPESampler(seed=seed, constant_liar=False)
