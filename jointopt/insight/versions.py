"""The versions of what scores and models depend on."""

from __future__ import annotations

from importlib.metadata import version
from typing import Final

__all__ = ["versions"]

PACKAGES: Final = (
    "jointopt",
    "optuna",
    "scikit-learn",
    "lightgbm",
    "xgboost",
    "torch",
    "pandas",
)


def versions() -> dict[str, str]:
    """Return the version of each package, jointopt first.

    >>> list(versions())[:3]
    ['jointopt', 'optuna', 'scikit-learn']
    """
    return {name: version(name) for name in PACKAGES}
