"""How a network's weights move: rates, their schedule, and the average of weights."""

from __future__ import annotations

import math
from collections import defaultdict
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
from torch import _foreach_lerp_, _fused_adamw_

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from torch import Tensor

    from jointopt.pipeline.networks.modules import Network
    from jointopt.pipeline.networks.plans import Training

__all__ = ["AdamW", "Average", "make_optimizer", "schedule"]

SCALE_RATE, BIAS_RATE, EMBEDDING_RATE, MEMBER_RATE = 6.0, 0.1, 0.1, 0.1
BETAS = (0.9, 0.99)
EPSILON = 1e-8
WARM_UP, PLATEAU_END = 0.02, 0.5
AVERAGED_SHARE, AVERAGE_START = 0.05, 10


def schedule(name: str, progress: float) -> float:
    """Return the share of the top learning rate, by the share of the training that has passed.

    `flat_cosine` is a short rise, a plateau and a cosine's descent; `coslog4` is that of RealMLP
    (Holzmüller et al., 2024): four waves, each twice as long as the one before; `constant` is
    TabM's.
    """
    if name == "constant":
        return 1.0
    if name == "coslog4":
        return 0.5 * (1 - math.cos(2 * math.pi * math.log2(1 + 15 * progress)))
    if progress < WARM_UP:
        return 0.1 + 0.9 * progress / WARM_UP
    if progress < PLATEAU_END:
        return 1.0
    return 0.5 * (1 + math.cos(math.pi * (progress - PLATEAU_END) / (1 - PLATEAU_END)))


class AdamW:
    """Adam with decoupled weight decay (Loshchilov and Hutter, 2019), by torch's kernel for it.

    `torch.optim.AdamW` does the same and imports torch's compiler, which takes longer than the
    training of a small network, in each process that has one to train. It also counts the steps of
    each parameter by itself, which took a small network a tenth of its training.

    Parameters
    ----------
    groups : sequence of dict
        `params`, all of which get a gradient in each step, their learning rate `lr`, which may
        change, and `weight_decay`.
    """

    def __init__(self, groups: Sequence[dict[str, Any]]) -> None:
        self.param_groups = groups
        self._steps = torch.zeros((), device=groups[0]["params"][0].device)
        self._moments = [
            [[torch.zeros_like(parameter) for parameter in group["params"]] for _ in range(2)]
            for group in groups
        ]

    def zero_grad(self) -> None:
        """Forget all gradients."""
        for group in self.param_groups:
            for parameter in group["params"]:
                parameter.grad = None

    @torch.no_grad()
    def step(self) -> None:
        """Move the parameters."""
        self._steps += 1
        for group, (means, squares) in zip(self.param_groups, self._moments, strict=True):
            _fused_adamw_(
                group["params"],
                [parameter.grad for parameter in group["params"]],
                means,
                squares,
                [],
                [self._steps] * len(means),
                amsgrad=False,
                beta1=BETAS[0],
                beta2=BETAS[1],
                lr=group["lr"],
                weight_decay=group["weight_decay"],
                eps=EPSILON,
                maximize=False,
            )


def make_optimizer(network: Network, training: Training) -> AdamW:
    """Small vectors get no weight decay, and their own speed."""
    alike: defaultdict[tuple[float, bool], list[Tensor]] = defaultdict(list)
    for name, parameter in network.named_parameters():
        alike[_rate_and_decay(name)].append(parameter)
    groups = [
        {
            "params": parameters,
            "top": rate * training.learning_rate,
            "lr": training.learning_rate,
            "weight_decay": training.weight_decay if decays else 0.0,
        }
        for (rate, decays), parameters in alike.items()
    ]
    return AdamW(groups)


def _rate_and_decay(name: str) -> tuple[float, bool]:
    """Return a parameter's share of the learning rate, and whether it decays."""
    if name == "scale":
        return SCALE_RATE, False
    if name.startswith("numbers."):
        return EMBEDDING_RATE, False
    if ".before." in name or ".after." in name:
        return MEMBER_RATE, False
    if name.endswith("table") or "normalise" in name:
        return 1.0, False
    return (1.0, True) if name.endswith("weight") else (BIAS_RATE, False)


class Average:
    """A moving average of weights, over a share of all steps; it is worth a lower learning rate.

    Its first steps forget faster, for what they average is still far from any optimum.
    """

    def __init__(self, network: Network, n_steps: int) -> None:
        self.slowest = 1 / max(AVERAGED_SHARE * n_steps, 1)
        self.live = [parameter.detach() for parameter in network.parameters()]
        self.mean = [parameter.clone() for parameter in self.live]
        self.n_steps = 0

    def update(self) -> None:
        """Take in the weights after one more step."""
        self.n_steps += 1
        weight = max(self.slowest, 1 / (1 + self.n_steps / AVERAGE_START))
        _foreach_lerp_(self.mean, self.live, weight)

    @contextmanager
    def instead(self) -> Iterator[None]:
        """Put the average in the place of the weights for a while."""
        kept = [parameter.clone() for parameter in self.live]
        self._write(self.mean)
        try:
            yield
        finally:
            self._write(kept)

    def _write(self, values: list[Tensor]) -> None:
        for live, value in zip(self.live, values, strict=True):
            live.copy_(value)
