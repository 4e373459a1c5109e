"""What is known of a running search, and how it looks in so many columns."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING

from optuna.trial import TrialState
from rich.measure import Measurement
from rich.text import Text

from jointopt.evaluation.events import (
    EvaluationBegun,
    EvaluationEnded,
    Event,
    FitBegun,
    FitEnded,
    SearchEnded,
    StageBegun,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from rich.console import Console, ConsoleOptions

    from jointopt.search.result import TrialRecord

__all__ = ["Limits", "SearchView", "bar_line", "duration", "sparkline"]

STATES = {
    TrialState.COMPLETE: "finished",
    TrialState.PRUNED: "stopped early",
    TrialState.FAIL: "failed",
}
BLOCKS, ASCII_BLOCKS = "▁▂▃▄▅▆▇█", "_.-=+*%#"
MOST_SPARKS, LEAST_SPARKS = 40, 8
LEAST_BAR = 8
MINUTE, HOUR = 60, 3600
OTHER_LINES = 6
"""Of the terminal's height, not for evaluations: the head, the cursor and a run's line."""
WARM_UP = 0.1
"""The sparkline's scale begins at the best of that share of the history: the first of all trials
are often so bad that all later gains would look flat."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a search may spend.

    Attributes
    ----------
    seconds : float or None
        Wall-clock time, from the start of the command on.
    n_trials : int or None
        Evaluations.
    """

    seconds: float | None
    n_trials: int | None


@dataclass(slots=True)
class _Running:
    """A configuration under way."""

    paradigm: str
    begun: float
    fits: dict[str, float] = field(default_factory=dict)
    has_fitted: bool = False

    @property
    def doing(self) -> str:
        """Return what it is at; an objective of one's own does not tell."""
        if self.fits:
            return "fitting"
        return "waiting" if self.has_fitted else "evaluating"

    @property
    def what(self) -> str:
        """Return its oldest fit, "" if there is none."""
        return next(iter(self.fits), "")

    @property
    def since(self) -> float:
        """Return when that fit began, or all others had ended."""
        return self.fits.get(self.what, self.begun)


class SearchView:
    """Takes in what a search tells, and draws it within the columns it is given.

    Parameters
    ----------
    metric : str
        Its name.
    greater_is_better : bool
        Of the metric.
    limits : Limits
        Of the search.
    started : float
        The clock's reading when the command began.
    clock : callable, default=time.monotonic
        Returns seconds.
    """

    def __init__(
        self,
        metric: str,
        *,
        greater_is_better: bool,
        limits: Limits,
        started: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.metric = metric
        self.counts: Counter[TrialState] = Counter()
        self.best: TrialRecord | None = None
        self.stage = ""
        self._sign = 1.0 if greater_is_better else -1.0
        self._limits = limits
        self._started = started
        self._clock = clock
        self._running: dict[int, _Running] = {}
        self._history: list[tuple[float, float]] = []
        self._ended = False
        self._lock = Lock()

    def see(self, event: Event) -> None:
        """Take in what is under way."""
        with self._lock:
            match event:
                case StageBegun(study, detail):
                    self._running.clear()
                    self.stage = f"{study} {detail}".strip()
                case EvaluationBegun(number, config):
                    paradigm = str(config.get("paradigm", ""))
                    self._running[number] = _Running(paradigm, self._clock())
                case FitBegun(number, what):
                    self._running[number].fits[what] = self._clock()
                case FitEnded(number, what):
                    running = self._running[number]
                    del running.fits[what]
                    running.has_fitted, running.begun = True, self._clock()
                case EvaluationEnded(number):
                    del self._running[number]
                case SearchEnded():
                    self._running.clear()
                    self._ended = True

    def hear(self, record: TrialRecord) -> bool:
        """Take in a trial that ended; tell whether it is the best so far."""
        with self._lock:
            value, state = record.trial.value, record.trial.state
            self.counts[state] += 1
            if state is not TrialState.COMPLETE or value is None:
                return False
            if self.best is not None and self._sign * (value - (self.best.trial.value or 0)) <= 0:
                return False
            self.best = record
            self._history.append((self.elapsed(), value))
            return True

    def elapsed(self) -> float:
        """Return seconds since the command began."""
        return self._clock() - self._started

    def summary(self) -> str:
        """Return how many trials ended, and how."""
        told = ", ".join(f"{self.counts[state]} {word}" for state, word in STATES.items())
        of = "" if self._limits.n_trials is None else f" of {self._limits.n_trials}"
        return f"{self.counts.total()}{of} trials: {told}"

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        """Take all columns."""
        del console
        return Measurement(20, options.max_width)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Text]:
        """Draw one line after another, each cut to the width."""
        del console
        with self._lock:
            lines = [
                bar_line(self._doing(), self._share(), self._left(), options),
                self._best_line(options),
                Text(self.summary()),
                *self._running_lines(options),
            ]
        for line in lines:
            yield _cut(line, options)

    def _doing(self) -> str:
        if self._ended:
            return "making the model"
        return self.stage or "preparing"

    def _share(self) -> float:
        seconds, n_trials = self._limits.seconds, self._limits.n_trials
        of_time = 0.0 if seconds is None else self.elapsed() / seconds
        of_trials = 0.0 if n_trials is None else self.counts.total() / n_trials
        return max(of_time, of_trials)

    def _left(self) -> str:
        seconds = self._limits.seconds
        if seconds is None:
            return duration(self.elapsed())
        return f"{duration(max(0.0, seconds - self.elapsed()))} left of {duration(seconds)}"

    def _best_line(self, options: ConsoleOptions) -> Text:
        if self.best is None:
            return Text(f"no {self.metric} yet")
        line = Text(f"best {self.metric} ")
        line.append(f"{self.best.trial.value:.5g}", "bold")
        paradigm = self.best.config.get("paradigm")
        line.append(f"  trial {self.best.number}" + (f", {paradigm}" if paradigm else ""))
        width = min(MOST_SPARKS, options.max_width - line.cell_len - 2)
        if width >= LEAST_SPARKS and len(self._history) > 1:
            levels = ASCII_BLOCKS if options.ascii_only else BLOCKS
            end = self.elapsed()
            line.append("  " + sparkline(self._history, end, width, levels), "cyan")
        return line

    def _running_lines(self, options: ConsoleOptions) -> Iterator[Text]:
        running = sorted(self._running.items())
        room = max(1, (options.height or options.size.height) - OTHER_LINES)
        wide = max((len(one.paradigm) for _, one in running), default=0)
        what = max((len(one.what) for _, one in running), default=0)
        for number, one in running[:room]:
            seconds = duration(self._clock() - one.since)
            words = [f"#{number}", one.paradigm.ljust(wide), one.what.ljust(what), seconds]
            yield Text(f"  {one.doing} " + "  ".join(filter(None, words)), "dim")
        if len(running) > room:
            yield Text(f"  and {len(running) - room} more", "dim")


def bar_line(left: str, share: float, right: str, options: ConsoleOptions) -> Text:
    """Return words, a bar filled to a share, and words; no bar where that is too narrow."""
    width = options.max_width - len(left) - len(right) - 4
    if width < LEAST_BAR:
        return Text(f"{left}  {right}")
    full = round(min(1.0, share) * width)
    mark = "=" if options.ascii_only else "━"
    rest = " " if options.ascii_only else "─"
    return Text.assemble(
        (left, "bold"), "  ", (mark * full, "green"), (rest * (width - full), "bright_black"),
        "  ", right,
    )  # fmt: skip


def sparkline(
    history: Sequence[tuple[float, float]], end: float, width: int, levels: str = BLOCKS
) -> str:
    """Return the best score over time, a character for each of `width` equal spans.

    Parameters
    ----------
    history : sequence of (float, float)
        Seconds and best score from then on, at least one, in order.
    end : float
        The last span's end.
    width : int
        Characters.
    levels : str
        Characters from low to high.

    Examples
    --------
    >>> sparkline([(0.0, 0.5), (2.0, 0.7), (6.0, 0.9)], 8.0, 8)
    '▁▁▅▅▅▅██'
    """
    begin = history[0][0]
    span = max(end - begin, 1e-9)
    values, at = [], 0
    for i in range(width):
        moment = begin + span * i / width
        while at + 1 < len(history) and history[at + 1][0] <= moment:
            at += 1
        values.append(history[at][1])
    values[-1] = last = history[-1][1]
    scale = last - history[int(WARM_UP * len(history))][1]
    top = len(levels) - 1
    if not scale:
        return levels[0] * width
    # Errors fall and scores rise to their last value, at one end of the scale.
    risen = [max(0.0, min(1.0, 1.0 - (last - value) / scale)) for value in values]
    return "".join(levels[round((r if scale > 0 else 1.0 - r) * top + 1e-9)] for r in risen)


def duration(seconds: float) -> str:
    """Return a duration in words.

    >>> duration(38.4), duration(130), duration(7300)
    ('38 s', '2 min 10 s', '2 h 1 min')
    """
    whole = int(seconds)
    if whole < 2 * MINUTE:
        return f"{whole} s"
    if whole < 2 * HOUR:
        return f"{whole // MINUTE} min {whole % MINUTE} s"
    return f"{whole // HOUR} h {whole % HOUR // MINUTE} min"


def _cut(line: Text, options: ConsoleOptions) -> Text:
    line.truncate(options.max_width, overflow="crop" if options.ascii_only else "ellipsis")
    line.no_wrap = True
    return line
