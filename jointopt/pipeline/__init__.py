"""From a configuration to a scikit-learn pipeline."""

from __future__ import annotations
