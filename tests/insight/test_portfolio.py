"""Deriving a portfolio."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from ruamel.yaml import YAML

from jointopt import load_space
from jointopt.insight import portfolio
from jointopt.insight.portfolio import best_order, costs, draw_candidates, regrets


def test_regrets_are_per_table_and_failures_are_as_bad_as_it_gets():
    found = regrets(np.array([[4.0, 3.0, 2.0, 1.0, np.nan], [0.1, 0.1, 0.4, 0.2, 0.2]]))
    assert found[0].tolist() == [0.0, pytest.approx(2 / 3), 1.0, 1.0, 1.0]
    assert found[1].tolist() == [1.0, 1.0, 0.0, 1.0, 1.0]


def test_where_most_candidates_fail_the_others_are_still_told_apart():
    found = regrets(np.array([[4.0, 3.0, 2.0, 1.0, *[np.nan] * 5]]))
    assert found[0].tolist() == [0.0, pytest.approx(2 / 3), 1.0, 1.0, *[1.0] * 5]


@given(arrays(float, (4, 6), elements=st.floats(0, 1)))
def test_each_next_one_gains_no_more_than_the_one_before(regret):
    order = best_order(regret, np.ones(6), np.ones(4), size=6)
    reached = [regret[:, order[:k]].min(axis=1).mean() for k in range(1, len(order) + 1)]
    gains = -np.diff([1.0, *reached])
    assert len(set(order)) == len(order)
    assert (gains > 0).all()
    assert (np.diff(gains) < 1e-9).all()


def test_of_two_that_are_as_good_the_cheap_one_comes_first():
    cost = costs(np.array([[5.0, 1.0, 1.0], [50.0, 10.0, 10.0]]))
    regret = np.array([[0.0, 0.0, 1.0], [0.5, 0.5, 1.0]])
    assert best_order(regret, cost, np.ones(2), size=3) == [1]


def test_tables_count_by_their_weights():
    regret = np.array([[0.0, 1.0], [1.0, 0.0]])
    assert best_order(regret, np.ones(2), np.array([1.0, 3.0]), size=2) == [1, 0]


def test_candidates_are_the_defaults_then_configurations_of_the_space():
    space = load_space("tabular")
    drawn = draw_candidates(space, seed=1, n_draws=3)
    assert drawn[0] == {"paradigm": "lightgbm"}
    assert drawn[: len(space.estimators())] == [{"paradigm": e["paradigm"]} for e in drawn[:10]]
    assert all(space.possible(entry) == entry for entry in drawn)
    assert drawn == draw_candidates(space, seed=1, n_draws=3)


@pytest.mark.slow
def test_the_program_writes_what_a_search_reads(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(
        portfolio, "TABLES", (("sklearn:iris", "target"), ("simulated:0", "target"))
    )
    monkeypatch.setattr(portfolio, "MAX_ROWS", 150)
    portfolio.main([str(tmp_path / "portfolio.yaml"), "--draws", "2"])
    entries = YAML(typ="safe").load((tmp_path / "portfolio.yaml").read_text())
    assert entries
    assert all(load_space("tabular").possible(entry) == entry for entry in entries)
    assert "first k" in capsys.readouterr().out
