"""What worker processes do: begin, and run the tasks that they are sent."""

from __future__ import annotations

import signal
from functools import lru_cache
from typing import TYPE_CHECKING, cast

import joblib

from jointopt.evaluation.explain import explain
from jointopt.evaluation.fold_cache import FoldCache
from jointopt.evaluation.limits import end_with_parent
from jointopt.evaluation.one_fold import run_fold, run_refit
from jointopt.evaluation.threads import limited_threads
from jointopt.pipeline.columns_step import load_encoders

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

    from jointopt.evaluation.tasks import FoldResult, FoldTask, Refit, Setting
    from jointopt.space import Config

__all__ = [
    "begin",
    "explain_in_worker",
    "refit_in_worker",
    "run_in_worker",
]


def begin(folder: str, path: str) -> None:
    """Begin a worker; what it has to load is no part of the time that its first fit may take."""
    end_with_parent(folder)
    # pebble's handler would wait for a long call into a compiled library to return.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    setting, _ = _setting_from(path)
    load_encoders(setting.dataset.schema)


@lru_cache(maxsize=1)
def _setting_from(path: str) -> tuple[Setting, FoldCache]:
    """Return the setting, and what this process remembers of its folds."""
    # Written by the coordinator, in a folder that only this user may enter. Numbers stay in the
    # file's pages, which all workers share, until one of them writes to its own.
    setting = cast("Setting", joblib.load(path, mmap_mode="c"))
    return setting, FoldCache(setting.dataset)


def run_in_worker(path: str, task: FoldTask) -> FoldResult:
    """Run a task of the setting in that file."""
    setting, cache = _setting_from(path)
    limited_threads(setting.threads)
    return run_fold(setting, task, cache)


def explain_in_worker(path: str, config: Config, max_seconds: float | None) -> dict[str, float]:
    """Tell on which columns a configuration relies."""
    setting, _ = _setting_from(path)
    limited_threads(setting.threads)
    return explain(setting, config, max_seconds)


def refit_in_worker(path: str, wanted: Refit, threads: int, max_seconds: float | None) -> Pipeline:
    """Fit a configuration for the final model."""
    limited_threads(threads)
    setting, _ = _setting_from(path)
    return run_refit(setting, wanted, threads, max_seconds)
