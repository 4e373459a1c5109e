"""What a network says of rows, in pieces, so that memory is bounded."""

from __future__ import annotations

import math
from contextlib import contextmanager
from threading import Lock
from typing import TYPE_CHECKING, Any

import torch

from jointopt.pipeline.networks.devices import device_of
from jointopt.pipeline.networks.modules import Network

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

    from jointopt.pipeline.networks.plans import Architecture, Rows

__all__ = ["infer", "on_device", "pooled_scores", "some_threads"]

INFERENCE_ROWS = 8192
TORCH = Lock()
"""Its number of threads and its random state are the process's: one at a time lends them."""


def infer(
    plan: Architecture, weights: Mapping[str, NDArray[Any]], rows: Rows, device: str, threads: int
) -> NDArray[np.float64]:
    """Return the scores of the rows, shape (n_samples, n_outputs).

    Doubles make the scores of a row independent of the rows that it is predicted with.
    """
    with TORCH, some_threads(threads), torch.random.fork_rng(devices=[]), torch.inference_mode():
        where = device_of(device)
        network = Network(plan).double().to(where).eval()
        network.load_state_dict({name: torch.as_tensor(value) for name, value in weights.items()})
        tensors = on_device(rows, where)
        scores = pooled_scores(network, *tensors, classifies=plan.classifies, dtype=torch.float64)
        found: NDArray[np.float64] = scores.cpu().numpy()
        return found


def on_device(rows: Rows, device: torch.device) -> tuple[Tensor, Tensor]:
    """Return numbers and codes as tensors."""
    return torch.as_tensor(rows.numbers, device=device), torch.as_tensor(rows.codes, device=device)


def pooled_scores(
    network: Network,
    numbers: Tensor,
    codes: Tensor,
    *,
    classifies: bool,
    dtype: torch.dtype = torch.float32,
) -> Tensor:
    """Return the mean of members' numbers, or scores whose softmax is that of their softmax."""
    step = max(1, INFERENCE_ROWS // network.n_members)
    pieces = []
    for start in range(0, len(numbers), step):
        rows = slice(start, start + step)
        scores = network(numbers[rows].to(dtype), codes[rows])
        if network.n_members == 1:
            pieces.append(scores[:, 0])
        elif classifies:
            shares = torch.log_softmax(scores, dim=2)
            pieces.append(torch.logsumexp(shares, dim=1) - math.log(network.n_members))
        else:
            pieces.append(scores.mean(dim=1))
    return torch.cat(pieces)


@contextmanager
def some_threads(n_threads: int) -> Iterator[None]:
    """Lend torch that many threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(n_threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)
