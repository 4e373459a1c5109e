"""The torch side of the tabular networks: modules, schedule and training loop.

Only `jointopt.pipeline.network` imports this module, and only inside a fit or a prediction,
because importing torch takes seconds. Arrays come in and go out as NumPy.
"""

from __future__ import annotations

import math
import time
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from numpy.typing import NDArray

__all__ = ["Architecture", "Rows", "Trained", "Training", "infer", "train"]

N_FREQUENCIES = 16
PERIODIC_OUTPUTS = 3
SMALL_HEAD = 0.1
SCALE_RATE, BIAS_RATE, PERIODIC_RATE = 6.0, 0.1, 0.1
BETAS = (0.9, 0.99)
WARM_UP, PLATEAU_END = 0.02, 0.5
AVERAGED_SHARE, AVERAGE_START = 0.05, 10
INFERENCE_ROWS = 8192
ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "relu": functional.relu,
    "selu": functional.selu,
    "silu": functional.silu,
    "mish": functional.mish,
    "gelu": functional.gelu,
}


@dataclass(frozen=True, slots=True)
class Architecture:
    """Everything that the shape of a network depends on.

    Attributes
    ----------
    n_numeric : int
        Columns that are numbers.
    cardinalities : tuple of int
        For each column of categories, how many embedding rows it needs, the unknown included.
    n_outputs : int
        Classes, or 1.
    width : tuple of int
        Units of each hidden layer.
    residual : bool
        Whether each hidden layer's input is added to its output.
    activation : str
        A key of `ACTIVATIONS`.
    normalisation : {"none", "batch", "layer"}
        What stands between a hidden layer's product and its activation.
    dropout : float
        Share of hidden units silenced in training.
    numeric_embedding : {"none", "periodic"}
        What is added to the raw number.
    frequency : float
        Standard deviation of the initial frequencies of a periodic embedding.
    embedding_size : int
        Numbers that stand for one category.
    """

    n_numeric: int
    cardinalities: tuple[int, ...]
    n_outputs: int
    width: tuple[int, ...]
    residual: bool
    activation: str
    normalisation: str
    dropout: float
    numeric_embedding: str
    frequency: float
    embedding_size: int


@dataclass(frozen=True, slots=True)
class Training:
    """How a network is trained.

    Attributes
    ----------
    learning_rate : float
        At the top of the schedule.
    weight_decay : float
        Decoupled, on weights only.
    batch_size : int
        Rows of one step.
    label_smoothing : float
        Share of the target's mass that is spread over all classes.
    max_epochs : int
        Length of the schedule.
    n_epochs : int or None
        Epochs of the schedule that are run, all of them if None.
    patience : int or None
        Training stops after that many epochs without improvement, never if None.
    max_seconds : float or None
        Training ends before.
    must_reach : dict of float to float
        Share of the schedule to the loss on held-out rows without which training stops there.
    seed : int
        Of initial weights, order of the rows and dropout.
    device : str
        Where torch computes.
    threads : int
        That torch may use.
    """

    learning_rate: float
    weight_decay: float
    batch_size: int
    label_smoothing: float
    max_epochs: int
    n_epochs: int | None
    patience: int | None
    max_seconds: float | None
    must_reach: Mapping[float, float]
    seed: int
    device: str
    threads: int


@dataclass(frozen=True, slots=True)
class Rows:
    """Scaled rows of a table.

    Attributes
    ----------
    numbers : ndarray of shape (n_samples, n_numeric), float32
        Scaled numbers.
    codes : ndarray of shape (n_samples, n_categorical), int64
        Row numbers in each column's own embedding table.
    target : ndarray of shape (n_samples,) or None
        Class indices as int64, or standardised numbers as float32.
    """

    numbers: NDArray[np.float32]
    codes: NDArray[np.int64]
    target: NDArray[Any] | None = None


@dataclass(frozen=True, slots=True)
class Trained:
    """What training leaves.

    Attributes
    ----------
    weights : dict of str to ndarray
        The network's state at the best epoch.
    n_epochs : int
        The best epoch, counted from one; the last one if nothing was held out.
    schedule_epochs : int
        Epochs that the whole schedule would have taken; fewer than `max_epochs` if time was short.
    validation_curve : list of float
        Loss on the held-out rows after each epoch.
    progress : list of float
        Share of the schedule that had passed after each of these epochs.
    stopped : bool
        Whether the loss was not as low as it had to be.
    """

    weights: dict[str, NDArray[Any]]
    n_epochs: int
    schedule_epochs: int
    validation_curve: list[float]
    progress: list[float]
    stopped: bool


# ------------------------------------------------------------------------------ modules


class ScaledLinear(nn.Module):
    """A linear layer whose weights have unit size and whose product is scaled down instead.

    This is the neural tangent parametrisation: one learning rate suits layers of all widths.
    """

    def __init__(self, n_inputs: int, n_outputs: int, *, bias: bool = True) -> None:
        super().__init__()
        self.scale = 1 / math.sqrt(max(n_inputs, 1))
        self.weight = nn.Parameter(torch.randn(n_inputs, n_outputs))
        self.bias = nn.Parameter(torch.randn(n_outputs)) if bias else None

    def forward(self, x: Tensor) -> Tensor:
        """Return an affine function of the rows."""
        if self.bias is None:
            return x @ self.weight * self.scale
        return torch.addmm(self.bias, x, self.weight, alpha=self.scale)


class PeriodicEmbedding(nn.Module):
    """Each number becomes itself and a few linear combinations of its learned periodic waves."""

    def __init__(self, n_columns: int, frequency: float) -> None:
        super().__init__()
        n_waves, n_outputs = N_FREQUENCIES, PERIODIC_OUTPUTS
        self.frequency = nn.Parameter(frequency * torch.randn(n_columns, n_waves))
        self.phase = nn.Parameter(math.pi * (2 * torch.rand(n_columns, n_waves) - 1))
        bound = 1 / math.sqrt(n_waves)
        self.mix = nn.Parameter(bound * (2 * torch.rand(n_columns, n_waves, n_outputs) - 1))
        self.shift = nn.Parameter(bound * (2 * torch.rand(n_columns, n_outputs) - 1))

    def forward(self, x: Tensor) -> Tensor:
        """Return the numbers and, after them, the waves of all columns."""
        waves = torch.cos(2 * math.pi * x[:, :, None] * self.frequency + self.phase)
        mixed = torch.einsum("rcw,cwo->rco", waves, self.mix) + self.shift
        return torch.cat([x, mixed.flatten(1)], dim=1)


class CategoryEmbedding(nn.Module):
    """One table of learned vectors for all columns of categories."""

    def __init__(self, cardinalities: tuple[int, ...], size: int) -> None:
        super().__init__()
        self.table = nn.Parameter(torch.randn(sum(cardinalities), size))
        starts = np.cumsum([0, *cardinalities[:-1]])
        self.starts: Tensor
        self.register_buffer("starts", torch.as_tensor(starts), persistent=False)

    def forward(self, codes: Tensor) -> Tensor:
        """Return the vectors of a row's categories, one after the other."""
        return functional.embedding(codes + self.starts, self.table).flatten(1)


class Block(nn.Module):
    """A hidden layer: product, normalisation, activation, dropout and perhaps a way around."""

    def __init__(self, n_inputs: int, n_outputs: int, plan: Architecture) -> None:
        super().__init__()
        self.linear = ScaledLinear(n_inputs, n_outputs)
        self.normalise = _normalisation(plan.normalisation, n_outputs)
        self.activate = ACTIVATIONS[plan.activation]
        self.dropout = plan.dropout
        self.around: nn.Module | None = None
        if plan.residual:
            same = n_inputs == n_outputs
            self.around = nn.Identity() if same else ScaledLinear(n_inputs, n_outputs, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Return the hidden units of the rows."""
        units = self.activate(self.normalise(self.linear(x)))
        if self.dropout and self.training:
            units = functional.dropout(units, self.dropout)
        return units if self.around is None else self.around(x) + units


class Network(nn.Module):
    """A multilayer perceptron for tables."""

    def __init__(self, plan: Architecture) -> None:
        super().__init__()
        periodic = plan.numeric_embedding == "periodic" and plan.n_numeric
        self.numbers = (
            PeriodicEmbedding(plan.n_numeric, plan.frequency) if periodic else nn.Identity()
        )
        self.categories = (
            CategoryEmbedding(plan.cardinalities, plan.embedding_size)
            if plan.cardinalities
            else None
        )
        n_inputs = plan.n_numeric * (1 + PERIODIC_OUTPUTS if periodic else 1)
        n_inputs += len(plan.cardinalities) * plan.embedding_size
        self.scale = nn.Parameter(torch.ones(n_inputs))
        sizes = [n_inputs, *plan.width]
        self.blocks = nn.Sequential(
            *(Block(before, after, plan) for before, after in pairwise(sizes))
        )
        self.head = ScaledLinear(sizes[-1], plan.n_outputs)
        if plan.n_outputs == 1:
            # A number's prediction starts near its mean; measured, it does not help class scores.
            with torch.no_grad():
                for parameter in self.head.parameters():
                    parameter.mul_(SMALL_HEAD)

    def forward(self, numbers: Tensor, codes: Tensor) -> Tensor:
        """Return class scores, or a column of numbers."""
        x = self.numbers(numbers)
        if self.categories is not None:
            x = torch.cat([x, self.categories(codes)], dim=1)
        scores: Tensor = self.head(self.blocks(x * self.scale))
        return scores


def _normalisation(name: str, n_units: int) -> nn.Module:
    match name:
        case "batch":
            return nn.BatchNorm1d(n_units)
        case "layer":
            return nn.LayerNorm(n_units)
        case _:
            return nn.Identity()


# ------------------------------------------------------------------------------ training


def train(plan: Architecture, training: Training, rows: Rows, held: Rows | None) -> Trained:
    """Train a network.

    Parameters
    ----------
    plan : Architecture
        What is trained.
    training : Training
        How.
    rows : Rows
        To learn from.
    held : Rows or None
        To choose the best epoch by.

    Returns
    -------
    Trained
        Weights and what is known of them.

    Raises
    ------
    FloatingPointError
        If the loss is no longer finite.
    """
    with _quarantine(training):
        return _Trainer(plan, training, rows, held).run()


def infer(
    plan: Architecture, weights: Mapping[str, NDArray[Any]], rows: Rows, device: str, threads: int
) -> NDArray[np.float64]:
    """Return the scores of the rows, shape (n_samples, n_outputs).

    Doubles make the scores of a row independent of the rows that it is predicted with.
    """
    with _threads(threads), torch.random.fork_rng(devices=[]), torch.inference_mode():
        network = Network(plan).double().to(device).eval()
        network.load_state_dict({name: torch.as_tensor(value) for name, value in weights.items()})
        numbers, codes = _tensors(rows, device)
        scores: NDArray[np.float64] = _scores(network, numbers, codes, torch.float64).cpu().numpy()
        return scores


class _Average:
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
        for mean, live in zip(self.mean, self.live, strict=True):
            mean.lerp_(live, weight)

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


class _Trainer:
    """The state of one training."""

    def __init__(
        self, plan: Architecture, training: Training, rows: Rows, held: Rows | None
    ) -> None:
        self.started = self.epoch_started = time.monotonic()
        self.training = training
        self.network = Network(plan).to(training.device)
        self.optimizer = _optimizer(self.network, training)
        self.numbers, self.codes = _tensors(rows, training.device)
        self.target = torch.as_tensor(rows.target, device=training.device)
        self.held = held
        self.classify = not self.target.is_floating_point()
        # Rounded down, so that no batch is too small to be normalised.
        self.n_batches = max(1, len(self.target) // training.batch_size)
        self.average = _Average(self.network, self.n_batches * training.max_epochs)
        self.progress = 0.0
        self.done = 0
        self.curve: list[float] = []
        self.passed: list[float] = []

    def run(self) -> Trained:
        """Train until the schedule, the patience or the time ends, or a loss is too high."""
        limits = self.training
        target = 1.0 if limits.n_epochs is None else limits.n_epochs / limits.max_epochs
        best, best_epoch = _snapshot(self.network), 0
        while self.progress < target - 1e-9 and not (self.done and self.late()):
            self.epoch((1 - self.progress) / self.epochs_left(target))
            with self.average.instead():
                if self.held is not None:
                    self.curve.append(self.require_finite(self.validate(self.held)))
                    self.passed.append(self.progress)
                if self.held is None or self.curve[-1] <= min(self.curve):
                    best, best_epoch = _snapshot(self.network), self.done
            impatient = limits.patience is not None and self.done - best_epoch >= limits.patience
            if impatient or self.behind():
                break
        length = round(self.done / self.progress) if self.progress else limits.max_epochs
        return Trained(best, best_epoch, length, self.curve, self.passed, self.behind())

    def behind(self) -> bool:
        """Whether the held-out loss was not as low in time as it had to be."""
        return any(
            share <= self.progress + 1e-9 and min(self.curve, default=0.0) > loss
            for share, loss in self.training.must_reach.items()
        )

    def late(self) -> bool:
        """Whether the time is over."""
        limit = self.training.max_seconds
        return limit is not None and time.monotonic() - self.started > limit

    def epochs_left(self, target: float) -> float:
        """Epochs until the end of the schedule: what is left, or what the time allows if less."""
        left = (1 - self.progress) * self.training.max_epochs
        now = time.monotonic()
        duration, self.epoch_started = now - self.epoch_started, now
        if self.training.max_seconds is None or not self.done:
            return left
        affordable = math.floor((self.started + self.training.max_seconds - now) / duration)
        share = (target - self.progress) / (1 - self.progress)
        return left if affordable >= left * share else max(affordable, 1) / share

    def epoch(self, advance: float) -> None:
        """Go once through all rows while the schedule advances by that much."""
        n_batches = self.n_batches
        order = torch.randperm(len(self.target))
        batches = zip(
            self.numbers[order].tensor_split(n_batches),
            self.codes[order].tensor_split(n_batches),
            self.target[order].tensor_split(n_batches),
            strict=True,
        )
        self.network.train()
        total = torch.zeros((), device=self.target.device)
        for index, (numbers, codes, target) in enumerate(batches):
            self.step(self.progress + advance * index / n_batches, numbers, codes, target, total)
            if self.late():
                break
        self.progress += advance
        self.done += 1
        self.require_finite(total.item())

    def require_finite(self, loss: float) -> float:
        """Return the loss, or say that training has failed."""
        if not math.isfinite(loss):
            raise FloatingPointError(
                f"the network's loss became {loss} in epoch {self.done} with "
                f"learning_rate={self.training.learning_rate:g}; use a lower learning rate"
            )
        return loss

    def step(
        self, progress: float, numbers: Tensor, codes: Tensor, target: Tensor, total: Tensor
    ) -> None:
        """Learn from one batch."""
        shape = schedule(progress)
        for group in self.optimizer.param_groups:
            group["lr"] = group["top"] * shape
        scores = self.network(numbers, codes)
        if self.classify:
            loss = functional.cross_entropy(
                scores, target, label_smoothing=self.training.label_smoothing
            )
        else:
            loss = functional.mse_loss(scores[:, 0], target)
        self.optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        self.optimizer.step()
        self.average.update()
        total += loss.detach()

    def validate(self, held: Rows) -> float:
        """Return log loss or root mean squared error on the held-out rows."""
        self.network.eval()
        with torch.inference_mode():
            scores = _scores(self.network, *_tensors(held, self.training.device))
            target = torch.as_tensor(held.target, device=self.training.device)
            if self.classify:
                return float(functional.cross_entropy(scores, target))
            return math.sqrt(functional.mse_loss(scores[:, 0], target))


def schedule(progress: float) -> float:
    """Return the share of the top learning rate: a short rise, a plateau, a cosine's descent."""
    if progress < WARM_UP:
        return 0.1 + 0.9 * progress / WARM_UP
    if progress < PLATEAU_END:
        return 1.0
    return 0.5 * (1 + math.cos(math.pi * (progress - PLATEAU_END) / (1 - PLATEAU_END)))


def _optimizer(network: Network, training: Training) -> torch.optim.AdamW:
    """Small vectors get no weight decay, and their own speed."""
    groups = []
    for name, parameter in network.named_parameters():
        decay = 0.0
        rate = BIAS_RATE
        if name == "scale":
            rate = SCALE_RATE
        elif name.startswith("numbers."):
            rate = PERIODIC_RATE
        elif name.endswith("weight") and parameter.ndim > 1:
            rate, decay = 1.0, training.weight_decay
        elif name.endswith("table") or "normalise" in name:
            rate = 1.0
        groups.append(
            {"params": [parameter], "top": rate * training.learning_rate, "weight_decay": decay}
        )
    return torch.optim.AdamW(groups, lr=training.learning_rate, betas=BETAS, fused=True)


def _tensors(rows: Rows, device: str) -> tuple[Tensor, Tensor]:
    return torch.as_tensor(rows.numbers, device=device), torch.as_tensor(rows.codes, device=device)


def _scores(
    network: Network, numbers: Tensor, codes: Tensor, dtype: torch.dtype = torch.float32
) -> Tensor:
    pieces = [
        network(
            numbers[start : start + INFERENCE_ROWS].to(dtype),
            codes[start : start + INFERENCE_ROWS],
        )
        for start in range(0, len(numbers), INFERENCE_ROWS)
    ]
    return torch.cat(pieces)


def _snapshot(network: Network) -> dict[str, NDArray[Any]]:
    return {name: value.cpu().numpy().copy() for name, value in network.state_dict().items()}


@contextmanager
def _threads(n_threads: int) -> Iterator[None]:
    """Lend torch that many threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(n_threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def _quarantine(training: Training) -> Iterator[None]:
    """Keep torch's global random state and number of threads as they were."""
    with _threads(training.threads), torch.random.fork_rng(devices=[]):
        torch.manual_seed(training.seed)
        yield
