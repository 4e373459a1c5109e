"""Activations and dropout, for a CPU in fewer and cheaper passes than torch's own make.

On small batches they, and not the products of matrices, are most of what training costs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch.nn import functional

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

__all__ = ["ACTIVATIONS", "dropout"]

SATURATED = 20.0
"""From where on mish(x) is x to the last digit of a float, and exp(x) ** 4 still finite."""
RANDOM_LEVELS = 2**16


class _Mish(torch.autograd.Function):
    """x * tanh(softplus(x)) by one exponential; what its gradient needs is computed beside it."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        """With e = exp(x) and n = e * (e + 2), tanh(softplus(x)) is n / (n + 2)."""
        e = x.clamp(max=SATURATED).exp_()
        n = (e + 2).mul_(e)
        below = n + 2
        share = n.div_(below)
        if ctx.needs_input_grad[0]:
            slope = e.addcmul_(e, e).div_(below.square_()).mul_(x).mul_(4)
            ctx.save_for_backward(slope.add_(share))
        return share.mul_(x)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        """Return the gradient before the activation."""
        slope: Tensor = ctx.saved_tensors[0]
        return gradients[0] * slope


def _mish(x: Tensor) -> Tensor:
    if x.device.type != "cpu":
        return functional.mish(x)
    apply: Callable[[Tensor], Tensor] = _Mish.apply
    return apply(x)


ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "relu": functional.relu,
    "selu": functional.selu,
    "silu": functional.silu,
    "mish": _mish,
    "gelu": functional.gelu,
}


def dropout(x: Tensor, share: float) -> Tensor:
    """Silence a share of the units and raise the others in proportion.

    One random number serves four units, each by 16 of its bits.
    """
    if x.device.type != "cpu":
        return functional.dropout(x, share)
    n_units = x.numel()
    numbers = torch.empty(-(-n_units // 4), dtype=torch.int64).random_(-(2**63), None)
    levels = numbers.view(torch.int16)[:n_units].view(x.shape)
    kept = torch.empty(x.shape, dtype=x.dtype)
    torch.ge(levels, round(share * RANDOM_LEVELS) - RANDOM_LEVELS // 2, out=kept)
    return x * kept.mul_(1 / (1 - share))
