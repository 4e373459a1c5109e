"""Imported once by the server process that workers are forked from, so that they start at once.

torch and skrub are not: they take as long as all of this, and few tables and the first trials need
neither. A worker imports skrub when it begins, for a table with dates, and torch when its
first network comes.
"""

from __future__ import annotations

import sys
import traceback
from multiprocessing import synchronize
from typing import TYPE_CHECKING

import lightgbm
import sklearn.ensemble
import sklearn.linear_model
import sklearn.neighbors
import sklearn.svm
import xgboost

import jointopt.evaluation.in_worker
import jointopt.pipeline.networks.estimators
import jointopt.pipeline.paradigms

if TYPE_CHECKING:
    from types import TracebackType

__all__ = ["jointopt", "lightgbm", "sklearn", "xgboost"]


def _report(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Show an error that ends a worker, unless it only came too late.

    One that is still starting when its run ends finds the run's locks gone.
    """
    last = traceback.extract_tb(trace)[-1:]
    if kind is FileNotFoundError and last and last[0].filename == synchronize.__file__:
        return
    sys.__excepthook__(kind, error, trace)


sys.excepthook = _report
