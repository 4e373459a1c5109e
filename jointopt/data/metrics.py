"""How good predictions are: one signed number, greater always being better."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Literal

from jointopt.data.columns import listed, quoted
from jointopt.data.scores import (
    N_BINARY,
    accuracy,
    average_precision,
    balanced_accuracy,
    f1,
    log_loss,
    mae,
    r2,
    rmse,
    roc_auc,
)
from jointopt.data.tasks import Task
from jointopt.errors import OptionError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Metric", "get_metric", "metric_names", "task_kind"]

Needs = Literal["proba", "predict", "decision"]
TaskKind = Literal["classification", "regression"]
NEEDS: tuple[Needs, ...] = ("proba", "decision", "predict")
Natural = Callable[["NDArray[Any]", "NDArray[np.float64]", int], float]
"""Natural value by true codes or values, predictions and number of classes."""


@dataclass(frozen=True, slots=True)
class Metric:
    """A measure of predictions.

    Attributes
    ----------
    name : str
        As the user gave it.
    greater_is_better : bool
        Direction of the natural value.
    needs : {"proba", "predict", "decision"}
        What it looks at: probabilities; the most probable class, or a regression's values; or
        only the order of the probabilities.
    optimum : float
        The best natural value.
    natural : callable
        `natural(y, predictions, n_classes)` gives the natural value.

    Examples
    --------
    >>> import numpy as np
    >>> metric = get_metric("rmse", Task.REGRESSION)
    >>> signed = metric.score(np.array([1.0, 2.0]), np.array([1.0, 4.0]))
    >>> round(signed, 3), round(metric.display(signed), 3)
    (-1.414, 1.414)
    """

    name: str
    greater_is_better: bool
    needs: Needs
    optimum: float
    natural: Natural

    def score(self, y: NDArray[Any], pred: NDArray[np.float64], n_classes: int = 0) -> float:
        """Return the natural value, with its sign turned if a smaller one is better.

        Parameters
        ----------
        y : ndarray of shape (n_samples,)
            True class codes 0 to n_classes - 1, or true values.
        pred : ndarray of shape (n_samples, n_classes) or (n_samples,)
            Probabilities of all classes, or predicted values.
        n_classes : int, default=0
            Classes of the whole data set, of which `y` may lack some; 0 for a regression.
        """
        return self.display(self.natural(y, pred, n_classes))

    def told(self, classes: NDArray[Any] | None) -> str:
        """Return its name, with the class that it is about where it is about one of two.

        >>> import numpy as np
        >>> get_metric("f1", Task.BINARY).told(np.array(["no", "yes"]))
        "f1 of 'yes'"
        """
        if classes is None or len(classes) != N_BINARY or self.name not in OF_ONE_CLASS:
            return self.name
        return f"{self.name} of {str(classes[1])!r}"

    def display(self, signed_score: float) -> float:
        """Return the natural value of a signed score, such as a positive error."""
        value = float(signed_score)
        return value if self.greater_is_better else -value


def _gain(name: str, needs: Needs, natural: Natural) -> Metric:
    return Metric(name, greater_is_better=True, needs=needs, optimum=1.0, natural=natural)


def _loss(name: str, needs: Needs, natural: Natural) -> Metric:
    return Metric(name, greater_is_better=False, needs=needs, optimum=0.0, natural=natural)


OF_CLASSES = {
    metric.name: metric
    for metric in (
        _gain("roc_auc", "decision", roc_auc),
        _loss("log_loss", "proba", log_loss),
        _gain("accuracy", "predict", accuracy),
        _gain("balanced_accuracy", "predict", balanced_accuracy),
        _gain("f1", "predict", f1),
        _gain("average_precision", "decision", average_precision),
        # scikit-learn's own scorer clips far lower, so that one sure mistake decides a fold.
        _loss("neg_log_loss", "proba", log_loss),
    )
}
OF_VALUES = {
    metric.name: metric
    for metric in (
        _loss("rmse", "predict", rmse),
        _loss("mae", "predict", mae),
        _gain("r2", "predict", r2),
    )
}
OWN = {Task.BINARY: OF_CLASSES, Task.MULTICLASS: OF_CLASSES, Task.REGRESSION: OF_VALUES}
OF_ONE_CLASS = frozenset({"f1", "average_precision", "precision", "recall", "jaccard"})
"""Of two classes these are of the second."""
DEFAULTS = {Task.BINARY: "roc_auc", Task.MULTICLASS: "log_loss", Task.REGRESSION: "rmse"}


def get_metric(
    name: str | Callable[..., float] | Metric | None,
    task: Task,
    classes: NDArray[Any] | None = None,
) -> Metric:
    """Find a metric for a task.

    Parameters
    ----------
    name : str, callable, Metric or None
        One of roc_auc, log_loss, accuracy, balanced_accuracy, f1, average_precision, rmse, mae,
        r2; or the name of a scikit-learn scorer; or a scorer made by `make_scorer`; or a function
        `f(y_true, y_pred)`, greater being better, of values or of labels. None stands for roc_auc
        (binary), log_loss (multiclass) or rmse (regression). Of two classes f1, average_precision
        and the like are of the second in sorted order.
    task : Task
        What is predicted.
    classes : ndarray of shape (n_classes,) or None, default=None
        The labels that functions and scorers of the user's own get for class codes; by default
        they get the codes.

    Raises
    ------
    OptionError
        If there is no such metric, or it does not fit the task.

    Examples
    --------
    >>> get_metric(None, Task.MULTICLASS).name
    'log_loss'
    >>> get_metric("neg_median_absolute_error", Task.REGRESSION).greater_is_better
    False
    """
    if isinstance(name, Metric):
        return name
    if callable(name):
        return _of_callable(name, classes)
    if name is None:
        name = DEFAULTS[task]
    if not isinstance(name, str):
        raise OptionError(
            f"a metric is a name or a function f(y_true, y_pred), not {type(name).__name__}"
        )
    return OWN[task].get(name) or _of_scorer(name, task)


def task_kind(name: str | Callable[..., float] | Metric | None) -> TaskKind | None:
    """Return what a metric is of; None if it is of both, unknown, or does not tell.

    >>> task_kind("rmse"), task_kind("f1_macro"), task_kind("no_metric")
    ('regression', 'classification', None)
    """
    if not isinstance(name, str):
        return None
    if name in OF_VALUES:
        return "regression"
    if name in OF_CLASSES:
        return "classification"
    from jointopt.data.scorers import known_scorers, methods_used

    if name not in known_scorers():
        return None
    if methods_used(name, Task.REGRESSION):
        return "regression"
    return "classification" if methods_used(name, Task.BINARY) else None


def metric_names(task: Task) -> list[str]:
    """Return the names of all metrics for a task, jointopt's own first.

    >>> metric_names(Task.REGRESSION)[:4]
    ['rmse', 'mae', 'r2', 'd2_absolute_error_score']
    """
    from jointopt.data.scorers import usable_scorers

    return list(dict.fromkeys([*OWN[task], *usable_scorers(task)]))


def _of_scorer(name: str, task: Task) -> Metric:
    from jointopt.data.scorers import ScorerScore, known_scorers, methods_used

    elsewhere = OF_CLASSES if task is Task.REGRESSION else OF_VALUES
    used = methods_used(name, task) if name in known_scorers() else frozenset()
    if name in elsewhere or (name in known_scorers() and not used):
        raise OptionError(f"metric {name!r} does not fit a {task} task; {_choice(task)}")
    if not used:
        close = get_close_matches(name.lower(), metric_names(task), n=3, cutoff=0.5)
        hint = f"did you mean {quoted(close)}? For a {task} task, " if close else ""
        raise OptionError(f"metric {name!r} is not known; {hint}{_choice(task)}")
    needs: Needs = next(need for need in NEEDS if need in used)
    if name.startswith("neg_"):
        return _loss(name, needs, ScorerScore(name, sign=-1))
    return _gain(name, needs, ScorerScore(name))


def _choice(task: Task) -> str:
    names = metric_names(task)
    scorers = [name for name in names if name not in OWN[task]]
    own = ", ".join(OWN[task])
    return f"choose of {own}, or of the scikit-learn scorers {listed(scorers)}"


@dataclass(frozen=True, slots=True, eq=False)
class _OfFunction:
    """A user's function, called with values or with the labels of the most probable classes."""

    function: Callable[..., float]
    classes: NDArray[Any] | None

    def __call__(self, y: NDArray[Any], pred: NDArray[np.float64], n_classes: int) -> float:
        predicted = pred.argmax(axis=1) if n_classes else pred
        if self.classes is not None:
            y, predicted = self.classes[y], self.classes[predicted]
        return float(self.function(y, predicted))


def _of_callable(function: Callable[..., float], classes: NDArray[Any] | None) -> Metric:
    name = str(getattr(function, "__name__", type(function).__name__))
    try:
        parameters = list(inspect.signature(function).parameters)
    except ValueError:
        parameters = []  # some compiled functions do not tell
    natural: Natural = _OfFunction(function, classes)
    needs: Needs = "predict"
    if parameters[:1] == ["estimator"]:
        from jointopt.data.scorers import ScorerScore

        natural, needs = ScorerScore(function, classes=classes), "proba"
    return Metric(name, greater_is_better=True, needs=needs, optimum=math.inf, natural=natural)
