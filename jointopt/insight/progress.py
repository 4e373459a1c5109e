"""What a person sees while a search runs."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Self

from rich.console import Group
from rich.text import Text

from jointopt.evaluation.events import StageBegun
from jointopt.insight.progress_view import Limits, SearchView, bar_line, duration
from jointopt.insight.screen import Screen

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

    from rich.console import Console, ConsoleOptions, RenderableType

    from jointopt.data import Metric
    from jointopt.evaluation.events import Event
    from jointopt.insight.compare_one import Job
    from jointopt.insight.search_frames import Scale
    from jointopt.search.result import TrialRecord

__all__ = ["CompareProgress", "Progress"]

SUMMARY_SECONDS = 60.0
"""Between two summaries where nothing is drawn, such as in a log."""


class Progress:
    """Shows a search: drawn on a terminal and in a notebook, a line per improvement elsewhere.

    Parameters
    ----------
    console : Console
        Where to write.
    metric : Metric or Objective
        Of the study.
    limits : Limits
        Of the search.
    started : float
        `time.monotonic()` when the command began.
    """

    def __init__(self, console: Console, metric: Scale, limits: Limits, started: float) -> None:
        self._view = _view(metric, limits, started)
        self._screen = Screen(console, self._view)
        self._summary_at = time.monotonic() + SUMMARY_SECONDS
        self._study = ""

    def __enter__(self) -> Self:
        """Start to show."""
        self._screen.__enter__()
        return self

    def __exit__(self, *args: object) -> None:
        """Stop."""
        self._screen.__exit__(*args)

    def see(self, event: Event) -> None:
        """Take in what is under way."""
        self._view.see(event)
        if isinstance(event, StageBegun) and event.study != self._study:
            if self._study:
                self._line(f"stage {event.study}")
            self._study = event.study

    def hear(self, record: TrialRecord) -> None:
        """Take in a trial that ended."""
        if self._view.hear(record):
            self._line(
                f"{self._view.metric} {record.trial.value:.5g}  trial {record.number}  "
                f"{record.config.get('paradigm', '')}".rstrip()
            )
        if time.monotonic() >= self._summary_at:
            self._summary_at = time.monotonic() + SUMMARY_SECONDS
            self._line(self._view.summary())

    def _line(self, words: str) -> None:
        if not self._screen.is_live:
            self._screen.line(f"{self._view.elapsed():6.1f} s  {words}")


class CompareProgress:
    """Shows a comparison: how many runs are done, and the one under way; a line for each done.

    Parameters
    ----------
    console : Console
        Where to write.
    where : str
        What the scores are of, such as "on test rows".
    """

    def __init__(self, console: Console, where: str) -> None:
        self._where = where
        self._screen = Screen(console, self)
        self._started = time.monotonic()
        self._run = ""
        self._view: SearchView | None = None
        self._done = self._n = 0

    def __enter__(self) -> Self:
        """Start to show."""
        self._screen.__enter__()
        return self

    def __exit__(self, *args: object) -> None:
        """Stop."""
        self._screen.__exit__(*args)

    def count(self, done: int, n_runs: int) -> None:
        """Take in how many runs there are, and how many an earlier call did."""
        self._done, self._n = done, n_runs

    def begin(self, job: Job, metric: Metric, started: float) -> None:
        """Take in that a run begins in this process."""
        self._run = f"{job.dataset} {job.strategy} seed {job.options.seed}"
        limits = Limits(job.options.seconds, job.options.n_trials)
        self._view = _view(metric, limits, started)

    def see(self, event: Event) -> None:
        """Take in what is under way in that run."""
        if self._view is not None:
            self._view.see(event)

    def hear(self, record: TrialRecord) -> None:
        """Take in a trial of that run."""
        if self._view is not None:
            self._view.hear(record)

    def done(self, row: Mapping[str, Any], done: int, n_runs: int) -> None:
        """Take in that a run is done."""
        self._done, self._n, self._view = done, n_runs, None
        ended = row["error"] or f"{row['metric']} {row['test']:.5g} {self._where}"
        self._screen.line(
            f"  {done:3} of {n_runs}  {row['dataset']} {row['strategy']} "
            f"seed {row['seed']}: {ended}"
        )

    def __rich_console__(
        self, console: Console, options: ConsoleOptions
    ) -> Iterator[RenderableType]:
        """Draw a line for the comparison, and those of the run."""
        del console
        view, told = self._view, f"{self._done} of {self._n or '?'} runs"
        share = self._done / self._n if self._n else 0.0
        right = duration(time.monotonic() - self._started)
        head = bar_line(told, share, right, options)
        yield head if view is None else Group(head, Text(self._run, "bold"), view)


def _view(metric: Scale, limits: Limits, started: float) -> SearchView:
    return SearchView(
        metric.name,
        greater_is_better=metric.greater_is_better,
        limits=limits,
        started=started,
    )
