"""What a trial costs beside its fit: ask, report, tell, stored durably: `make bench`."""

from __future__ import annotations

import sys
import time

import numpy as np
import optuna
import pytest

from jointopt import Float, Space, search
from jointopt.search.storage import open_storage

ACTIVE = (10, 30, 60, 100, 300)
FINISHED = (100, 1_000, 5_000)
LAST, ASKED = 40, 5
"""Trials over which the cost at a length of history is averaged, ours and Optuna's."""


def ours(n_params, storage):
    """Return seconds per trial at each length of history, of one search."""
    space = Space(hyperparameters={f"x{i}": Float(0, 1) for i in range(n_params)})
    ends = []

    def objective(config, trial):
        ends.append(time.perf_counter())
        for step in range(3):
            trial.report(float(step), step)
        return float(sum(config.values()))

    found = search(space, objective, n_trials=FINISHED[-1], seed=0, storage=storage)
    (study,) = found.studies.values()
    assert len(study.get_trials(deepcopy=False)) == FINISHED[-1]
    return [(ends[n - 1] - ends[n - 1 - LAST]) / LAST for n in FINISHED]


def stock(n_params, storage, written):
    """Return seconds per trial of Optuna's TPE at each length of history.

    The history is `written` by ours, which takes a fraction of the time and reads the same.
    """
    space = {f"x{i}": optuna.distributions.FloatDistribution(0, 1) for i in range(n_params)}
    rng = np.random.default_rng(0)
    study = optuna.create_study(
        study_name="stock",
        storage=storage,
        sampler=optuna.samplers.TPESampler(seed=0, constant_liar=False),
    )
    study_id = written.get_study_id_from_name("stock")
    seconds, n_written = [], 0
    for n_trials in FINISHED:
        for _ in range(n_trials - n_written):
            trial = optuna.trial.create_trial(
                params=dict(zip(space, rng.random(n_params), strict=True)),
                distributions=space,
                value=float(rng.random()),
            )
            written.create_new_trial(study_id, trial)
        n_written = n_trials
        study.get_trials(deepcopy=False)
        started = time.perf_counter()
        for _ in range(ASKED):
            trial = study.ask()
            values = [trial.suggest_float(name, 0, 1) for name in space]
            for step in range(3):
                trial.report(float(step), step)
            study.tell(trial, sum(values))
        seconds.append((time.perf_counter() - started) / ASKED)
    return seconds


def places(kind, folder, n_params):
    """Return where ours is kept, and Optuna's, and by what the latter's history is written."""
    if kind == "sqlite":
        other = f"sqlite:///{folder}/{n_params}-stock.db"
        optuna.storages.RDBStorage(other)  # makes its tables
        return f"sqlite:///{folder}/{n_params}.db", other, open_storage(other)
    backend = optuna.storages.journal.JournalFileBackend(f"{folder}/{n_params}-stock.journal")
    journal = optuna.storages.JournalStorage(backend)
    return f"{folder}/{n_params}.journal", journal, journal


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["journal", "sqlite"])
def test_overhead(kind, tmp_path):
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    lines = [f"{kind}: ms a trial, ours / TPE on the same kind of storage"]
    for n_params in ACTIVE:
        own, *other = places(kind, tmp_path, n_params)
        costs, others = ours(n_params, own), stock(n_params, *other)
        # Fifty times the history: a cost that grows with it would be fifty times as high.
        assert costs[-1] < 5 * costs[0]
        assert all(mine < theirs for mine, theirs in zip(costs, others, strict=True))
        both = zip(FINISHED, costs, others, strict=True)
        lines += [
            f"  {n_params:4} parameters, {n:5} trials: {1e3 * mine:7.1f} / {1e3 * theirs:7.1f} = "
            f"1 / {theirs / mine:.1f}"
            for n, mine, theirs in both
        ]
    sys.stdout.write("\n" + "\n".join(lines) + "\n")
