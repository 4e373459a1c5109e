"""What the search taught: leaderboard, importance, plots and the report."""

from __future__ import annotations
