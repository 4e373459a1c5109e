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

ROWS_ON_A_CPU, ROWS_ON_A_GPU = 512, 8192
"""Taken through a network at a time. On a CPU the units of so many stay in its cache."""
RANDOM_STATE = Lock()
"""Torch's is the process's: one at a time lends it."""


class _Threads:
    """Torch's number of threads, the process's, lent to all that compute at once."""

    def __init__(self) -> None:
        self._lock, self._n_users, self._before = Lock(), 0, 1

    def borrow(self, n_threads: int) -> None:
        with self._lock:
            if not self._n_users:
                self._before = torch.get_num_threads()
            self._n_users += 1
            torch.set_num_threads(n_threads)

    def give_back(self) -> None:
        with self._lock:
            self._n_users -= 1
            # Each thread also has a number of its own, which only it can set.
            torch.set_num_threads(self._before)


_THREADS = _Threads()


def infer(
    plan: Architecture, weights: Mapping[str, NDArray[Any]], rows: Rows, device: str, threads: int
) -> NDArray[np.float64]:
    """Return the scores of the rows, shape (n_samples, n_outputs).

    Doubles make the scores of a row independent of the rows that it is predicted with.
    """
    with some_threads(threads), torch.inference_mode():
        where = device_of(device)
        with RANDOM_STATE, torch.random.fork_rng(devices=[]):
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
    at_once = ROWS_ON_A_CPU if numbers.device.type == "cpu" else ROWS_ON_A_GPU
    step = max(1, at_once // network.n_members)
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
    _THREADS.borrow(n_threads)
    try:
        yield
    finally:
        _THREADS.give_back()
