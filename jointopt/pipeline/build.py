"""A configuration becomes a scikit-learn pipeline."""

from __future__ import annotations

from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Any

from sklearn.compose import TransformedTargetRegressor
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from jointopt.data import Kind, Task
from jointopt.pipeline.blueprint import argument_of, parameter
from jointopt.pipeline.boosted import is_lightgbm
from jointopt.pipeline.columns_step import columns_step, ordinal_columns
from jointopt.pipeline.encoders import CategoryCodes
from jointopt.pipeline.estimators import EarlyStoppingClassifier, EarlyStoppingRegressor
from jointopt.pipeline.networks.base import TabularNetwork
from jointopt.pipeline.rankings import RankedMask, RankingSelector
from jointopt.pipeline.target_transform import TargetTransform

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jointopt.pipeline.blueprint import Blueprint
    from jointopt.pipeline.paradigms import Paradigm
    from jointopt.space import Config

__all__ = ["build_pipeline"]


def build_pipeline(
    config: Config,
    blueprint: Blueprint,
    *,
    seed: int = 0,
    threads: int = 1,
    max_seconds: float | None = None,
    refit_params: Mapping[str, int] | None = None,
) -> Pipeline:
    """Build the unfitted pipeline that a configuration describes.

    Parameters
    ----------
    config : Config
        Valid for the space that was adapted to the table.
    blueprint : Blueprint
        The table and the paradigms.
    seed : int, default=0
        Seed of everything random in it.
    threads : int, default=1
        Threads that the estimator may use.
    max_seconds : float or None, default=None
        For estimators that can stop in the middle: when to.
    refit_params : dict of str to int or None, default=None
        Constructor arguments of the estimator, over those of the configuration.

    Returns
    -------
    Pipeline
        Steps `codes` (with categories only), `mask` (around a ranking only), `columns`, `select`
        (with a ranking only) and `model`; its input is a table that the schema has normalised.
    """
    steps: list[tuple[str, Any]] = []
    if names := blueprint.schema.names(Kind.CATEGORICAL):
        # The same for all configurations, before anything else: strings are slow.
        steps.append(("codes", CategoryCodes(names)))
    if parameter(config, "features/ranked_mask", "criterion", None) is not None:
        steps.append(("mask", _ranked_mask(config, blueprint, seed)))
    steps.append(("columns", columns_step(config, blueprint, seed)))
    ranked = parameter(config, "features/ranking", "criterion", None) is not None
    if ranked:
        steps.append(("select", _ranking(config, blueprint, seed)))
    n_codes = 0 if ranked else len(ordinal_columns(config, blueprint))
    limits = {"n_jobs": threads, "random_state": seed, "max_seconds": max_seconds}
    steps.append(("model", _model(config, blueprint, limits, refit_params or {}, n_codes)))
    return Pipeline(steps)


def _ranking(config: Config, blueprint: Blueprint, seed: int) -> RankingSelector:
    get = partial(parameter, config, "features/ranking")
    return RankingSelector(
        criterion=get("criterion", None),
        keep=get("keep", 1.0),
        classification=blueprint.task is not Task.REGRESSION,
        random_state=seed,
    )


def _ranked_mask(config: Config, blueprint: Blueprint, seed: int) -> RankedMask:
    get = partial(parameter, config, "features/ranked_mask")
    flipped = [columns for path, columns in blueprint.flips.items() if config.get(path)]
    schema = blueprint.schema
    return RankedMask(
        columns=schema.names(Kind.NUMERIC) + schema.names(Kind.CATEGORICAL),
        criterion=get("criterion", None),
        keep=get("keep", 1.0),
        flip=list(chain(*flipped)),
        classification=blueprint.task is not Task.REGRESSION,
        random_state=seed,
    )


def _model(
    config: Config,
    blueprint: Blueprint,
    limits: Mapping[str, Any],
    refit_params: Mapping[str, int],
    n_codes: int,
) -> Any:
    label = str(config["paradigm"])
    paradigm = blueprint.paradigms[label]
    kind = blueprint.task.kind
    estimator = paradigm.estimator_class(kind)
    if estimator is None:
        raise ValueError(f"paradigm/{label}: has no estimator for {kind}")
    taken = set(estimator().get_params())
    arguments = paradigm.fixed_for(kind) | _arguments(config, label, taken)
    if "n_neighbors" in arguments:
        # So many rows the smallest fit has, that of one of two folds.
        arguments["n_neighbors"] = min(arguments["n_neighbors"], blueprint.n_rows // 2)
    if paradigm.embeds_categories and n_codes:
        arguments["categorical"] = list(range(n_codes))
    named = {name: value for name, value in limits.items() if name in taken}
    if is_lightgbm(estimator):
        # Else it tells its user of each fit, in the middle of what a search tells.
        named["verbose"] = -1
    if issubclass(estimator, TabularNetwork):
        # Threads would wait for each other after each of its small steps: on 15,000 rows and three
        # layers of 256 units two took 20.5 s for what one did in 8.5.
        named["n_jobs"] = 1
    if not paradigm.early_stopping:
        arguments |= refit_params
    model = estimator(**(named | arguments))
    if paradigm.early_stopping:
        wrapper = EarlyStoppingRegressor if kind == "regression" else EarlyStoppingClassifier
        model = wrapper(
            model,
            categorical=list(range(n_codes)) if _splits_sets(config) and n_codes else None,
            max_seconds=limits["max_seconds"],
            random_state=limits["random_state"],
            **refit_params,
        )
    return _with_target(model, config, paradigm) if kind == "regression" else model


def _splits_sets(config: Config) -> bool:
    return bool(
        parameter(config, "transforms/categorical/encode", "ordinal/native", default=False)
    )


def _with_target(model: Any, config: Config, paradigm: Paradigm) -> Any:
    """Return a regressor that sees the target on the scale that the configuration asks for."""
    scale = str(config.get("transforms/target", "none"))
    if scale != "none":
        return TransformedTargetRegressor(model, transformer=TargetTransform(scale))
    if paradigm.scale_target:
        return TransformedTargetRegressor(model, transformer=StandardScaler())
    return model


def _arguments(config: Config, label: str, taken: set[str]) -> dict[str, Any]:
    """Return constructor arguments by name; values of copies, such as layers, become a list.

    What only shapes the space, such as a depth beside its widths, is not passed on.

    >>> config = {"paradigm": "mlp", "architecture/mlp/depth": 2, "architecture/mlp/width/0": 64,
    ...           "architecture/mlp/width/1": 32, "hyperparameters/mlp/solver/sgd/rate": 0.1}
    >>> _arguments(config, "mlp", {"width", "rate"})
    {'width': [64, 32], 'rate': 0.1}
    >>> config = {"architecture/net/layers": 2, "architecture/net/layer/0/dropout": 0.1,
    ...           "architecture/net/layer/1/dropout": 0.3}
    >>> _arguments(config, "net", {"dropout"})
    {'dropout': [0.1, 0.3]}
    """
    arguments: dict[str, Any] = {}
    for path, value in config.items():
        if (found := argument_of(path, label)) is None:
            continue
        name, is_one_of_many = found
        if path.startswith("architecture/") and name not in taken:
            continue
        if is_one_of_many:
            arguments.setdefault(name, []).append(value)
        else:
            arguments[name] = value
    return arguments
