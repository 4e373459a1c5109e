"""A configuration becomes a scikit-learn pipeline."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.decomposition import PCA
from sklearn.impute import SimpleImputer
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline
from sklearn.preprocessing import (
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    PolynomialFeatures,
    PowerTransformer,
    QuantileTransformer,
    RobustScaler,
    SplineTransformer,
    StandardScaler,
    TargetEncoder,
)
from skrub import ApplyToCols, DatetimeEncoder, MinHashEncoder, SquashingScaler, StringEncoder

from jointopt.data import Kind, Task
from jointopt.errors import SpaceError
from jointopt.pipeline.estimators import EarlyStoppingClassifier, EarlyStoppingRegressor
from jointopt.pipeline.transformers import FrequencyEncoder, LowerClip, RankingSelector

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from jointopt.data import Schema
    from jointopt.pipeline.paradigms import Paradigm
    from jointopt.space import Config

__all__ = ["Blueprint", "build_pipeline"]

MISSING, UNKNOWN = -1, -2
TREES = ("random_forest", "extra_trees", "xgboost", "lightgbm")


@dataclass(frozen=True, slots=True)
class Blueprint:
    """All that a pipeline's construction needs beside the configuration.

    Attributes
    ----------
    schema : Schema
        The table's columns.
    task : Task
        What is predicted.
    paradigms : mapping of str to Paradigm
        By branch label.
    switches : mapping of str to list of str
        What the space's column mask switches: parameter path to columns.
    n_rows : int
        Rows of the table.
    """

    schema: Schema
    task: Task
    paradigms: Mapping[str, Paradigm]
    switches: Mapping[str, list[str]]
    n_rows: int


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
        Steps `codes` (with categories only), `columns`, `select` (with a ranking only) and
        `model`; its input is a table that the schema has normalised.
    """
    steps: list[tuple[str, Any]] = []
    if blueprint.schema.names(Kind.CATEGORICAL):
        steps.append(("codes", _codes(blueprint)))
    steps.append(("columns", _columns(config, blueprint, seed)))
    ranked = _get(config, "features/ranking", "criterion", None) is not None
    if ranked:
        steps.append(("select", _ranking(config, blueprint, seed)))
    n_codes = 0 if ranked else len(_ordinal_columns(config, blueprint))
    limits = {"n_jobs": threads, "random_state": seed, "max_seconds": max_seconds}
    steps.append(("model", _model(config, blueprint, limits, refit_params or {}, n_codes)))
    return Pipeline(steps)


def _ranking(config: Config, blueprint: Blueprint, seed: int) -> RankingSelector:
    get = partial(_get, config, "features/ranking")
    return RankingSelector(
        criterion=get("criterion", None),
        keep=get("keep", 1.0),
        classification=blueprint.task is not Task.REGRESSION,
        random_state=seed,
    )


# ------------------------------------------------------------------------------ columns


def _kept(config: Config, blueprint: Blueprint, kind: Kind) -> list[str]:
    """Return the columns of this kind that the mask, if there is one, leaves."""
    off = {
        column
        for path, columns in blueprint.switches.items()
        if config.get(path) is False
        for column in columns
    }
    return [name for name in blueprint.schema.names(kind) if name not in off]


def _codes(blueprint: Blueprint) -> ColumnTransformer:
    """Categories become numbers first, the same for all configurations: strings are slow."""
    encoder = OrdinalEncoder(
        handle_unknown="use_encoded_value", unknown_value=UNKNOWN, encoded_missing_value=MISSING
    )
    names = blueprint.schema.names(Kind.CATEGORICAL)
    others = [column.name for column in blueprint.schema.used if column.name not in set(names)]
    parts = [("codes", encoder, names), ("others", "passthrough", others)]
    step = ColumnTransformer(parts, verbose_feature_names_out=False)
    return step.set_output(transform="pandas")


def _ordinal_columns(config: Config, blueprint: Blueprint) -> list[str]:
    if config.get("transforms/categorical/encode", "ordinal") != "ordinal":
        return []
    return _kept(config, blueprint, Kind.CATEGORICAL)


def _columns(config: Config, blueprint: Blueprint, seed: int) -> ColumnTransformer:
    """Categories come first, so that a network knows where its columns of codes are."""
    makers = {
        Kind.CATEGORICAL: _categorical,
        Kind.NUMERIC: _numeric,
        Kind.DATE: _date,
        Kind.TEXT: _text,
    }
    parts = [
        (str(kind), make(config, blueprint, seed), columns)
        for kind, make in makers.items()
        if (columns := _kept(config, blueprint, kind))
    ]
    return ColumnTransformer(parts, sparse_threshold=0.0, verbose_feature_names_out=True)


def _numeric(config: Config, blueprint: Blueprint, seed: int) -> Any:
    get = partial(_get, config, "transforms/numeric")
    steps: list[Any] = []
    if config["paradigm"] not in TREES:
        steps.append(
            SimpleImputer(
                strategy=get("impute", "median"),
                add_indicator=get("indicator", default=False),
                keep_empty_features=True,
            )
        )
        steps += _scaler(get("scale", "none"), blueprint, seed)
    if get("products", default=False):
        products = make_pipeline(
            SimpleImputer(strategy="median", keep_empty_features=True),
            StandardScaler(),
            PolynomialFeatures(degree=2, include_bias=False),
        )
        return make_pipeline(
            *steps, FeatureUnion([("plain", "passthrough"), ("products", products)])
        )
    match get("derive", "none"):
        case "pca":
            steps.append(PCA(get("derive/pca/variance", 0.95), svd_solver="full"))
        case "spline":
            steps.append(
                SplineTransformer(
                    get("derive/spline/knots", 5), include_bias=False, extrapolation="linear"
                )
            )
    return make_pipeline(*steps) if steps else "passthrough"


def _get(config: Config, prefix: str, name: str, default: Any) -> Any:
    return config.get(f"{prefix}/{name}", default)


def _scaler(name: str, blueprint: Blueprint, seed: int) -> list[Any]:
    n_quantiles = int(np.clip(blueprint.n_rows // 10, 10, 1000))
    quantiles = partial(QuantileTransformer, n_quantiles=n_quantiles, random_state=seed)
    makers: dict[str, Callable[[], list[Any]]] = {
        "none": list,
        "standard": lambda: [StandardScaler()],
        "robust": lambda: [RobustScaler()],
        "min_max": lambda: [MinMaxScaler()],
        "quantile_normal": lambda: [quantiles(output_distribution="normal")],
        "quantile_uniform": lambda: [quantiles(output_distribution="uniform")],
        "yeo_johnson": lambda: [StandardScaler(), PowerTransformer("yeo-johnson")],
        "box_cox": lambda: [LowerClip(), PowerTransformer("box-cox")],
        "squash": lambda: [SquashingScaler()],
    }
    if name not in makers:
        raise SpaceError(_unknown("transforms/numeric/scale", name, makers))
    return makers[name]()


def _categorical(config: Config, blueprint: Blueprint, seed: int) -> Any:
    get = partial(_get, config, "transforms/categorical")
    match get("encode", "ordinal"):
        case "ordinal":
            return "passthrough"
        case "one_hot":
            return OneHotEncoder(
                min_frequency=get("encode/one_hot/min_frequency", 0.005),
                handle_unknown="infrequent_if_exist",
                sparse_output=False,
            )
        case "target":
            splitter = KFold if blueprint.task is Task.REGRESSION else StratifiedKFold
            target_type = (
                "continuous" if blueprint.task is Task.REGRESSION else str(blueprint.task)
            )
            cv = splitter(5, shuffle=True, random_state=seed)
            return TargetEncoder(target_type=target_type, cv=cv)
        case "frequency":
            return FrequencyEncoder()
        case other:
            known = ("ordinal", "one_hot", "target", "frequency")
            raise SpaceError(_unknown("transforms/categorical/encode", other, known))


def _unknown(path: str, given: Any, known: Iterable[str]) -> str:
    return f"{path}: {given!r} is not known to the pipeline; it knows {', '.join(known)}"


def _date(config: Config, *_: Any) -> Any:
    get = partial(_get, config, "transforms/date")
    periodic = get("periodic", "none")
    encoder = DatetimeEncoder(
        resolution=get("resolution", "day"),
        add_weekday=True,
        periodic_encoding=None if periodic == "none" else periodic,
    )
    return make_pipeline(
        ApplyToCols(encoder),
        SimpleImputer(strategy="median", keep_empty_features=True),
        StandardScaler(),
    )


def _text(config: Config, _: Blueprint, seed: int) -> Any:
    get = partial(_get, config, "transforms/text")
    components = get("components", 24)
    if get("encode", "tfidf") == "tfidf":
        return ApplyToCols(StringEncoder(n_components=components, random_state=seed))
    return make_pipeline(ApplyToCols(MinHashEncoder(n_components=components)), StandardScaler())


# ------------------------------------------------------------------------------ the model


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
    if paradigm.embeds_categories and n_codes:
        arguments["categorical"] = list(range(n_codes))
    named = {name: value for name, value in limits.items() if name in taken}
    if not paradigm.early_stopping:
        arguments |= refit_params
    model = estimator(**(named | arguments))
    if paradigm.early_stopping:
        wrapper = EarlyStoppingRegressor if kind == "regression" else EarlyStoppingClassifier
        return wrapper(
            model,
            max_seconds=limits["max_seconds"],
            random_state=limits["random_state"],
            **refit_params,
        )
    if paradigm.scale_target and kind == "regression":
        return TransformedTargetRegressor(model, transformer=StandardScaler())
    return model


def _arguments(config: Config, label: str, taken: set[str]) -> dict[str, Any]:
    """Return constructor arguments: the last word of a path, layers gathered into a list.

    What only shapes the space, such as a depth beside its widths, is not passed on.

    >>> config = {"paradigm": "mlp", "architecture/mlp/depth": 2, "architecture/mlp/width/0": 64,
    ...           "architecture/mlp/width/1": 32, "hyperparameters/mlp/solver/sgd/rate": 0.1}
    >>> _arguments(config, "mlp", {"width", "rate"})
    {'width': [64, 32], 'rate': 0.1}
    """
    arguments: dict[str, Any] = {}
    for path, value in config.items():
        axis, _, rest = path.partition("/")
        branch, _, name = rest.partition("/")
        if axis not in ("architecture", "hyperparameters") or branch != label:
            continue
        *_, before, last = ("", *name.split("/"))
        if last.isdigit():
            arguments.setdefault(before, []).append(value)
        elif axis == "hyperparameters" or last in taken:
            arguments[last] = value
    return arguments
