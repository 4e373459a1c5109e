"""What the user keeps: a fitted model, saved without pickle."""

from __future__ import annotations
