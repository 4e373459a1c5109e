"""What a person sees while a search runs."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Self

from optuna.trial import TrialState
from rich.live import Live
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from rich.console import Console

    from jointopt.data import Metric
    from jointopt.search.result import TrialRecord

__all__ = ["Progress"]


class Progress:
    """Shows the best so far: a live panel on a terminal, a line per improvement elsewhere.

    Parameters
    ----------
    console : Console
        Where to write.
    metric : Metric
        Of the study.
    seconds : float or None
        The budget.
    started : float
        `time.monotonic()` when the command began.
    """

    def __init__(
        self, console: Console, metric: Metric, seconds: float | None, started: float
    ) -> None:
        self._console = console
        self._metric = metric
        self._seconds = seconds
        self._started = started
        self._counts = dict.fromkeys(("complete", "pruned", "fail"), 0)
        self._best: TrialRecord | None = None
        self._last: TrialRecord | None = None
        self._live = Live(
            console=console, refresh_per_second=4, get_renderable=self._panel, transient=True
        )

    def __enter__(self) -> Self:
        """Start to show."""
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(self, *args: object) -> None:
        """Stop."""
        if self._console.is_terminal:
            self._live.stop()

    def __call__(self, record: TrialRecord) -> None:
        """Take in a trial."""
        name = record.trial.state.name.lower()
        self._counts[name] = self._counts.get(name, 0) + 1
        self._last = record
        if record.trial.state is not TrialState.COMPLETE or record.trial.value is None:
            return
        if self._best is None or self._signed(record) > self._signed(self._best):
            self._best = record
            self._console.print(
                f"{time.monotonic() - self._started:6.1f} s  {self._metric.name} "
                f"[bold]{record.trial.value:.5g}[/bold]  trial {record.number}  "
                f"{record.config.get('paradigm')}",
                highlight=False,
            )

    def _signed(self, record: TrialRecord) -> float:
        return self._metric.display(record.trial.value or 0.0)

    def _panel(self) -> Table:
        elapsed = time.monotonic() - self._started
        total = "" if self._seconds is None else f" of {self._seconds:.0f}"
        table = Table.grid(padding=(0, 2))
        best = "—" if self._best is None else f"{self._best.trial.value:.5g}"
        told = ", ".join(
            f"{count} {name}"
            for name, count in zip(
                ("finished", "stopped early", "failed"), self._counts.values(), strict=False
            )
        )
        table.add_row(
            Text(f"{elapsed:.0f}{total} s"),
            Text(f"best {self._metric.name} {best}", "bold"),
            Text(told),
        )
        return table
