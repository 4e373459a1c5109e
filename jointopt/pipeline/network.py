"""Neural networks for tables, as scikit-learn estimators.

The fitted state is NumPy arrays only, so that a fitted network is saved without pickle, and torch
is imported by fitting or predicting, not by importing this module.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
from scipy.special import softmax
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import ModuleType

    from numpy.typing import ArrayLike, NDArray

    from jointopt.pipeline.network_modules import Architecture, Rows, Training

__all__ = ["NetworkClassifier", "NetworkRegressor"]

MIN_ROWS_TO_HOLD_OUT = 20
CLIP = 3.0
WIDEN = 0.05
BATCH_SIZES = ((2_000, 64), (5_000, 128), (50_000, 256), (200_000, 512))
LARGEST_BATCH = 1024
CHOICES = {
    "activation": ("relu", "selu", "silu", "mish", "gelu"),
    "normalisation": ("none", "batch", "layer"),
    "numeric_embedding": ("none", "periodic"),
}

Activation = Literal["relu", "selu", "silu", "mish", "gelu"]
Normalisation = Literal["none", "batch", "layer"]
NumericEmbedding = Literal["none", "periodic"]


def _torch_side() -> ModuleType:
    """Import what needs torch, which takes seconds, no earlier than it is used."""
    from jointopt.pipeline import network_modules

    return network_modules


@dataclass(kw_only=True, eq=False, repr=False)
class _Network(BaseEstimator):
    """What the classifier and the regressor share; see `NetworkClassifier`."""

    categorical: Sequence[int] | None = None
    width: Sequence[int] = (256, 256, 256)
    residual: bool = False
    activation: Activation = "mish"
    normalisation: Normalisation = "none"
    dropout: float = 0.15
    numeric_embedding: NumericEmbedding = "none"
    frequency: float = 0.5
    embedding_size: int = 8
    learning_rate: float = 0.02
    weight_decay: float = 0.02
    batch_size: int | None = None
    max_epochs: int = 128
    n_epochs: int | None = None
    patience: int | None = 20
    validation_fraction: float = 0.1
    max_seconds: float | None = None
    must_reach: Mapping[float, float] | None = None
    random_state: int | None = None
    device: str = "cpu"
    n_jobs: int | None = None

    def _train(self, X: NDArray[np.float64], target: NDArray[Any], n_outputs: int) -> None:
        """Learn from rows whose target is class indices or standardised numbers."""
        self._check_arguments()
        rng = np.random.default_rng(self.random_state)
        self._learn_scaling(X)
        rows = self._rows(X, target)
        held = self._held(target, rng)
        n_fitted = len(X) - len(held)
        self._check_rows(n_fitted)
        trained = _torch_side().train(
            self._architecture(n_outputs),
            self._training(n_fitted, int(rng.integers(2**31))),
            _take(rows, np.delete(np.arange(len(X)), held)),
            _take(rows, held) if len(held) else None,
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
        scores: NDArray[np.float64] = _torch_side().infer(
            self._architecture(n_outputs),
            self.weights_,
            self._rows(checked),
            self.device,
            self.n_jobs or 1,
        )
        return scores

    # -------------------------------------------------------------------------- arguments

    def _check_arguments(self) -> None:
        for name, allowed in CHOICES.items():
            if getattr(self, name) not in allowed:
                raise ValueError(
                    f"{name} must be one of {', '.join(allowed)}; got {getattr(self, name)!r}"
                )
        if any(units < 1 for units in self.width):
            raise ValueError(f"width must be positive numbers of units; got {list(self.width)}")
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
        plan: Architecture = _torch_side().Architecture(
            n_numeric=len(self.center_),
            cardinalities=tuple(len(known) + 1 for known in self.categories_),
            n_outputs=n_outputs,
            width=tuple(int(units) for units in self.width),
            residual=self.residual,
            activation=self.activation,
            normalisation=self.normalisation,
            dropout=self.dropout,
            numeric_embedding=self.numeric_embedding,
            frequency=self.frequency,
            embedding_size=self.embedding_size,
        )
        return plan

    def _training(self, n_fitted: int, seed: int) -> Training:
        by_rows = next((size for rows, size in BATCH_SIZES if n_fitted < rows), LARGEST_BATCH)
        how: Training = _torch_side().Training(
            learning_rate=self.learning_rate,
            weight_decay=self.weight_decay,
            batch_size=self.batch_size or by_rows,
            label_smoothing=getattr(self, "label_smoothing", 0.0),
            max_epochs=self.max_epochs,
            n_epochs=self.n_epochs,
            patience=self.patience,
            max_seconds=self.max_seconds,
            must_reach=dict(self.must_reach or {}),
            seed=seed,
            device=self.device,
            threads=self.n_jobs or 1,
        )
        return how

    # -------------------------------------------------------------------------- rows

    def _learn_scaling(self, X: NDArray[np.float64]) -> None:
        """Learn the robust scale of numbers and the codes that categories have."""
        columns = self._categorical_columns()
        numbers = np.delete(X, columns, axis=1)
        low, self.center_, high = (
            np.percentile(numbers, [25, 50, 75], axis=0) if numbers.size else np.empty((3, 0))
        )
        spread = high - low
        # Half of the range stands in where most values are equal; constants become zeros.
        spread = np.where(spread > 0, spread, np.ptp(numbers, axis=0) / 2)
        self.scale_ = np.divide(1.0, spread, out=np.zeros_like(spread), where=spread > 0)
        seen = [np.unique(X[:, column]) for column in columns]
        self.categories_ = [known[known >= 0] for known in seen]

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
        scaled = (np.delete(X, columns, axis=1) - self.center_) * self.scale_
        # hypot, because the square of a far outlier overflows.
        numbers = CLIP * scaled / np.hypot(CLIP, scaled)
        codes = np.zeros((len(X), len(columns)), dtype=np.int64)
        for place, (column, known) in enumerate(zip(columns, self.categories_, strict=True)):
            codes[:, place] = _code(X[:, column], known)
        rows: Rows = _torch_side().Rows(numbers.astype(np.float32), codes, target)
        return rows

    def _held(self, target: NDArray[Any], rng: np.random.Generator) -> NDArray[np.intp]:
        """Choose the rows that are held out, spread evenly over the classes."""
        if self.n_epochs is not None or len(target) < MIN_ROWS_TO_HOLD_OUT:
            return np.empty(0, dtype=np.intp)
        order = rng.permutation(len(target))
        if target.dtype.kind != "f":
            first = np.unique(target[order], return_index=True)[1]
            order = np.delete(order, first)
            order = order[np.argsort(target[order], kind="stable")]
        wanted = max(1, round(self.validation_fraction * len(target)))
        n_held = min(wanted, len(order))
        # Evenly spaced places in rows sorted by class: every class gets its share.
        places = (np.arange(n_held) + rng.random()) * len(order) / max(n_held, 1)
        return order[places.astype(np.intp)]


def _code(column: NDArray[np.float64], known: NDArray[np.float64]) -> NDArray[np.intp]:
    """Replace known codes by their rank from one, and all others by zero."""
    if not len(known):
        return np.zeros(len(column), dtype=np.intp)
    place = np.minimum(np.searchsorted(known, column), len(known) - 1)
    return np.where(known[place] == column, place + 1, 0)


def _take(rows: Rows, index: NDArray[np.intp]) -> Rows:
    assert rows.target is not None
    return replace(
        rows, numbers=rows.numbers[index], codes=rows.codes[index], target=rows.target[index]
    )


@dataclass(kw_only=True, eq=False, repr=False)
class NetworkClassifier(ClassifierMixin, _Network):
    """A multilayer perceptron for tables of numbers and category codes.

    Numbers are centred by their median, divided by their interquartile range and clipped smoothly.
    Categories become learned vectors. Some of the training rows are held out to find the best
    epoch. The fitted state is NumPy arrays.

    Parameters
    ----------
    categorical : sequence of int or None, default=None
        Columns of category codes. Negative codes and codes that fit has not seen are one more
        category, the unknown.
    width : sequence of int, default=(256, 256, 256)
        Units of each hidden layer.
    residual : bool, default=False
        Whether each hidden layer's input is added to its output.
    activation : {"relu", "selu", "silu", "mish", "gelu"}, default="mish"
        What follows the product of a hidden layer.
    normalisation : {"none", "batch", "layer"}, default="none"
        What stands between a hidden layer's product and its activation.
    dropout : float, default=0.15
        Share of hidden units silenced in training.
    numeric_embedding : {"none", "periodic"}, default="none"
        "periodic" gives the network learned waves of each number beside the number itself.
    frequency : float, default=0.5
        Spread of the initial frequencies of those waves; higher fits finer steps.
    embedding_size : int, default=8
        Length of a category's vector.
    learning_rate : float, default=0.02
        At the top of the schedule. Layers are scaled so that one rate suits all widths; it is
        larger than is usual for other networks.
    weight_decay : float, default=0.02
        Of AdamW, on weights only.
    batch_size : int or None, default=None
        Rows of one step; None chooses by the number of rows.
    max_epochs : int, default=128
        Length of the learning rate's schedule.
    n_epochs : int or None, default=None
        If given, nothing is held out and so many epochs of the schedule are run.
    patience : int or None, default=20
        Training stops after that many epochs without improvement; None goes to the end.
    validation_fraction : float, default=0.1
        Share of the training rows held out, if there are 20 rows or more.
    max_seconds : float or None, default=None
        The schedule is shortened so that training ends before.
    must_reach : dict of float to float or None, default=None
        Share of the schedule to the loss that held-out rows must have had by then, in the unit of
        `validation_curve_`; training stops where none was as low.
    random_state : int or None, default=None
        Seed of weights, order of rows, dropout and rows held out.
    device : str, default="cpu"
        Where torch computes.
    n_jobs : int or None, default=None
        Threads that torch may use; None is one.
    label_smoothing : float, default=0.0
        Share of the target's mass that is spread over all classes.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Class labels.
    n_features_in_ : int
        Columns seen by fit.
    weights_ : dict of str to ndarray
        The network's weights.
    center_, scale_ : ndarray of shape (n_numeric,)
        Of the columns of numbers.
    categories_ : list of ndarray
        Known codes of each column of categories.
    n_epochs_ : int
        The best epoch, counted from one; without held-out rows the last one.
    schedule_epochs_ : int
        Epochs in the whole schedule: `max_epochs`, or fewer if `max_seconds` shortened it.
    validation_curve_ : list of float
        Log loss of the held-out rows after each epoch; empty if there were none.
    progress_ : list of float
        Share of the schedule that had passed after each of these epochs.
    stopped_ : bool
        Whether training stopped because of `must_reach`.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> network = NetworkClassifier(width=(32,), max_epochs=8, random_state=0).fit(X, y)
    >>> network.predict_proba(X).shape
    (150, 3)
    """

    label_smoothing: float = 0.0

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Learn to tell the classes apart.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Numbers and category codes, none missing.
        y : array-like of shape (n_samples,)
            Class labels.

        Returns
        -------
        Self
            The fitted estimator.

        Raises
        ------
        FloatingPointError
            If the loss is no longer finite.
        ValueError
            If an argument or the data cannot be used.
        """
        rows, labels = validate_data(self, X, y, dtype=np.float64)
        check_classification_targets(labels)
        self.classes_: NDArray[Any]
        self.classes_, target = np.unique(labels, return_inverse=True)
        self._train(rows, target.astype(np.int64), len(self.classes_))
        return self

    def predict_proba(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return the probability of each class.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Numbers and category codes, none missing.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            In the order of `classes_`.
        """
        check_is_fitted(self)
        probabilities: NDArray[np.float64] = softmax(self._scores(X, len(self.classes_)), axis=1)
        return probabilities

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Return the most probable class.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Numbers and category codes, none missing.

        Returns
        -------
        ndarray of shape (n_samples,)
            Class labels.
        """
        check_is_fitted(self)
        labels: NDArray[Any] = self.classes_[self._scores(X, len(self.classes_)).argmax(axis=1)]
        return labels


@dataclass(kw_only=True, eq=False, repr=False)
class NetworkRegressor(RegressorMixin, _Network):
    """A multilayer perceptron for tables of numbers and category codes.

    Numbers are centred by their median, divided by their interquartile range and clipped smoothly.
    Categories become learned vectors. Some of the training rows are held out to find the best
    epoch. The fitted state is NumPy arrays.

    Parameters
    ----------
    categorical : sequence of int or None, default=None
        Columns of category codes. Negative codes and codes that fit has not seen are one more
        category, the unknown.
    width : sequence of int, default=(256, 256, 256)
        Units of each hidden layer.
    residual : bool, default=False
        Whether each hidden layer's input is added to its output.
    activation : {"relu", "selu", "silu", "mish", "gelu"}, default="mish"
        What follows the product of a hidden layer.
    normalisation : {"none", "batch", "layer"}, default="none"
        What stands between a hidden layer's product and its activation.
    dropout : float, default=0.15
        Share of hidden units silenced in training.
    numeric_embedding : {"none", "periodic"}, default="periodic"
        "periodic" gives the network learned waves of each number beside the number itself.
    frequency : float, default=0.5
        Spread of the initial frequencies of those waves; higher fits finer steps.
    embedding_size : int, default=8
        Length of a category's vector.
    learning_rate : float, default=0.04
        At the top of the schedule. Layers are scaled so that one rate suits all widths; it is
        larger than is usual for other networks.
    weight_decay : float, default=0.02
        Of AdamW, on weights only.
    batch_size : int or None, default=None
        Rows of one step; None chooses by the number of rows.
    max_epochs : int, default=128
        Length of the learning rate's schedule.
    n_epochs : int or None, default=None
        If given, nothing is held out and so many epochs of the schedule are run.
    patience : int or None, default=20
        Training stops after that many epochs without improvement; None goes to the end.
    validation_fraction : float, default=0.1
        Share of the training rows held out, if there are 20 rows or more.
    max_seconds : float or None, default=None
        The schedule is shortened so that training ends before.
    must_reach : dict of float to float or None, default=None
        Share of the schedule to the loss that held-out rows must have had by then, in the unit of
        `validation_curve_`; training stops where none was as low.
    random_state : int or None, default=None
        Seed of weights, order of rows, dropout and rows held out.
    device : str, default="cpu"
        Where torch computes.
    n_jobs : int or None, default=None
        Threads that torch may use; None is one.

    Attributes
    ----------
    target_center_, target_scale_ : float
        Mean and standard deviation of the target.
    target_range_ : ndarray of shape (2,)
        Least and greatest prediction: the target's range and a little more.
    n_features_in_ : int
        Columns seen by fit.
    weights_ : dict of str to ndarray
        The network's weights.
    center_, scale_ : ndarray of shape (n_numeric,)
        Of the columns of numbers.
    categories_ : list of ndarray
        Known codes of each column of categories.
    n_epochs_ : int
        The best epoch, counted from one; without held-out rows the last one.
    schedule_epochs_ : int
        Epochs in the whole schedule: `max_epochs`, or fewer if `max_seconds` shortened it.
    validation_curve_ : list of float
        Root mean squared error of the held-out rows after each epoch, in units of
        `target_scale_`; empty if there were none.
    progress_ : list of float
        Share of the schedule that had passed after each of these epochs.
    stopped_ : bool
        Whether training stopped because of `must_reach`.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> X, y = load_diabetes(return_X_y=True)
    >>> network = NetworkRegressor(width=(32,), max_epochs=8, random_state=0).fit(X, y)
    >>> network.predict(X).shape
    (442,)
    """

    numeric_embedding: NumericEmbedding = "periodic"
    learning_rate: float = 0.04

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Learn to predict a number.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Numbers and category codes, none missing.
        y : array-like of shape (n_samples,)
            Numbers.

        Returns
        -------
        Self
            The fitted estimator.

        Raises
        ------
        FloatingPointError
            If the loss is no longer finite.
        ValueError
            If an argument or the data cannot be used.
        """
        rows, checked = validate_data(self, X, y, dtype=np.float64, y_numeric=True)
        numbers: NDArray[np.float64] = checked.astype(np.float64)
        self.target_center_ = float(numbers.mean())
        self.target_scale_ = float(numbers.std()) or 1.0
        room = WIDEN * float(np.ptp(numbers))
        self.target_range_ = np.array([numbers.min() - room, numbers.max() + room])
        standardised = (numbers - self.target_center_) / self.target_scale_
        self._train(rows, standardised.astype(np.float32), 1)
        return self

    def predict(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return the predicted number, never far outside the range that was seen.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Numbers and category codes, none missing.

        Returns
        -------
        ndarray of shape (n_samples,)
            Predictions.
        """
        numbers = self._scores(X, 1)[:, 0] * self.target_scale_ + self.target_center_
        low, high = self.target_range_
        return np.clip(numbers, low, high)
