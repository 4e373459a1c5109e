"""How good one configuration is: folds, one fold's fit and score, racing between folds."""

from __future__ import annotations
