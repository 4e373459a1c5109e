"""Fold tasks in worker processes, which can be stopped."""

from __future__ import annotations

import math
import os
import tempfile
import time
from collections import deque
from concurrent.futures import FIRST_COMPLETED, Future, wait
from concurrent.futures import TimeoutError as FutureTimeoutError
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import joblib

from jointopt.errors import OptionError, SearchError
from jointopt.evaluation.attempt import attempt
from jointopt.evaluation.in_worker import explain_in_worker, refit_in_worker, run_in_worker
from jointopt.evaluation.limits import (
    LOOK_SECONDS,
    NEEDED_BYTES,
    default_memory,
    soft_limit,
    stop_greedy,
)
from jointopt.evaluation.one_worker import OneWorker
from jointopt.evaluation.tasks import FoldResult, Refit, Setting
from jointopt.files import plain_writing

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sklearn.pipeline import Pipeline

    from jointopt.evaluation.tasks import FoldTask
    from jointopt.space import Config

__all__ = ["WorkerProcesses"]

START_SECONDS = 60.0
"""How long a last fit waits at most for workers that are still starting."""
GRACE_SECONDS = 2.0
"""How much longer than its own limit a fit may take before its worker is stopped."""
ATTEMPTS = 3
"""How often a call is sent where its worker ends by no fault of the call."""


class WorkerProcesses:
    """Runs tasks in worker processes; one that overruns its time, or dies, costs its task only.

    The setting is written once to a temporary file that each worker maps into its memory. They
    begin when their first task arrives, forked from a clean server process that has the libraries
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
        self._has_worked = False
        self._workers = [OneWorker(self._folder.name, self._path) for _ in range(n_workers)]
        self._waiting: deque[_Call] = deque()
        self._under_way: dict[OneWorker, _Call] = {}

    @property
    def scratch(self) -> Path:
        """A folder for what tasks keep."""
        return Path(self._folder.name)

    def submit(self, key: int, task: FoldTask) -> None:
        """Send a task to the next free worker."""
        limit = None if task.max_seconds is None else task.max_seconds + GRACE_SECONDS
        self._waiting.append(_Call(run_in_worker, limit, (self._path, task), key))
        self._hand_out()

    def collect(self, timeout: float | None) -> list[tuple[int, FoldResult]]:
        """Wait for results, at most `timeout` seconds."""
        ended = sorted(self._ended(timeout), key=lambda call: call.key)
        return [(call.key, self._outcome(call.future, call.args[1])) for call in ended]

    def _hand_out(self) -> None:
        """Send what waits to workers that are free."""
        for worker in self._workers:
            if self._waiting and worker not in self._under_way:
                call = self._waiting.popleft()
                call.future = worker.send(call.function, call.limit, *call.args)
                call.n_sent += 1
                self._under_way[worker] = call

    def _ended(self, timeout: float | None) -> list[_Call]:
        """Wait for the first of all calls to end; stop workers that use too much memory."""
        until = math.inf if timeout is None else time.monotonic() + timeout
        ended: list[_Call] = []
        while not ended:
            self._hand_out()
            # However often others end: one that never does must be looked at.
            if time.monotonic() > self._looked + LOOK_SECONDS:
                self._look()
            left = max(0.0, until - time.monotonic())
            futures = [call.future for call in self._under_way.values()]
            wait(futures, min(left, LOOK_SECONDS), return_when=FIRST_COMPLETED)
            ended = self._taken_back()
            if left <= LOOK_SECONDS or not self._under_way:
                break
        return ended

    def _look(self) -> None:
        self._stopped |= stop_greedy(self.scratch, self._memory_limit)
        for worker in self._under_way:
            worker.look()
        self._looked = time.monotonic()

    def _taken_back(self) -> list[_Call]:
        """Return the calls that ended; those whose worker did, by no fault of theirs, go again."""
        ended = []
        for worker, call in list(self._under_way.items()):
            if not call.future.done():
                continue
            del self._under_way[worker]
            error = call.future.exception()
            lost = isinstance(error, BrokenProcessPool)
            self._has_worked |= not lost
            if call.n_sent < ATTEMPTS and (lost or (call.is_last and self._died_by_chance(error))):
                self._waiting.appendleft(call)
                continue
            if not self._has_worked:
                raise SearchError(
                    "worker processes could not start; a script that asks for workers must do so "
                    'under `if __name__ == "__main__":`, because each worker imports the script'
                ) from error
            ended.append(call)
        self._hand_out()
        return ended

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
        self._waiting.clear()
        self._stop([w for w, call in self._under_way.items() if not call.future.done()])
        self._under_way.clear()

    @staticmethod
    def _stop(workers: Sequence[OneWorker]) -> None:
        for worker in workers:
            worker.begin_to_stop()
        for worker in workers:
            worker.stop()

    def refit(
        self, wanted: Sequence[Refit], *, all_threads: bool, timeout: float | None
    ) -> list[Pipeline | Exception]:
        """Stop all fold tasks, then fit configurations on all rows in the workers."""
        self.cancel()
        if not wanted:
            return []
        # They may be starting, at first or in place of stopped ones, which is not the fits' time.
        self._waiting.extend(_Call(os.getpid, None) for _ in self._workers)
        self._ended(START_SECONDS)
        threads = self._threads * (self.capacity if all_threads else 1)
        soft = None if timeout is None else soft_limit(timeout)
        calls = [
            _Call(refit_in_worker, timeout, (self._path, one, threads, soft), is_last=True)
            for one in wanted
        ]
        ended = self._all_ended(calls, timeout)
        late = TimeoutError(f"not fitted after {timeout or 0:.0f} s")
        return [attempt(call.future.result) if call in ended else late for call in calls]

    def _all_ended(self, calls: Sequence[_Call], timeout: float | None) -> set[_Call]:
        """Send calls, and wait for them; stop those that are not done in time."""
        until = math.inf if timeout is None else time.monotonic() + timeout
        self._waiting.extend(calls)
        left = set(calls)
        while left and time.monotonic() < until:
            left.difference_update(self._ended(until - time.monotonic()))
        if left:
            self.cancel()
        return set(calls) - left

    def _died_by_chance(self, error: BaseException | None) -> bool:
        """Whether a worker ended without a reason that is known."""
        from pebble import ProcessExpired

        return isinstance(error, ProcessExpired) and error.pid not in self._stopped

    def explain(self, config: Config, timeout: float | None) -> dict[str, float]:
        """Tell on which columns a configuration relies, found in a worker."""
        soft = None if timeout is None else soft_limit(timeout)
        call = _Call(explain_in_worker, timeout, (self._path, config, soft), is_last=True)
        self._all_ended([call], None)
        found: dict[str, float] = call.future.result()
        return found

    def close(self) -> None:
        """Stop the workers at once, whatever they are doing."""
        self._waiting.clear()
        self._under_way.clear()
        self._stop(self._workers)
        self._folder.cleanup()

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *args: object) -> None:
        """Close."""
        self.close()


@dataclass(eq=False, slots=True)
class _Call:
    """What a worker is to do, and how often that was sent.

    Nothing else takes the place of a last fit, so it is sent again if its worker dies.
    """

    function: Callable[..., Any]
    limit: float | None
    args: tuple[Any, ...] = ()
    key: int = -1
    is_last: bool = False
    n_sent: int = 0
    future: Future[Any] = field(default_factory=Future)
