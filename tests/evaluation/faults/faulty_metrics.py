"""Metrics that misbehave in the worker process, most of them in one of sixteen calls."""

from __future__ import annotations

import gc
import os
import struct
import time
import zlib

import numpy as np
from pebble.pool.channel import WorkerChannel

BLOCK = 200_000_000


def _unlucky(y_pred):
    return zlib.crc32(np.round(y_pred, 6).tobytes()) % 16 == 0


def _score(y_true, y_pred):
    return -float(np.mean((np.asarray(y_true) - np.asarray(y_pred)) ** 2))


def sleeps(y_true, y_pred):
    while _unlucky(y_pred):
        time.sleep(1)
    return _score(y_true, y_pred)


def allocates(y_true, y_pred):
    held = []
    while _unlucky(y_pred):
        held.append(np.ones(BLOCK // 8))
        time.sleep(0.02)
    return _score(y_true, y_pred)


def exits(y_true, y_pred):
    if _unlucky(y_pred):
        os._exit(3)
    return _score(y_true, y_pred)


def _channel():
    [channel] = [one for one in gc.get_objects() if isinstance(one, WorkerChannel)]
    return channel


def exits_at_the_pipe(y_true, y_pred):
    """End as a worker does that is killed while it takes a task: nobody else gets the lock."""
    if _unlucky(y_pred):
        _channel().mutex.acquire()
        os._exit(3)
    return _score(y_true, y_pred)


def exits_in_a_message(y_true, y_pred):
    """End as a worker does that is killed while it sends a result: the rest never comes."""
    if _unlucky(y_pred):
        n_bytes = 1_000_000
        os.write(_channel().writer.fileno(), struct.pack("!i", n_bytes) + b"half of it")
        os._exit(3)
    return _score(y_true, y_pred)


def raises(y_true, y_pred):
    if _unlucky(y_pred):
        raise ArithmeticError("an unlucky fold")
    return _score(y_true, y_pred)


def nothing(y_true, y_pred):
    return float("nan") if _unlucky(y_pred) else _score(y_true, y_pred)


def late(y_true, y_pred):
    time.sleep(2)
    return _score(y_true, y_pred)


class Hog:
    """Allocates three gigabytes where the first true value is this one."""

    def __init__(self, first):
        self.first = first

    def score(self, y_true, y_pred, n_classes):
        del n_classes
        held = []
        while y_true[0] == self.first and len(held) < 3_000_000_000 // BLOCK:
            held.append(np.ones(BLOCK // 8))
            time.sleep(0.3)
        return _score(y_true, y_pred)


class Sleeper:
    """Takes its time."""

    def __init__(self, seconds):
        self.seconds = seconds

    def score(self, y_true, y_pred, n_classes):
        del n_classes
        time.sleep(self.seconds)
        return _score(y_true, y_pred)
