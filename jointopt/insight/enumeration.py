"""Enumerating a finite space: every configuration is scored as a search would score it.

The scores of the space `small` on the table that tests and the notebooks use are written by::

    python -c "from jointopt.insight.enumeration import *; write_small(FILE, workers=2)"

which took 13 minutes on two shared cores. Given a folder, it can be stopped and called again.
"""

from __future__ import annotations

import hashlib
import json
import pickle
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

import numpy as np
import pandas as pd
from joblib import Parallel, delayed

from jointopt.data import get_metric, make_dataset
from jointopt.data.bundled import load_table
from jointopt.errors import OptionError
from jointopt.evaluation.fold_cache import FoldCache
from jointopt.evaluation.folds import make_folds
from jointopt.evaluation.one_fold import run_fold
from jointopt.evaluation.tasks import FoldTask, Setting
from jointopt.evaluation.threads import limited_threads
from jointopt.insight.ground_truth import MODEL_AXES, SCORE, GroundTruth, finite
from jointopt.pipeline.adapt import adapt_space, blueprint_of
from jointopt.space import Config, Space, Value, load_space

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jointopt.data import Dataset

__all__ = ["enumerate_scores", "small_dataset", "write_small"]

CHUNK: Final = 500
"""Configurations that one task evaluates, and that an interruption can cost."""

Progress = Callable[[int, int], None]
"""Called with how many configurations have a score, and how many there are."""


def enumerate_scores(
    dataset: Dataset,
    space: Space,
    *,
    seed: int = 0,
    n_folds: int = 5,
    metric: str | None = None,
    workers: int | None = None,
    folder: str | Path | None = None,
    listener: Progress | None = None,
) -> GroundTruth:
    """Score every configuration of a finite space on a table.

    A score is what `TableEvaluator` says of a configuration that passes all folds: same folds,
    same seeds, same pipelines. Only the fitted transforms are shared by the models behind them.

    Parameters
    ----------
    dataset : Dataset
        The table.
    space : Space
        Finite once it is adapted to the table.
    seed : int, default=0
        Of the folds and of all that is random in a pipeline.
    n_folds : int, default=5
        As for `make_folds`.
    metric : str or None, default=None
        By default roc_auc, log_loss or rmse, by task.
    workers : int or None, default=None
        Worker processes; None evaluates in this process.
    folder : str, Path or None, default=None
        Where scores are kept on the way; called again with it, the enumeration goes on.
    listener : callable or None, default=None
        Called with how many configurations have a score, and how many there are.

    Returns
    -------
    GroundTruth
        Its `about` tells table, folds, seed, metric, versions and the seconds of this call.

    Raises
    ------
    OptionError
        If the folder holds scores of another table, space or setting.
    SpaceError
        If the space is not finite.
    """
    started = time.perf_counter()
    space = adapt_space(space, dataset)
    measure = get_metric(metric, dataset.task, dataset.classes)
    setting = Setting(
        dataset=dataset,
        folds=make_folds(dataset, seed=seed, n_folds=n_folds),
        blueprint=blueprint_of(space, dataset),
        metric=measure,
        seed=seed,
        threads=1,
    )
    configs = list(finite(space).enumerate())
    about: dict[str, Any] = {
        "target": dataset.target,
        "n_rows": dataset.n_rows,
        "metric": measure.name,
        "n_folds": len(setting.folds),
        "seed": seed,
        "versions": {name: version(name) for name in ("numpy", "scikit-learn", "skrub")},
        "fingerprint": _fingerprint(setting, configs),
    }
    scores = np.full(len(configs), np.nan)
    n_done = 0
    for rows, found in _evaluated(setting, configs, _Parts.open(folder, about), workers):
        scores[rows] = found
        n_done += len(rows)
        if listener is not None:
            listener(n_done, len(configs))
    about["seconds"] = round(time.perf_counter() - started, 1)
    return GroundTruth(
        space, scores, "maximize" if measure.greater_is_better else "minimize", about
    )


def _evaluated(
    setting: Setting, configs: Sequence[Config], parts: _Parts, workers: int | None
) -> Iterator[tuple[list[int], list[float]]]:
    """Yield rows and their scores, chunk by chunk: first what is kept, then what is missing."""
    chunks = _chunks(configs)
    missing = []
    for number, rows in enumerate(chunks):
        kept = parts.read(number, len(rows))
        if kept is None:
            missing.append(number)
        else:
            yield rows, kept
    tasks = (
        delayed(_score_chunk)(setting, number, [configs[row] for row in chunks[number]])
        for number in missing
    )
    with Parallel(n_jobs=workers or 1, return_as="generator_unordered") as pool:
        for number, found in pool(tasks):
            parts.write(number, found)
            yield chunks[number], found


def _chunks(configs: Sequence[Config]) -> list[list[int]]:
    """Put rows together that share all but the model."""
    groups: dict[tuple[tuple[str, Value], ...], list[int]] = {}
    for row, config in enumerate(configs):
        shared = tuple(
            item for item in config.items() if item[0].partition("/")[0] not in MODEL_AXES
        )
        groups.setdefault(shared, []).append(row)
    order = [row for rows in groups.values() for row in rows]
    return [order[i : i + CHUNK] for i in range(0, len(order), CHUNK)]


def _score_chunk(
    setting: Setting, number: int, configs: Sequence[Config]
) -> tuple[int, list[float]]:
    """Return the chunk's number and its mean scores in the metric's own unit."""
    with limited_threads(setting.threads):
        cache = FoldCache(setting.dataset)
        by_fold = [
            [run_fold(setting, FoldTask(config, fold), cache).score for config in configs]
            for fold in range(len(setting.folds))
        ]
    means = np.mean(by_fold, axis=0)
    return number, [setting.metric.display(mean) for mean in means]


def _fingerprint(setting: Setting, configs: Sequence[Config]) -> str:
    """Return what tells this table, space and setting from others."""
    dataset = setting.dataset
    told = hashlib.sha256()
    told.update(pd.util.hash_pandas_object(dataset.X, index=False).to_numpy().tobytes())
    told.update(np.ascontiguousarray(dataset.y).tobytes())
    told.update(pickle.dumps(setting.folds))
    paradigms = {label: p.model_dump() for label, p in setting.blueprint.paradigms.items()}
    told.update(repr((configs, paradigms, setting.metric.name, setting.seed)).encode())
    return told.hexdigest()


@dataclass(frozen=True, slots=True)
class _Parts:
    """Chunks of scores in a folder; without a folder nothing is kept."""

    folder: Path | None

    @classmethod
    def open(cls, folder: str | Path | None, about: Mapping[str, Any]) -> Self:
        if folder is None:
            return cls(None)
        path = Path(folder)
        path.mkdir(parents=True, exist_ok=True)
        marker = path / "about.json"
        if marker.exists():
            kept = json.loads(marker.read_text(encoding="utf-8"))
            if kept.get("fingerprint") != about["fingerprint"]:
                raise OptionError(
                    f"{folder} holds scores of another table, space or setting; choose another "
                    "folder"
                )
        else:
            marker.write_text(json.dumps(about, indent=1), encoding="utf-8")
        return cls(path)

    def read(self, number: int, n_scores: int) -> list[float] | None:
        """Return a chunk's scores, None if they are not there or not as many."""
        if self.folder is None or not (path := self._path(self.folder, number)).exists():
            return None
        scores = [float(score) for score in pd.read_parquet(path)[SCORE]]
        return scores if len(scores) == n_scores else None

    def write(self, number: int, scores: list[float]) -> None:
        """Write under another name first: a part that is there is whole."""
        if self.folder is None:
            return
        path = self._path(self.folder, number)
        unfinished = path.with_suffix(".unfinished")
        pd.DataFrame({SCORE: scores}).to_parquet(unfinished)
        unfinished.replace(path)

    @staticmethod
    def _path(folder: Path, number: int) -> Path:
        return folder / f"part-{number:05d}.parquet"


def small_dataset() -> Dataset:
    """Return the table on which the space `small` is enumerated: diabetes, 8 of its 10 columns.

    442 patients, progression of the disease after a year (Efron, Hastie, Johnstone and Tibshirani,
    "Least angle regression", 2004). Left out are s1 and s4, which others nearly determine: total
    cholesterol is the sum of LDL (s2), HDL (s3) and a share of the triglycerides (whose logarithm
    is s5), and s4 is its ratio to HDL.

    A table of real measurements on which columns matter, no model is near perfect, scores hardly
    ever tie, and a fit takes milliseconds.
    """
    return make_dataset(load_table("sklearn:diabetes").drop(columns=["s1", "s4"]), "target")


def write_small(
    path: str | Path,
    *,
    workers: int | None = None,
    folder: str | Path | None = None,
    listener: Progress | None = None,
) -> GroundTruth:
    """Enumerate the space `small` on `small_dataset` by rmse over 5 folds, and save the scores.

    Parameters
    ----------
    path : str or Path
        The Parquet file to write.
    workers, folder, listener
        As for `enumerate_scores`.
    """
    truth = enumerate_scores(
        small_dataset(), load_space("small"), workers=workers, folder=folder, listener=listener
    )
    truth.save(path)
    return truth
