"""On which columns a configuration relies."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from jointopt.evaluation.one_fold import own_settings, predict
from jointopt.evaluation.seeds import derive_seed
from jointopt.pipeline.build import build_pipeline

if TYPE_CHECKING:
    from jointopt.evaluation.tasks import Setting
    from jointopt.space import Config

__all__ = ["explain"]


def explain(
    setting: Setting, config: Config, max_seconds: float | None = None
) -> dict[str, float]:
    """Return how much the first fold's score falls when columns are shuffled.

    Permutation importance (Breiman, 2001) of the columns behind each switch of the space's column
    mask, for any model; every configuration is measured alike, whether or not its model has
    importances of its own.

    Parameters
    ----------
    setting : Setting
        The study's data and folds.
    config : Config
        Fitted on the first fold's training rows.
    max_seconds : float or None, default=None
        For estimators that can stop in the middle: when to.

    Returns
    -------
    dict of str to float
        Parameter path of the switch to the loss of score, greater being more important; without
        those that the configuration has switched off.
    """
    fit_rows, scored_rows = setting.folds[0]
    seed = derive_seed(setting.seed, 0)
    rng = np.random.default_rng(seed)
    dataset, n_classes = setting.dataset, setting.dataset.n_classes
    pipeline = build_pipeline(
        config, setting.blueprint, seed=seed, threads=setting.threads, max_seconds=max_seconds
    )
    table, truth = dataset.X.iloc[scored_rows], dataset.y[scored_rows]
    losses = {}
    with own_settings():
        pipeline.fit(dataset.X.iloc[fit_rows], dataset.y[fit_rows])
        whole = setting.metric.score(truth, predict(pipeline, table, n_classes), n_classes)
        for path, columns in setting.blueprint.switches.items():
            if config.get(path, True):
                order = rng.permutation(len(table))
                shuffled = table.copy(deep=False)
                shuffled[columns] = table[columns].iloc[order].set_axis(table.index)
                found = predict(pipeline, shuffled, n_classes)
                losses[path] = whole - setting.metric.score(truth, found, n_classes)
    return losses
