"""Where networks compute, and in which precision."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, cast

import torch

if TYPE_CHECKING:
    from torch import Tensor

    from jointopt.pipeline.networks.optimisation import AdamW

__all__ = ["Precision", "device_of", "precision_on"]


def device_of(name: str) -> torch.device:
    """Return torch's device; `auto` is the graphics processor where there is one.

    Raises
    ------
    ValueError
        If there is no such device.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise ValueError(f"device must be 'auto', 'cpu' or 'cuda'; got {name!r}") from error
    if device.type == "cuda" and not torch.cuda.is_available():
        raise ValueError(f"device is {name!r}, but torch finds no GPU; use 'auto' or 'cpu'")
    return device


class Precision:
    """In which numbers a network is trained.

    Parameters
    ----------
    device : torch.device
        Where.
    half : torch.dtype or None
        Of matrix products; None for full precision throughout.
    """

    def __init__(self, device: torch.device, half: torch.dtype | None) -> None:
        self._device, self._half = device.type, half
        # float16 loses small gradients; bfloat16 has the range of floats.
        self._scaler = torch.amp.GradScaler(device.type, enabled=half is torch.float16)

    def forward(self) -> AbstractContextManager[object]:
        """Return the context for the network and its loss."""
        if self._half is None:
            return nullcontext()
        return torch.autocast(self._device, dtype=self._half)

    def step(self, loss: Tensor, optimizer: AdamW) -> None:
        """Move the optimizer's parameters along the gradient of the loss."""
        optimizer.zero_grad()
        torch.autograd.backward(self._scaler.scale(loss))
        # It asks for no more than `step` and `param_groups`.
        self._scaler.step(cast("torch.optim.Optimizer", optimizer))
        self._scaler.update()


def precision_on(device: torch.device) -> Precision:
    """Return mixed precision on a GPU and full precision elsewhere."""
    if device.type != "cuda":
        return Precision(device, None)
    return Precision(device, torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16)
