"""jointopt: features, transforms, paradigm, architecture and hyperparameters, jointly searched."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from jointopt.errors import (
    DataError,
    JointOptError,
    ModelError,
    OptionError,
    SearchError,
    SpaceError,
    StorageError,
)
from jointopt.evaluation.threads import wait_briefly
from jointopt.insight.objective_search import search
from jointopt.space import (
    Categorical,
    Choice,
    Config,
    Float,
    Int,
    Repeat,
    Space,
    Subset,
    load_space,
)

if TYPE_CHECKING:
    from jointopt.estimators import JointClassifier, JointRegressor
    from jointopt.insight.compare_options import CompareOptions
    from jointopt.insight.compare_run import compare, compare_datasets
    from jointopt.insight.compare_truth import compare_on_truth
    from jointopt.insight.comparison import Comparison
    from jointopt.insight.ground_truth import GroundTruth
    from jointopt.insight.search_result import SearchResult
    from jointopt.model.saving import load_model, save_model
    from jointopt.search.joint_sampler import JointSampler
    from jointopt.search.strategies import Evaluated, Stage, StageResult

__all__ = [
    "Categorical",
    "Choice",
    "CompareOptions",
    "Comparison",
    "Config",
    "DataError",
    "Evaluated",
    "Float",
    "GroundTruth",
    "Int",
    "JointClassifier",
    "JointOptError",
    "JointRegressor",
    "JointSampler",
    "ModelError",
    "OptionError",
    "Repeat",
    "SearchError",
    "SearchResult",
    "Space",
    "SpaceError",
    "Stage",
    "StageResult",
    "StorageError",
    "Subset",
    "compare",
    "compare_datasets",
    "compare_on_truth",
    "load_model",
    "load_space",
    "save_model",
    "search",
]

wait_briefly()

_LAZY = {
    "Comparison": "jointopt.insight.comparison",
    "CompareOptions": "jointopt.insight.compare_options",
    "GroundTruth": "jointopt.insight.ground_truth",
    "compare": "jointopt.insight.compare_run",
    "compare_datasets": "jointopt.insight.compare_run",
    "compare_on_truth": "jointopt.insight.compare_truth",
    "JointClassifier": "jointopt.estimators",
    "JointRegressor": "jointopt.estimators",
    "Evaluated": "jointopt.search.strategies",
    "JointSampler": "jointopt.search.joint_sampler",
    "SearchResult": "jointopt.insight.search_result",
    "Stage": "jointopt.search.strategies",
    "StageResult": "jointopt.search.strategies",
    "load_model": "jointopt.model.saving",
    "save_model": "jointopt.model.saving",
}
"""Names whose modules load heavy libraries, and so are imported when first asked for."""


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used."""
    if name not in _LAZY:
        raise AttributeError(f"module 'jointopt' has no attribute {name!r}")
    value = getattr(importlib.import_module(_LAZY[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List the public names, imported or not."""
    return sorted(__all__)
