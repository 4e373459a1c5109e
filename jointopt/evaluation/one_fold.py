"""The unit of work: fit one configuration on one fold and score it there."""

from __future__ import annotations

import pickle
import time
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn import config_context
from sklearn.base import is_classifier
from sklearn.pipeline import Pipeline

from jointopt.evaluation.attempt import attempt, reason_of
from jointopt.evaluation.fold_cache import FoldCache
from jointopt.evaluation.folds import sample_rows
from jointopt.evaluation.learning_curves import curve_of
from jointopt.evaluation.limits import soft_limit
from jointopt.evaluation.seeds import derive_seed
from jointopt.evaluation.tasks import FoldResult
from jointopt.pipeline.build import build_pipeline
from jointopt.pipeline.networks.base import TabularNetwork

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from jointopt.evaluation.tasks import FoldTask, Refit, Setting

__all__ = [
    "align_probabilities",
    "keep_bytes",
    "load_libraries",
    "own_settings",
    "predict",
    "run_fold",
    "run_refit",
]


LEAST_SECONDS = 0.5
"""A model cut off sooner is worth nothing."""
ROUNDING = 1e-12
"""By how much the sum of probabilities of double precision may miss 1."""
MAX_MODEL_BYTES = 200_000_000
"""A larger fitted pipeline is not kept; the configuration can be refitted."""


def run_fold(setting: Setting, task: FoldTask, cache: FoldCache | None = None) -> FoldResult:
    """Fit the configuration on the fold's training rows and score it on the others.

    Whatever the fit raises becomes the result's `error`: one configuration must not end a study.

    Parameters
    ----------
    setting : Setting
        The study's data, folds and metric.
    task : FoldTask
        The configuration and the fold's number.
    cache : FoldCache or None, default=None
        What this process remembers of this setting's folds.
    """
    cache = cache or FoldCache(setting.dataset)
    begun = time.perf_counter()
    with own_settings():
        found = attempt(lambda: _fitted_and_scored(setting, task, cache))
    if isinstance(found, Exception):
        return FoldResult.failed(task, reason_of(found), time.perf_counter() - begun)
    return found


@contextmanager
def own_settings() -> Iterator[None]:
    """Let fits be the same in this process as in a worker's: silent, as scikit-learn begins.

    Users set for their own code that transformers return data frames, or route metadata.
    """
    defaults = config_context(transform_output="default", enable_metadata_routing=False)
    with defaults, warnings.catch_warnings():
        # A search meets every oddity of every library; what matters is the score.
        warnings.simplefilter("ignore")
        yield


def _fitted_and_scored(setting: Setting, task: FoldTask, cache: FoldCache) -> FoldResult:
    begun = time.perf_counter()
    fit_rows, scored_rows = setting.folds[task.fold]
    dataset, seed = setting.dataset, derive_seed(setting.seed, task.fold)
    if task.n_rows is not None:
        fit_rows = sample_rows(dataset, fit_rows, task.n_rows, seed)
    pipeline = build_pipeline(task.config, setting.blueprint, seed=seed, threads=setting.threads)
    model = pipeline[-1]
    load_libraries(pipeline)
    prepared = cache.prepare(pipeline, (fit_rows, scored_rows), (task.fold, task.n_rows))
    transformed = time.perf_counter()
    if task.max_seconds is not None:
        left = soft_limit(task.max_seconds - (transformed - begun))
        _tell(model, "max_seconds", max(left, LEAST_SECONDS))
    if task.must_reach is not None:
        _tell(model, "must_reach", task.must_reach)
    model.fit(prepared.fitted, dataset.y[fit_rows])
    fitted = time.perf_counter()
    predictions = predict(model, prepared.scored, dataset.n_classes)
    predicted = time.perf_counter()
    if not np.isfinite(predictions).all():
        why = "the model predicted values that are not finite"
        return FoldResult.failed(task, why, time.perf_counter() - begun)
    score = setting.metric.score(dataset.y[scored_rows], predictions, dataset.n_classes)
    if not np.isfinite(score):
        why = f"the metric {setting.metric.name} gave {score} on a fold of {len(scored_rows)} rows"
        return FoldResult.failed(task, why, time.perf_counter() - begun)
    whole = Pipeline([*prepared.steps, ("model", model)])
    # Of the regressor inside, where it sees the target on another scale.
    inner = getattr(model, "regressor_", model)
    return FoldResult(
        fold=task.fold,
        n_rows=task.n_rows,
        score=float(score),
        # Values may lie so far from zero that single precision would round away what differs.
        predictions=predictions.astype(np.float32) if dataset.n_classes else predictions,
        fit_seconds=prepared.fit_seconds + fitted - transformed,
        predict_seconds=prepared.transform_seconds + predicted - fitted,
        n_features=int(getattr(model, "n_features_in_", 0)),
        refit_params=getattr(inner, "refit_params_", {}),
        model_bytes=0 if task.keep is None else _keep(whole, task.keep),
        curve=curve_of(inner),
        stopped=getattr(inner, "stopped_", False),
    )


def load_libraries(pipeline: Pipeline) -> None:
    """Import what a network needs, which is no part of the time that its fit takes.

    Parameters
    ----------
    pipeline : Pipeline
        Its last step is a network or not.
    """
    model = pipeline[-1]
    for part in (model, *model.get_params().values()):
        if isinstance(part, TabularNetwork):
            part.load_libraries()


def _tell(model: Any, argument: str, value: object) -> None:
    """Set a constructor argument of an estimator, or of the one inside; not where none has it."""
    names = [name for name in model.get_params() if name.rpartition("__")[2] == argument]
    model.set_params(**dict.fromkeys(names, value))


def _keep(pipeline: Pipeline, path: Path) -> int:
    """Write a fitted pipeline for the coordinator and return its size, 0 if it is not kept.

    A very large one is not, nor one that cannot be pickled or finds no room on the disk: its
    configuration is as good as any, it only is no member of an ensemble.
    """
    data = attempt(lambda: pickle.dumps(pipeline, protocol=pickle.HIGHEST_PROTOCOL))
    if isinstance(data, Exception) or len(data) > MAX_MODEL_BYTES:
        return 0
    return keep_bytes(path, data)


def keep_bytes(path: Path, data: bytes) -> int:
    """Write a pickled pipeline and return its size; 0, and no file, if the disk has no room."""
    written = attempt(lambda: path.write_bytes(data))
    if isinstance(written, Exception):
        path.unlink(missing_ok=True)
        return 0
    return written


def run_refit(
    setting: Setting, wanted: Refit, threads: int, max_seconds: float | None = None
) -> Pipeline:
    """Fit a configuration for the final model.

    Parameters
    ----------
    setting : Setting
        The study's data.
    wanted : Refit
        What to fit.
    threads : int
        Numeric threads.
    max_seconds : float or None, default=None
        For estimators that can stop in the middle: when to.
    """
    # A network cut off in the middle of its learning-rate schedule is far worse than none:
    # it is fitted as the folds found best, or the caller's time limit ends it.
    scheduled = "n_epochs" in wanted.params
    dataset, seed = setting.dataset, derive_seed(setting.seed, len(setting.folds))
    pipeline = build_pipeline(
        wanted.config,
        setting.blueprint,
        seed=seed,
        threads=threads,
        max_seconds=None if scheduled else max_seconds,
        refit_params=wanted.params,
    )
    X, y = dataset.X, dataset.y
    if wanted.n_rows is not None:
        rows = sample_rows(dataset, np.arange(dataset.n_rows), wanted.n_rows, seed)
        X, y = X.iloc[rows], y[rows]
    with own_settings():
        return pipeline.fit(X, y)


def predict(model: Any, X: Any, n_classes: int) -> NDArray[np.float64]:
    """Return probabilities, shape (n_rows, n_classes), or values, shape (n_rows,)."""
    if not is_classifier(model):
        return np.asarray(model.predict(X), dtype=float).ravel()
    return align_probabilities(model.predict_proba(X), model.classes_, n_classes)


def align_probabilities(
    probabilities: NDArray[np.float64], codes: NDArray[Any], n_classes: int
) -> NDArray[np.float64]:
    """Give every class its column: a training fold may lack a rare one; and rows the sum 1.

    >>> align_probabilities(np.array([[0.25, 0.75]]), np.array([0, 2]), 3)
    array([[0.25, 0.  , 0.75]])
    """
    full = np.zeros((len(probabilities), n_classes))
    full[:, np.asarray(codes, dtype=int)] = probabilities
    total = full.sum(axis=1, keepdims=True)
    # XGBoost's rows sum to 1 in single precision only. The others stay as they are: a division
    # more could break ties. Of some, a row far from all others has no class at all.
    inexact = (np.abs(total - 1) > ROUNDING) & (total > 0)
    np.divide(full, total, out=full, where=inexact)
    return full
