from __future__ import annotations

import pytest

from jointopt.errors import OptionError
from jointopt.search.budget import Budget, parse_seconds


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("60s", 60),
        ("1.5m", 90),
        ("2min", 120),
        ("1h", 3600),
        ("1h30m", 5400),
        ("45", 45),
        (10, 10),
    ],
)
def test_durations(text, seconds):
    assert parse_seconds(text) == seconds


@pytest.mark.parametrize("text", ["", "soon", "10 parsecs", "s", "1.2.3s", "nan", "inf", "10s5"])
def test_what_is_no_duration_is_refused(text):
    with pytest.raises(OptionError, match="is not a duration"):
        parse_seconds(text)


@pytest.mark.parametrize("text", ["0s", "0", "-5"])
def test_no_time_is_refused(text):
    with pytest.raises(OptionError, match="leaves no time"):
        parse_seconds(text)


def test_seconds_left_keep_the_reserve():
    now = [100.0]
    budget = Budget(60, clock=lambda: now[0])
    now[0] = 130.0
    budget.reserve = 10.0
    assert budget.seconds_left() == 20
    assert budget.allows(10**6)
    now[0] = 151.0
    assert not budget.allows(0)


def test_the_reserve_is_looked_at_again_once_it_leaves_no_time():
    now = [0.0]
    budget = Budget(60, clock=lambda: now[0])
    reviews = []

    def review():
        reviews.append(now[0])
        budget.reserve = 5.0

    budget.reserve, budget.review = 20.0, review
    now[0] = 39.0
    assert budget.seconds_left() == 1
    assert reviews == []
    now[0] = 41.0
    assert budget.seconds_left() == 14
    now[0] = 56.0
    assert budget.seconds_left() == -1
    assert reviews == [41.0, 56.0]


def test_trials_are_counted_and_without_limits_all_is_allowed():
    assert Budget(n_trials=3).allows(2)
    assert not Budget(n_trials=3).allows(3)
    assert Budget().allows(10**9)
    with pytest.raises(OptionError, match="at least 1"):
        Budget(n_trials=0)
