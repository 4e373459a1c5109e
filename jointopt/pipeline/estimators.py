"""The few estimators that no library has: boosting that stops early on its own, calibrated SVC."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.svm import SVC
from sklearn.utils.validation import check_is_fitted

from jointopt.pipeline.boosted import is_lightgbm, predict_boosted
from jointopt.pipeline.held_rows import MIN_ROWS_TO_HOLD_OUT, held_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    Held = tuple[NDArray[Any], NDArray[Any]] | None

__all__ = ["CalibratedSVC", "EarlyStoppingClassifier", "EarlyStoppingRegressor"]

MOST_ROWS_TO_FIT_TWICE = 5_000
"""Up to here a second fit costs little, and the tenth of the rows that were held out is missed."""

MOST_CATEGORIES_OF_XGBOOST = 64
"""It has nothing against chance in sets of more: of 3,000 names it learns each one's own rows."""


class _EarlyStopping(BaseEstimator):
    """What the classifier and the regressor share; see `EarlyStoppingClassifier`."""

    def __init__(
        self,
        estimator: Any = None,
        *,
        rounds: int = 50,
        validation_fraction: float = 0.1,
        categorical: Sequence[int] | None = None,
        n_rounds: int | None = None,
        max_seconds: float | None = None,
        random_state: int | None = None,
    ) -> None:
        self.estimator = estimator
        self.rounds = rounds
        self.validation_fraction = validation_fraction
        self.categorical = categorical
        self.n_rounds = n_rounds
        self.max_seconds = max_seconds
        self.random_state = random_state

    def _fit(self, X: ArrayLike, y: NDArray[Any]) -> None:
        X = self._with_codes(X)
        self.n_features_in_ = X.shape[1]
        model = clone(self.estimator)
        splits_many = is_lightgbm(type(model))
        categorical = [
            index
            for index in self.categorical or ()
            if splits_many or np.nanmax(X[:, index], initial=0) < MOST_CATEGORIES_OF_XGBOOST
        ]
        boost = _fit_lightgbm if splits_many else _fit_xgboost
        fit = partial(boost, categorical=categorical)
        until = np.inf if self.max_seconds is None else time.monotonic() + self.max_seconds
        stop = _Stop(self.rounds, until)
        if self.n_rounds is not None:
            model.set_params(n_estimators=self.n_rounds)
        if self.n_rounds is not None or len(X) < MIN_ROWS_TO_HOLD_OUT:
            self.n_rounds_ = fit(model, X, y, None, stop)
        else:
            rng = np.random.default_rng(self.random_state)
            held = held_rows(y, self.validation_fraction, rng)
            X_fit, y_fit = np.delete(X, held, axis=0), np.delete(y, held)
            started = time.monotonic()
            self.n_rounds_ = fit(model, X_fit, y_fit, (X[held], y[held]), stop)
            now = time.monotonic()
            second_ends = now + (now - started)
            if len(X) <= MOST_ROWS_TO_FIT_TWICE and second_ends < until:
                # More rows carry more rounds, in proportion as a rule of thumb.
                n_rounds = round(self.n_rounds_ * len(X) / len(X_fit))
                model = clone(self.estimator).set_params(n_estimators=n_rounds)
                self.n_rounds_ = fit(model, X, y, None, stop)
        self.estimator_ = model

    def _with_codes(self, X: ArrayLike) -> NDArray[Any]:
        """Return rows in which a category that training did not know, or none, is missing."""
        if not self.categorical:
            return np.asarray(X)
        X = np.array(X, dtype=float)
        codes = X[:, self.categorical]
        X[:, self.categorical] = np.where(codes < 0, np.nan, codes)
        return X

    @property
    def refit_params_(self) -> dict[str, int]:
        """Constructor arguments for a fit on all rows with the best number of rounds."""
        return {"n_rounds": self.n_rounds_}


@dataclass(frozen=True, slots=True)
class _Stop:
    """When boosting ends before its most rounds."""

    rounds: int
    until: float

    def late(self) -> bool:
        return time.monotonic() > self.until


def _fit_lightgbm(
    model: Any, X: Any, y: Any, held: Held, stop: _Stop, categorical: list[int]
) -> int:
    import lightgbm

    patience = lightgbm.early_stopping(stop.rounds, verbose=False)

    def stop_when_late(env: Any) -> None:
        if stop.late():
            best = env.iteration if held is None else [*patience.best_iter, env.iteration][0]
            raise lightgbm.callback.EarlyStopException(best, env.evaluation_result_list)

    callbacks = [stop_when_late]
    if held is not None:
        callbacks.append(patience)
    X_held, y_held = (None, None) if held is None else held
    model.fit(
        X,
        y,
        eval_X=X_held,
        eval_y=y_held,
        callbacks=callbacks,
        categorical_feature=categorical or "auto",
    )
    if held is not None:
        # A number object for each round, each of which would be a file of the saved model.
        model.evals_result_.clear()
    return int(model.best_iteration_ or model.n_estimators_)


def _fit_xgboost(
    model: Any, X: Any, y: Any, held: Held, stop: _Stop, categorical: list[int]
) -> int:
    import xgboost

    class StopWhenLate(xgboost.callback.TrainingCallback):
        def after_iteration(self, *_: Any) -> bool:
            return stop.late()

    if categorical:
        kinds = ["c" if index in categorical else "q" for index in range(X.shape[1])]
        model.set_params(enable_categorical=True, feature_types=kinds)
    # In this order: one that stops keeps those after it from seeing the round.
    patience = [] if held is None else [xgboost.callback.EarlyStopping(rounds=stop.rounds)]
    model.set_params(callbacks=[*patience, StopWhenLate()])
    model.fit(X, y, eval_set=None if held is None else [held], verbose=False)
    model.set_params(callbacks=None)
    if held is not None:
        model.evals_result().clear()
    return int(
        model.get_booster().num_boosted_rounds() if held is None else model.best_iteration + 1
    )


class EarlyStoppingClassifier(ClassifierMixin, _EarlyStopping):
    """A LightGBM or XGBoost classifier that holds out some of its training rows to stop on.

    With up to 5,000 rows it is then fitted once more, on all of them, with as many more rounds as
    there are more rows, where `max_seconds` leaves the time.

    Parameters
    ----------
    estimator : LGBMClassifier or XGBClassifier
        What is boosted; its `n_estimators` is the most rounds.
    rounds : int, default=50
        Boosting stops after that many rounds without improvement.
    validation_fraction : float, default=0.1
        Share of the training rows held out, class by class.
    categorical : sequence of int or None, default=None
        Columns that hold codes of categories, which trees split into sets; a code below 0 is a
        category that was not known, and counts as missing.
    n_rounds : int or None, default=None
        If given, nothing is held out and exactly that many rounds are boosted: for the final fit
        on all rows, with the number that the folds found.
    max_seconds : float or None, default=None
        Boosting stops after the round that passes this time, in seconds.
    random_state : int or None, default=None
        Seed of the held-out rows.

    Attributes
    ----------
    n_rounds_ : int
        The rounds of the model: the best number, more by the rows' ratio where all were fitted.
    refit_params_ : dict
        Constructor arguments for a fit on all rows with that many rounds.
    classes_ : ndarray of shape (n_classes,)
    """

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Fit on `X` of shape (n_samples, n_features) and labels `y` of shape (n_samples,)."""
        self.classes_, codes = np.unique(np.asarray(y), return_inverse=True)
        self._fit(X, codes)
        return self

    def predict_proba(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return probabilities of shape (n_samples, n_classes)."""
        check_is_fitted(self, "estimator_")
        return predict_boosted(self.estimator_, self._with_codes(X), "predict_proba")

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Return labels of shape (n_samples,)."""
        return np.asarray(self.classes_[self.predict_proba(X).argmax(axis=1)])


class EarlyStoppingRegressor(RegressorMixin, _EarlyStopping):
    """A LightGBM or XGBoost regressor that holds out some of its training rows to stop on.

    Parameters and attributes are those of `EarlyStoppingClassifier`.
    """

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Fit on `X` of shape (n_samples, n_features) and targets `y` of shape (n_samples,)."""
        self._fit(X, np.asarray(y, dtype=float))
        return self

    def predict(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return predictions of shape (n_samples,)."""
        check_is_fitted(self, "estimator_")
        return predict_boosted(self.estimator_, self._with_codes(X), "predict")


class CalibratedSVC(ClassifierMixin, BaseEstimator):
    """A support vector classifier with probabilities by Platt's sigmoid on held-out margins.

    A row that is alone in its class counts twice, so that one is fitted on while one is held out.

    Parameters
    ----------
    C, kernel, degree, gamma, coef0, cache_size, max_iter
        As in `sklearn.svm.SVC`.
    random_state : int or None, default=None
        Seed of the support vector machine.

    References
    ----------
    J. Platt, "Probabilistic outputs for support vector machines", 1999.
    """

    def __init__(
        self,
        *,
        C: float = 1.0,
        kernel: str = "rbf",
        degree: int = 3,
        gamma: float | str = "scale",
        coef0: float = 0.0,
        cache_size: float = 200,
        max_iter: int = -1,
        random_state: int | None = None,
    ) -> None:
        self.C = C
        self.kernel = kernel
        self.degree = degree
        self.gamma = gamma
        self.coef0 = coef0
        self.cache_size = cache_size
        self.max_iter = max_iter
        self.random_state = random_state

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Fit on `X` of shape (n_samples, n_features) and labels `y` of shape (n_samples,)."""
        y = np.asarray(y)
        _, codes, counts = np.unique(y, return_inverse=True, return_counts=True)
        single = counts[codes] == 1
        if single.any():
            rows = np.asarray(X)
            X, y = np.concatenate([rows, rows[single]]), np.concatenate([y, y[single]])
        rarest = max(2, int(counts.min()))
        machine = SVC(**self.get_params(deep=False))
        model = CalibratedClassifierCV(machine, ensemble=False, cv=min(3, rarest))
        self.model_ = model.fit(X, y)
        self.classes_ = model.classes_
        self.n_features_in_ = model.n_features_in_
        return self

    def predict_proba(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return probabilities of shape (n_samples, n_classes)."""
        check_is_fitted(self, "model_")
        return np.asarray(self.model_.predict_proba(X))

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Return labels of shape (n_samples,)."""
        return np.asarray(self.classes_[self.predict_proba(X).argmax(axis=1)])
