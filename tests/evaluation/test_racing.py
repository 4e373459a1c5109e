from __future__ import annotations

import numpy as np

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


def test_who_is_as_good_as_the_incumbent_is_seldom_stopped():
    rng = np.random.default_rng(0)
    stopped = 0
    for _ in range(400):
        folds = rng.normal(0, 1, 8)
        race = race_with(*[list(folds + rng.normal(0, 0.1, 8)) for _ in range(6)])
        best = np.array(race.incumbent)
        twin = best.mean() + (folds - folds.mean()) + rng.normal(0, 0.1, 8)
        stopped += any(race.hopeless(list(twin[:j])) for j in range(1, 8))
    assert stopped / 400 < 0.35, "8 looks at 5 % each, on correlated means"


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
