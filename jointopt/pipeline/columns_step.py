"""The first steps of a pipeline: columns of every kind become numbers.

skrub is imported where it is needed: it brings matplotlib, and models without dates and squashed
numbers load without both.
"""

from __future__ import annotations

from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA
from sklearn.impute import MissingIndicator, SimpleImputer
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import (
    MinMaxScaler,
    OneHotEncoder,
    PolynomialFeatures,
    QuantileTransformer,
    RobustScaler,
    SplineTransformer,
    StandardScaler,
    TargetEncoder,
)

from jointopt.data import Kind, Task
from jointopt.pipeline.blueprint import parameter
from jointopt.pipeline.cross_fitting import CrossFitting
from jointopt.pipeline.encoders import ElapsedSeconds, FrequencyEncoder
from jointopt.pipeline.powers import BoxCox, LowerClip, YeoJohnson
from jointopt.pipeline.text import component_encoder, word_encoder

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from jointopt.data import Schema
    from jointopt.pipeline.blueprint import Blueprint
    from jointopt.space import Config, Value

__all__ = ["NUMBERS", "OPTIONS", "columns_step", "load_encoders", "ordinal_columns"]

OPTIONS: Final[Mapping[str, tuple[Value, ...]]] = {
    "transforms/numeric/impute": ("median", "mean", "most_frequent"),
    "transforms/numeric/indicator": (False, True),
    "transforms/numeric/scale": (
        "none",
        "standard",
        "robust",
        "min_max",
        "quantile_normal",
        "quantile_uniform",
        "yeo_johnson",
        "box_cox",
        "squash",
    ),
    "transforms/numeric/products": (False, True),
    "transforms/numeric/derive": ("none", "pca", "spline"),
    "transforms/categorical/encode": ("ordinal", "one_hot", "target", "frequency"),
    "transforms/categorical/encode/ordinal/native": (False, True),
    "transforms/date/periodic": ("none", "circular", "spline"),
    "transforms/date/resolution": ("year", "month", "day", "hour", "minute", "second"),
    "transforms/text/encode": ("tfidf", "words"),
}
"""What the parameters of the axis may be set to, where that is one of several words."""

NUMBERS: Final[Mapping[str, str | None]] = {
    "transforms/numeric/derive/pca/variance": "transforms/numeric/derive",
    "transforms/numeric/derive/spline/knots": "transforms/numeric/derive",
    "transforms/categorical/encode/one_hot/min_frequency": "transforms/categorical/encode",
    "transforms/text/encode/tfidf/components": None,
    "transforms/text/encode/words/count": "transforms/text/encode",
}
"""Its other parameters, each with the one without which it is not read, if there is one."""


def load_encoders(schema: Schema) -> None:
    """Import what dates need, if a table has any."""
    if schema.names(Kind.DATE):
        import_module("skrub")


def _kept(config: Config, blueprint: Blueprint, kind: Kind) -> list[str]:
    """Return the columns of this kind that the mask, if there is one, leaves."""
    off = {
        column
        for path, columns in blueprint.switches.items()
        if config.get(path) is False
        for column in columns
    }
    return [name for name in blueprint.schema.names(kind) if name not in off]


def ordinal_columns(config: Config, blueprint: Blueprint) -> list[str]:
    """Return the columns that a model sees as codes of categories; they come first."""
    if config.get("transforms/categorical/encode", "ordinal") != "ordinal":
        return []
    return _kept(config, blueprint, Kind.CATEGORICAL)


def columns_step(config: Config, blueprint: Blueprint, seed: int) -> ColumnTransformer:
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
    get = partial(parameter, config, "transforms/numeric")
    steps: list[Any] = []
    if _wants_numbers_filled(config, blueprint):
        steps += _filled_and_scaled(config, blueprint, seed)
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


def _wants_numbers_filled(config: Config, blueprint: Blueprint) -> bool:
    """Whether missing numbers are filled: for a model that takes none, or if the space asks."""
    get = partial(parameter, config, "transforms/numeric")
    asked = any(get(name, None) is not None for name in ("impute", "indicator", "scale"))
    return asked or get("derive", "none") != "none" or not _takes_missing(config, blueprint)


def _takes_missing(config: Config, blueprint: Blueprint) -> bool:
    return blueprint.paradigms[str(config["paradigm"])].takes_missing(blueprint.task.kind)


def _filled_and_scaled(config: Config, blueprint: Blueprint, seed: int) -> list[Any]:
    get = partial(parameter, config, "transforms/numeric")
    scale, indicator = get("scale", "none"), get("indicator", default=False)
    # Box-Cox takes no zeros, of which indicators are full.
    apart = indicator and scale == "box_cox"
    imputer = SimpleImputer(
        strategy=get("impute", "median"),
        add_indicator=indicator and not apart,
        keep_empty_features=True,
    )
    steps = [imputer, *_scaler(scale, blueprint, seed)]
    if not apart:
        return steps
    missing = MissingIndicator(error_on_new=False)
    return [FeatureUnion([("known", make_pipeline(*steps)), ("missing", missing)])]


def _scaler(name: str, blueprint: Blueprint, seed: int) -> list[Any]:
    n_quantiles = int(np.clip(blueprint.n_rows // 10, 10, 1000))
    quantiles = partial(QuantileTransformer, n_quantiles=n_quantiles, random_state=seed)
    makers: dict[str, Callable[[], list[Any]]] = {
        "none": list,
        "standard": lambda: [StandardScaler()],
        "robust": lambda: [RobustScaler()],
        "min_max": lambda: [MinMaxScaler()],
        # Values less than 1e-7 apart are one quantile, in whatever unit.
        "quantile_normal": lambda: [StandardScaler(), quantiles(output_distribution="normal")],
        "quantile_uniform": lambda: [StandardScaler(), quantiles(output_distribution="uniform")],
        "yeo_johnson": lambda: [StandardScaler(), YeoJohnson(), StandardScaler()],
        "box_cox": lambda: [LowerClip(), BoxCox(), StandardScaler()],
        "squash": lambda: [_squashing()],
    }
    return makers[name]()


def _squashing() -> Any:
    from skrub import SquashingScaler

    return SquashingScaler()


def _categorical(config: Config, blueprint: Blueprint, seed: int) -> Any:
    get = partial(parameter, config, "transforms/categorical")
    # Trees do not see the scale, and networks look codes up; to all others codes up to a thousand,
    # or means of a target in its own unit, would be all that there is.
    paradigm = blueprint.paradigms[str(config["paradigm"])]
    scales = not _takes_missing(config, blueprint)
    match get("encode", "ordinal"):
        case "ordinal":
            return StandardScaler() if scales and not paradigm.embeds_categories else "passthrough"
        case "one_hot":
            return OneHotEncoder(
                min_frequency=get("encode/one_hot/min_frequency", 0.005),
                handle_unknown="infrequent_if_exist",
                sparse_output=False,
            )
        case "target":
            classification = blueprint.task is not Task.REGRESSION
            cv = CrossFitting(classification=classification, random_state=seed)
            target_type = str(blueprint.task) if classification else "continuous"
            encoder = TargetEncoder(target_type=target_type, cv=cv)
        case "frequency":
            encoder = FrequencyEncoder()
        case other:
            raise ValueError(f"transforms/categorical/encode: {other!r} is not known")
    return make_pipeline(encoder, StandardScaler()) if scales else encoder


def _date(config: Config, blueprint: Blueprint, _: int) -> Any:
    from skrub import ApplyToCols, DatetimeEncoder

    get = partial(parameter, config, "transforms/date")
    periodic = get("periodic", "none")
    # Its own total of seconds is in single precision, where those since 1970 are 128 apart.
    encoder = DatetimeEncoder(
        resolution=get("resolution", "day"),
        add_weekday=True,
        add_total_seconds=False,
        periodic_encoding=None if periodic == "none" else periodic,
    )
    parts = FeatureUnion(
        [("parts", ApplyToCols(encoder)), ("seconds", ElapsedSeconds())],
        verbose_feature_names_out=False,
    )
    if _takes_missing(config, blueprint):
        return parts
    known = make_pipeline(
        parts, SimpleImputer(strategy="median", keep_empty_features=True), StandardScaler()
    )
    # Where a date is missing all its parts are, so that one of them tells.
    missing = make_pipeline(ElapsedSeconds(), MissingIndicator(error_on_new=False))
    return FeatureUnion([("known", known), ("missing", missing)])


def _text(config: Config, blueprint: Blueprint, seed: int) -> Any:
    get = partial(parameter, config, "transforms/text/encode")
    classification = blueprint.task is not Task.REGRESSION
    columns = _kept(config, blueprint, Kind.TEXT)
    if config.get("transforms/text/encode", "tfidf") == "words":
        count = get("words/count", 200)
        return word_encoder(columns, count, classification=classification, seed=seed)
    components = get("tfidf/components", 24)
    return component_encoder(columns, components, classification=classification, seed=seed)
