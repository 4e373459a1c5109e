"""What goes into a network's training and what comes out; nothing here needs torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

__all__ = [
    "ACTIVATIONS",
    "NORMALISATIONS",
    "NUMERIC_EMBEDDINGS",
    "SCHEDULES",
    "Architecture",
    "Rows",
    "Trained",
    "Training",
]

ACTIVATIONS = ("relu", "selu", "silu", "mish", "gelu")
NORMALISATIONS = ("none", "batch", "layer")
NUMERIC_EMBEDDINGS = ("none", "periodic", "piecewise_linear")
SCHEDULES = ("flat_cosine", "coslog4", "constant")


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
    classifies : bool
        Whether outputs are scores of classes.
    width : tuple of int
        Units of each hidden layer.
    residual : bool
        Whether each hidden layer's input is added to its output.
    activation : str
        One of `ACTIVATIONS`.
    normalisation : {"none", "batch", "layer"}
        What stands between a hidden layer's product and its activation.
    dropout : float
        Share of hidden units silenced in training.
    numeric_embedding : {"none", "periodic", "piecewise_linear"}
        What is added to the raw number.
    frequency : float
        Standard deviation of the initial frequencies of a periodic embedding.
    edges : tuple of ndarray
        For each column of numbers, where the pieces of a piecewise-linear embedding begin and
        end, in rising order; empty for other embeddings.
    embedding_size : int
        Numbers that stand for one category.
    ensemble_size : int
        Members that share most of their weights.
    """

    n_numeric: int
    cardinalities: tuple[int, ...]
    n_outputs: int
    classifies: bool
    width: tuple[int, ...]
    residual: bool
    activation: str
    normalisation: str
    dropout: float
    numeric_embedding: str
    frequency: float
    edges: tuple[NDArray[np.float32], ...]
    embedding_size: int
    ensemble_size: int


@dataclass(frozen=True, slots=True)
class Training:
    """How a network is trained.

    Attributes
    ----------
    learning_rate : float
        At the top of the schedule.
    schedule : str
        Of the learning rate, one of `SCHEDULES`.
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
    schedule: str
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

    def take(self, index: NDArray[np.intp]) -> Rows:
        """Return some of the rows."""
        target = None if self.target is None else self.target[index]
        return Rows(self.numbers[index], self.codes[index], target)


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
