"""What others wait for takes little of all time, and its first time comes soon."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest

from jointopt.insight.pace import Pace


class Clock:
    """A clock that goes on when it is told to."""

    now = 100.0

    def monotonic(self):
        return self.now

    def work(self, seconds, *, done=True):
        def work():
            self.now += seconds
            return done

        return work

    def until_due(self, pace):
        begun = self.now
        while not pace.is_due:
            self.now += 0.5
        return self.now - begun


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    time = SimpleNamespace(monotonic=clock.monotonic)
    monkeypatch.setattr(sys.modules[Pace.__module__], "time", time)
    return clock


def test_the_pause_is_long_after_what_took_long(clock):
    pace = Pace(10.0, 0.01, waits=True)
    pauses = [clock.until_due(pace)]
    for seconds in (1.0, 0.05, 0.5):
        pace.keep(clock.work(seconds))
        pauses.append(clock.until_due(pace))
    assert pauses == pytest.approx([10.0, 10.0, 10.0, 50.0]), "the first time loads libraries"


def test_where_there_was_nothing_to_do_it_is_soon_time_again(clock):
    pace = Pace(10.0, 0.01, waits=True)
    clock.until_due(pace)
    pace.keep(clock.work(0.02, done=False))
    assert clock.until_due(pace) == pytest.approx(2.0)
    pace.keep(clock.work(3.0))
    assert clock.until_due(pace) == pytest.approx(10.0)


def test_of_a_long_time_the_pauses_grow(clock):
    pace = Pace(10.0, 0.01, growth=0.5, waits=True)
    pauses = []
    for _ in range(5):
        pauses.append(clock.until_due(pace))
        pace.keep(clock.work(0.0))
    assert pauses == [10.0, 10.0, 10.0, 15.0, 22.5]
