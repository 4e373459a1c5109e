"""scikit-learn estimators that search the joint space when they are fitted."""

from __future__ import annotations

import time
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
import pandas as pd
from rich.console import Console
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils import assert_all_finite
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from jointopt.data import Task, dataset_from_arrays, get_metric
from jointopt.data.columns import string_names
from jointopt.evaluation.limits import parse_memory
from jointopt.evaluation.seeds import checked_seed
from jointopt.insight.leaderboard import leaderboard, members_frame
from jointopt.insight.progress import Progress
from jointopt.insight.progress_view import Limits
from jointopt.insight.search_result import SearchFrames, SearchPlots, SearchResult
from jointopt.model.run import RunOptions, run_table
from jointopt.search.budget import parse_seconds

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from distributed import Client
    from numpy.typing import ArrayLike, NDArray
    from optuna.storages import BaseStorage
    from optuna.study import Study

    from jointopt.data import Dataset
    from jointopt.model.run import TableRun
    from jointopt.search.strategies import Strategy
    from jointopt.space import Space

__all__ = ["JointClassifier", "JointRegressor"]


@dataclass(kw_only=True, eq=False, repr=False)
class _Joint(BaseEstimator):
    """What the classifier and the regressor share."""

    strategy: str | Strategy = "joint"
    budget: str | float | None = "60s"
    n_trials: int | None = None
    metric: str | Callable[..., float] | None = None
    space: str | Space = "tabular"
    workers: int | None = None
    dask: str | Client | None = None
    trial_timeout: str | float | None = None
    memory_limit: str | float | None = None
    seed: int = 0
    storage: str | Path | BaseStorage | None = None
    final: Literal["ensemble", "single"] = "ensemble"
    verbose: bool = False

    def _fit(self, X: Any, y: Any, task: str | Task) -> None:
        started = time.monotonic()
        dataset = dataset_from_arrays(X, y, task)
        if dataset.n_dropped:
            warnings.warn(
                f"{dataset.n_dropped} of {dataset.n_dropped + dataset.n_rows} rows have no target "
                "and are left out",
                stacklevel=3,
            )
        timeout, memory = self.trial_timeout, self.memory_limit
        options = RunOptions(
            strategy=self.strategy,
            space=self.space,
            metric=self.metric,
            seconds=None if self.budget is None else parse_seconds(self.budget),
            n_trials=self.n_trials,
            workers=self.workers,
            dask=self.dask,
            trial_timeout=None if timeout is None else parse_seconds(timeout, "trial_timeout"),
            memory_limit=None if memory is None else parse_memory(memory),
            seed=checked_seed(self.seed),
            storage=self.storage,
            numbered=True,
            final=self.final,
        )
        run = self._run(dataset, options, started)
        for note in run.notes:
            warnings.warn(note, stacklevel=3)
        self.search_result_ = SearchResult.of(run.result, run.metric)
        self.best_config_ = run.result.best_config
        self.best_score_ = run.result.best_score
        self.leaderboard_ = leaderboard(run.result.records, run.metric)
        self.model_ = run.model
        self.ensemble_ = members_frame(run.model)

    def _run(self, dataset: Dataset, options: RunOptions, started: float) -> TableRun:
        if not self.verbose:
            return run_table(dataset, options, started=started)
        metric = get_metric(self.metric, dataset.task, dataset.classes)
        limits = Limits(options.seconds, options.n_trials)
        with Progress(Console(), metric, limits, started) as progress:
            return run_table(
                dataset,
                options,
                started=started,
                listeners=[progress.hear],
                watch=progress.see,
            )

    @property
    def study_(self) -> Study:
        """The joint study; of a strategy of several stages, the last one.

        That of an unpickled estimator is a copy in memory, with the trials that `fit` knew.

        Examples
        --------
        >>> from sklearn.datasets import load_iris
        >>> from jointopt import Choice, Space
        >>> bayes = {"estimator": "sklearn.naive_bayes.GaussianNB"}
        >>> space = Space(paradigm=Choice({"bayes": bayes}))
        >>> X, y = load_iris(return_X_y=True)
        >>> model = JointClassifier(space=space, n_trials=1, budget=None, final="single").fit(X, y)
        >>> model.study_.study_name, len(model.study_.trials)
        ('jointopt/joint', 1)
        """
        check_is_fitted(self, "search_result_")
        return list(self.search_result_.studies.values())[-1]

    @property
    def plot(self) -> SearchPlots:
        """Pictures of the search, as plotly figures: `model.plot.history()` and the like.

        Examples
        --------
        >>> from sklearn.datasets import load_iris
        >>> from jointopt import Choice, Space
        >>> bayes = {"estimator": "sklearn.naive_bayes.GaussianNB"}
        >>> space = Space(paradigm=Choice({"bayes": bayes}))
        >>> X, y = load_iris(return_X_y=True)
        >>> model = JointClassifier(space=space, n_trials=1, budget=None, final="single").fit(X, y)
        >>> model.plot.history().layout.yaxis.title.text
        'log_loss'
        """
        check_is_fitted(self, "search_result_")
        return self.search_result_.plot

    @property
    def frame(self) -> SearchFrames:
        """What `plot` draws, as frames: `model.frame.history()` and the like.

        Examples
        --------
        >>> from sklearn.datasets import load_iris
        >>> from jointopt import Choice, Space
        >>> bayes = {"estimator": "sklearn.naive_bayes.GaussianNB"}
        >>> space = Space(paradigm=Choice({"bayes": bayes}))
        >>> X, y = load_iris(return_X_y=True)
        >>> model = JointClassifier(space=space, n_trials=1, budget=None, final="single").fit(X, y)
        >>> model.frame.history()[["trial", "paradigm", "state"]].values.tolist()
        [[0, 'bayes', 'complete']]
        """
        check_is_fitted(self, "search_result_")
        return self.search_result_.frame

    def _checked(self, X: Any, *, reset: bool) -> Any:
        """Let scikit-learn check and remember the columns; frames keep their types."""
        if isinstance(X, pd.DataFrame):
            string_names(X)  # which says in a sentence that two are the same
            validate_data(self, X, reset=reset, skip_check_array=True)
            return X
        return validate_data(self, X, reset=reset, dtype=None, ensure_all_finite="allow-nan")

    def _frame(self, X: Any) -> pd.DataFrame:
        """Return a table with the names that were fitted; without names it is read by position."""
        check_is_fitted(self, "model_")
        X = self._checked(X, reset=False)
        names = [column.name for column in self.model_.schema.columns]
        if not isinstance(X, pd.DataFrame):
            return pd.DataFrame(X, columns=names)
        return X if set(names) <= set(map(str, X.columns)) else X.set_axis(names, axis=1)

    def __sklearn_tags__(self) -> Any:
        """Tell scikit-learn that missing values and text columns are welcome."""
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.string = True
        tags.input_tags.categorical = True
        return tags


class JointClassifier(ClassifierMixin, _Joint):
    """A classifier found by one search over features, transforms, paradigm and all the rest.

    Parameters
    ----------
    strategy : str or callable, default="joint"
        joint, sequential, alternating, random, exhaustive, or a callable
        `strategy(space, starts, seed)` that yields stages.
    budget : str, float or None, default="60s"
        Wall-clock time of `fit`, final fit included: "90s", "5m", "1h", or seconds.
    n_trials : int or None, default=None
        The most configurations to evaluate; whichever limit is met first ends the search.
    metric : str, callable or None, default=None
        A metric's name, a scikit-learn scorer's name, a scorer `f(estimator, X, y)`, such as
        `make_scorer` makes, or `f(y_true, y_pred)`, greater being better; functions get labels as
        they are in `classes_`. By default roc_auc (binary) or log_loss (multiclass). Of two
        classes f1 and average_precision are of the second in sorted order:
        `make_scorer(f1_score, pos_label=...)` is of another.
    space : str or Space, default="tabular"
        A shipped space's name, a YAML file, or a `Space` whose paradigms name estimators.
    workers : int or None, default=None
        Worker processes. None fits in this process, where a running fit cannot be stopped; with
        a number, scripts need the usual `if __name__ == "__main__":` guard.
    dask : str, distributed.Client or None, default=None
        A Dask scheduler's address, such as "tcp://10.0.0.1:8786", or a client: fits run there,
        each on one thread; `workers` must be None.
    trial_timeout : str, float or None, default=None
        The longest that one fit may take: "30s", "5m", or seconds; by default a share of the
        budget. Without workers it is only advice to estimators that can stop by themselves.
    memory_limit : str, float or None, default=None
        What one worker may use: "1500MB", "2GB", or bytes; by default its share of 80 % of the
        machine's memory. It needs workers.
    seed : int, default=0
        Seed of everything random, up to 2**32 - 1. Fits repeat exactly with at most one worker
        and `budget=None`: what is proposed depends on what has ended.
    storage : str, Path, optuna storage or None, default=None
        Where the study is kept: a database URL, a path ending in `.journal`, or an Optuna
        storage; None keeps it in memory. It is named `jointopt/joint`; a further fit in the same
        place makes `jointopt-2/joint`, and so on.
    final : {"ensemble", "single"}, default="ensemble"
        Average the best configurations, each fitted on all rows and, the heavier ones, on those
        of up to four folds, or fit the best one on all rows.
    verbose : bool, default=False
        Show how the search goes: drawn in a terminal or a notebook, in lines elsewhere.

    Attributes
    ----------
    best_config_ : dict
        The best configuration: parameter path to value.
    best_score_ : float
        Its mean validation score, in the metric's own unit.
    study_ : optuna.Study
        The joint study; of a strategy of several stages, the last one.
    leaderboard_ : DataFrame
        One row per scored trial, the best first.
    ensemble_ : DataFrame
        One row per configuration in the model: weight, trial, paradigm, score, pipeline.
    model_ : FittedModel
        The fitted pipelines, with what they need to take new tables.
    search_result_ : SearchResult
        All trials of all stages, with `interactions()`, `plot` and `frame`.
    plot, frame : SearchPlots, SearchFrames
        Those of `search_result_`: `model.plot.history()`, `model.frame.history()`.
    n_features_in_ : int
        Columns seen in `fit`.
    classes_ : ndarray of shape (n_classes,)
        The labels.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from jointopt import Choice, Int, Space
    >>> space = Space(paradigm=Choice({"knn": {
    ...     "estimator": "sklearn.neighbors.KNeighborsClassifier",
    ...     "hyperparameters": {"n_neighbors": Int(1, 30)}}}))
    >>> X, y = load_iris(return_X_y=True, as_frame=True)
    >>> model = JointClassifier(space=space, n_trials=3, budget=None).fit(X, y)
    >>> model.predict_proba(X).shape
    (150, 3)
    >>> model.best_config_["paradigm"], len(model.study_.trials)
    ('knn', 3)
    >>> model.ensemble_["paradigm"].unique().tolist()
    ['knn']
    """

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Search, then make a model of the best configurations, or of the best one (`final`).

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)
            A frame's columns may be numbers, categories, dates or text, with missing values.
        y : array-like of shape (n_samples,)
            Labels; rows that lack one are left out, with a warning.

        Raises
        ------
        DataError
            If the table or target cannot be used, for example a target of one class.
        OptionError
            If an option is not valid.
        SpaceError
            If there is no such space, or its file is not valid.
        StorageError
            If the storage cannot be used.
        SearchError
            If no configuration could be evaluated.

        Examples
        --------
        >>> from sklearn.datasets import load_iris
        >>> from jointopt import Choice, Space
        >>> bayes = {"estimator": "sklearn.naive_bayes.GaussianNB"}
        >>> space = Space(paradigm=Choice({"bayes": bayes}))
        >>> X, y = load_iris(return_X_y=True)
        >>> model = JointClassifier(space=space, n_trials=1, budget=None, final="single").fit(X, y)
        >>> model.classes_, model.n_features_in_
        (array([0, 1, 2]), 4)
        """
        X = self._checked(X, reset=True)
        labels = np.asarray(y)
        # Of no array at all the data set says what is wrong.
        labels = labels[pd.notna(labels)] if labels.ndim else np.empty(0)
        # Beside a missing one, truth values and numbers are objects, which scikit-learn refuses.
        labels = pd.Series(labels).infer_objects().to_numpy()
        if labels.dtype.kind == "f":
            assert_all_finite(labels, input_name="y")
        if labels.size:
            check_classification_targets(labels)
        self._fit(X, y, "classification")
        self.classes_ = self.model_.classes
        return self

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Return labels of shape (n_samples,).

        Raises
        ------
        ValueError
            If the columns are not those of the fit, in their order.

        Examples
        --------
        >>> from sklearn.datasets import load_iris
        >>> from jointopt import Choice, Space
        >>> bayes = {"estimator": "sklearn.naive_bayes.GaussianNB"}
        >>> space = Space(paradigm=Choice({"bayes": bayes}))
        >>> X, y = load_iris(return_X_y=True)
        >>> model = JointClassifier(space=space, n_trials=1, budget=None, final="single").fit(X, y)
        >>> model.predict(X[:3])
        array([0, 0, 0])
        """
        frame = self._frame(X)
        return self.model_.predict(frame)

    def predict_proba(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return probabilities of shape (n_samples, n_classes), in the order of `classes_`.

        Raises
        ------
        ValueError
            If the columns are not those of the fit, in their order.

        Examples
        --------
        >>> from sklearn.datasets import load_iris
        >>> from jointopt import Choice, Space
        >>> bayes = {"estimator": "sklearn.naive_bayes.GaussianNB"}
        >>> space = Space(paradigm=Choice({"bayes": bayes}))
        >>> X, y = load_iris(return_X_y=True)
        >>> model = JointClassifier(space=space, n_trials=1, budget=None, final="single").fit(X, y)
        >>> model.predict_proba(X[:2]).round(2)
        array([[1., 0., 0.],
               [1., 0., 0.]])
        """
        frame = self._frame(X)
        return self.model_.predict_proba(frame)


class JointRegressor(RegressorMixin, _Joint):
    """A regressor found by one search over features, transforms, paradigm and all the rest.

    Parameters
    ----------
    strategy : str or callable, default="joint"
        joint, sequential, alternating, random, exhaustive, or a callable
        `strategy(space, starts, seed)` that yields stages.
    budget : str, float or None, default="60s"
        Wall-clock time of `fit`, final fit included: "90s", "5m", "1h", or seconds.
    n_trials : int or None, default=None
        The most configurations to evaluate; whichever limit is met first ends the search.
    metric : str, callable or None, default=None
        A metric's name, a scikit-learn scorer's name, a scorer `f(estimator, X, y)`, such as
        `make_scorer` makes, or `f(y_true, y_pred)`, greater being better. By default rmse.
    space : str or Space, default="tabular"
        A shipped space's name, a YAML file, or a `Space` whose paradigms name estimators.
    workers : int or None, default=None
        Worker processes. None fits in this process, where a running fit cannot be stopped; with
        a number, scripts need the usual `if __name__ == "__main__":` guard.
    dask : str, distributed.Client or None, default=None
        A Dask scheduler's address, such as "tcp://10.0.0.1:8786", or a client: fits run there,
        each on one thread; `workers` must be None.
    trial_timeout : str, float or None, default=None
        The longest that one fit may take: "30s", "5m", or seconds; by default a share of the
        budget. Without workers it is only advice to estimators that can stop by themselves.
    memory_limit : str, float or None, default=None
        What one worker may use: "1500MB", "2GB", or bytes; by default its share of 80 % of the
        machine's memory. It needs workers.
    seed : int, default=0
        Seed of everything random, up to 2**32 - 1. Fits repeat exactly with at most one worker
        and `budget=None`: what is proposed depends on what has ended.
    storage : str, Path, optuna storage or None, default=None
        Where the study is kept: a database URL, a path ending in `.journal`, or an Optuna
        storage; None keeps it in memory. It is named `jointopt/joint`; a further fit in the same
        place makes `jointopt-2/joint`, and so on.
    final : {"ensemble", "single"}, default="ensemble"
        Average the best configurations, each fitted on all rows and, the heavier ones, on those
        of up to four folds, or fit the best one on all rows.
    verbose : bool, default=False
        Show how the search goes: drawn in a terminal or a notebook, in lines elsewhere.

    Attributes
    ----------
    best_config_ : dict
        The best configuration: parameter path to value.
    best_score_ : float
        Its mean validation score, in the metric's own unit.
    study_ : optuna.Study
        The joint study; of a strategy of several stages, the last one.
    leaderboard_ : DataFrame
        One row per scored trial, the best first.
    ensemble_ : DataFrame
        One row per configuration in the model: weight, trial, paradigm, score, pipeline.
    model_ : FittedModel
        The fitted pipelines, with what they need to take new tables.
    search_result_ : SearchResult
        All trials of all stages, with `interactions()`, `plot` and `frame`.
    plot, frame : SearchPlots, SearchFrames
        Those of `search_result_`: `model.plot.history()`, `model.frame.history()`.
    n_features_in_ : int
        Columns seen in `fit`.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from jointopt import Choice, Float, Space
    >>> space = Space(paradigm=Choice({"ridge": {
    ...     "estimator": "sklearn.linear_model.Ridge",
    ...     "hyperparameters": {"alpha": Float(0.01, 10, log=True)}}}))
    >>> X, y = load_diabetes(return_X_y=True, as_frame=True)
    >>> model = JointRegressor(space=space, n_trials=3, budget=None).fit(X, y)
    >>> model.predict(X).shape
    (442,)
    >>> 50 < model.best_score_ < 60
    True
    """

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Search, then make a model of the best configurations, or of the best one (`final`).

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)
            A frame's columns may be numbers, categories, dates or text, with missing values.
        y : array-like of shape (n_samples,)
            Target values; rows that lack one are left out, with a warning.

        Raises
        ------
        DataError
            If the table or target cannot be used.
        OptionError
            If an option is not valid.
        SpaceError
            If there is no such space, or its file is not valid.
        StorageError
            If the storage cannot be used.
        SearchError
            If no configuration could be evaluated.

        Examples
        --------
        >>> from sklearn.datasets import load_diabetes
        >>> from jointopt import Choice, Space
        >>> space = Space(paradigm=Choice({"ridge": {"estimator": "sklearn.linear_model.Ridge"}}))
        >>> X, y = load_diabetes(return_X_y=True)
        >>> model = JointRegressor(space=space, n_trials=1, budget=None, final="single").fit(X, y)
        >>> model.best_config_
        {'paradigm': 'ridge'}
        """
        X = self._checked(X, reset=True)
        self._fit(X, y, Task.REGRESSION)
        return self

    def predict(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return predictions of shape (n_samples,).

        Raises
        ------
        ValueError
            If the columns are not those of the fit, in their order.

        Examples
        --------
        >>> from sklearn.datasets import load_diabetes
        >>> from jointopt import Choice, Space
        >>> space = Space(paradigm=Choice({"ridge": {"estimator": "sklearn.linear_model.Ridge"}}))
        >>> X, y = load_diabetes(return_X_y=True)
        >>> model = JointRegressor(space=space, n_trials=1, budget=None, final="single").fit(X, y)
        >>> model.predict(X[:5]).shape
        (5,)
        """
        frame = self._frame(X)
        return self.model_.predict(frame)
