"""Where the time of a run on one core goes: `make bench`."""

from __future__ import annotations

import sys
import time

import pytest

from jointopt.data import dataset_from_arrays
from jointopt.evaluation import executors, one_fold
from jointopt.evaluation.fold_cache import FoldCache
from jointopt.model.run import RunOptions, run_table

SECONDS, MAX_ROWS, N_TABLES = 30.0, 5_000, 2


class Clock:
    """Adds up the time in a function, without a profiler's weight on every call."""

    def __init__(self, monkeypatch, owner, name):
        self.seconds = 0.0
        function = getattr(owner, name)

        def timed(*args, **options):
            started = time.perf_counter()
            try:
                return function(*args, **options)
            finally:
                self.seconds += time.perf_counter() - started

        monkeypatch.setattr(owner, name, timed)


@pytest.mark.slow
def test_profile(tables, monkeypatch):
    lines = ["share of wall time in fits (of them transforms, last fits); all else"]
    folds = Clock(monkeypatch, one_fold, "_fitted_and_scored")
    last = Clock(monkeypatch, executors, "run_refit")
    transforms = Clock(monkeypatch, FoldCache, "prepare")
    largest = sorted(tables, key=lambda table: -len(table[2]))[:N_TABLES]
    run_table(dataset_from_arrays(*largest[0][1:]), RunOptions(seconds=3.0, cores=1))
    for name, X, y in largest:
        dataset = dataset_from_arrays(X.head(MAX_ROWS), y[:MAX_ROWS])
        folds.seconds = last.seconds = transforms.seconds = 0.0
        started = time.perf_counter()
        found = run_table(dataset, RunOptions(seconds=SECONDS, cores=1))
        wall = time.perf_counter() - started
        fits = folds.seconds + last.seconds
        lines.append(
            f"  {name:15} {dataset.n_rows} rows, {len(found.result.records)} trials: "
            f"{fits / wall:.1%} ({transforms.seconds / wall:.1%}, {last.seconds / wall:.1%}); "
            f"{1 - fits / wall:.1%}"
        )
        assert fits > 0.9 * wall, lines
    sys.stdout.write("\n" + "\n".join(lines) + "\n")
