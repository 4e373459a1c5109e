"""The study definitions that jointopt ships, as YAML files."""

from __future__ import annotations
