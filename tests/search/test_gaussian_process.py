"""The sampler's model beside scikit-learn's, and what it keeps between two fits."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import approx_fprime
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import Matern

from jointopt.search.gaussian_process import JITTER, GaussianProcess

N_NUMBERS = 4
EVERYWHERE = np.zeros(N_NUMBERS, dtype=bool)


def flat():
    return GaussianProcess(np.zeros(N_NUMBERS, dtype=int), EVERYWHERE, EVERYWHERE, 1, ~EVERYWHERE)


def branched():
    """One shared number and options; of the others each has a branch of its own."""
    options = np.array([0, 3, 0, 2, 0])
    private = np.array([False, False, True, True, True])
    return GaussianProcess(options, private, private, 2, np.ones(5, dtype=bool))


def branched_rows(rng, n):
    branches = rng.integers(2, size=n).astype(float)
    rows = np.column_stack(
        [
            rng.random(n),
            rng.integers(3, size=n),
            rng.random(n),
            rng.integers(2, size=n),
            rng.random(n),
        ]
    ).astype(float)
    rows[branches == 0, 4] = np.nan
    rows[branches == 1, 2:4] = np.nan
    return rows, branches


def score(rows):
    return np.nansum(np.sin(3 * rows), axis=1)


def test_predictions_are_those_of_scikit_learn():
    rng = np.random.default_rng(0)
    rows, new, branches = rng.random((30, N_NUMBERS)), rng.random((200, N_NUMBERS)), np.zeros(30)
    ours = flat()
    ours.observe(rows, branches, score(rows), np.ones(30))
    ours.condition()
    # Before it is fitted, a model is as its prior expects.
    noise, weight = np.exp(np.log(1e-2)) + JITTER, 1 / N_NUMBERS
    theirs = GaussianProcessRegressor(
        Matern(length_scale=weight**-0.5, nu=2.5), alpha=noise, optimizer=None
    ).fit(rows, score(rows))
    mean, deviation = theirs.predict(new, return_std=True)
    found = ours.predict(new, np.zeros(200))
    np.testing.assert_allclose(found, (mean, deviation), rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(ours.expected(), theirs.predict(rows), atol=1e-9)


def test_fitting_learns_what_matters():
    rng = np.random.default_rng(0)
    rows, new = rng.random((60, N_NUMBERS)), rng.random((100, N_NUMBERS))

    def wave(at):
        return np.sin(7 * at[:, 0])

    errors = []
    model = flat()
    model.observe(rows, np.zeros(60), wave(rows), np.ones(60))
    for fit in (lambda: None, model.fit):
        fit()
        model.condition()
        errors.append(np.abs(model.predict(new, np.zeros(100))[0] - wave(new)).mean())
    assert errors[1] < 0.5 * errors[0]


@pytest.mark.parametrize("n_branches", [1, 2])
def test_the_slopes_that_a_fit_follows_are_those_of_its_loss(n_branches):
    rng = np.random.default_rng(2)
    if n_branches == 1:
        model, rows, branches = flat(), rng.random((40, N_NUMBERS)), np.zeros(40)
    else:
        model, (rows, branches) = branched(), branched_rows(rng, 40)
    model.observe(rows, branches, score(rows), rng.uniform(1, 5, 40))
    theta = rng.normal(scale=0.5, size=rows.shape[1] + 3)
    numeric = approx_fprime(theta, lambda at: model._loss(at)[0], 1e-6)
    np.testing.assert_allclose(model._loss(theta)[1], numeric, rtol=1e-3, atol=1e-3)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6), sizes=st.lists(st.integers(1, 40), min_size=2, max_size=5))
def test_what_was_known_before_changes_no_prediction(seed, sizes):
    """Of a growing, shrinking or partly changed history a prediction is what it would be anew."""
    rng = np.random.default_rng(seed)
    rows, branches = branched_rows(rng, max(sizes))
    new, of_new = branched_rows(rng, 70)
    noise = rng.uniform(1, 5, max(sizes))
    grown = branched()
    for n in sizes:
        if rng.random() < 0.3:
            rows = rows.copy()
            rows[n // 2, 0] = rng.random()
        known = (rows[:n], branches[:n], score(rows[:n]), noise[:n])
        fresh = branched()
        for model in (grown, fresh):
            model.observe(*known)
            model.condition()
        np.testing.assert_allclose(
            grown.predict(new, of_new), fresh.predict(new, of_new), rtol=1e-6, atol=1e-6
        )
        np.testing.assert_allclose(grown.expected(), fresh.expected(), atol=1e-6)


def test_one_branch_says_little_of_another():
    rows, branches = branched_rows(np.random.default_rng(1), 80)
    known = branches == 0
    model = branched()
    model.observe(rows[known], branches[known], score(rows)[known], np.ones(known.sum()))
    model.condition()
    _, own = model.predict(rows[known], branches[known])
    _, other = model.predict(rows[~known], branches[~known])
    assert own.mean() < 0.5 * other.mean()
