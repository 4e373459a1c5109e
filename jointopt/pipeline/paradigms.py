"""What a search space says of its paradigms: which estimator class, and how it is to be fitted."""

from __future__ import annotations

import importlib
import inspect
from functools import cache
from typing import TYPE_CHECKING, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, ValidationError, field_validator, model_validator
from sklearn.base import BaseEstimator, is_classifier, is_regressor
from sklearn.utils import get_tags

from jointopt.errors import SpaceError
from jointopt.space.grid import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jointopt.space import Space

__all__ = ["KINDS", "Paradigm", "paradigms_of"]

TaskKind = Literal["classification", "regression"]
ByTask = dict[Literal["all", "classification", "regression"], dict[str, Any]]
KINDS: Final[tuple[TaskKind, ...]] = ("classification", "regression")
PACKAGES = ("sklearn", "xgboost", "lightgbm", "jointopt")


class Paradigm(BaseModel):
    """The `estimator` section of one paradigm.

    Attributes
    ----------
    classification, regression : str or None
        Dotted path of the estimator class for the task; None where the paradigm does not apply.
    fixed : dict
        Constructor arguments that are not searched, under `all`, `classification` or
        `regression`.
    early_stopping : bool, default=False
        Whether it is a booster that shall stop on rows held out of its training rows.
    scale_target : bool, default=False
        Whether a regressor sees a standardised target.
    embeds_categories : bool, default=False
        Whether the constructor takes `categorical`, the indices of columns of category codes.
    max_rows : int or None, default=None
        The paradigm is left out for tables with more rows.
    start : dict, default={}
        Values of parameters, by path, that its first trial has in place of the space's defaults,
        under `all`, `classification` or `regression`.
    starts_alone : list of dict, default=[]
        The like for trials that come next where the space has no other paradigm.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    classification: str | None = None
    regression: str | None = None
    fixed: ByTask = {}
    early_stopping: bool = False
    scale_target: bool = False
    embeds_categories: bool = False
    max_rows: int | None = None
    start: ByTask = {}
    starts_alone: list[ByTask] = []

    @model_validator(mode="before")
    @classmethod
    def _from_name(cls, value: Any) -> Any:
        """Let a bare dotted path or class serve the task that it says of itself."""
        if isinstance(value, type):
            value = f"{value.__module__}.{value.__qualname__}"
        if not isinstance(value, str):
            return value
        estimator = _import_estimator(value)()
        kinds = {"classification": is_classifier(estimator), "regression": is_regressor(estimator)}
        if not any(kinds.values()):
            raise SpaceError(f"{value!r} is neither a classifier nor a regressor")
        return {kind: value for kind, fits in kinds.items() if fits}

    @field_validator(*KINDS)
    @classmethod
    def _is_usable(cls, path: str | None) -> str | None:
        if path is not None:
            _import_estimator(path)
        return path

    def estimator_class(self, kind: TaskKind) -> type[BaseEstimator] | None:
        """Import the class for this kind of task, None if the paradigm does not apply to it.

        Raises
        ------
        SpaceError
            If the class is outside the allowed packages, does not exist, or is no estimator.
        """
        path = getattr(self, kind)
        return None if path is None else _import_estimator(path)

    def arguments(self, kind: TaskKind) -> frozenset[str]:
        """Return the constructor arguments of the class for this kind of task."""
        estimator = self.estimator_class(kind)
        return frozenset() if estimator is None else frozenset(estimator().get_params())

    def takes(self, name: str, kind: TaskKind) -> bool:
        """Whether the constructor of the class for this kind of task takes an argument."""
        return name in self.arguments(kind) or self.takes_any(kind)

    def takes_any(self, kind: TaskKind) -> bool:
        """Whether the constructor passes on arguments that it does not name."""
        estimator = self.estimator_class(kind)
        parameters = () if estimator is None else inspect.signature(estimator).parameters.values()
        return any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters)

    def takes_missing(self, kind: TaskKind) -> bool:
        """Whether the class for this kind of task says that it takes missing values."""
        path = getattr(self, kind)
        return path is not None and _takes_missing(path)

    def fixed_for(self, kind: TaskKind) -> dict[str, Any]:
        """Return the constructor arguments that are not searched, for this kind of task."""
        return _for_kind(self.fixed, kind)

    def start_for(self, kind: TaskKind) -> dict[str, Any]:
        """Return what its first trial has in place of defaults, for this kind of task."""
        return _for_kind(self.start, kind)

    def starts_alone_for(self, kind: TaskKind) -> list[dict[str, Any]]:
        """Return what trials have that come next if there is no other paradigm."""
        return [_for_kind(start, kind) for start in self.starts_alone]


def paradigms_of(space: Space) -> Mapping[str, Paradigm]:
    """Read the `estimator` section of every branch of the space's `paradigm` axis.

    Raises
    ------
    SpaceError
        If a section is missing or wrong; the message names the paradigm and the key.
    """
    found = space.estimators()
    labels = [
        label
        for decision in space.decisions
        if decision.path == "paradigm"
        for label in getattr(decision.node, "branches", {})
    ]
    if not labels:
        raise SpaceError(
            "the space has no axis 'paradigm' with branches, so there is no model to fit; "
            "add paradigm: {choice: {...}} with an estimator in each branch"
        )
    paradigms = {}
    for label in labels:
        if label not in found:
            raise space.error(
                f"paradigm/{label}",
                "names no estimator; add for example "
                "estimator: {classification: sklearn.naive_bayes.GaussianNB}",
            )
        try:
            paradigms[label] = Paradigm.model_validate(found[label])
        except ValidationError as error:
            first = error.errors()[0]
            where = "/".join(("paradigm", label, "estimator", *map(str, first["loc"])))
            reason = first.get("ctx", {}).get("error", first["msg"])
            if first["type"] == "extra_forbidden":
                reason = f"is not known{did_you_mean(first['loc'][-1], Paradigm.model_fields)}"
            raise space.error(where, str(reason)) from error
    return paradigms


@cache
def _takes_missing(path: str) -> bool:
    return bool(get_tags(_import_estimator(path)()).input_tags.allow_nan)


def _for_kind(values: ByTask, kind: TaskKind) -> dict[str, Any]:
    return values.get("all", {}) | values.get(kind, {})


def _import_estimator(path: str) -> type[BaseEstimator]:
    module, _, name = path.rpartition(".")
    if module.partition(".")[0] not in PACKAGES:
        raise SpaceError(
            f"estimator {path!r} is not from one of {', '.join(PACKAGES)}: a space may name only "
            "estimators of these packages"
        )
    try:
        found = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise SpaceError(f"estimator {path!r} does not exist: {error}") from error
    if not (isinstance(found, type) and issubclass(found, BaseEstimator)):
        raise SpaceError(f"{path!r} is not a scikit-learn estimator class")
    needed = [
        parameter.name
        for parameter in inspect.signature(found).parameters.values()
        if parameter.default is parameter.empty
        and parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
    ]
    if needed:
        raise SpaceError(
            f"estimator {path!r} cannot be made without {', '.join(needed)}; name a class of "
            "which all constructor arguments have defaults"
        )
    return found
