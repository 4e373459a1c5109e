"""What a trial costs beside its fit: ask, report, tell, stored durably: `make bench`."""

from __future__ import annotations

import sys
import time

import numpy as np
import optuna
import pytest

from jointopt import Float, Space, search

ACTIVE = (10, 30, 60, 100, 300)
FINISHED = (100, 1_000)
LAST = 40
"""Trials over which the cost at a length of history is averaged."""


def ours(n_params, n_trials, url):
    """Return seconds per trial at the end of a search."""
    space = Space(hyperparameters={f"x{i}": Float(0, 1) for i in range(n_params)})
    ends = []

    def objective(config, trial):
        ends.append(time.perf_counter())
        for step in range(3):
            trial.report(float(step), step)
        return float(sum(config.values()))

    found = search(space, objective, n_trials=n_trials, seed=0, storage=url)
    (study,) = found.studies.values()
    assert len(study.get_trials(deepcopy=False)) == n_trials
    return (ends[-1] - ends[-1 - LAST]) / LAST


def stock(n_params, n_trials, storage):
    """Return seconds per trial of Optuna's TPE with that many trials in its storage."""
    space = {f"x{i}": optuna.distributions.FloatDistribution(0, 1) for i in range(n_params)}
    rng = np.random.default_rng(0)
    study = optuna.create_study(
        storage=storage, sampler=optuna.samplers.TPESampler(seed=0, constant_liar=False)
    )
    study.add_trials(
        [
            optuna.trial.create_trial(
                params=dict(zip(space, rng.random(n_params), strict=True)),
                distributions=space,
                value=float(rng.random()),
            )
            for _ in range(n_trials)
        ]
    )
    started = time.perf_counter()
    for _ in range(5):
        trial = study.ask()
        values = [trial.suggest_float(name, 0, 1) for name in space]
        for step in range(3):
            trial.report(float(step), step)
        study.tell(trial, sum(values))
    return (time.perf_counter() - started) / 5


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["journal", "sqlite"])
def test_overhead(kind, tmp_path):
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    lines = [f"{kind}: ms a trial, ours / TPE on the same kind of storage"]
    for n_trials in FINISHED:
        for n_params in ACTIVE:
            place = tmp_path / f"{n_params}-{n_trials}"
            own = f"{place}.journal" if kind == "journal" else f"sqlite:///{place}.db"
            other = (
                optuna.storages.JournalStorage(
                    optuna.storages.journal.JournalFileBackend(f"{place}-stock.journal")
                )
                if kind == "journal"
                else f"sqlite:///{place}-stock.db"
            )
            mine = 1e3 * ours(n_params, n_trials, own)
            theirs = 1e3 * stock(n_params, n_trials, other)
            lines.append(
                f"  {n_params:4} parameters, {n_trials:5} trials: {mine:7.1f} / {theirs:7.1f} = "
                f"1 / {theirs / mine:.1f}"
            )
    sys.stdout.write("\n" + "\n".join(lines) + "\n")
