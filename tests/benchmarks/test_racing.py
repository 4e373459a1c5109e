"""What racing between folds saves, and what it costs: `make bench`.

A search without racing evaluates each of its configurations on all folds. Its record is then
played to the race, in the search's own order and in random ones: how many fits would not have been
made, how often the best configuration of all would have been stopped, and what the best that is
left scores on test rows beside the best of all.

The tables are those of `conftest.py`. Networks are left out for their time.
"""

from __future__ import annotations

import sys

import numpy as np
import pytest
from scipy.stats import wilcoxon
from sklearn.model_selection import train_test_split

from jointopt import load_space, search
from jointopt.data import dataset_from_arrays, get_metric
from jointopt.evaluation.fold_cache import FoldCache
from jointopt.evaluation.folds import make_folds, n_folds_for
from jointopt.evaluation.one_fold import predict, run_fold, run_refit
from jointopt.evaluation.outcome import State
from jointopt.evaluation.table_evaluator import TableEvaluator
from jointopt.evaluation.tasks import FoldTask, Refit, Setting
from jointopt.pipeline.adapt import adapt_space, blueprint_of

N_CONFIGS, N_SEEDS, N_ORDERS = 60, 3, 20
MAX_ROWS = 5_000


class Recorded:
    """An executor that knows all results beforehand."""

    capacity = 1

    def __init__(self, record):
        self._record = record
        self._waiting = []
        self.n_fits = 0

    def submit(self, key, task):
        self._waiting.append((key, task))

    def collect(self, timeout):
        del timeout
        key, task = self._waiting.pop()
        self.n_fits += 1
        return [(key, self._record[key][1][task.fold])]


def recorded(X, y, seed):
    """Return the setting, test rows, and what a search without racing evaluated, fold by fold."""
    n_rows = min(len(y), MAX_ROWS)
    train, test = train_test_split(np.arange(n_rows), random_state=seed)
    dataset = dataset_from_arrays(X.iloc[train], y[train])
    space = adapt_space(load_space("tabular"), dataset).prune(["paradigm/mlp"])
    folds = make_folds(dataset, seed=seed, n_folds=n_folds_for(dataset.n_rows))
    metric = get_metric(None, dataset.task)
    setting = Setting(dataset, folds, blueprint_of(space, dataset), metric, seed, threads=1)
    cache, record = FoldCache(dataset), []

    def objective(config, trial):
        del trial
        results = []
        for fold in range(len(folds)):
            results.append(run_fold(setting, FoldTask(config, fold), cache))
            if results[-1].error is not None:
                raise RuntimeError(results[-1].error)
        record.append((config, results))
        return float(np.mean([result.score for result in results]))

    search(space, objective, n_trials=N_CONFIGS, seed=seed)
    return setting, (X.iloc[test], y[test]), record


def replay(setting, record, order):
    """Return the number of fits that a race makes, and the configuration that it ends with."""
    executor = Recorded(record)
    evaluator = TableEvaluator(setting, executor)
    best, number = -np.inf, None
    for key in order:
        evaluator.submit(key, record[key][0])
        while not (outcomes := evaluator.collect(None)):
            pass
        score = setting.metric.display(outcomes[0].value or 0.0)
        if outcomes[0].state is State.COMPLETE and score > best:
            best, number = score, key
    return executor.n_fits, number


def outer_score(setting, test, config, results):
    """Return the score on test rows of a configuration fitted on all others."""
    X, y = test
    found = [result.refit_params for result in results]
    params = {name: round(np.mean([one[name] for one in found])) for name in found[0]}
    model = run_refit(setting, Refit(config, params), threads=1)
    n_classes = setting.dataset.n_classes
    return setting.metric.score(
        y, predict(model, setting.dataset.schema.apply(X), n_classes), n_classes
    )


@pytest.mark.slow
def test_racing(tables):
    lines = [
        "table: fits saved; best stopped; score lost, in deviations of the better half; tests won"
    ]
    differences = []
    for name, X, y in tables:
        saved, stopped, lost, won = [], [], [], []
        for seed in range(N_SEEDS):
            setting, test, record = recorded(X, y, seed)
            means = np.array([np.mean([r.score for r in results]) for _, results in record])
            spread = means[means >= np.median(means)].std()
            rng, own = np.random.default_rng(seed), np.arange(len(record))
            for order in (own, *(rng.permutation(own) for _ in range(N_ORDERS))):
                n_fits, left = replay(setting, record, order)
                saved.append(1 - n_fits / (len(record) * len(setting.folds)))
                stopped.append(left != means.argmax())
                lost.append((means.max() - means[left]) / spread)
                if order is own:
                    raced, best = (
                        outer_score(setting, test, *record[k]) for k in (left, means.argmax())
                    )
                    won.append(np.sign(raced - best))
                    differences.append((raced - best) / spread)
        assert np.median(saved) > 0.2
        assert np.mean(lost) < 0.1
        lines.append(
            f"  {name:15} {np.median(saved):4.0%} {np.mean(stopped):5.0%} {np.mean(lost):7.3f}"
            f"   {won.count(1)} of {len(won)}, {won.count(0)} even"
        )
    even = np.count_nonzero(differences) == 0
    p = 1.0 if even else wilcoxon(differences).pvalue
    lines.append(
        f"on test rows, raced - best of all, in the same deviations: mean "
        f"{np.mean(differences):.3f}, p = {p:.2g} of {len(differences)} pairs"
    )
    sys.stdout.write("\n" + "\n".join(lines) + "\n")
