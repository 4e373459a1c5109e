"""The training loop of networks."""

from __future__ import annotations

import math
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
from torch.nn import functional

from jointopt.pipeline.networks.devices import device_of, precision_on
from jointopt.pipeline.networks.inference import on_device, pooled_scores, some_threads
from jointopt.pipeline.networks.modules import Network
from jointopt.pipeline.networks.optimisation import WARM_UP, Average, make_optimizer, schedule
from jointopt.pipeline.networks.plans import Trained

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray
    from torch import Tensor

    from jointopt.pipeline.networks.plans import Architecture, Rows, Training

__all__ = ["train"]

EARLIEST_BEST = WARM_UP
"""Share of the schedule before which no epoch is the best."""
FORGOTTEN = 0.25
"""Of what the training loss fell by since the first epoch: who has lost more is not kept."""
SETTLING_ROWS = 2_048
"""That tell what the units of averaged weights are, where these are normalised by batches."""


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


class _Trainer:
    """The state of one training."""

    def __init__(
        self, plan: Architecture, training: Training, rows: Rows, held: Rows | None
    ) -> None:
        self.started = self.epoch_started = time.monotonic()
        self.plan, self.training = plan, training
        device = device_of(training.device)
        self.precision = precision_on(device)
        self.network = Network(plan).to(device)
        self.optimizer = make_optimizer(self.network, training)
        self.numbers, self.codes, self.target = _with_target(rows, device)
        self.held = None if held is None else _with_target(held, device)
        # Rounded down, so that no batch is too small to be normalised.
        self.n_batches = max(1, len(self.target) // training.batch_size)
        self.average = Average(self.network, self.n_batches * training.max_epochs)
        self.progress = 0.0
        self.done = 0
        self.curve: list[float] = []
        self.passed: list[float] = []
        self.losses: list[float] = []

    def run(self) -> Trained:
        """Train until the schedule, the patience or the time ends, or a loss is too high."""
        limits = self.training
        target = 1.0 if limits.n_epochs is None else limits.n_epochs / limits.max_epochs
        best, best_epoch = _snapshot(self.network), 0
        while self.progress < target - 1e-9 and not (self.done and self.late()):
            self.epoch((1 - self.progress) / self.epochs_left(target))
            with self.average.instead():
                self.network.settle(*self.some_rows())
                if self.held is not None:
                    self.curve.append(self.require_finite(self.validate(*self.held)))
                    self.passed.append(self.progress)
                if self.remembers() if self.held is None else self.is_best():
                    best, best_epoch = _snapshot(self.network), self.done
            impatient = limits.patience is not None and self.done - best_epoch >= limits.patience
            if impatient or self.behind():
                break
        length = round(self.done / self.progress) if self.progress else limits.max_epochs
        return Trained(best, best_epoch, length, self.curve, self.passed, self.behind())

    def some_rows(self) -> tuple[Tensor, Tensor]:
        """Return rows from everywhere: a table may be sorted."""
        step = math.ceil(len(self.target) / SETTLING_ROWS)
        return self.numbers[::step], self.codes[::step]

    def is_best(self) -> bool:
        """Whether the held-out loss is the lowest since the learning rate is at its top.

        By chance it may have been lower before, of weights that had learned next to nothing.
        """
        risen = [
            loss
            for share, loss in zip(self.passed, self.curve, strict=True)
            if share >= EARLIEST_BEST
        ]
        return self.curve[-1] <= min(risen, default=math.inf)

    def remembers(self) -> bool:
        """Whether the training loss is about as low as it was: at high rates all may be lost."""
        lowest = min(self.losses)
        return self.losses[-1] <= lowest + FORGOTTEN * (self.losses[0] - lowest)

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
        self.losses.append(self.require_finite(total.item()) / (index + 1))

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
        shape = schedule(self.training.schedule, progress)
        for group in self.optimizer.param_groups:
            group["lr"] = group["top"] * shape
        with self.precision.forward():
            loss = self.loss(self.network(numbers, codes), target)
        self.precision.step(loss, self.optimizer)
        self.average.update()
        total += loss.detach()

    def loss(self, scores: Tensor, target: Tensor) -> Tensor:
        """Return the mean over members: each learns by itself."""
        targets = target[:, None].expand(scores.shape[:2])
        if not self.plan.classifies:
            return functional.mse_loss(scores[..., 0], targets)
        return functional.cross_entropy(
            scores.flatten(0, 1),
            targets.flatten(),
            label_smoothing=self.training.label_smoothing,
        )

    def validate(self, numbers: Tensor, codes: Tensor, target: Tensor) -> float:
        """Return log loss or root mean squared error on the held-out rows."""
        self.network.eval()
        with torch.inference_mode():
            scores = pooled_scores(self.network, numbers, codes, classifies=self.plan.classifies)
            if self.plan.classifies:
                return float(functional.cross_entropy(scores, target))
            return math.sqrt(functional.mse_loss(scores[:, 0], target))


def _with_target(rows: Rows, device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    return *on_device(rows, device), torch.as_tensor(rows.target, device=device)


def _snapshot(network: Network) -> dict[str, NDArray[Any]]:
    return {name: value.cpu().numpy().copy() for name, value in network.state_dict().items()}


@contextmanager
def _quarantine(training: Training) -> Iterator[None]:
    """Keep torch's global random state and number of threads as they were."""
    device = device_of(training.device)
    gpus = [device] if device.type == "cuda" else []
    with some_threads(training.threads), torch.random.fork_rng(devices=gpus):
        torch.manual_seed(training.seed)
        yield
