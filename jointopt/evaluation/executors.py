"""Where fold tasks run: in this process, or in worker processes that can be stopped."""

from __future__ import annotations

import math
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from jointopt.errors import OptionError
from jointopt.evaluation.attempt import attempt
from jointopt.evaluation.explain import explain
from jointopt.evaluation.fold_cache import FoldCache
from jointopt.evaluation.one_fold import run_fold, run_refit
from jointopt.evaluation.threads import limited_threads
from jointopt.evaluation.worker_processes import WorkerProcesses

if TYPE_CHECKING:
    from collections.abc import Sequence

    from distributed import Client
    from sklearn.pipeline import Pipeline

    from jointopt.evaluation.tasks import FoldResult, FoldTask, Refit, Setting
    from jointopt.space import Config

__all__ = ["Executor", "InProcess", "count_places", "make_executor"]


class Executor(Protocol):
    """Runs fold tasks; at most `capacity` at a time.

    `scratch` is a folder for what tasks keep; it goes when the executor is closed.
    """

    @property
    def capacity(self) -> int:
        """How many tasks run at once; it may change."""

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
        self, wanted: Sequence[Refit], *, all_threads: bool, timeout: float | None
    ) -> list[Pipeline | Exception]:
        """Fit configurations on all rows, as many at once as there are places.

        Of each its pipeline, or why there is none: a TimeoutError where `timeout` seconds did not
        do for all of them. `all_threads` gives each fit the threads of all places.
        """

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
        with limited_threads(self._setting.threads):
            return [(key, run_fold(self._setting, task, self._cache))]

    def cancel(self) -> None:
        """Forget what has not been run."""
        self._waiting.clear()

    def refit(
        self, wanted: Sequence[Refit], *, all_threads: bool, timeout: float | None
    ) -> list[Pipeline | Exception]:
        """Fit configurations on all rows, one after another; one that began cannot be stopped."""
        del all_threads  # there is one task at a time, so it has them all
        until = math.inf if timeout is None else time.monotonic() + timeout
        return [attempt(partial(self._refit, one, until)) for one in wanted]

    def _refit(self, wanted: Refit, until: float) -> Pipeline:
        left = until - time.monotonic()
        if left <= 0:
            raise TimeoutError("no time was left for it")
        limit = None if math.isinf(left) else left
        return run_refit(self._setting, wanted, self._setting.threads, limit)

    def explain(self, config: Config, timeout: float | None) -> dict[str, float]:
        """Tell on which columns a configuration relies; `timeout` is only advice."""
        return explain(self._setting, config, timeout)

    def close(self) -> None:
        """Forget what has not been run, and what was kept."""
        self.cancel()
        if self._folder is not None:
            self._folder.cleanup()


def count_places(workers: int | None, cluster: str | Client | None) -> int:
    """Return how many fits an executor of `make_executor` begins with at once.

    Raises
    ------
    OptionError
        If no such cluster answers.
    """
    if cluster is None:
        return workers or 1
    from jointopt.evaluation.dask_cluster import count_threads

    return count_threads(cluster)


def make_executor(
    setting: Setting,
    workers: int | None,
    *,
    memory_limit: int | None = None,
    cluster: str | Client | None = None,
) -> Executor:
    """Return an executor: this process for None, else worker processes, or a Dask cluster.

    Raises
    ------
    OptionError
        If no such cluster answers, or a limit is asked for where it cannot be kept.
    """
    if memory_limit is not None and (workers is None or cluster is not None):
        raise OptionError("a memory limit needs worker processes; set workers to 1 or more")
    if cluster is not None:
        from jointopt.evaluation.dask_cluster import DaskCluster

        return DaskCluster(setting, cluster)
    if workers is None:
        return InProcess(setting)
    return WorkerProcesses(setting, workers, memory_limit=memory_limit)
