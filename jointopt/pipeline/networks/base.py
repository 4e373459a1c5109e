"""What the classifier and the regressor have in common."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from sklearn.base import BaseEstimator, is_classifier
from sklearn.utils.validation import check_is_fitted, validate_data

from jointopt.pipeline.held_rows import MIN_ROWS_TO_HOLD_OUT, held_rows
from jointopt.pipeline.networks.plans import (
    ACTIVATIONS,
    NORMALISATIONS,
    NUMERIC_EMBEDDINGS,
    SCHEDULES,
    Architecture,
    Rows,
    Training,
)
from jointopt.pipeline.networks.rows import (
    clipped,
    coded,
    known_codes,
    piece_edges,
    robust_scale,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import ArrayLike, NDArray

    from jointopt.pipeline.networks.plans import Trained

__all__ = ["NumericEmbedding", "TabularNetwork"]

BATCH_SIZES = ((2_000, 64), (5_000, 128), (50_000, 256), (200_000, 512))
LARGEST_BATCH = 1024
CHOICES = {
    "activation": ACTIVATIONS,
    "normalisation": NORMALISATIONS,
    "numeric_embedding": NUMERIC_EMBEDDINGS,
    "schedule": SCHEDULES,
}

Activation = Literal["relu", "selu", "silu", "mish", "gelu"]
Normalisation = Literal["none", "batch", "layer"]
NumericEmbedding = Literal["none", "periodic", "piecewise_linear"]
Schedule = Literal["flat_cosine", "coslog4", "constant"]


@dataclass(kw_only=True, eq=False, repr=False)
class TabularNetwork(BaseEstimator):
    """What the classifier and the regressor share; see `NetworkClassifier`."""

    choices: ClassVar[Mapping[str, Sequence[str]]] = CHOICES
    """What an argument may be, where that is one of several words."""

    categorical: Sequence[int] | None = None
    width: Sequence[int] = (256, 256, 256)
    residual: bool = False
    activation: Activation = "mish"
    normalisation: Normalisation = "none"
    dropout: float = 0.15
    numeric_embedding: NumericEmbedding = "none"
    frequency: float = 0.5
    n_bins: int = 48
    embedding_size: int = 8
    ensemble_size: int = 1
    learning_rate: float = 0.02
    schedule: Schedule = "flat_cosine"
    weight_decay: float = 0.02
    batch_size: int | None = None
    max_epochs: int = 128
    n_epochs: int | None = None
    patience: int | None = 20
    validation_fraction: float = 0.1
    max_seconds: float | None = None
    must_reach: Mapping[float, float] | None = None
    random_state: int | None = None
    device: str = "auto"
    n_jobs: int | None = None

    @staticmethod
    def load_libraries() -> None:
        """Import torch now, for a caller whose clock shall not run meanwhile: it takes seconds."""
        importlib.import_module("jointopt.pipeline.networks.training")

    def _train(self, X: NDArray[np.float64], target: NDArray[Any], n_outputs: int) -> None:
        """Learn from rows whose target is class indices or standardised numbers."""
        self._check_arguments()
        rng = np.random.default_rng(self.random_state)
        self._learn_scaling(X)
        rows = self._rows(X, target)
        held = self._held(target, rng)
        n_fitted = len(X) - len(held)
        self._check_rows(n_fitted)
        trained = _torch_train(
            self._architecture(n_outputs),
            self._training(n_fitted, int(rng.integers(2**31))),
            rows.take(np.delete(np.arange(len(X)), held)),
            rows.take(held) if len(held) else None,
        )
        self.weights_: dict[str, NDArray[Any]] = trained.weights
        self.n_epochs_: int = trained.n_epochs
        self.schedule_epochs_: int = trained.schedule_epochs
        self.validation_curve_: list[float] = trained.validation_curve
        self.progress_: list[float] = trained.progress
        self.stopped_: bool = trained.stopped

    @property
    def refit_params_(self) -> dict[str, int]:
        """Constructor arguments for a fit on all rows that follows the same schedule."""
        return {"n_epochs": self.n_epochs_, "max_epochs": self.schedule_epochs_}

    def _scores(self, X: ArrayLike, n_outputs: int) -> NDArray[np.float64]:
        """Return what the network says, shape (n_samples, n_outputs)."""
        check_is_fitted(self)
        checked = validate_data(self, X, reset=False, dtype=np.float64)
        plan, rows = self._architecture(n_outputs), self._rows(checked)
        return _torch_infer(plan, self.weights_, rows, self.device, self.n_jobs or 1)

    # -------------------------------------------------------------------------- arguments

    def _check_arguments(self) -> None:
        for name, allowed in self.choices.items():
            if getattr(self, name) not in allowed:
                raise ValueError(
                    f"{name} must be one of {', '.join(allowed)}; got {getattr(self, name)!r}"
                )
        if any(units < 1 for units in self.width):
            raise ValueError(f"width must be positive numbers of units; got {list(self.width)}")
        if min(self.ensemble_size, self.n_bins) < 1:
            raise ValueError(
                "ensemble_size and n_bins must be at least 1; "
                f"got ensemble_size={self.ensemble_size}, n_bins={self.n_bins}"
            )
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout must be in [0, 1); got {self.dropout}")
        if not 0 < self.validation_fraction < 1:
            raise ValueError(
                f"validation_fraction must be in (0, 1); got {self.validation_fraction}"
            )
        if self.max_epochs < 1 or not 1 <= (self.n_epochs or 1) <= self.max_epochs:
            raise ValueError(
                "max_epochs must be at least 1 and n_epochs between 1 and max_epochs; "
                f"got max_epochs={self.max_epochs}, n_epochs={self.n_epochs}"
            )

    def _check_rows(self, n_fitted: int) -> None:
        if self.normalisation == "batch" and min(n_fitted, self.batch_size or n_fitted) == 1:
            raise ValueError(
                "normalisation='batch' needs at least 2 rows in a batch; "
                f"got n_samples={n_fitted} to learn from and batch_size={self.batch_size}"
            )

    def _architecture(self, n_outputs: int) -> Architecture:
        return Architecture(
            n_numeric=len(self.center_),
            cardinalities=tuple(len(known) + 1 for known in self.categories_),
            n_outputs=n_outputs,
            classifies=is_classifier(self),
            width=tuple(int(units) for units in self.width),
            residual=self.residual,
            activation=self.activation,
            normalisation=self.normalisation,
            dropout=self.dropout,
            numeric_embedding=self.numeric_embedding,
            frequency=self.frequency,
            edges=tuple(self.edges_),
            embedding_size=self.embedding_size,
            ensemble_size=self.ensemble_size,
        )

    def _training(self, n_fitted: int, seed: int) -> Training:
        by_rows = next((size for rows, size in BATCH_SIZES if n_fitted < rows), LARGEST_BATCH)
        return Training(
            learning_rate=self.learning_rate,
            schedule=self.schedule,
            weight_decay=self.weight_decay,
            batch_size=self.batch_size or by_rows,
            label_smoothing=getattr(self, "label_smoothing", 0.0),
            max_epochs=self.max_epochs,
            n_epochs=self.n_epochs,
            patience=None if self.schedule == "coslog4" else self.patience,
            max_seconds=self.max_seconds,
            must_reach=dict(self.must_reach or {}),
            seed=seed,
            device=self.device,
            threads=self.n_jobs or 1,
        )

    # -------------------------------------------------------------------------- rows

    def _learn_scaling(self, X: NDArray[np.float64]) -> None:
        """Learn the robust scale of numbers, their pieces, and the codes that categories have."""
        columns = self._categorical_columns()
        numbers = np.delete(X, columns, axis=1)
        self.center_, self.scale_ = robust_scale(numbers)
        self.categories_ = known_codes(X[:, columns])
        self.edges_: list[NDArray[np.float32]] = []
        if self.numeric_embedding == "piecewise_linear":
            self.edges_ = piece_edges(clipped(numbers, self.center_, self.scale_), self.n_bins)

    def _categorical_columns(self) -> list[int]:
        columns = [int(column) for column in self.categorical or ()]
        if any(not 0 <= column < self.n_features_in_ for column in columns):
            raise ValueError(
                f"categorical must be column indices below n_features={self.n_features_in_}; "
                f"got {columns}"
            )
        return columns

    def _rows(self, X: NDArray[np.float64], target: NDArray[Any] | None = None) -> Rows:
        columns = self._categorical_columns()
        numbers = clipped(np.delete(X, columns, axis=1), self.center_, self.scale_)
        return Rows(numbers, coded(X[:, columns], self.categories_), target)

    def _held(self, target: NDArray[Any], rng: np.random.Generator) -> NDArray[np.intp]:
        """Choose the rows that are held out, spread evenly over the classes."""
        if self.n_epochs is not None or len(target) < MIN_ROWS_TO_HOLD_OUT:
            return np.empty(0, dtype=np.intp)
        return held_rows(target, self.validation_fraction, rng)


def _torch_train(*arguments: Any) -> Trained:
    """Import what needs torch, which takes seconds, no earlier than it is used."""
    from jointopt.pipeline.networks.training import train

    return train(*arguments)


def _torch_infer(*arguments: Any) -> NDArray[np.float64]:
    from jointopt.pipeline.networks.inference import infer

    return infer(*arguments)
