"""Which configuration next: strategies, samplers, budgets, storage and the engine."""

from __future__ import annotations
