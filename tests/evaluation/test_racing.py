from __future__ import annotations

import numpy as np
import pytest

from jointopt.evaluation.racing import Race


def race_with(incumbent: list[float], *others: list[float]) -> Race:
    race = Race(n_folds=len(incumbent))
    for scores in (incumbent, *others):
        race.finished(scores)
    return race


def test_nothing_stops_before_two_configurations_have_finished():
    race = Race(n_folds=5)
    assert not race.hopeless([-100.0])
    race.finished([0.9] * 5)
    assert not race.hopeless([-100.0])


def test_far_behind_stops_after_one_fold_and_close_does_not():
    race = race_with([0.80, 0.84, 0.76, 0.82, 0.78], [0.79, 0.84, 0.75, 0.81, 0.78])
    assert race.hopeless([0.70])
    assert not race.hopeless([0.799])


def test_comparison_is_paired_with_the_incumbent_fold_by_fold():
    race = race_with([0.9, 0.5, 0.9, 0.5, 0.9], [0.88, 0.49, 0.88, 0.48, 0.88])
    assert not race.hopeless([0.9, 0.5]), "a hard fold is hard for both"
    assert race.hopeless([0.5, 0.5]), "the easy fold was lost"


def test_the_best_by_mean_is_the_incumbent():
    race = race_with([0.7, 0.7, 0.7], [0.8, 0.8, 0.8], [0.75, 0.75, 0.75])
    assert race.incumbent == (0.8, 0.8, 0.8)


@pytest.mark.parametrize(("ahead", "most"), [(0.0, 0.65), (0.1, 0.15), (0.2, 0.02)])
def test_who_is_better_than_the_incumbent_is_seldom_stopped(ahead, most):
    rng = np.random.default_rng(0)
    stopped = 0
    for _ in range(400):
        folds = rng.normal(0, 1, 8)
        race = race_with(*[list(folds + rng.normal(0, 0.1, 8)) for _ in range(6)])
        best = np.array(race.incumbent)
        other = best.mean() + ahead + (folds - folds.mean()) + rng.normal(0, 0.1, 8)
        stopped += any(race.hopeless(list(other[:j])) for j in range(1, 8))
    assert stopped / 400 < most, "7 looks at 16 % each, on correlated means, at an equal"


def test_who_is_clearly_worse_is_mostly_stopped_early():
    rng = np.random.default_rng(1)
    folds_used = []
    for _ in range(200):
        folds = rng.normal(0, 1, 8)
        race = race_with(*[list(folds + rng.normal(0, 0.1, 8)) for _ in range(6)])
        worse = folds - 0.6 + rng.normal(0, 0.1, 8)
        used = next((j for j in range(1, 8) if race.hopeless(list(worse[:j]))), 8)
        folds_used.append(used)
    assert np.mean(folds_used) < 2
