"""Where fold tasks run: in this process, or in worker processes that can be stopped."""

from __future__ import annotations

import pickle
import tempfile
from concurrent.futures import FIRST_COMPLETED, Future, wait
from concurrent.futures import TimeoutError as FutureTimeoutError
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, Self, cast

import numpy as np
from threadpoolctl import threadpool_limits

from jointopt.evaluation.explain import explain
from jointopt.evaluation.fold_cache import FoldCache
from jointopt.evaluation.one_fold import FoldResult, Setting, fit_on_all, run_fold
from jointopt.evaluation.worker_start import worker_context

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sklearn.pipeline import Pipeline

    from jointopt.evaluation.one_fold import FoldTask
    from jointopt.space import Config

__all__ = ["Executor", "InProcess", "WorkerProcesses", "make_executor"]

GRACE_SECONDS = 2.0
"""How much longer than its own limit a fit may take before its worker is stopped."""


class Executor(Protocol):
    """Runs fold tasks; at most `capacity` at a time.

    `scratch` is a folder for what tasks keep; it goes when the executor is closed.
    """

    capacity: int

    @property
    def scratch(self) -> Path:
        """The folder."""

    def submit(self, key: int, task: FoldTask) -> None:
        """Start a task; `key` names it in what `collect` returns."""

    def collect(self, timeout: float | None) -> list[tuple[int, FoldResult]]:
        """Wait for at least one task to end, or for `timeout` seconds."""

    def cancel(self) -> None:
        """Stop all tasks; nothing more is collected of them."""

    def refit(
        self,
        config: Config,
        refit_params: Mapping[str, int],
        *,
        all_threads: bool,
        timeout: float | None,
    ) -> Pipeline:
        """Fit a configuration on all rows; TimeoutError if it takes longer."""

    def explain(self, config: Config, timeout: float | None) -> dict[str, float]:
        """Tell on which columns a configuration relies; TimeoutError if it takes longer."""

    def close(self) -> None:
        """Stop what still runs and let go of everything."""


class InProcess:
    """Runs each task in this process when it is collected; a running fit cannot be stopped.

    Parameters
    ----------
    setting : Setting
        What all tasks share.
    """

    capacity = 1

    def __init__(self, setting: Setting) -> None:
        self._setting = setting
        self._cache = FoldCache(setting.dataset)
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._waiting: list[tuple[int, FoldTask]] = []

    @property
    def scratch(self) -> Path:
        """A folder for what tasks keep; made when first asked for."""
        if self._folder is None:
            self._folder = tempfile.TemporaryDirectory(prefix="jointopt-")
        return Path(self._folder.name)

    def submit(self, key: int, task: FoldTask) -> None:
        """Queue a task."""
        self._waiting.append((key, task))

    def collect(self, timeout: float | None) -> list[tuple[int, FoldResult]]:
        """Run the oldest task; with no time left, run nothing."""
        if not self._waiting or (timeout is not None and timeout <= 0):
            return []
        key, task = self._waiting.pop(0)
        with threadpool_limits(self._setting.threads):
            return [(key, run_fold(self._setting, task, self._cache))]

    def cancel(self) -> None:
        """Forget what has not been run."""
        self._waiting.clear()

    def refit(
        self,
        config: Config,
        refit_params: Mapping[str, int],
        *,
        all_threads: bool,
        timeout: float | None,
    ) -> Pipeline:
        """Fit a configuration on all rows; it cannot be stopped, `timeout` is only advice."""
        del all_threads  # there is one task at a time, so it has them all
        return fit_on_all(self._setting, config, refit_params, self._setting.threads, timeout)

    def explain(self, config: Config, timeout: float | None) -> dict[str, float]:
        """Tell on which columns a configuration relies; `timeout` is only advice."""
        return explain(self._setting, config, timeout)

    def close(self) -> None:
        """Forget what has not been run, and what was kept."""
        self.cancel()
        if self._folder is not None:
            self._folder.cleanup()


class WorkerProcesses:
    """Runs tasks in worker processes; one that overruns its time, or dies, costs its task only.

    The setting is written once to a temporary file that each worker reads when its first task
    arrives. Workers are forked from a clean server process that has the libraries loaded.

    Parameters
    ----------
    setting : Setting
        What all tasks share.
    n_workers : int
        How many processes.
    """

    def __init__(self, setting: Setting, n_workers: int) -> None:
        from pebble import ProcessPool

        self.capacity = n_workers
        self._threads = setting.threads
        self._folder = tempfile.TemporaryDirectory(prefix="jointopt-")
        self._path = str(self.scratch / "setting.pickle")
        with Path(self._path).open("wb") as file:
            pickle.dump(setting, file, protocol=pickle.HIGHEST_PROTOCOL)
        self._pool: Any = ProcessPool(max_workers=n_workers, context=worker_context())
        self._running: dict[Future[FoldResult], tuple[int, FoldTask]] = {}

    @property
    def scratch(self) -> Path:
        """A folder for what tasks keep."""
        return Path(self._folder.name)

    def submit(self, key: int, task: FoldTask) -> None:
        """Send a task to the next free worker."""
        limit = None if task.max_seconds is None else task.max_seconds + GRACE_SECONDS
        future = self._pool.submit(_run_in_worker, limit, self._path, task)
        self._running[future] = (key, task)

    def collect(self, timeout: float | None) -> list[tuple[int, FoldResult]]:
        """Wait for results, at most `timeout` seconds."""
        done, _ = wait(self._running, timeout, return_when=FIRST_COMPLETED)
        found = []
        for future in sorted(done, key=lambda f: self._running[f][0]):
            key, task = self._running.pop(future)
            found.append((key, _outcome(future, task)))
        return found

    def cancel(self) -> None:
        """Stop all tasks, and the workers that are at them."""
        for future in self._running:
            future.cancel()
        self._running.clear()

    def refit(
        self,
        config: Config,
        refit_params: Mapping[str, int],
        *,
        all_threads: bool,
        timeout: float | None,
    ) -> Pipeline:
        """Stop all fold tasks, then fit a configuration on all rows in a worker."""
        self.cancel()
        threads = self._threads * (self.capacity if all_threads else 1)
        future = self._pool.submit(
            _refit_in_worker, timeout, self._path, config, refit_params, threads, _soft(timeout)
        )
        return future.result()

    def explain(self, config: Config, timeout: float | None) -> dict[str, float]:
        """Tell on which columns a configuration relies, found in a worker."""
        future = self._pool.submit(_explain_in_worker, timeout, self._path, config, _soft(timeout))
        found: dict[str, float] = future.result()
        return found

    def close(self) -> None:
        """Stop the workers at once, whatever they are doing."""
        self._running.clear()
        self._pool.stop()
        self._pool.join()
        self._folder.cleanup()

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *args: object) -> None:
        """Close."""
        self.close()


def make_executor(setting: Setting, workers: int | None) -> Executor:
    """Return an executor: this process for None, else that many worker processes."""
    return InProcess(setting) if workers is None else WorkerProcesses(setting, workers)


@lru_cache(maxsize=1)
def _setting_from(path: str) -> tuple[Setting, FoldCache]:
    """Return the setting, and what this process remembers of its folds."""
    with Path(path).open("rb") as file:
        # Written by the coordinator, in a folder that only this user may enter.
        setting = cast("Setting", pickle.load(file))
    return setting, FoldCache(setting.dataset)


def _run_in_worker(path: str, task: FoldTask) -> FoldResult:
    setting, cache = _setting_from(path)
    limit_threads(setting.threads)
    return run_fold(setting, task, cache)


def _explain_in_worker(path: str, config: Config, max_seconds: float | None) -> dict[str, float]:
    setting, _ = _setting_from(path)
    limit_threads(setting.threads)
    return explain(setting, config, max_seconds)


def _soft(timeout: float | None) -> float | None:
    """Return when a fit that can stop by itself should, to be done before it is stopped."""
    return None if timeout is None else 0.8 * timeout


def _refit_in_worker(
    path: str,
    config: Config,
    refit_params: Mapping[str, int],
    threads: int,
    max_seconds: float | None,
) -> Pipeline:
    limit_threads(threads)
    setting, _ = _setting_from(path)
    return fit_on_all(setting, config, refit_params, threads, max_seconds)


def limit_threads(threads: int) -> None:
    """Give this process's numeric libraries that many threads."""
    threadpool_limits(threads)
    import torch

    torch.set_num_threads(threads)


def _outcome(future: Future[FoldResult], task: FoldTask) -> FoldResult:
    error = future.exception()
    if error is None:
        return future.result()
    if isinstance(error, FutureTimeoutError | TimeoutError):
        why = f"stopped after {task.max_seconds:.0f} s, the limit for one fit"
    else:
        why = f"the worker process ended: {type(error).__name__} {error}".strip()
    spent = task.max_seconds or 0.0
    return FoldResult(task.fold, np.nan, n_rows=task.n_rows, fit_seconds=spent, error=why)
