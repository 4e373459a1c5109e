"""A search's frames say what its trials were, and each picture draws its frame."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import timedelta
from itertools import pairwise

import numpy as np
import pytest
from optuna import TrialPruned
from sklearn.exceptions import NotFittedError

from jointopt import (
    Categorical,
    Choice,
    Float,
    Int,
    JointRegressor,
    OptionError,
    Space,
    SpaceError,
    Subset,
    search,
)
from jointopt.search.storage import sqlite_url, used_seconds

SPACE = Space(
    transforms={"x": Float(-1, 1)},
    features=Choice({"all": {}, "mask": {"columns": Subset(["a", "b<i>"])}}),
    paradigm=Choice({n: {"hyperparameters": {"k": Int(1, 100, log=True)}} for n in ("p", "q")}),
)
RIDGE = Space(
    paradigm=Choice(
        {
            "linear": {
                "estimator": {"regression": "sklearn.linear_model.Ridge"},
                "hyperparameters": {"alpha": Float(0.1, 10)},
            }
        }
    )
)
RANGE = Space(hyperparameters={"x": Float(0, 1)})
PICTURES = ("history", "anytime", "parallel", "importance", "axes", "interactions", "features")


def score(config, trial):
    if trial.number == 3:
        raise ValueError("no luck")
    used = config.get("features/mask/columns/b<i>", True)
    return config["transforms/x"] * (config["paradigm"] == "p") + used


@pytest.fixture(scope="module", params=["maximize", "minimize"])
def result(request):
    sign = 1 if request.param == "maximize" else -1
    return search(
        SPACE,
        lambda config, trial: sign * score(config, trial),
        "random",
        n_trials=150,
        direction=request.param,
    )


def test_the_frames_tell_the_trials(result):
    history, anytime = result.frame.history(), result.frame.anytime()
    better = np.maximum if result.metric.greater_is_better else np.minimum
    assert len(result.frame()) == 150
    assert len(history) == len(anytime) == 149
    assert 3 not in set(history["trial"])
    np.testing.assert_allclose(history["best"], better.accumulate(history["score"]))
    assert anytime["best"].iloc[-1] == result.best_score
    assert anytime["evaluation"].tolist() == [*range(1, 150)]
    lines = result.frame.parallel(3)
    assert lines["score"].iloc[0] == result.best_score
    assert "paradigm" in lines
    assert len(lines.columns) == 5


def test_columns_beside_parameters_are_names_of_no_parameter(result):
    for name in {*result.trials, *result.frame.parallel()} - {*SPACE.parameters}:
        with pytest.raises(SpaceError, match="results have a column of this name"):
            Space(**{name: Float(0, 1)})


def test_features_in_use_are_counted_where_they_are_told(result):
    frame = result.frame.features()
    columns = frame[frame["kind"] == "column"].set_index("name")
    choices = frame[frame["kind"] == "choice"].set_index("name")
    assert choices["all"].sum() == pytest.approx(1)
    assert set(choices.index) == {"all", "mask"}
    # The best trials all have the column that adds one; of the others a part does.
    assert columns.loc["b<i>", "good"] == 1
    assert 0.5 < columns.loc["b<i>", "all"] < 0.9
    table = result.trials[result.trials["state"] == "complete"]
    told = table["features/mask/columns/a"].fillna(value=True).astype(bool)
    assert columns.loc["a", "all"] == pytest.approx(told.mean())


def test_axes_add_up_to_the_interactions(result):
    axes, shares = result.frame.axes(), result.frame.interactions()
    pairs = shares.loc[shares["second"] != "", "share"].sum()
    assert axes["together"].sum() == pytest.approx(2 * pairs)
    assert axes["axis"].iloc[0] in ("paradigm", "transforms")
    assert result.interactions() is result.interactions()


@pytest.mark.parametrize("name", PICTURES)
def test_each_picture_draws_its_frame_and_names_stay_text(result, name):
    frame = getattr(result.frame, name)()
    figure = getattr(result.plot, name)()
    assert len(frame)
    assert len(figure.data)
    assert "<i>" not in figure.to_json().replace("\\u003c", "<")
    assert name in repr(result.plot)
    assert name in repr(result.frame)


def test_the_way_to_the_best_is_seen_but_for_its_first_steps():
    values = [1000.0, 10.6, *np.linspace(10.5, 5.8, 100), *[5.79] * 98]
    found = search(
        RANGE, lambda _, trial: values[trial.number], n_trials=200, direction="minimize"
    )
    low, high = found.plot.anytime().layout.yaxis.range
    assert low < 5.79
    assert 9 < high < 20


def test_a_pause_before_a_search_goes_on_is_no_time_of_it(tmp_path):
    database = tmp_path / "study.db"

    def go_on(n_trials):
        place = {"storage": sqlite_url(database), "name": "x", "n_trials": n_trials}
        return search(RANGE, lambda config, _: config["hyperparameters/x"], **place)

    go_on(20)
    a_day_before = "strftime('%Y-%m-%d %H:%M:%f', {0}, '-1 day') || '000'"
    columns = ("datetime_start", "datetime_complete")
    with closing(sqlite3.connect(database)) as connection, connection:
        changes = ", ".join(f"{name} = {a_day_before.format(name)}" for name in columns)
        connection.execute(f"UPDATE trials SET {changes}")
    found = go_on(40)
    starts = [record.trial.datetime_start for record in found.records]
    assert max(starts) - min(starts) > timedelta(hours=23)
    for frame in (found.frame.history(), found.frame.anytime()):
        assert len(frame) == 40
        assert frame["seconds"].is_monotonic_increasing
        # As the budget counts it.
        assert frame["seconds"].iloc[-1] == used_seconds(r.trial for r in found.records)
        assert frame["seconds"].iloc[-1] < 3600


def test_pictures_with_nothing_to_show_say_so():
    found = search(RANGE, lambda config, _: config["hyperparameters/x"], n_trials=5)
    for name, words in (("features", "no features"), ("importance", "too few trials")):
        (note,) = getattr(found.plot, name)().layout.annotations
        assert words in note.text


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("history", []),
        ("anytime", []),
        ("parallel", ["no trial finished"]),
        ("importance", ["too few trials finished to say which parameters mattered"]),
        ("features", ["no features were chosen in a trial that finished"]),
    ],
)
def test_pictures_of_trials_of_which_none_finished_say_so(name, said):
    def objective(config, trial):
        trial.report(config["transforms/x"], 0)
        raise TrialPruned

    found = search(SPACE, objective, n_trials=3)
    assert found.trials["state"].tolist() == ["pruned"] * 3
    assert [note.text for note in getattr(found.plot, name)().layout.annotations] == said


def test_names_that_are_numbers_stay_names():
    mask = {"columns": Subset([str(year) for year in range(2015, 2019)])}
    space = Space(features=Choice({"all": {}, "mask": mask}), **{"7": Float(0, 1)})
    found = search(
        space,
        lambda c, _: c["7"] + c.get("features/mask/columns/2017", 0),
        "random",
        n_trials=120,
    )
    for name in ("features", "importance", "axes", "interactions"):
        assert getattr(found.plot, name)().layout.yaxis.type == "category"


def test_an_option_that_is_none_is_there():
    space = Space(hyperparameters={"weight": Categorical([None, "balanced"]), "k": Int(1, 9)})
    found = search(
        space,
        lambda c, _: c["hyperparameters/k"] + 9 * (c["hyperparameters/weight"] is None),
        "exhaustive",
        n_trials=18,
    )
    lines = found.frame.parallel()["hyperparameters/weight"]
    assert lines.tolist() == ["None"] * 9 + ["balanced"] * 9
    told = [note.text for note in found.plot.parallel().layout.annotations]
    assert "None" in told
    assert "not there" not in told


def test_good_trials_are_counted_and_marks_are_the_same_in_every_legend(result):
    finished = len(result.frame.parallel())
    assert f"the best {round(finished / 10)} of {finished} that finished" in {
        trace.name for trace in result.plot.parallel().data
    }
    told = [trace for trace in result.plot.history().data if trace.mode == "markers"]
    assert {trace.marker.symbol for trace in told if trace.showlegend} == {"circle"}
    assert len({trace.name for trace in told}) == len([t for t in told if t.showlegend])


def test_titles_and_labels_of_parallel_lines_are_told_apart(result):
    notes = result.plot.parallel().layout.annotations
    titles = [note for note in notes if note.text.startswith("<b>")]
    assert all("hyperparameters" in t.text for t in titles if "hyperparam" in t.text)
    assert all(a.yshift != b.yshift for a, b in pairwise(titles))
    assert all(note.bgcolor for note in notes if note not in titles)


def test_an_axis_has_one_color_in_all_pictures(result):
    alone = search(RANGE, lambda config, _: config["hyperparameters/x"], "random", n_trials=20)
    colors = [
        {trace.name: trace.marker.color for trace in found.plot.importance().data}
        for found in (result, alone)
    ]
    assert colors[0]["hyperparameters"] == colors[1]["hyperparameters"]


def test_stages_are_told_apart():
    found = search(SPACE, score, "sequential", n_trials=40)
    names = [trace.name for trace in found.plot.anytime("seconds").data]
    assert names == list(found.frame.anytime()["stage"].unique())
    assert len(names) > 2
    with pytest.raises(OptionError, match="by the joint strategy"):
        found.plot.axes()


def test_an_estimator_shows_its_search():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 3))
    model = JointRegressor(n_trials=2, budget=None, metric="mae", space=RIDGE)
    with pytest.raises(NotFittedError):
        model.plot.history()
    model.fit(X, X[:, 0])
    assert model.plot.history().layout.yaxis.title.text == "mae"
    assert model.frame.history()["best"].iloc[-1] == model.best_score_
    assert len(model.frame()) == 2
