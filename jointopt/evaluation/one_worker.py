"""A worker process that takes one call at a time, and is replaced when it ends."""

from __future__ import annotations

from concurrent.futures.process import BrokenProcessPool
from typing import TYPE_CHECKING, Any

from jointopt.evaluation.in_worker import begin
from jointopt.evaluation.worker_start import worker_context

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future

__all__ = ["OneWorker"]


class OneWorker:
    """A pebble pool of one process; where that ends by itself, a new pool takes its place.

    Workers of one pool share a pipe and its lock. One that is killed while it holds them leaves
    half a message, or a lock that nobody gives back, which only its own pool should suffer from.

    Parameters
    ----------
    folder, path : str
        The folder for what tasks keep, and the file of the setting.
    """

    def __init__(self, folder: str, path: str) -> None:
        self._begin_with = (folder, path)
        self._pool: Any = None
        self._future: Future[Any] | None = None

    def send(self, function: Callable[..., Any], limit: float | None, *args: Any) -> Future[Any]:
        """Start a call, which is stopped after `limit` seconds; the one before must have ended.

        The future raises TimeoutError then, `pebble.ProcessExpired` if the process ends meanwhile,
        and BrokenProcessPool if it did so before it took the call.
        """
        if self._is_broken():
            self.stop()
        try:
            self._future = self._running_pool().submit(function, limit, *args)
        except RuntimeError:  # it ended in this very moment
            self.stop()
            self._future = self._running_pool().submit(function, limit, *args)
        return self._future

    def look(self) -> None:
        """End the call if the process ended without taking it; pebble may not tell."""
        if self._pool is not None and not self._pool.active:
            self.stop()

    def begin_to_stop(self) -> None:
        """Let the process end soon, whatever it is doing; `stop` waits for it."""
        if self._pool is not None:
            self._pool.stop()

    def stop(self) -> None:
        """End the process at once, and the call with it; the next call begins a new one."""
        if self._pool is None:
            return
        self._pool.stop()
        self._pool.join()
        self._pool = None
        if self._future is not None and not self._future.done():
            self._future.set_exception(BrokenProcessPool("the worker was given up"))
        self._future = None

    def _is_broken(self) -> bool:
        """Whether its process ended, or the pool has seen that it cannot go on."""
        from pebble import ProcessExpired

        if self._pool is None or self._future is None:
            return False
        error = self._future.exception()
        return isinstance(error, ProcessExpired) or not self._pool.active

    def _running_pool(self) -> Any:
        from pebble import ProcessPool

        if self._pool is None:
            self._pool = ProcessPool(
                max_workers=1,
                context=worker_context(),
                initializer=begin,
                initargs=self._begin_with,
            )
        return self._pool
