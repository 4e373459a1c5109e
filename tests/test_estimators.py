from __future__ import annotations

import pickle
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest
from optuna.storages import InMemoryStorage
from optuna.trial import TrialState
from sklearn import config_context
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_iris
from sklearn.metrics import f1_score, log_loss, make_scorer, roc_auc_score
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from jointopt import (
    Choice,
    DataError,
    Float,
    Int,
    JointClassifier,
    JointRegressor,
    OptionError,
    SearchError,
    Space,
    SpaceError,
    load_space,
)

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
QUICK = {"n_trials": 2, "budget": None, "space": TINY}


QUICKEST = {
    "n_trials": 1,
    "budget": None,
    "space": Space(
        paradigm=Choice(
            {
                "quickest": {
                    "estimator": {
                        "classification": "sklearn.naive_bayes.GaussianNB",
                        "regression": "sklearn.linear_model.Ridge",
                    }
                }
            }
        )
    ),
}


def test_the_exhaustive_strategy_scores_every_point_on_every_fold():
    X, y = load_iris(return_X_y=True)
    space = load_space("small").freeze({"transforms/numeric/scale": "none"})
    model = JointClassifier(n_trials=16, budget=None, space=space, strategy="exhaustive")
    trials = model.fit(X, y).study_.trials
    assert [trial.state for trial in trials] == 16 * [TrialState.COMPLETE]


# Every check applies, so none is expected to fail. None looks at what was searched.
@parametrize_with_checks([JointClassifier(**QUICKEST), JointRegressor(**QUICKEST, final="single")])
def test_scikit_learn_conventions(estimator, check):
    check(estimator)


def two_irises(*labels):
    X, y = load_iris(return_X_y=True)
    return X[y > 0], np.where(y[y > 0] == 1, *labels)


def share_of_found_frauds(y_true, y_pred):
    return ((y_true == "fraud") & (y_pred == "fraud")).mean()


@pytest.mark.parametrize("workers", [None, 1])
def test_functions_that_are_metrics_get_the_labels(workers):
    X, y = two_irises("fraud", "fair")
    options = {**QUICKEST, "workers": workers, "metric": share_of_found_frauds}
    assert 0.4 < JointClassifier(**options).fit(X, y).best_score_ <= 0.5


@pytest.mark.parametrize("labels", [(2, 3), (True, False)])
def test_labels_are_of_the_type_that_they_were_given_in(labels):
    def share_of_found(y_true, y_pred):
        return ((y_true == labels[0]) & (y_pred == labels[0])).mean()

    X, y = two_irises(*labels)
    assert 0.4 < JointClassifier(**QUICKEST, metric=share_of_found).fit(X, y).best_score_ <= 0.5


def brier_of_an_estimator(estimator, X, y):
    one_hot = np.equal.outer(y, estimator.classes_)
    return -np.square(estimator.predict_proba(X) - one_hot).sum(axis=1).mean()


@pytest.mark.parametrize(
    ("scorer", "least"),
    [
        (make_scorer(f1_score, pos_label="yes"), 0.8),
        (make_scorer(roc_auc_score, response_method="predict_proba"), 0.9),
        (brier_of_an_estimator, -0.2),
    ],
)
def test_scorers_get_the_labels_and_an_estimator_that_has_them(scorer, least):
    X, y = two_irises("no", "yes")
    assert JointClassifier(**QUICKEST, metric=scorer).fit(X, y).best_score_ > least


def test_a_metric_without_a_value_is_named():
    def undefined(_y_true, _y_pred):
        return float("nan")

    X, y = two_irises("no", "yes")
    told = "reason: the metric undefined gave nan on a fold of 13 rows"
    with pytest.raises(SearchError, match=told):
        JointClassifier(**QUICKEST, metric=undefined).fit(X, y)


def test_parameters_are_those_of_the_contract():
    named = {
        "strategy",
        "budget",
        "n_trials",
        "metric",
        "space",
        "workers",
        "dask",
        "trial_timeout",
        "memory_limit",
        "seed",
        "storage",
        "final",
        "verbose",
    }
    assert set(JointClassifier().get_params()) == named == set(JointRegressor().get_params())
    assert clone(JointClassifier(**QUICK)).get_params()["n_trials"] == 2


def test_fitted_attributes():
    X, y = load_iris(return_X_y=True, as_frame=True)
    model = JointClassifier(**QUICK).fit(X, y)
    assert model.best_config_["paradigm"] == "linear"
    assert model.study_.best_value == model.best_score_
    assert model.leaderboard_.loc[0, "score"] == pytest.approx(model.best_score_)
    assert list(model.classes_) == [0, 1, 2]
    assert model.n_features_in_ == 4
    np.testing.assert_allclose(model.predict_proba(X).sum(axis=1), 1)
    assert model.score(X, y) > 0.9


def test_each_fit_has_a_study_of_its_own_in_a_storage(tmp_path):
    X, y = load_diabetes(return_X_y=True)
    place = f"sqlite:///{tmp_path}/study.db"
    model = JointRegressor(**QUICK, storage=place)
    names = [model.fit(X, y).study_.study_name for _ in range(2)]
    assert names == ["jointopt/joint", "jointopt-2/joint"]
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict(X), model.predict(X))
    assert len(again.study_.trials) == 2


@pytest.mark.parametrize("place", ["sqlite:///study.db", "study.journal"])
def test_a_pickled_estimator_does_not_need_its_storage(tmp_path, monkeypatch, place):
    monkeypatch.chdir(tmp_path)
    X, y = load_diabetes(return_X_y=True)
    model = JointRegressor(**QUICK, strategy="sequential", storage=place).fit(X, y)
    for file in tmp_path.iterdir():
        file.unlink()
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict(X), model.predict(X))
    told = [t.params for s in again.search_result_.studies.values() for t in s.trials]
    assert told == [r.trial.params for r in model.search_result_.records]
    assert again.study_.study_name == "jointopt/sequential/2-hyperparameters"
    assert len(again.leaderboard_) == 2
    assert not [*tmp_path.iterdir()]


def test_fits_that_begin_at_once_have_studies_of_their_own():
    both_have_looked = threading.Barrier(2)

    class Watched(InMemoryStorage):
        def get_all_studies(self):
            found = super().get_all_studies()
            both_have_looked.wait(timeout=10)
            return found

    X, y = load_diabetes(return_X_y=True)
    storage = Watched()
    with ThreadPoolExecutor(2) as threads:
        fits = [
            threads.submit(JointRegressor(**QUICKEST, storage=storage).fit, X, y) for _ in "ab"
        ]
    names = {fit.result().study_.study_name for fit in fits}
    assert names == {"jointopt/joint", "jointopt-2/joint"}


@pytest.mark.parametrize("n_rows", [8, 12, 16])
def test_r2_tells_a_model_that_is_right_of_few_rows(n_rows):
    """Of a single row R² says 0 of whatever is predicted."""
    line = {"line": {"estimator": "sklearn.linear_model.LinearRegression"}}
    x = np.random.default_rng(0).normal(size=(n_rows, 1))
    space = Space(paradigm=Choice(line))
    model = JointRegressor(space=space, metric="r2", n_trials=1, budget=None, final="single")
    assert model.fit(x, 3 * x[:, 0]).best_score_ > 0.99


def test_columns_without_names_are_taken_by_position():
    X, y = load_diabetes(return_X_y=True, as_frame=True)
    named = JointRegressor(**QUICK).fit(X, y)
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        np.testing.assert_array_equal(named.predict(X.to_numpy()), named.predict(X))
    unnamed = JointRegressor(**QUICK).fit(X.to_numpy(), y)
    with pytest.warns(UserWarning, match="was fitted without feature names"):
        np.testing.assert_array_equal(unnamed.predict(X), unnamed.predict(X.to_numpy()))
    numbered = JointRegressor(**QUICK).fit(pd.DataFrame(X.to_numpy()), y)
    expected = numbered.predict(pd.DataFrame(X.to_numpy()))
    np.testing.assert_array_equal(numbered.predict(X.to_numpy()), expected)


@pytest.mark.parametrize("missing", [None, np.nan])
def test_rows_without_a_target_are_left_out_with_a_warning(missing):
    X, y = load_iris(return_X_y=True)
    names = np.array(["red", "green", "blue"], dtype=object)[y]
    names[:3] = missing
    with pytest.warns(UserWarning, match="3 of 150 rows have no target"):
        model = JointClassifier(**QUICK).fit(X, names)
    assert list(model.classes_) == ["blue", "green", "red"]
    numbers = X[:, 0].copy()
    numbers[:3] = np.nan
    with pytest.warns(UserWarning, match="3 of 150 rows have no target"):
        JointRegressor(**QUICK).fit(X[:, 1:], numbers)
    with pytest.warns(UserWarning, match="3 of 150 rows have no target"):
        codes = JointClassifier(**QUICK).fit(X, np.where(np.arange(150) < 3, np.nan, y))
    assert codes.classes_.dtype.kind == "i"


@pytest.mark.parametrize(
    ("make", "labels"),
    [
        (lambda y: y.astype(object), [False, True]),
        (lambda y: y.astype("boolean"), [False, True]),
        (lambda y: y.astype("category"), [False, True]),
        (lambda y: y.astype(int).astype(object), [0, 1]),
    ],
)
def test_truth_values_and_numbers_may_be_missing(make, labels):
    X, y = load_iris(return_X_y=True)
    y = make(pd.Series(y == 0))
    y[:3] = None
    with pytest.warns(UserWarning, match="3 of 150 rows have no target"):
        model = JointClassifier(**QUICKEST).fit(X, y)
    assert model.classes_.tolist() == labels
    assert (model.predict(X[3:]) == y[3:]).all()


def test_a_class_of_one_row_beside_another_is_told_of():
    X, y = load_iris(return_X_y=True)
    names = np.where(np.arange(150) == 60, "rare", "usual")
    with pytest.warns(UserWarning, match="is 'rare' in one row, .* rows with 'usual' alone"):
        JointClassifier(**QUICK).fit(X, names)
    JointClassifier(**QUICK).fit(X, np.where(y == 0, "a", names))


def test_usable_in_cross_val_score_and_pipelines():
    X, y = load_diabetes(return_X_y=True)
    model = make_pipeline(StandardScaler(), JointRegressor(**QUICK))
    assert cross_val_score(model, X, y, cv=2).mean() > 0.3


def test_frames_with_all_kinds_of_columns_and_labels_of_text(frames):
    make, target = frames["binary"]
    frame = make()
    X, y = frame.drop(columns=target), frame[target]
    model = JointClassifier(n_trials=3, budget=None, seed=1).fit(X, y)
    assert set(model.predict(X)) <= {"yes", "no"}
    fresh = make(30, seed=9).drop(columns=target)
    assert model.predict_proba(fresh).shape == (30, 2)


@pytest.mark.parametrize(
    "settings", [{"transform_output": "pandas"}, {"enable_metadata_routing": True}]
)
def test_settings_of_scikit_learn_change_no_model(frames, settings):
    make, target = frames["binary"]
    frame = make(100)
    X, y = frame.drop(columns=target), frame[target]
    chosen = {"paradigm": "linear", "transforms/categorical/encode": "target"}
    model = JointClassifier(n_trials=2, budget=None, space=load_space("tabular").freeze(chosen))
    expected = clone(model).fit(X, y).predict_proba(X)
    with config_context(**settings):
        found = model.fit(X, y).predict_proba(X)
    assert not model.search_result_.trials["state"].eq("failed").any()
    np.testing.assert_array_equal(found, expected)


def test_same_seed_same_trials(frames):
    make, target = frames["quick regression"]
    frame = make(100)
    X, y = frame.drop(columns=target), frame[target]
    # That each paradigm repeats to the last bit, tests of one fold show.
    options = {"space": TINY, "budget": None, "seed": 3, "final": "single"}
    boards = [
        JointRegressor(n_trials=12, **options).fit(X, y).search_result_.trials for _ in range(2)
    ]
    pd.testing.assert_frame_equal(
        boards[0].drop(columns="seconds"), boards[1].drop(columns="seconds")
    )


def test_a_seed_may_be_of_numpy_and_must_be_whole(tmp_path):
    X, y = load_iris(return_X_y=True)
    model = JointClassifier(**QUICKEST, storage=f"sqlite:///{tmp_path}/study.db")
    model.set_params(seed=np.int64(3)).fit(X, y)
    for seed in (-1, None, 1.5, True, 2**32):
        message = f"seed must be a whole number from 0 to 4294967295, got {seed}"
        with pytest.raises(OptionError, match=message):
            model.set_params(seed=seed).fit(X, y)


def test_probabilities_of_single_precision_sum_to_one():
    X, y = load_iris(return_X_y=True)
    booster = {
        "estimator": "xgboost.XGBClassifier",
        "hyperparameters": {"n_estimators": Int(9, 30)},
    }
    space = Space(paradigm=Choice({"xgboost": booster}))
    model = JointClassifier(n_trials=2, budget=None, space=space).fit(X, y)
    # Warns otherwise, and warnings fail here.
    assert log_loss(y, model.predict_proba(X)) < 0.5
    np.testing.assert_allclose(model.predict_proba(X).sum(axis=1), 1.0, rtol=0, atol=1e-12)


@pytest.mark.parametrize("workers", [0, -1, 1.5])
def test_workers_must_be_one_or_more(workers):
    X, y = load_iris(return_X_y=True)
    message = f"workers must be a whole number of at least 1, got {workers}; leave it out to fit"
    with pytest.raises(OptionError, match=message):
        JointClassifier(**QUICKEST, workers=workers).fit(X, y)


@pytest.mark.filterwarnings("ignore:no time was left to fit on all rows")
def test_a_budget_in_seconds_ends_the_search():
    X, y = load_iris(return_X_y=True)
    model = JointClassifier(space=TINY, budget=0.5).fit(X, y)
    assert len(model.search_result_.trials) >= 1


def test_one_class_is_a_plain_error():
    with pytest.raises(DataError, match="one class"):
        JointClassifier(**QUICK).fit(np.arange(20).reshape(-1, 1), ["a"] * 20)


def test_columns_of_one_name_are_a_plain_error():
    X, y = load_diabetes(return_X_y=True, as_frame=True)
    doubled = X.set_axis([*X.columns[:-1], "bmi"], axis=1)
    model = JointRegressor(**QUICKEST)
    with pytest.raises(DataError, match="more than one column named 'bmi'; column names must"):
        model.fit(doubled, y)
    model.fit(X, y)
    with pytest.raises(DataError, match="more than one column named 'bmi'; column names must"):
        model.predict(doubled)


def test_a_space_without_an_estimator_for_the_task_is_a_plain_error():
    X, y = load_diabetes(return_X_y=True)
    bayes = {"estimator": {"classification": "sklearn.naive_bayes.GaussianNB"}}
    space = Space(paradigm=Choice({"bayes": bayes}))
    message = r"paradigm: no branch fits this table \(bayes: it has no estimator for regression\)"
    with pytest.raises(SpaceError, match=message):
        JointRegressor(space=space, n_trials=1, budget=None).fit(X, y)
