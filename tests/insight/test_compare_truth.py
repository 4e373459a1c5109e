"""Strategies compared where every score is known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from jointopt import (
    Categorical,
    Choice,
    Comparison,
    GroundTruth,
    Int,
    OptionError,
    Space,
    compare_on_truth,
)

SPACE = Space(
    transforms={"scale": Categorical(["none", "standard", "rank"])},
    hyperparameters={"k": Int(1, 12)},
)
SCORES = np.array([(i * 17) % 36 for i in range(36)], dtype=float)


@pytest.fixture(scope="module")
def comparison():
    truth = GroundTruth(SPACE, SCORES, "minimize", {"metric": "rmse"})
    return compare_on_truth(truth, ["joint", "random", "sequential"], n_trials=36, seeds=4)


def test_a_search_of_all_points_arrives(comparison):
    reached = comparison.evaluations_to().set_index("strategy")
    assert reached.loc["joint", "seeds_that_arrive"] == 4
    assert reached.loc["random", "median"] <= 36
    assert reached["n_times_m"].unique().tolist() == ["36"]
    assert (comparison.evaluations_to(0.5)["median"] <= reached["median"].to_numpy()).all()


def test_regret_falls_to_what_was_found(comparison):
    last = comparison.regret.groupby(["strategy", "seed"])["regret"].last()
    found = comparison.runs.set_index(["strategy", "seed"])["test"]
    pd.testing.assert_series_equal(last, found.loc[last.index], check_names=False)
    quartiles = comparison.frame.regret()
    assert (quartiles["q25"] <= quartiles["q75"]).all()
    for _, own in quartiles.groupby("strategy"):
        assert (own["median"].diff().dropna() <= 0).all()


def test_what_never_arrives_is_infinite():
    truth = GroundTruth(SPACE, SCORES)
    found = compare_on_truth(truth, ["random", "joint"], n_trials=1, seeds=3).evaluations_to()
    assert np.isinf(found["median"]).all()


def test_it_is_saved_with_its_page(comparison, tmp_path):
    page = comparison.save(tmp_path).read_text()
    assert "Against the exact optimum" in page
    assert "no rows are held out" in page
    assert "rows that no search saw" not in page
    again = Comparison.load(tmp_path)
    pd.testing.assert_frame_equal(again.regret, comparison.regret)
    names = {trace.name for trace in again.plot.regret().data if trace.name}
    assert names == {"joint", "random", "sequential"}


def test_without_a_ground_truth_there_is_no_regret(comparison, tmp_path):
    plain = Comparison(comparison.runs, comparison.anytime)
    for ask in (plain.evaluations_to, plain.frame.regret, plain.plot.regret):
        with pytest.raises(OptionError, match="compare_on_truth"):
            ask()
    comparison.save(tmp_path)
    assert "Against the exact optimum" not in plain.save(tmp_path).read_text()
    assert Comparison.load(tmp_path).regret is None


def test_the_trials_of_all_strategies_tell_how_axes_interact(tmp_path):
    space = Space(
        transforms={"x": Int(0, 24)},
        paradigm=Choice({"a": {"hyperparameters": {"k": Int(0, 24)}}, "b": {}}),
    )
    configs = list(space.enumerate())
    scores = np.array([_product(config) for config in configs])
    truth = GroundTruth(space, scores, about={"metric": "r2"})
    done = compare_on_truth(truth, ["joint", "random", "sequential"], n_trials=60, seeds=2)
    found = done.interactions()
    assert found.axes == ["transforms", "paradigm", "hyperparameters"]
    assert found.frame()["share"].sum() == pytest.approx(1)
    done.save(tmp_path)
    again = Comparison.load(tmp_path).interactions("ground truth")
    pd.testing.assert_frame_equal(again.frame(), found.frame())
    with pytest.raises(OptionError, match="no trials of 'other'"):
        done.interactions("other")
    with pytest.raises(OptionError, match="keeps no trials"):
        Comparison(done.runs, done.anytime).interactions()


def test_a_configuration_that_all_strategies_try_is_learnt_from_once():
    truth = GroundTruth(SPACE, SCORES)
    done = compare_on_truth(truth, {"one": "random", "two": "random"}, n_trials=60, seeds=1)
    with pytest.raises(OptionError, match=r"\b36 trials have a score"):
        done.interactions()


def test_too_many_axes_are_told_on_the_page(tmp_path):
    space = Space(**{f"x{i}": Int(0, 1) for i in range(8)})
    truth = GroundTruth(space, np.arange(256.0))
    done = compare_on_truth(truth, {"one": "random", "two": "random"}, n_trials=60, seeds=1)
    ((_, found, told),) = done.learnt()
    assert found is None
    assert "at most 7: group parameters under fewer axes" in told
    assert told in done.save(tmp_path).read_text()


def _product(config):
    return config["transforms/x"] / 24 * config.get("hyperparameters/a/k", 12) / 24
