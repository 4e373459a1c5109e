"""Fold tasks on a Dask cluster: other processes, other machines."""

from __future__ import annotations

import importlib
import math
import tempfile
import threading
import time
import uuid
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, cast

from jointopt.errors import OptionError
from jointopt.evaluation.attempt import attempt, reason_of
from jointopt.evaluation.explain import explain
from jointopt.evaluation.fold_cache import FoldCache
from jointopt.evaluation.freed_memory import freed_memory_kept
from jointopt.evaluation.limits import LOOK_SECONDS
from jointopt.evaluation.one_fold import keep_bytes, run_fold, run_refit
from jointopt.evaluation.tasks import FoldResult
from jointopt.evaluation.threads import limited_threads
from jointopt.evaluation.worker_processes import GRACE_SECONDS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from distributed import Client, Future
    from sklearn.pipeline import Pipeline

    from jointopt.evaluation.tasks import FoldTask, Refit, Setting
    from jointopt.space import Config

__all__ = ["DaskCluster", "count_threads"]

CONNECT_SECONDS = 10
COUNTED_SECONDS = 1.0
"""So long the workers are taken to be those that were counted: the search asks before every fit,
and counting is a message to the scheduler and back."""
ATTEMPTS = 3
"""How often a task is sent whose worker, or whose data, was lost."""
LOST = ("CancelledError", "FutureCancelledError", "CommClosedError")


def count_threads(cluster: str | Client) -> int:
    """Return how many threads the workers of a cluster have now, at least one.

    Parameters
    ----------
    cluster : str or distributed.Client
        A scheduler's address, or a client of it.

    Raises
    ------
    OptionError
        If Dask is not installed, or no scheduler answers.
    """
    if isinstance(cluster, str):
        with _connected(cluster) as client:
            return count_threads(client)
    return max(1, int(sum(cluster.nthreads().values())))


@dataclass(frozen=True, slots=True)
class _Sent:
    key: int
    task: FoldTask
    attempt: int

    def is_late(self, begun: float | None, now: float) -> bool:
        limit = self.task.max_seconds
        return begun is not None and limit is not None and now > begun + limit + GRACE_SECONDS


class DaskCluster:
    """Runs tasks as futures of Dask; workers may join and leave at any time.

    The setting is sent to the workers once. What a lost worker was at is done again elsewhere. A
    running fit cannot be stopped from here: one that overruns its time, counted from when the fit
    begins on its worker, is told as failed, and keeps its worker until it ends.

    Parameters
    ----------
    setting : Setting
        What all tasks share.
    cluster : str or distributed.Client
        A scheduler's address, such as tcp://10.0.0.1:8786, or a client of it.

    Raises
    ------
    OptionError
        If Dask is not installed, no scheduler answers, or it has no workers.
    """

    def __init__(self, setting: Setting, cluster: str | Client) -> None:
        self._setting = setting
        self._own = isinstance(cluster, str)
        self._client = _connected(cluster) if isinstance(cluster, str) else cluster
        self._folder = tempfile.TemporaryDirectory(prefix="jointopt-")
        self._key = uuid.uuid4().hex
        try:
            self._data = self._scattered()
        except TimeoutError as error:
            address = self._client.scheduler.address
            self._leave()
            raise OptionError(
                f"the Dask scheduler {address} has no workers; start some: dask worker {address}"
            ) from error
        self._running: dict[Future, _Sent] = {}
        self._begun: dict[str, float] = {}
        self._capacity, self._counted = 1, -math.inf
        self._client.subscribe_topic(self._key, self._note_begin)

    def _note_begin(self, event: tuple[float, str]) -> None:
        """Remember when the fit of a task began, by this machine's clock; Dask calls it."""
        _, dask_key = event
        self._begun[dask_key] = time.monotonic()

    @property
    def capacity(self) -> int:
        """How many tasks run at once now: the threads of all workers."""
        if time.monotonic() > self._counted + COUNTED_SECONDS:
            self._capacity = count_threads(self._client)
            self._counted = time.monotonic()
        return self._capacity

    @property
    def scratch(self) -> Path:
        """A folder for what tasks keep."""
        return Path(self._folder.name)

    def submit(self, key: int, task: FoldTask) -> None:
        """Send a task to a worker."""
        self._send(key, task, 1)

    def _send(self, key: int, task: FoldTask, attempt: int) -> None:
        future = self._client.submit(_run, self._key, self._data, task, pure=False)
        self._running[future] = _Sent(key, task, attempt)

    def collect(self, timeout: float | None) -> list[tuple[int, FoldResult]]:
        """Wait for results, at most `timeout` seconds."""
        done = self._ended(timeout)
        found = []
        for future in sorted(done, key=lambda f: self._running[f].key):
            sent = self._running.pop(future)
            self._begun.pop(future.key, None)
            result = self._result(future, sent)
            if result is None and sent.attempt < ATTEMPTS and self._has_data_again():
                self._send(sent.key, sent.task, sent.attempt + 1)
            else:
                found.append(
                    (sent.key, result or FoldResult.failed(sent.task, "its workers were lost"))
                )
        return found

    def _has_data_again(self) -> bool:
        """Send the setting to the workers that are there; false if there are none for a while."""
        with suppress(TimeoutError):
            self._data = self._scattered()
            return True
        return False

    def _ended(self, timeout: float | None) -> list[Future]:
        """Wait for tasks to end, or to overrun their time."""
        import distributed

        until = math.inf if timeout is None else time.monotonic() + timeout
        while True:
            left = min(until - time.monotonic(), LOOK_SECONDS)
            with self._client.as_current(), suppress(TimeoutError, distributed.CancelledError):
                distributed.wait(
                    list(self._running), timeout=max(left, 0.0), return_when="FIRST_COMPLETED"
                )
            now = time.monotonic()
            ended = [
                future
                for future, sent in self._running.items()
                if future.done() or sent.is_late(self._begun.get(future.key), now)
            ]
            if ended or now >= until:
                return ended

    def cancel(self) -> None:
        """Forget all tasks; those that run end by themselves."""
        self._client.cancel(list(self._running), force=True)
        self._running.clear()
        self._begun.clear()

    def refit(
        self, wanted: Sequence[Refit], *, all_threads: bool, timeout: float | None
    ) -> list[Pipeline | Exception]:
        """Fit configurations on all rows, each on one worker."""
        del all_threads  # of other machines
        self.cancel()
        until = math.inf if timeout is None else time.monotonic() + timeout
        futures = [
            self._client.submit(_refit, self._data, one, timeout, pure=False) for one in wanted
        ]
        found = [attempt(partial(_result_until, future, until)) for future in futures]
        self._client.cancel(futures, force=True)
        return found

    def explain(self, config: Config, timeout: float | None) -> dict[str, float]:
        """Tell on which columns a configuration relies, found on a worker."""
        future = self._client.submit(_explain, self._data, config, timeout, pure=False)
        return cast("dict[str, float]", future.result(timeout=timeout))

    def close(self) -> None:
        """Forget all tasks, and leave the cluster if it was joined here."""
        self.cancel()
        self._client.unsubscribe_topic(self._key)
        self._data.release()
        self._leave()

    def _leave(self) -> None:
        if self._own:
            self._client.close()
        self._folder.cleanup()

    def _scattered(self) -> Future:
        return self._client.scatter(self._setting, broadcast=True, hash=False)

    def _result(self, future: Future, sent: _Sent) -> FoldResult | None:
        """Return what a task told; None if it was lost with its worker."""
        task = sent.task
        if not future.done():
            future.cancel()
            why = f"not done after {task.max_seconds:.0f} s, the limit for one fit"
            return FoldResult.failed(task, why, fit_seconds=task.max_seconds or 0.0)
        if future.status == "finished":
            result, model = cast("tuple[FoldResult, bytes | None]", future.result())
            if task.keep is not None and model is not None:
                return replace(result, model_bytes=keep_bytes(task.keep, model))
            return result
        error = None if future.status in ("cancelled", "lost") else future.exception()
        if error is None or type(error).__name__ in LOST:
            return None
        return FoldResult.failed(task, reason_of(error))


def _connected(address: str) -> Client:
    try:
        from distributed import Client
    except ImportError as error:
        raise OptionError(
            'Dask is not installed; pip install "jointopt[distributed]" here and on its workers'
        ) from error
    try:
        return Client(address, timeout=CONNECT_SECONDS, set_as_default=False)
    except (OSError, ValueError) as error:
        raise OptionError(f"no Dask scheduler answers at {address!r}: {error}") from error


def _result_until(future: Future, until: float) -> Pipeline:
    left = None if math.isinf(until) else max(0.0, until - time.monotonic())
    return cast("Pipeline", future.result(timeout=left))


# ------------------------------------------------------------------------------ on workers


class _Memory(threading.local):
    """What each of a worker's threads remembers: two may not change one memory at once."""

    key: str | None = None
    cache: FoldCache


_memory = _Memory()


def _cache(key: str, setting: Setting) -> FoldCache:
    """Return what this thread remembers of a search's folds; it forgets those of earlier ones."""
    if _memory.key != key:
        _memory.key, _memory.cache = key, FoldCache(setting.dataset)
    return _memory.cache


@contextmanager
def _at_work(setting: Setting) -> Iterator[None]:
    """Keep a task to the threads it may use, and give it the memory that it frees."""
    limited_threads(setting.threads)
    with freed_memory_kept():
        yield


def _run(key: str, setting: Setting, task: FoldTask) -> tuple[FoldResult, bytes | None]:
    """Run a task, and return what it kept: the coordinator may be on another machine."""
    from distributed import get_worker

    # Loading the libraries takes a worker's first task some seconds, which are not the fit's.
    importlib.import_module("jointopt.evaluation.preload")
    worker = get_worker()
    worker.log_event(key, worker.get_current_task())
    with tempfile.TemporaryDirectory(prefix="jointopt-") as folder:
        place = Path(folder, "model")
        own = task if task.keep is None else replace(task, keep=place)
        with _at_work(setting):
            result = run_fold(setting, own, _cache(key, setting))
        return result, place.read_bytes() if place.exists() else None


def _refit(setting: Setting, wanted: Refit, max_seconds: float | None) -> Pipeline:
    with _at_work(setting):
        return run_refit(setting, wanted, setting.threads, max_seconds)


def _explain(setting: Setting, config: Config, max_seconds: float | None) -> dict[str, float]:
    with _at_work(setting):
        return explain(setting, config, max_seconds)
