"""Activations and dropout, for a CPU in fewer and cheaper passes than torch's own make.

On small batches they, and not the products of matrices, are most of what training costs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.autograd.function import once_differentiable
from torch.nn import functional

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

__all__ = ["Activation"]

TORCHS: dict[str, Callable[[Tensor], Tensor]] = {
    "relu": functional.relu,
    "selu": functional.selu,
    "silu": functional.silu,
    "mish": functional.mish,
    "gelu": functional.gelu,
}
RANDOM_LEVELS = 2**16
DRAWN_AT_ONCE = 2**16


class Activation(nn.Module):
    """What follows a hidden layer's product: an activation and, in training, dropout.

    Parameters
    ----------
    name : {"relu", "selu", "silu", "mish", "gelu"}
        Of the activation.
    share : float, default=0.0
        Of the units that are silenced in training; the others are raised in proportion.
    """

    def __init__(self, name: str, share: float = 0.0) -> None:
        super().__init__()
        self.name, self.share = name, share
        self._factors = torch.empty(0)

    def forward(self, x: Tensor) -> Tensor:
        """Return the activated units."""
        share = self.share if self.training else 0.0
        if x.device.type != "cpu":
            return functional.dropout(TORCHS[self.name](x), share)
        factors = self._next_factors(x) if share else x.new_ones(())
        if self.name == "mish":
            apply: Callable[[Tensor, Tensor], Tensor] = _Mish.apply
            return apply(x, factors)
        units = TORCHS[self.name](x)
        return units * factors if share else units

    def _next_factors(self, x: Tensor) -> Tensor:
        """Return a factor for each unit; for small batches many are drawn at once."""
        n_units = x.numel()
        if len(self._factors) < n_units:
            self._factors = _draw_factors(max(n_units, DRAWN_AT_ONCE), self.share, x.dtype)
        factors, self._factors = self._factors[:n_units], self._factors[n_units:]
        return factors.view(x.shape)


class _Mish(torch.autograd.Function):
    """x * tanh(softplus(x)) times a factor; what its gradient needs is computed beside it."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, factors: Tensor) -> Tensor:
        """With s = sigmoid(x) and p = s * (2 - s), tanh(softplus(x)) is t = p / (2 - p).

        Its derivative is s * (1 - t ** 2).
        """
        s, one = x.sigmoid(), x.new_ones(())
        p = torch.lerp(s, one, s)
        below = 2 - p
        t = p.div_(below)
        # Into memory that is at hand: fresh memory is slow.
        raised = torch.mul(x, factors, out=below)
        if ctx.needs_input_grad[0]:
            slope = torch.addcmul(one, t, t, value=-1).mul_(s.mul_(raised))
            ctx.save_for_backward(slope.addcmul_(t, factors))
        return raised.mul_(t)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        """Return the gradient before the activation, in the place of what was kept for it."""
        slope: Tensor = ctx.saved_tensors[0]
        return slope.mul_(gradients[0]), None


def _draw_factors(n_units: int, share: float, dtype: torch.dtype) -> Tensor:
    """Return 0 for a share of the units; one random number serves four, each by 16 of its bits."""
    numbers = torch.empty(-(-n_units // 4), dtype=torch.int64).random_(-(2**63), None)
    levels = numbers.view(torch.int16)[:n_units]
    factors = torch.empty(n_units, dtype=dtype)
    torch.ge(levels, round(share * RANDOM_LEVELS) - RANDOM_LEVELS // 2, out=factors)
    return factors.mul_(1 / (1 - share))
