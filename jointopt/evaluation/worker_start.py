"""How worker processes start."""

from __future__ import annotations

import multiprocessing
import signal
from multiprocessing import forkserver, resource_tracker

__all__ = ["warm_up", "worker_context"]


def warm_up() -> None:
    """Let the server process load its libraries while this one still loads its own.

    They take some five seconds, which a search of a minute should not wait for.
    """
    if worker_context().get_start_method() == "forkserver":
        # Ctrl-C reaches all processes of a terminal; while the server loads its libraries, which
        # it does before it turns to ignore interrupts, it would end in a traceback. The tracker
        # first: where the server has to start it, that lets interrupts through again.
        resource_tracker.ensure_running()
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            forkserver.ensure_running()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)


def worker_context() -> multiprocessing.context.BaseContext:
    """Return the start method of workers: forked from a server with the libraries loaded.

    Forking this process itself would copy threads and locks of its numeric libraries.
    """
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["jointopt.evaluation.preload"])
    return context
