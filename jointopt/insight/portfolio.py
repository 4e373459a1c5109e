"""Derive a portfolio: configurations that, tried in order, do well on many tables.

`python -m jointopt.insight.portfolio FILE [--draws N] [TABLE:TARGET ...]` scores the defaults of
every paradigm, the same on the logarithm of the target, what FILE holds already and N random
configurations of each paradigm on many tables (scikit-learn's, simulated ones and those that are
named) and writes to FILE an order whose first k are good for every k, as far as a greedy choice
is.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import optuna
from joblib import Parallel, delayed
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap

from jointopt.data import get_metric, load_table, make_dataset
from jointopt.evaluation.fold_cache import FoldCache
from jointopt.evaluation.folds import make_folds, n_folds_for
from jointopt.evaluation.one_fold import run_fold
from jointopt.evaluation.tasks import FoldTask, Setting
from jointopt.evaluation.threads import limited_threads
from jointopt.pipeline.adapt import adapt_space, blueprint_of
from jointopt.pipeline.starts import load_portfolio, start_configs
from jointopt.space import Subset, load_space

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from jointopt.data import Dataset
    from jointopt.space import Space, Value

    Rows = NDArray[np.float64]

__all__ = ["best_order", "costs", "draw_candidates", "regrets"]

TABLES = (
    *(("sklearn:" + name, "target") for name in ("breast_cancer", "diabetes", "digits", "wine")),
    *((f"simulated:{seed}", "target") for seed in range(4)),
)
MAX_ROWS = 3_000
MAX_SECONDS = 4.0
"""Of a fit."""
INPUTS = ("transforms", "features")
LOGARITHM = {"transforms/target": "log"}
UNSEEN = ("transforms/date", "transforms/text")
"""Of which kinds of columns the tables have none."""
SIZE = 24
LEAST_GAIN = 1e-4
OVERHEAD = 0.2
"""What a trial costs beside its fits, in median fits."""
HEADER = """\
# What a search on a table tries first, in this order; an entry names what differs from defaults.
# Derived by `make portfolio` from scores of {n_entries} configurations on these tables:
"""
DIGITS = 3


@dataclass(frozen=True, slots=True)
class _Task:
    """A table to learn from, and the space as it is before it meets a table."""

    source: str
    target: str
    space: Space

    def dataset(self) -> Dataset:
        frame = load_table(self.source)
        return make_dataset(frame.sample(min(MAX_ROWS, len(frame)), random_state=0), self.target)

    def fits(self, entries: Sequence[Mapping[str, Value]]) -> Rows:
        """Return score and seconds of entries on the table's first fold; NaN if there is none."""
        dataset = self.dataset()
        space = adapt_space(self.space, dataset)
        setting = Setting(
            dataset=dataset,
            folds=make_folds(dataset, seed=0, n_folds=n_folds_for(dataset.n_rows)),
            blueprint=blueprint_of(space, dataset),
            metric=get_metric(None, dataset.task),
            seed=0,
            threads=1,
        )
        cache = FoldCache(dataset)
        known: dict[frozenset[tuple[str, Value]], tuple[float, float]] = {}
        fits = np.full((len(entries), 2), np.nan)
        for fit, entry in zip(fits, entries, strict=True):
            if entry["paradigm"] not in space.estimators():
                continue
            config = start_configs(space, dataset.task, [entry])[0]
            key = frozenset(config.items())
            if key not in known:
                with limited_threads(1):
                    result = run_fold(setting, FoldTask(config, 0, max_seconds=MAX_SECONDS), cache)
                known[key] = result.score, result.fit_seconds + result.predict_seconds
            fit[:] = known[key]
        return fits


def draw_candidates(space: Space, seed: int, n_draws: int) -> list[Mapping[str, Value]]:
    """Return the defaults of every paradigm, on two scales of the target, then random ones.

    Every other one of these leaves transforms and features at their defaults.

    Parameters
    ----------
    space : Space
        Before it meets a table. What has no meaning for others, a mask over columns, or no
        evidence here, such as transforms of dates, stays at its default.
    seed : int
    n_draws : int
        Random ones of each paradigm.
    """
    masks = [d.path for d in space.decisions if isinstance(d.node, Subset)]
    drawn_from = space.prune([*UNSEEN, *(path.rpartition("/")[0] for path in masks)])
    default = str(space.default()["paradigm"])
    labels = sorted(space.estimators(), key=lambda label: label != default)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=seed))
    drawn = [
        _shortened(space, drawn_from.freeze({"paradigm": label}, held).suggest(study.ask()))
        for label in labels
        for held in islice(cycle([(), INPUTS]), n_draws)
    ]
    usual: list[Mapping[str, Value]] = [{"paradigm": label} for label in labels]
    return [*usual, *({**entry, **LOGARITHM} for entry in usual), *drawn]


def _shortened(space: Space, config: Mapping[str, Value]) -> Mapping[str, Value]:
    """Return what differs from the defaults, in as many digits as matter."""
    default = space.complete({"paradigm": config["paradigm"]})
    return {
        path: float(f"{value:.{DIGITS}g}") if isinstance(value, float) else value
        for path, value in config.items()
        if path == "paradigm" or default.get(path) != value
    }


def regrets(scores: Rows) -> Rows:
    """Return how far candidates are behind the best, table by table.

    Parameters
    ----------
    scores : ndarray of shape (n_tables, n_candidates)
        Greater is better; NaN for a failure.

    Returns
    -------
    ndarray of the same shape
        0 for a table's best candidate, 1 for the median of those with a score, what is worse and
        failures.
    """
    filled = np.where(np.isnan(scores), -np.inf, scores)
    best = filled.max(axis=1, keepdims=True)
    usual = np.nanmedian(scores, axis=1, keepdims=True)
    scale = np.maximum(best - usual, 1e-12)
    return np.asarray(np.clip((best - filled) / scale, 0.0, 1.0))


def costs(seconds: Rows) -> Rows:
    """Return what candidates cost: the root of their mean share of a median fit, and an overhead.

    The root, as shares on small tables exaggerate: there networks take forty times what boosting
    takes, on tables where time is short four times.

    Parameters
    ----------
    seconds : ndarray of shape (n_tables, n_candidates)
        NaN where a table has no use for a candidate.

    Returns
    -------
    ndarray of shape (n_candidates,)
    """
    shares = seconds / np.nanmedian(seconds, axis=1, keepdims=True)
    return np.asarray(np.sqrt(OVERHEAD + np.nanmean(shares, axis=0)))


def best_order(regret: Rows, cost: Rows, weights: Rows, size: int) -> list[int]:
    """Return candidates such that each next one lowers the mean regret most for its cost.

    The gain of one more is submodular, so a greedy choice is near the best one for every length.

    Parameters
    ----------
    regret : ndarray of shape (n_tables, n_candidates)
    cost : ndarray of shape (n_candidates,)
    weights : ndarray of shape (n_tables,)
        How much each table counts in the mean.
    size : int
        The most candidates.

    References
    ----------
    M. Feurer et al., "Auto-sklearn 2.0: hands-free AutoML via meta-learning", 2022.
    M. Streeter and D. Golovin, "An online algorithm for maximizing submodular functions", 2008.

    Examples
    --------
    >>> regret = np.array([[0.0, 0.1, 1.0], [1.0, 0.1, 0.0]])
    >>> best_order(regret, np.ones(3), np.ones(2), size=3)
    [1, 0, 2]
    """
    reached = np.ones(len(regret))
    order: list[int] = []
    while len(order) < size:
        after = np.minimum(reached[:, None], regret)
        gain = np.average(reached[:, None] - after, axis=0, weights=weights)
        gain[gain < LEAST_GAIN] = 0.0
        if not gain.any():
            break
        order.append(int((gain / cost).argmax()))
        reached = after[:, order[-1]]
    return order


def _write(
    path: Path, entries: Sequence[Mapping[str, Value]], tables: Sequence[str], n_entries: int
) -> None:
    yaml = YAML()
    yaml.width = 100
    listed: list[Any] = [CommentedMap(entry) for entry in entries]
    with path.open("w", encoding="utf-8") as file:
        file.write(HEADER.format(n_entries=n_entries))
        file.writelines(f"# {name}\n" for name in tables)
        yaml.dump(listed, file)


def _gain(regret: Rows, cost: Rows, weights: Rows, baseline: Sequence[int]) -> str:
    """Say what the portfolio of the other tables is worth on each table, and the defaults."""
    lines = ["first k   portfolio   defaults   (mean regret on the table that was left out)"]
    for k in (1, 2, 4, 8, 16, 24):
        left_out = []
        for table in range(len(regret)):
            others = np.delete(np.arange(len(regret)), table)
            order = best_order(regret[others], cost, weights[others], k)
            left_out.append(regret[table, order].min())
        usual = regret[:, baseline[:k]].min(axis=1).mean()
        lines.append(f"{k:7d}   {np.mean(left_out):9.3f}   {usual:8.3f}")
    return "\n".join(lines)


def main(arguments: Sequence[str]) -> None:
    """Derive the portfolio and write it."""
    parser = argparse.ArgumentParser(description="Derive a portfolio.")
    parser.add_argument("file", type=Path)
    parser.add_argument("tables", nargs="*", metavar="TABLE:TARGET")
    parser.add_argument("--draws", type=int, default=6, help="of each paradigm, at random")
    options = parser.parse_args(arguments)
    given = [tuple(argument.rsplit(":", 1)) for argument in options.tables]
    space = load_space("tabular")
    tasks = [_Task(source, target, space) for source, target in (*TABLES, *given)]
    usual = draw_candidates(space, seed=0, n_draws=options.draws)
    earlier = load_portfolio(space, options.file) if options.file.is_file() else []
    entries = [*usual, *(entry for entry in earlier if entry not in usual)]
    pool = Parallel(n_jobs=-1, verbose=5)
    fits = np.array(pool(delayed(task.fits)(entries) for task in tasks))
    regret, cost = regrets(fits[:, :, 0]), costs(fits[:, :, 1])
    # A table counts by what its fits take: where they take nothing, the order does not matter.
    weights = np.nanmedian(fits[:, :, 1], axis=1)
    sys.stdout.write(_gain(regret, cost, weights, range(len(space.estimators()))) + "\n")
    order = best_order(regret, cost, weights, SIZE)
    tables = [Path(task.source).name.split(".")[0] for task in tasks]
    _write(options.file, [entries[i] for i in order], tables, len(entries))


if __name__ == "__main__":
    main(sys.argv[1:])
