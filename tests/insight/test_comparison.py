from __future__ import annotations

import json
import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.stats import wilcoxon
from sklearn.datasets import load_diabetes, load_iris
from sklearn.tree import DecisionTreeClassifier

from jointopt import Choice, DataError, Float, OptionError, Space, StorageError
from jointopt.insight import compare_one
from jointopt.insight.compare_one import Table, outer_split
from jointopt.insight.compare_options import CompareOptions
from jointopt.insight.compare_run import compare, compare_datasets
from jointopt.insight.comparison import ANYTIME_COLUMNS, RUN_COLUMNS, Comparison
from jointopt.insight.comparison_curves import anytime_bands
from jointopt.insight.comparison_ranks import friedman_test
from jointopt.insight.comparison_stats import (
    holm,
    paired_tests,
    summary,
)
from jointopt.insight.comparison_words import conclude
from jointopt.search.strategies import random

TINY = Space(
    paradigm=Choice(
        {
            "linear": {
                "estimator": {
                    "classification": "sklearn.linear_model.LogisticRegression",
                    "regression": "sklearn.linear_model.Ridge",
                },
                "hyperparameters": {"C": Float(0.1, 10, log=True), "alpha": Float(0.1, 10)},
            }
        }
    )
)
QUICK = {"budget": None, "n_trials": 3, "space": TINY}


def runs_frame(scores, *, dataset="toy", metric="accuracy", greater=True):
    """Return runs of strategy -> test scores by seed."""
    rows = [
        {
            "dataset": dataset,
            "strategy": strategy,
            "seed": seed,
            "metric": metric,
            "greater_is_better": greater,
            "test": values[seed],
            "validation": values[seed] + 0.01,
            "gap": 0.01,
            "n_trials": 20,
            "n_complete": 18,
            "n_pruned": 1,
            "n_failed": 1,
            "seconds": 2.0,
            "n_train": 75,
            "n_test": 25,
            "n_plus_m": "8",
            "n_times_m": str(10**40),
            "sizes": '{"transforms": "3", "paradigm": "5"}',
            "budget": "20 evaluations",
            "found": "knn",
            "error": "",
        }
        for seed in range(max(map(len, scores.values())))
        for strategy, values in scores.items()
        if seed < len(values)
    ]
    return pd.DataFrame(rows, columns=[*RUN_COLUMNS])


def anytime_frame(runs):
    rows = [
        (run.dataset, run.strategy, run.seed, i, i / 10, np.nan if i == 1 else run.validation)
        for run in runs.itertuples()
        for i in range(1, 5)
    ]
    return pd.DataFrame(rows, columns=[*ANYTIME_COLUMNS])


def only(frame):
    assert len(frame) == 1
    return frame.iloc[0]


NOISE = np.random.default_rng(0).normal(0, 0.01, 10)
BASE = 0.8 + NOISE
STEPS = np.arange(1, 11) / 1000


# ------------------------------------------------------------------------------ paired tests


def test_a_clear_winner_over_ten_seeds():
    test = only(paired_tests(runs_frame({"joint": BASE + STEPS, "random": BASE})))
    assert test["p_value"] == pytest.approx(2 / 2**10)
    assert (test["n"], test["wins"], test["ties"], test["losses"]) == (10, 10, 0, 0)
    assert test["effect_size"] == 1
    assert test["mean_difference"] == pytest.approx(0.0055)
    assert test["verdict"] == "joint better"


def test_a_clear_loser_is_told_as_openly():
    runs = runs_frame({"joint": BASE, "random": BASE + STEPS})
    test = only(paired_tests(runs))
    assert test["effect_size"] == -1
    assert test["mean_difference"] < 0
    assert test["verdict"] == "joint worse"
    assert "joint worse than random (0 wins, 0 ties, 10 losses, p = 0.002)" in conclude(runs)
    assert "is that of random" in conclude(runs)


def test_smaller_is_better():
    runs = runs_frame({"joint": BASE, "random": BASE + STEPS}, metric="rmse", greater=False)
    test = only(paired_tests(runs))
    assert test["mean_difference"] == pytest.approx(0.0055)
    assert test["verdict"] == "joint better"
    assert f"The best mean test score, {BASE.mean():.5g}, is that of joint" in conclude(runs)


def test_all_equal_up_to_rounding():
    runs = runs_frame({"joint": BASE, "random": BASE + 1e-15})
    test = only(paired_tests(runs))
    assert (test["ties"], test["p_value"], test["effect_size"]) == (10, 1.0, 0.0)
    assert test["verdict"] == "no difference shown (6 unequal pairs at least could show one)"
    assert "All have the same mean test score" in conclude(runs)


@pytest.mark.parametrize("greater", [True, False])
def test_a_run_that_diverged_leaves_the_differences_of_the_others(greater):
    random = np.full(8, 1.0)
    joint = random + (1 if greater else -1) * np.array([0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1, 0.0])
    joint[7] = -1e12 if greater else 1e12
    test = only(paired_tests(runs_frame({"joint": joint, "random": random}, greater=greater)))
    assert (test["wins"], test["ties"], test["losses"]) == (7, 0, 1)
    # The loss has rank 8 of 36: the sums of ranks are 28 and 8.
    assert test["effect_size"] == pytest.approx((28 - 8) / 36)
    assert test["p_value"] == wilcoxon([1, 2, 3, 4, 5, 6, 7, -8]).pvalue


def test_differences_that_differ_by_rounding_share_a_rank_beside_one_that_diverged():
    joint = [*(BASE[:7] + 0.01), -1e12]
    test = only(paired_tests(runs_frame({"joint": joint, "random": BASE[:8]})))
    # Seven of rank 4, one of rank 8.
    assert test["effect_size"] == pytest.approx((28 - 8) / 36)


def test_ties_are_left_out_of_the_ranks():
    joint = BASE + np.array([0.0, 0.0, 1, 1, 1, 1, 1, 1, 1, -1]) / 100
    test = only(paired_tests(runs_frame({"joint": joint, "random": BASE})))
    assert (test["wins"], test["ties"], test["losses"]) == (7, 2, 1)
    # 8 differences of one size: p = 2 (1 + 8) / 2^8, effect (7 - 1) / 8.
    assert test["p_value"] == pytest.approx(18 / 256)
    assert test["effect_size"] == pytest.approx(0.75)
    assert test["verdict"] == "no difference shown"


def test_one_pair_is_too_few():
    runs = runs_frame({"joint": [0.9], "random": [0.8]})
    test = only(paired_tests(runs))
    assert np.isnan(test["p_value"])
    assert test["verdict"] == "too few runs"
    assert "too few runs to compare joint with random" in conclude(runs)
    assert "With 1 pair of runs no difference can be shown" in conclude(runs)


def test_five_pairs_can_never_show_a_difference_and_the_verdict_says_so():
    runs = runs_frame({"joint": BASE[:5] + STEPS[:5], "random": BASE[:5]})
    test = only(paired_tests(runs))
    assert test["p_value"] == pytest.approx(0.0625)
    assert test["verdict"] == "no difference shown (6 unequal pairs at least could show one)"
    six = runs_frame({"joint": BASE[:6] + STEPS[:6], "random": BASE[:6]})
    assert only(paired_tests(six))["verdict"] == "joint better"


def test_an_opponent_without_any_model_asks_for_no_more_pairs():
    scores = {"joint": BASE[:6] + STEPS[:6], "sequential": BASE[:6], "random": [np.nan] * 6}
    told = conclude(runs_frame(scores))
    assert "joint better than sequential (6 wins, 0 ties, 0 losses, p = 0.031)" in told
    assert "too few runs to compare joint with random" in told
    assert "no difference can be shown" not in told


def test_equal_pairs_are_none_of_those_that_could_show_a_difference():
    runs = runs_frame({"joint": [*BASE[:5] + STEPS[:5], *BASE[5:]], "random": BASE})
    test = only(paired_tests(runs))
    assert (test["n"], test["wins"], test["ties"]) == (10, 5, 5)
    assert test["verdict"] == "no difference shown (6 unequal pairs at least could show one)"


def test_verdicts_follow_the_corrected_p():
    scores = {"joint": BASE[:6] + STEPS[:6], **dict.fromkeys("abc", BASE[:6])}
    tests = paired_tests(runs_frame(scores))
    assert tests["p_value"].tolist() == [2 / 2**6] * 3
    assert tests["p_holm"].tolist() == pytest.approx([3 * 2 / 2**6] * 3)
    assert set(tests["verdict"]) == {
        "no difference shown (7 unequal pairs at least could show one)"
    }


def test_all_pairs_and_a_wrong_choice():
    runs = runs_frame({"a": BASE, "b": BASE, "c": BASE})
    tests = paired_tests(runs, "all")
    assert list(zip(tests["first"], tests["second"], strict=True)) == [
        ("a", "b"),
        ("a", "c"),
        ("b", "c"),
    ]
    with pytest.raises(OptionError, match="'baseline' or 'all'"):
        paired_tests(runs, "some")


def test_runs_without_a_model_are_left_out_and_told():
    runs = runs_frame({"joint": [*BASE[:9], np.nan], "random": BASE - 0.1})
    assert only(paired_tests(runs))["n"] == 9
    assert "Runs that gave no model, left out of the tests: 1 of joint." in conclude(runs)
    assert summary(runs).set_index("strategy").loc["joint", "failed_runs"] == 1


def test_a_mean_is_not_the_better_for_a_split_that_was_failed_on():
    runs = runs_frame({"joint": [0.9, 0.9, 0.5], "random": [0.89, 0.89, np.nan]})
    told = "The best mean test score, 0.9 over the 2 of 3 seeds that can be compared, is that of"
    assert f"{told} joint." in conclude(runs)
    apart = runs_frame({"joint": [0.9, np.nan], "random": [np.nan, 0.8]})
    assert "No seed has a model of each strategy" in conclude(apart)
    none = runs_frame({"joint": [np.nan], "random": [np.nan]})
    assert "No run gave a model." in conclude(none)


def test_pooled_over_data_sets_each_weighs_alike():
    runs = pd.concat(
        [
            runs_frame({"joint": BASE[:4], "random": BASE[:4] + STEPS[:4]}, dataset="small"),
            runs_frame(
                {"joint": 1000 * BASE[:4], "random": 1000 * (BASE[:4] + STEPS[:4])},
                dataset="large",
                metric="rmse",
                greater=False,
            ),
        ]
    )
    test = only(paired_tests(runs))
    assert (test["dataset"], test["n"], test["wins"], test["losses"]) == ("all 2", 8, 4, 4)
    assert test["mean_difference"] == pytest.approx(0)
    assert test["unit"].startswith("standard deviations")
    alone = paired_tests(runs, per_dataset=True)
    assert alone[["dataset", "n"]].to_numpy().tolist() == [["small", 4], ["large", 4]]
    assert "On 2 data sets" in conclude(runs)


def test_holm_of_nothing():
    assert holm(np.array([])).tolist() == []


# ------------------------------------------------------------------------------ many data sets


def many(order=("a", "b", "c"), n=6):
    return pd.concat(
        [
            runs_frame(
                {name: [0.9 - 0.1 * place] * 2 for place, name in enumerate(order)},
                dataset=f"d{i}",
            )
            for i in range(n)
        ]
    )


@pytest.mark.parametrize("n", [5, 9, 13, 14])
def test_equal_differences_have_scipys_own_p(n):
    differences = np.random.default_rng(n).integers(1, 4, n) * np.resize([0.1, 0.1, -0.1], n)
    test = only(paired_tests(runs_frame({"joint": 0.5 + differences, "random": [0.5] * n})))
    assert test["p_value"] == pytest.approx(wilcoxon(differences.round(9)).pvalue, rel=1e-12)


def test_friedman_of_a_fixed_order():
    found = friedman_test(many())
    assert found.statistic == pytest.approx(12)
    assert found.p_value == pytest.approx(np.exp(-6))
    assert found.ranks.to_dict() == {"a": 1, "b": 2, "c": 3}
    assert found.nemenyi.loc["a", "c"] < 0.05 < found.nemenyi.loc["a", "b"]
    assert found.groups() == [["a", "b"], ["b", "c"]]
    assert found.verdict == "strategies differ over 6 data sets"
    assert found.frame()["mean_rank"].tolist() == [1, 2, 3]
    assert "Friedman(" in repr(found)


def test_friedman_where_all_are_equal():
    runs = many().assign(test=0.5)
    found = friedman_test(runs)
    assert found.p_value == 1
    assert found.groups() == [["a", "b", "c"]]
    assert found.verdict.startswith("no difference shown")


def test_a_strategy_ranks_last_where_it_gave_no_model():
    one = runs_frame({"a": [0.9], "b": [0.95], "c": [0.8]}, dataset="d0")
    others = [runs_frame({"a": [0.9], "b": [np.nan], "c": [0.8]}, dataset=f"d{i}") for i in (1, 2)]
    runs = pd.concat([one, *others])
    assert (
        "The best mean rank, 1.33, is that of a; where a strategy gave no model, it ranks last."
    ) in conclude(runs)
    found = friedman_test(runs)
    assert found.n_datasets == 3
    assert found.ranks.to_dict() == pytest.approx({"a": 4 / 3, "b": 7 / 3, "c": 7 / 3})


def test_friedman_ranks_by_the_seeds_that_strategies_share():
    scores = {"a": [0.9, 0.5], "b": [0.8, np.nan], "c": [0.7, 0.6]}
    runs = pd.concat([runs_frame(scores, dataset=f"d{i}") for i in range(3)])
    assert friedman_test(runs).ranks.to_dict() == {"a": 1, "b": 2, "c": 3}


def test_friedman_needs_data_sets_and_strategies():
    with pytest.raises(OptionError, match="at least 3 data sets"):
        friedman_test(many(n=2))
    with pytest.raises(OptionError, match="at least 3 strategies"):
        friedman_test(many(order=("a", "b")))


# ------------------------------------------------------------------------------ curves


def test_bands_carry_on_and_begin_where_all_seeds_have_a_score():
    rows = [("d", "s", 0, i, i / 2, best) for i, best in ((1, np.nan), (2, 0.5), (3, 0.7))]
    rows += [("d", "s", 1, 1, 0.5, 0.3), ("d", "s", 1, 2, 1.0, 0.5)]
    anytime = pd.DataFrame(rows, columns=[*ANYTIME_COLUMNS])
    bands = anytime_bands(anytime)
    assert bands["evaluations"].tolist() == [2, 3]
    assert bands["mean"].tolist() == pytest.approx([0.5, 0.6])
    assert bands[["low", "high"]].to_numpy().tolist()[1] == pytest.approx([0.5, 0.7])
    assert anytime_bands(anytime, "seconds")["seconds"].max() == 1.5
    with pytest.raises(OptionError, match="'evaluations' or 'seconds'"):
        anytime_bands(anytime, "minutes")


def test_a_run_without_any_score_leaves_the_curve_of_the_others():
    rows = [("d", "s", 0, 1, 0.1, 0.4), ("d", "s", 1, 1, 0.1, np.nan), ("d", "s", 2, 1, 0.1, 0.6)]
    bands = anytime_bands(pd.DataFrame(rows, columns=[*ANYTIME_COLUMNS]))
    assert bands[["n_seeds", "mean"]].to_numpy().tolist() == [[2, 0.5]]


def test_a_strategy_without_any_score_has_no_curve():
    anytime = pd.DataFrame([("d", "s", 0, 1, 0.1, np.nan)], columns=[*ANYTIME_COLUMNS])
    assert anytime_bands(anytime).empty


# ------------------------------------------------------------------------------ the object


@pytest.fixture
def comparison():
    runs = many(order=("joint", "random", "sequential"))
    return Comparison(runs, anytime_frame(runs))


def test_saved_and_loaded_the_same(comparison, tmp_path):
    page = comparison.save(tmp_path / "out")
    assert sorted(path.name for path in page.parent.iterdir()) == [
        "comparison-anytime.parquet",
        "comparison.html",
        "comparison.parquet",
    ]
    again = Comparison.load(page.parent)
    pd.testing.assert_frame_equal(again.frame(), comparison.frame())
    pd.testing.assert_frame_equal(again.anytime, comparison.anytime)
    assert again.baseline == "joint"
    assert again.conclusion() == comparison.conclusion()


def test_loading_nothing_is_a_plain_error(tmp_path):
    with pytest.raises(StorageError, match="holds no comparison"):
        Comparison.load(tmp_path)
    (tmp_path / "comparison.parquet").write_text("no")
    with pytest.raises(StorageError, match="cannot be read as Parquet"):
        Comparison.load(tmp_path)


def test_table_has_means_deviations_and_exact_sizes(comparison):
    table = comparison.table()
    assert len(table) == 18
    row = table.iloc[0]
    assert row["test_mean"] == pytest.approx(0.9)
    assert row["test_std"] == pytest.approx(0)
    assert (row["evaluations_mean"], row["seconds_mean"], row["runs"]) == (20, 2, 2)
    assert row["n_times_m"] == str(10**40)
    assert (row["size_transforms"], row["size_paradigm"]) == ("3", "5")


@pytest.mark.parametrize("n_digits", [400, 5_000])
def test_spaces_of_any_size_are_counted(n_digits, tmp_path):
    many = "1" + "0" * n_digits
    runs = runs_frame({"joint": BASE, "random": BASE}).assign(
        n_plus_m=many, n_times_m=many, sizes=json.dumps({"features": many})
    )
    Comparison(runs, anytime_frame(runs)).save(tmp_path)
    assert f">1.0e+{n_digits}<" in (tmp_path / "comparison.html").read_text()
    assert set(Comparison.load(tmp_path).table()["n_times_m"]) == {many}


def test_figures_draw_each_strategy_on_each_data_set(comparison):
    assert len(comparison.plot().data) == 18
    for x in ("evaluations", "seconds"):
        lines = [t for t in comparison.plot_anytime(x).data if t.hovertemplate is not None]
        assert len(lines) == 18
    assert len(comparison.plot.critical_difference().data) == 5  # three ranks, two bars


def test_strategies_named_like_numbers_stay_names():
    runs = runs_frame({"10": BASE, "2": BASE})
    axis = Comparison(runs, anytime_frame(runs)).plot().layout.xaxis
    assert axis.type == "category"


def test_repr_names_the_methods(comparison):
    for name in re.findall(r"\.(\w+)\(", repr(comparison)):
        assert callable(getattr(comparison, name))
    assert "joint, random, sequential; 6 data sets, 2 seeds" in repr(comparison)


def test_frames_without_their_columns():
    with pytest.raises(OptionError, match="lacks the columns dataset, strategy"):
        Comparison(pd.DataFrame(), pd.DataFrame())


def test_names_on_the_page_stay_text(tmp_path):
    evil = "<script>alert(1)</script><b>x"
    runs = runs_frame({evil: BASE, "random": BASE}, dataset=evil, metric=evil).assign(found=evil)
    page = Comparison(runs, anytime_frame(runs)).save(tmp_path).read_text(encoding="utf-8")
    assert "<script>alert" not in page
    assert "<b>x" not in page
    assert "&lt;script&gt;alert(1)" in page


def test_the_page_needs_nothing_else_and_leads_with_the_conclusion(comparison, tmp_path):
    page = comparison.save(tmp_path).read_text(encoding="utf-8")
    _, _, body = page.partition("</head>")
    assert page.count("plotly.js v") == 1
    assert not re.search(r"<(script|link|img)[^>]+(src|href)=", page)
    assert body.index("joint better than") < body.index("<table>")
    assert "1.0e+40" in body


def test_one_strategy_one_seed_makes_a_page(tmp_path):
    runs = runs_frame({"joint": [0.5]})
    page = Comparison(runs, anytime_frame(runs)).save(tmp_path).read_text(encoding="utf-8")
    assert "Only joint was run" in page
    failed = runs.assign(
        test=np.nan, validation=np.nan, gap=np.nan, error="all failed", sizes="{}"
    )
    failed = failed.assign(n_plus_m="", n_times_m="", n_trials=0)
    none = anytime_frame(runs).iloc[:0]
    assert "all failed" in Comparison(failed, none).save(tmp_path).read_text(encoding="utf-8")


# ------------------------------------------------------------------------------ the split


def test_the_outer_split_is_stratified_and_the_seeds_own():
    y = np.array([0] * 40 + [1] * 8 + [2] * 2 + [3])
    train, test = outer_split(y, 3, stratify=True)
    assert np.bincount(y[test], minlength=4).tolist() == [10, 2, 1, 0]
    assert sorted([*train, *test]) == list(range(len(y)))
    assert outer_split(y, 3, stratify=True)[1].tolist() == test.tolist()
    assert outer_split(y, 4, stratify=True)[1].tolist() != test.tolist()


def test_columns_are_read_on_the_searched_rows_alone():
    X = pd.DataFrame({"a": range(40), "b": ["1"] * 40})
    y = np.arange(40) / 3
    _, test = outer_split(y, 0, stratify=False)
    clean, _, _ = Table.of(X, y).split(0)
    X.loc[test, "b"] = "poison in the test rows"
    poisoned, X_test, _ = Table.of(X, y).split(0)
    assert poisoned.schema == clean.schema
    assert (X_test["b"] == "poison in the test rows").all()


def test_a_misspelt_argument_is_named():
    with pytest.raises(TypeError, match=r"unexpected keyword argument 'worker'.*'workers'"):
        compare(np.eye(8), np.arange(8) % 2, worker=2)


@pytest.mark.parametrize("form", [np.asarray, list, pd.Series, pd.Index, pd.DataFrame])
def test_tables_in_any_form_and_rows_without_a_target(form):
    y = np.array([np.nan, 1.5, 2.5, 3.5, 4.5, 5.5, 6.5, 7.5, 8.5, 9.5])
    table = Table.of(np.arange(20).reshape(10, 2), form(y))
    assert len(table.X) == len(table.y) == len(table.labels) == 9
    assert table.X["x0"].iloc[0] == 2


# ------------------------------------------------------------------------------ runs


@pytest.mark.slow
def test_a_comparison_of_three_classes():
    X, y = load_iris(return_X_y=True, as_frame=True)
    found = compare(X, y.map({0: "x", 1: "y", 2: "z"}), ["joint", "random"], seeds=2, **QUICK)
    runs = found.frame()
    assert runs[["strategy", "seed"]].to_numpy().tolist() == [
        ["joint", 0],
        ["random", 0],
        ["joint", 1],
        ["random", 1],
    ]
    assert (runs["n_trials"] == 3).all()
    assert (runs["n_complete"] + runs["n_pruned"] + runs["n_failed"] == 3).all()
    assert set(runs["n_train"] + runs["n_test"]) == {150}
    assert set(runs["metric"]) == {"log_loss"}
    assert runs["test"].between(0, 0.5).all()
    np.testing.assert_allclose(runs["gap"], runs["test"] - runs["validation"])
    curves = found.anytime
    assert len(curves) == 12
    last = curves.groupby(["strategy", "seed"])["best"].last()
    # Calibrated, the same predictions lose less.
    assert last.loc["random", 0] > runs["validation"][1]
    assert runs["n_times_m"].map(int).gt(1).all()
    assert runs["budget"].unique() == "3 evaluations"


def test_targets_of_the_test_rows_never_reach_a_search():
    X, y = load_diabetes(return_X_y=True)
    clean = compare(X, y, ["joint", "random"], seeds=1, **QUICK)
    _, test = outer_split(y, 0, stratify=False)
    y[test] += 1000
    poisoned = compare(X, y, ["joint", "random"], seeds=1, **QUICK)
    keys = ["strategy", "seed", "evaluation", "best"]
    pd.testing.assert_frame_equal(clean.anytime[keys], poisoned.anytime[keys])
    assert (poisoned.runs["test"] > 800).all()
    assert (poisoned.runs["gap"] > 800).all()


def test_own_strategies_by_name_and_a_seed_list():
    X, y = load_iris(return_X_y=True)
    found = compare(
        X, y, {"mine": random, "theirs": "random"}, seeds=[7], metric="accuracy", **QUICK
    )
    runs = found.frame()
    assert runs["seed"].tolist() == [7, 7]
    assert runs["test"].nunique() == 1
    assert found.tests()["verdict"].tolist() == ["too few runs"]


def test_a_folder_goes_on_and_refuses_other_settings(tmp_path, monkeypatch):
    X, y = load_iris(return_X_y=True)
    seen = []
    how = {
        "folder": tmp_path,
        "listener": lambda row, done, n: seen.append((row["seed"], done, n)),
    }
    first = compare(X, y, ["joint", "random"], seeds=1, **QUICK, **how)
    assert json.loads((tmp_path / "runs.jsonl").read_text().splitlines()[1])["data"]
    with (tmp_path / "runs.jsonl").open("a") as file:
        file.write('{"cut short by a cra')
    again = compare(X, y, ["joint", "random"], seeds=2, **QUICK, **how)
    assert seen == [(0, 1, 2), (0, 2, 2), (1, 3, 4), (1, 4, 4)]
    pd.testing.assert_frame_equal(again.frame().iloc[:2], first.frame())
    assert len((tmp_path / "runs.jsonl").read_text().splitlines()) == 4

    monkeypatch.setattr(compare_one, "run_table", None)  # nothing is left to run
    done = compare(X, y, ["joint", "random"], seeds=2, **QUICK, **how)
    pd.testing.assert_frame_equal(done.frame(), again.frame())
    with pytest.raises(OptionError, match="made with n_trials 3, but now it is 4"):
        compare(X, y, ["joint", "random"], **QUICK | {"n_trials": 4}, **how)
    with pytest.raises(OptionError, match="other data named 'data'"):
        compare(X + 1, y, ["joint", "random"], **QUICK, **how)


def test_the_default_metric_is_the_same_by_name(tmp_path, monkeypatch):
    X, y = load_iris(return_X_y=True)
    how = {**QUICK, "n_trials": 1, "seeds": 1}
    for folder, metric in (("default", None), ("named", "log_loss")):
        compare(X, y, ["joint", "random"], metric=metric, folder=tmp_path / folder, **how)
    monkeypatch.setattr(compare_one, "run_table", None)  # nothing is left to run
    for folder, metric in (("default", "log_loss"), ("named", None)):
        found = compare(X, y, ["joint", "random"], metric=metric, folder=tmp_path / folder, **how)
        assert len(found.runs) == 2
    for folder, before in (("default", None), ("named", "log_loss")):
        with pytest.raises(OptionError, match=f"made with metric {before}, but now it is accura"):
            compare(X, y, ["joint", "random"], metric="accuracy", folder=tmp_path / folder, **how)


def test_a_folder_of_several_tables_goes_on_with_their_default_metrics(tmp_path):
    tables = {"iris": load_iris(return_X_y=True), "diabetes": load_diabetes(return_X_y=True)}
    options = CompareOptions(["joint", "random"], seeds=1, **QUICK | {"n_trials": 1})
    first = compare_datasets(tables, options, folder=tmp_path)
    again = compare_datasets(tables, options, folder=tmp_path)
    pd.testing.assert_frame_equal(again.runs, first.runs)
    named = replace(options, metric="rmse")
    with pytest.raises(OptionError, match="made with metric None, but now it is rmse"):
        compare_datasets({"diabetes": tables["diabetes"]}, named, folder=tmp_path)


def scored_by(factor):
    return lambda y, predicted: factor * float((y == predicted).mean())


def test_a_folder_refuses_another_function_of_the_same_name(tmp_path):
    X, y = load_iris(return_X_y=True)

    def plan(space, starts, seed):
        yield from random(space, starts, seed)

    how = {**QUICK, "n_trials": 1, "seeds": 1, "folder": tmp_path}
    first = compare(X, y, {"random": "random", "own": plan}, metric=scored_by(1), **how)
    again = compare(X, y, {"random": random, "own": plan}, metric=scored_by(1), **how)
    pd.testing.assert_frame_equal(again.frame(), first.frame())
    with pytest.raises(OptionError, match=r"made with metric .*scored_by.*<lambda> \(code"):
        compare(X, y, {"random": "random", "own": plan}, metric=scored_by(2), **how)
    with pytest.raises(OptionError, match=r"made with metric .*, but now it is .*<lambda>"):
        compare(
            X,
            y,
            {"random": "random", "own": plan},
            metric=lambda y, predicted: 1.0 - float((y != predicted).mean()),
            **how,
        )

    def plan(space, starts, seed):
        yield from random(space, starts[:1], seed)

    with pytest.raises(OptionError, match=r"holds runs of .*plan \(code .* as 'own', but now"):
        compare(X, y, {"random": "random", "own": plan}, metric=scored_by(1), **how)


def test_runs_made_with_other_versions_are_told(tmp_path):
    X, y = load_iris(return_X_y=True)
    how = {**QUICK, "n_trials": 1, "folder": tmp_path}
    compare(X, y, ["joint", "random"], seeds=1, **how)
    path = tmp_path / "runs.jsonl"
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    for line in lines:
        line["versions"]["optuna"] = "4.0.0"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    compare(X, y, ["joint", "random"], seeds=1, **how)
    with pytest.warns(UserWarning, match=r"runs made with optuna 4\.0\.0 \(now "):
        found = compare(X, y, ["joint", "random"], seeds=2, **how)
    assert len(found.runs) == 4


def test_several_tables():
    tables = {"iris": load_iris(return_X_y=True), "diabetes": load_diabetes(return_X_y=True)}
    options = CompareOptions(["joint", "random"], seeds=1, **QUICK)
    found = compare_datasets(tables, options)
    assert found.frame()[["dataset", "metric"]].drop_duplicates().to_numpy().tolist() == [
        ["iris", "log_loss"],
        ["diabetes", "rmse"],
    ]


@pytest.mark.slow
def test_runs_at_once_give_the_same():
    X, y = load_iris(return_X_y=True)
    alone = compare(X, y, ["joint", "random"], seeds=2, **QUICK)
    at_once = compare(X, y, ["joint", "random"], seeds=2, **QUICK, parallel=2)
    pd.testing.assert_frame_equal(
        alone.frame().drop(columns="seconds"), at_once.frame().drop(columns="seconds")
    )


def test_a_space_may_hold_objects():
    fixed = {"estimator": DecisionTreeClassifier(max_depth=2), "n_estimators": 2}
    bagging = "sklearn.ensemble.BaggingClassifier"
    body = {
        "estimator": {"classification": bagging, "fixed": {"all": fixed}},
        "hyperparameters": {"max_features": Float(0.5, 1)},
    }
    space = Space(paradigm=Choice({"bag": body}))
    X, y = load_iris(return_X_y=True)
    found = compare(X, y, ["joint", "random"], seeds=1, **QUICK | {"space": space})
    assert found.frame()["test"].notna().all()


def test_a_search_without_a_result_is_a_run_without_scores():
    broken = Space(
        paradigm=Choice(
            {
                "linear": {
                    "estimator": {"classification": "sklearn.linear_model.LogisticRegression"},
                    "hyperparameters": {"C": Float(-10, -1)},
                }
            }
        )
    )
    X, y = load_iris(return_X_y=True)
    found = compare(X, y, ["joint", "random"], seeds=1, **QUICK | {"space": broken})
    runs = found.frame()
    assert runs["test"].isna().all()
    assert (runs["error"] != "").all()
    assert (runs["n_failed"] == 3).all()
    assert "gave no model" in found.conclusion()


@pytest.mark.parametrize(
    ("given", "match"),
    [
        ({"strategies": ["joint"]}, "at least two strategies"),
        ({"strategies": "joint"}, "a list of names"),
        ({"strategies": ["joint", "joint"]}, "given twice"),
        ({"strategies": ["joint", "magic"]}, "'magic' is not known"),
        ({"seeds": 0}, "seeds must be"),
        ({"seeds": [1, 1]}, "seeds must be"),
        ({"seeds": [0, 0.5]}, r"seeds must be .*; got \[0, 0.5\]"),
        ({"seeds": [0, True]}, "seeds must be"),
        ({"seeds": [2**32]}, "seeds must be .* from 0 to 4294967295; got"),
        ({"seeds": True}, "seeds must be"),
        ({"seeds": 2.5}, "seeds must be"),
        ({"seeds": "12"}, "seeds must be"),
        ({"workers": 0}, "workers must be a whole number of at least 1, got 0"),
        ({"workers": -1}, "workers must be a whole number of at least 1, got -1"),
        ({"parallel": 0}, "parallel must be"),
        ({"parallel": 2, "workers": 4}, "one worker each"),
        ({"n_trials": 0}, "number of trials"),
        ({"budget": "soon"}, "not a duration"),
        ({"metric": "rmse"}, "does not fit"),
    ],
)
def test_options_that_are_not_valid(given, match):
    X, codes = load_iris(return_X_y=True)
    y = np.array(["a", "b", "c"])[codes]
    with pytest.raises(OptionError, match=match):
        compare(X, y, **{"strategies": ["joint", "random"], **QUICK, **given})


def test_a_number_of_seeds_and_seeds_may_be_of_numpy():
    assert CompareOptions(seeds=np.int64(2)).listed_seeds() == [0, 1]
    assert CompareOptions(seeds=np.array([4, 2])).listed_seeds() == [4, 2]


def test_a_number_of_workers_that_is_refused_leaves_no_folder(tmp_path):
    X, y = load_iris(return_X_y=True)
    with pytest.raises(OptionError, match="workers must be"):
        compare(X, y, ["joint", "random"], **QUICK, workers=0, folder=tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_tables_that_cannot_be_used():
    with pytest.raises(DataError, match="too few rows"):
        compare([[1], [2]], [0, 1], ["joint", "random"], **QUICK)
    with pytest.raises(OptionError, match="at least one table"):
        compare_datasets({}, CompareOptions(**QUICK))


@pytest.mark.slow
@pytest.mark.parametrize("workers", [None, 1])
def test_a_budget_in_seconds(workers):
    X, y = load_iris(return_X_y=True)
    how = {"budget": 4, "space": TINY, "workers": workers}
    found = compare(X, y, ["joint", "random"], seeds=1, **how)
    runs = found.frame()
    assert runs["seconds"].between(1, 12).all()
    assert (runs["n_trials"] >= 1).all()
    assert (found.anytime["seconds"] > 0).all()
    assert runs["budget"].unique() == "4 s"
