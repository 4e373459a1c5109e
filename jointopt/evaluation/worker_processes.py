"""Fold tasks in worker processes, which can be stopped."""

from __future__ import annotations

import math
import os
import tempfile
import time
from concurrent.futures import FIRST_COMPLETED, Future, wait
from concurrent.futures import TimeoutError as FutureTimeoutError
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import joblib

from jointopt.errors import OptionError, SearchError
from jointopt.evaluation.attempt import attempt
from jointopt.evaluation.in_worker import (
    begin,
    explain_in_worker,
    refit_in_worker,
    run_in_worker,
    wait_briefly_for_locks,
)
from jointopt.evaluation.limits import (
    LOOK_SECONDS,
    NEEDED_BYTES,
    default_memory,
    soft_limit,
    stop_greedy,
)
from jointopt.evaluation.tasks import FoldResult, Refit, Setting
from jointopt.evaluation.worker_start import worker_context
from jointopt.files import plain_writing

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from sklearn.pipeline import Pipeline

    from jointopt.evaluation.tasks import FoldTask
    from jointopt.space import Config

__all__ = ["WorkerProcesses"]

START_SECONDS = 60.0
"""How long a last fit waits at most for workers that are still starting."""
GRACE_SECONDS = 2.0
"""How much longer than its own limit a fit may take before its worker is stopped."""


class WorkerProcesses:
    """Runs tasks in worker processes; one that overruns its time, or dies, costs its task only.

    The setting is written once to a temporary file that each worker maps into its memory when
    its first task arrives. Workers are forked from a clean server process that has the libraries
    loaded.

    Parameters
    ----------
    setting : Setting
        What all tasks share.
    n_workers : int
        How many processes.
    memory_limit : int or None, default=None
        Resident bytes that one of them may use; by default its share of 80 % of the machine's.

    Raises
    ------
    OptionError
        If the limit leaves nothing for a fit.
    StorageError
        If the disk has no room for the setting.
    """

    def __init__(
        self, setting: Setting, n_workers: int, *, memory_limit: int | None = None
    ) -> None:
        if memory_limit is not None and memory_limit < NEEDED_BYTES:
            raise OptionError(
                f"a memory limit of {memory_limit / 1e9:.1f} GB is less than the "
                f"{NEEDED_BYTES / 1e9:.1f} GB that a worker needs for libraries and a small fit"
            )
        self.capacity = n_workers
        self._memory_limit = memory_limit or default_memory(n_workers)
        self._stopped: dict[int, int] = {}
        self._looked = time.monotonic()
        self._threads = setting.threads
        self._folder = tempfile.TemporaryDirectory(prefix="jointopt-")
        self._path = str(self.scratch / "setting.joblib")
        try:
            with plain_writing(f"the table for workers, in {self._folder.name} (TMPDIR),"):
                joblib.dump(setting, self._path)
        except BaseException:
            self._folder.cleanup()
            raise
        self._pool = self._new_pool()
        self._has_worked = False
        self._sent: set[Future[Any]] = set()
        self._running: dict[Future[FoldResult], _Sent] = {}

    @property
    def scratch(self) -> Path:
        """A folder for what tasks keep."""
        return Path(self._folder.name)

    def submit(self, key: int, task: FoldTask) -> None:
        """Send a task to the next free worker."""
        self._submit(_Sent(key, task))

    def _submit(self, sent: _Sent) -> None:
        seconds = sent.task.max_seconds
        limit = None if seconds is None else seconds + GRACE_SECONDS
        self._running[self._started(run_in_worker, limit, self._path, sent.task)] = sent

    def collect(self, timeout: float | None) -> list[tuple[int, FoldResult]]:
        """Wait for results, at most `timeout` seconds."""
        done = self._ended(self._running, timeout)
        found = []
        for future in sorted(done, key=lambda f: self._running[f].key):
            sent = self._running.pop(future)
            if isinstance(_error_of(future), BrokenProcessPool) and not sent.again:
                self._submit(replace(sent, again=True))
            else:
                found.append((sent.key, self._outcome(future, sent.task)))
        return found

    def _started(self, function: Callable[..., Any], limit: float | None, *args: Any) -> Any:
        """Send a call to the next free worker; to new ones if the pool has given up.

        That it does when a worker dies while none is at a task.
        """
        try:
            return self._send(function, limit, *args)
        except RuntimeError as error:
            if not self._has_worked:
                raise SearchError(
                    "worker processes could not start; a script that asks for workers must do so "
                    'under `if __name__ == "__main__":`, because each worker imports the script'
                ) from error
        self._pool.stop()
        self._pool.join()
        for future in self._sent:
            if not future.done():
                future.set_exception(BrokenProcessPool("all workers were given up"))
        self._pool, self._sent, self._has_worked = self._new_pool(), set(), False
        return self._send(function, limit, *args)

    def _send(self, function: Callable[..., Any], limit: float | None, *args: Any) -> Any:
        future = self._pool.submit(function, limit, *args)
        self._sent = {sent for sent in self._sent if not sent.done()} | {future}
        future.add_done_callback(self._note_success)
        return future

    def _note_success(self, future: Future[Any]) -> None:
        self._has_worked |= not future.cancelled() and future.exception() is None

    def _new_pool(self) -> Any:
        from pebble import ProcessPool

        wait_briefly_for_locks()
        return ProcessPool(
            max_workers=self.capacity,
            context=worker_context(),
            initializer=begin,
            initargs=(self._folder.name, self._path),
        )

    def _ended(self, futures: Collection[Future[Any]], timeout: float | None) -> set[Future[Any]]:
        """Wait for the first of several calls to end; stop workers that use too much memory."""
        until = math.inf if timeout is None else time.monotonic() + timeout
        while True:
            # However often others end: one that never does must be looked at.
            if time.monotonic() > self._looked + LOOK_SECONDS:
                self._stopped |= stop_greedy(self.scratch, self._memory_limit)
                self._looked = time.monotonic()
            left = max(0.0, until - time.monotonic())
            done, _ = wait(futures, min(left, LOOK_SECONDS), return_when=FIRST_COMPLETED)
            if done or left <= LOOK_SECONDS:
                return done

    def _outcome(self, future: Future[FoldResult], task: FoldTask) -> FoldResult:
        error = future.exception()
        if error is None:
            return future.result()
        why = self._why(error, task.max_seconds)
        return FoldResult.failed(task, why, fit_seconds=task.max_seconds or 0.0)

    def _why(self, error: BaseException, max_seconds: float | None) -> str:
        if isinstance(error, FutureTimeoutError | TimeoutError):
            return f"stopped after {max_seconds:.0f} s, the limit for one fit"
        if (used := self._stopped.get(getattr(error, "pid", None) or -1)) is not None:
            return (
                f"stopped at {used / 1e9:.1f} GB of memory, over the limit of "
                f"{self._memory_limit / 1e9:.1f} GB"
            )
        return f"the worker process ended: {type(error).__name__} {error}".strip()

    def cancel(self) -> None:
        """Stop all tasks, and the workers that are at them."""
        for future in self._sent:
            future.cancel()
        self._running.clear()

    def refit(
        self, wanted: Sequence[Refit], *, all_threads: bool, timeout: float | None
    ) -> list[Pipeline | Exception]:
        """Stop all fold tasks, then fit configurations on all rows in the workers."""
        self.cancel()
        if not wanted:
            return []
        # They may be starting, at first or in place of stopped ones, which is not the fits' time.
        wait([self._started(os.getpid, None)], START_SECONDS)
        threads = self._threads * (self.capacity if all_threads else 1)
        soft = None if timeout is None else soft_limit(timeout)
        futures = self._all_ended(
            [(refit_in_worker, timeout, self._path, one, threads, soft) for one in wanted],
            timeout,
        )
        return [
            TimeoutError(f"not fitted after {timeout:.0f} s")
            if future.cancel()
            else attempt(future.result)
            for future in futures
        ]

    def _all_ended(
        self, calls: Sequence[tuple[Any, ...]], timeout: float | None
    ) -> list[Future[Any]]:
        """Send calls, and wait for them; after the timeout some may not have ended.

        Nothing else takes the place of such a call, so it is sent again, once, if its worker dies.
        """
        until = math.inf if timeout is None else time.monotonic() + timeout
        futures = [self._started(*call) for call in calls]
        running, again = set(futures), set[int]()
        while running and time.monotonic() < until:
            left = None if math.isinf(until) else until - time.monotonic()
            for future in self._ended(running, left):
                running.remove(future)
                place = futures.index(future)
                if self._died_by_chance(future) and place not in again:
                    again.add(place)
                    futures[place] = self._started(*calls[place])
                    running.add(futures[place])
        return futures

    def _died_by_chance(self, future: Future[Any]) -> bool:
        """Whether its worker, or the pool, ended without a reason that is known."""
        from pebble import ProcessExpired

        error = _error_of(future)
        if isinstance(error, ProcessExpired):
            return error.pid not in self._stopped
        return isinstance(error, BrokenProcessPool)

    def explain(self, config: Config, timeout: float | None) -> dict[str, float]:
        """Tell on which columns a configuration relies, found in a worker."""
        soft = None if timeout is None else soft_limit(timeout)
        [future] = self._all_ended([(explain_in_worker, timeout, self._path, config, soft)], None)
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


@dataclass(frozen=True, slots=True)
class _Sent:
    """A task under way, and whether a pool gave it up before."""

    key: int
    task: FoldTask
    again: bool = False


def _error_of(future: Future[Any]) -> BaseException | None:
    """Return why a call failed; of a pool that is broken, it had not begun when a worker died."""
    return None if future.cancelled() else future.exception()
