"""Neural networks for tables, as scikit-learn estimators.

The fitted state is NumPy arrays only, so that a fitted network is saved without pickle, and torch
is imported by fitting or predicting, not by importing this module.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from scipy.special import softmax
from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from jointopt.pipeline.networks.base import NumericEmbedding, TabularNetwork

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["NetworkClassifier", "NetworkRegressor"]

WIDEN = 0.05


@dataclass(kw_only=True, eq=False, repr=False)
class NetworkClassifier(ClassifierMixin, TabularNetwork):
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
    numeric_embedding : {"none", "periodic", "piecewise_linear"}, default="none"
        What the network sees of each number beside the number itself: learned waves, or learned
        functions that are linear between the column's quantiles.
    frequency : float, default=0.5
        Spread of the initial frequencies of the waves; higher fits finer steps.
    n_bins : int, default=48
        Pieces between quantiles.
    embedding_size : int, default=8
        Length of a category's vector.
    ensemble_size : int, default=1
        Members that are trained side by side and share most of their weights (TabM: Gorishniy et
        al., 2025). Their losses and their predictions are averaged; epochs take nearly as many
        times longer.
    learning_rate : float, default=0.02
        At the top of the schedule. Layers are scaled so that one rate suits all widths; it is
        larger than is usual for other networks.
    schedule : {"flat_cosine", "coslog4", "constant"}, default="flat_cosine"
        Of the learning rate: a plateau and a cosine's descent, RealMLP's four waves, or TabM's.
    weight_decay : float, default=0.02
        Of AdamW, on weights only.
    batch_size : int or None, default=None
        Rows of one step; None chooses by the number of rows.
    max_epochs : int, default=128
        Length of the learning rate's schedule.
    n_epochs : int or None, default=None
        If given, nothing is held out and so many epochs of the schedule are run.
    patience : int or None, default=20
        Training stops after that many epochs without improvement; None goes to the end, and so
        does the schedule `coslog4`, for the loss comes and goes with its waves.
    validation_fraction : float, default=0.1
        Share of the training rows held out, if there are 20 rows or more.
    max_seconds : float or None, default=None
        The schedule is shortened so that training ends before.
    must_reach : dict of float to float or None, default=None
        Share of the schedule to the loss that held-out rows must have had by then, in the unit of
        `validation_curve_`; training stops where none was as low.
    random_state : int or None, default=None
        Seed of weights, order of rows, dropout and rows held out.
    device : str, default="auto"
        Where torch computes: `cpu`, `cuda`, or a GPU if there is one. There, all rows are kept on
        it, and training is in mixed precision.
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
    edges_ : list of ndarray
        Quantiles of each column of numbers, for a piecewise-linear embedding.
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
class NetworkRegressor(RegressorMixin, TabularNetwork):
    """A multilayer perceptron for tables of numbers and category codes.

    Numbers are centred by their median, divided by their interquartile range and clipped smoothly.
    Categories become learned vectors. Some of the training rows are held out to find the best
    epoch. The fitted state is NumPy arrays.

    Parameters and attributes are those of `NetworkClassifier` but for the following.

    Parameters
    ----------
    numeric_embedding : {"none", "periodic", "piecewise_linear"}, default="periodic"
        As there, with another default.
    learning_rate : float, default=0.04
        As there, with another default; there is no `label_smoothing`.

    Attributes
    ----------
    target_center_, target_scale_ : float
        Mean and standard deviation of the target.
    target_range_ : ndarray of shape (2,)
        Least and greatest prediction: the target's range and a little more.
    validation_curve_ : list of float
        Root mean squared error of the held-out rows after each epoch, in units of
        `target_scale_`; empty if there were none.

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
