"""Every choice that the shipped spaces offer becomes a pipeline that fits, predicts and saves."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest

from jointopt import Space, SpaceError, load_space
from jointopt.data import Kind, Task, dataset_from_arrays, make_dataset
from jointopt.evaluation.folds import make_folds
from jointopt.evaluation.one_fold import predict
from jointopt.insight.words import describe_model
from jointopt.model.fitted import FittedModel, Member
from jointopt.model.saving import load_model, save_model
from jointopt.pipeline.adapt import adapt_space, blueprint_of
from jointopt.pipeline.blueprint import FLIPS
from jointopt.pipeline.build import build_pipeline
from jointopt.pipeline.paradigms import paradigms_of
from jointopt.pipeline.starts import start_configs
from jointopt.space import Categorical, Choice, Int, Repeat, Subset


def quick(pipeline):
    """Make a pipeline cheap without changing what it is made of."""
    model = pipeline[-1]
    model = getattr(model, "regressor", model)
    for name, value in {"n_estimators": 5, "max_epochs": 2, "max_iter": 20}.items():
        for place in (model, getattr(model, "estimator", None)):
            if place is not None and name in place.get_params(deep=False):
                place.set_params(**{name: value})
    return pipeline


def every_option(space):
    """Yield configurations in which each option of each decision occurs, a few at a time."""
    for label, config in space.defaults_by_branch().items():
        yield config
        waiting = list(wanted_options(space, label))
        while waiting:
            together, rest = {"paradigm": label}, []
            for wanted in waiting:
                fits = all(together.get(path, value) == value for path, value in wanted.items())
                if fits and has(space, together | wanted, wanted):
                    together |= wanted
                else:
                    rest.append(wanted)
            yield space.complete(together)
            # What does not even occur by itself is none of this paradigm's.
            waiting = [w for w in rest if has(space, {"paradigm": label} | w, w)]


def wanted_options(space, label):
    for decision in space.decisions:
        node = decision.node
        if not isinstance(node, Categorical | Choice) or decision.path == "paradigm":
            continue
        for option in node.branches if isinstance(node, Choice) else node.options:
            conditions = (c for c in decision.conditions if c.path != "paradigm")
            needed = {c.path: next(iter(c.allowed)) for c in conditions}
            yield {"paradigm": label} | needed | {decision.path: option}


def has(space, told, wanted):
    found = space.complete(told)
    return all(found.get(path) == value for path, value in wanted.items())


# `wide` has hardly anything that `tabular` has not, nor two classes anything that three have not.
@pytest.mark.parametrize(
    "name", ["tabular", "neural", pytest.param("wide", marks=pytest.mark.slow)]
)
@pytest.mark.parametrize(
    "dataset",
    ["regression", "multiclass", pytest.param("binary", marks=pytest.mark.slow)],
    indirect=True,
)
def test_every_option_fits_predicts_and_saves(name, dataset, tmp_path):
    space = adapt_space(load_space(name), dataset)
    blueprint = blueprint_of(space, dataset)
    seen = set()
    for config in every_option(space):
        key = frozenset(config.items())
        # Each option once per kind of paradigm is enough: the rest differs by estimator only.
        new = key - seen
        if not new:
            continue
        seen |= key
        pipeline = quick(build_pipeline(config, blueprint))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            pipeline.fit(dataset.X, dataset.y)
            before = predict(pipeline, dataset.X, dataset.n_classes)
        assert np.isfinite(before).all(), config
        member = Member(1.0, (pipeline,), (1.0,), config, 0, 0.5)
        model = FittedModel(
            (member,), dataset.schema, dataset.task, dataset.classes, dataset.target, config, {}
        )
        loaded = load_model(save_model(model, tmp_path / "model"))
        again = loaded.members[0].pipelines[0]
        np.testing.assert_allclose(predict(again, dataset.X, dataset.n_classes), before, atol=1e-6)


def test_a_support_vector_machine_ends_on_columns_of_any_scale(dataset):
    """Without a limit of its own it never converges here, and holds the process."""
    space = adapt_space(load_space("tabular"), dataset)
    told = {"transforms/numeric/scale": "none", "transforms/numeric/products": True}
    config = space.complete(told | {"paradigm": "svm", "hyperparameters/svm/kernel": "linear"})
    assert told.items() <= config.items()
    pipeline = build_pipeline(config, blueprint_of(space, dataset))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pipeline.fit(dataset.X, dataset.y)
    assert np.isfinite(predict(pipeline, dataset.X, dataset.n_classes)).all()


@pytest.mark.parametrize("name", ["tabular", "wide"])
def test_what_is_inert_beside_products_is_not_in_the_space(name, dataset):
    space = adapt_space(load_space(name), dataset)
    derived = {"paradigm": "linear", "transforms/numeric/derive": "spline"}
    assert "transforms/numeric/derive/spline/knots" in space.complete(derived)
    config = space.complete(derived | {"transforms/numeric/products": True})
    assert config["transforms/numeric/products"] is True
    assert not [path for path in config if path.startswith("transforms/numeric/derive")]


def test_box_cox_leaves_the_indicators_of_missing_values_alone(dataset):
    assert dataset.X["income"].isna().any()
    positive = dataset.X[["income"]].abs() + 1
    dataset = make_dataset(positive.assign(y=np.arange(len(positive)) % 2), "y")
    space = adapt_space(load_space("tabular"), dataset)
    told = {"transforms/numeric/indicator": True, "transforms/numeric/scale": "box_cox"}
    config = space.complete({"paradigm": "linear", **told})
    columns = build_pipeline(config, blueprint_of(space, dataset))["columns"]
    values = columns.fit_transform(dataset.X)
    missing = dataset.X["income"].isna().to_numpy()
    np.testing.assert_array_equal(values[:, 1], missing)
    assert abs(values[:, 0].std() - 1) < 1e-6


def test_box_cox_takes_columns_that_are_constant_where_it_is_fitted():
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"usual": np.exp(rng.normal(size=60)), "once": np.full(60, 5.0)})
    table.loc[59, "once"] = 8.0
    dataset = make_dataset(table.assign(y=table["usual"]), "y")
    space = adapt_space(load_space("tabular"), dataset)
    config = space.complete({"paradigm": "linear", "transforms/numeric/scale": "box_cox"})
    columns = build_pipeline(config, blueprint_of(space, dataset))["columns"]
    fitted = columns.fit_transform(dataset.X[:50])
    np.testing.assert_allclose(fitted.std(axis=0), [1, 0], atol=1e-6)
    np.testing.assert_allclose(columns.transform(dataset.X)[[0, 59], 1], [0, 3])


def test_box_cox_takes_values_far_beyond_those_it_was_fitted_on():
    rng = np.random.default_rng(0)
    ages = np.append(np.full(990, 60.0), rng.uniform(20, 60, 10))
    dataset = make_dataset(pd.DataFrame({"age": ages, "y": rng.normal(size=1000)}), "y")
    space = adapt_space(load_space("tabular"), dataset)
    config = space.complete({"paradigm": "linear", "transforms/numeric/scale": "box_cox"})
    columns = build_pipeline(config, blueprint_of(space, dataset))["columns"]
    columns.fit(dataset.X)
    assert np.isfinite(columns.transform(pd.DataFrame({"age": [0.0, 90.0, 1e9]}))).all()


@pytest.mark.parametrize(
    ("estimator", "fills"),
    [("lightgbm.LGBMRegressor", False), ("sklearn.neighbors.KNeighborsRegressor", True)],
)
@pytest.mark.parametrize("label", ["extra_trees", "mine"])
def test_whether_missing_values_are_filled_is_asked_of_the_estimator(
    frames, estimator, fills, label
):
    make, target = frames["regression"]
    dataset = make_dataset(make()[["income", target]], target)
    space = Space.from_yaml(f"paradigm: {{choice: {{{label}: {{estimator: {estimator}}}}}}}")
    space = adapt_space(space, dataset)
    columns = build_pipeline(space.default(), blueprint_of(space, dataset))["columns"]
    assert dataset.X["income"].isna().any()
    assert np.isnan(columns.fit_transform(dataset.X)).any() != fills


@pytest.fixture
def dates():
    """A table of two dates, one of which is missing where the target is 1."""
    y = np.arange(60) % 3 == 0
    days = pd.Series(pd.date_range("2020-01-01", periods=60, freq="17h"))
    return make_dataset(pd.DataFrame({"met": days.mask(y), "born": days, "y": y * 1.0}), "y")


@pytest.mark.parametrize("periodic", ["none", "circular", "spline"])
@pytest.mark.parametrize("label", ["lightgbm", "extra_trees", "linear", "knn", "mlp"])
def test_a_missing_date_is_told_to_every_model(dates, label, periodic, tmp_path):
    space = adapt_space(load_space("tabular"), dates)
    config = space.complete({"paradigm": label, "transforms/date/periodic": periodic})
    pipeline = quick(build_pipeline(config, blueprint_of(space, dates)))
    is_missing = dates.X["met"].isna().to_numpy()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pipeline.fit(dates.X, dates.y)
    values = np.asarray(pipeline["columns"].transform(dates.X))
    if label in ("lightgbm", "extra_trees"):
        np.testing.assert_array_equal(np.isnan(values).any(axis=1), is_missing)
        assert not np.isnan(values).all(axis=1).any(), "the other date is known"
    else:
        assert np.isfinite(values).all()
        assert (values == is_missing[:, None]).all(axis=0).sum() == 1
    member = Member(1.0, (pipeline,), (1.0,), config, 0, 0.5)
    about = (dates.schema, dates.task, dates.classes, dates.target, config, {})
    loaded = load_model(save_model(FittedModel((member,), *about), tmp_path))
    again = np.asarray(loaded.members[0].pipelines[0]["columns"].transform(dates.X))
    np.testing.assert_array_equal(again, values)


def test_whether_dates_are_missing_is_learned_on_training_rows(dates):
    space = adapt_space(load_space("tabular"), dates)
    config = space.complete({"paradigm": "linear"})
    columns = build_pipeline(config, blueprint_of(space, dates))["columns"]
    is_missing = dates.X["met"].isna().to_numpy()
    with_gaps = columns.fit(dates.X).transform(dates.X)
    without = columns.fit(dates.X[~is_missing]).transform(dates.X)
    assert with_gaps.shape[1] == without.shape[1] + 1
    assert np.isfinite(without).all()


@pytest.mark.parametrize("label", ["lightgbm", "xgboost", "extra_trees", "knn"])
def test_a_date_is_known_to_the_second(label):
    rows = np.arange(600)
    seconds = pd.date_range("2026-03-01 10:00", periods=len(rows), freq="s")
    dataset = make_dataset(pd.DataFrame({"at": seconds, "y": np.sin(rows / 20)}), "y")
    space = adapt_space(load_space("tabular"), dataset)
    pipeline = build_pipeline(space.complete({"paradigm": label}), blueprint_of(space, dataset))
    # As forests, XGBoost and networks see them.
    values = np.asarray(pipeline["columns"].fit_transform(dataset.X), dtype=np.float32)
    assert len(np.unique(values, axis=0)) == len(rows)


@pytest.mark.parametrize("label", ["lightgbm", "knn"])
def test_dates_of_a_column_that_had_none_in_training_are_no_failure(dates, label):
    space = adapt_space(load_space("tabular"), dates)
    config = space.complete({"paradigm": label})
    pipeline = quick(build_pipeline(config, blueprint_of(space, dates)))
    pipeline.fit(dates.X.assign(met=pd.NaT), dates.y)
    assert np.isfinite(pipeline.predict(dates.X)).all()


@pytest.mark.parametrize(
    ("path", "kinds"),
    [
        ("sklearn.linear_model.Ridge", {"regression"}),
        ("sklearn.linear_model.RidgeClassifier", {"classification"}),
        ("sklearn.svm.NuSVR", {"regression"}),
    ],
)
def test_an_estimator_without_a_task_is_for_its_own(path, kinds):
    space = Space.from_yaml(f"paradigm: {{choice: {{it: {{estimator: {path}}}}}}}")
    paradigm = paradigms_of(space)["it"]
    found = {k for k in ("classification", "regression") if paradigm.estimator_class(k)}
    assert found == kinds


def test_what_neither_classifies_nor_regresses_is_no_paradigm():
    path = "sklearn.preprocessing.StandardScaler"
    space = Space.from_yaml(f"paradigm: {{choice: {{it: {{estimator: {path}}}}}}}")
    place = "<string>, line 1, column 26: paradigm/it/estimator"
    message = f"^{place}: '{path}' is neither a classifier nor a regressor$"
    with pytest.raises(SpaceError, match=message):
        paradigms_of(space)


def test_each_paradigm_has_a_start_that_is_valid(dataset):
    space = adapt_space(load_space("tabular"), dataset)
    starts = start_configs(space, dataset.task)
    assert starts[0]["paradigm"] == "lightgbm"
    assert {c["paradigm"] for c in starts} == set(paradigms_of(space))
    for config in starts:
        space.validate(config)


def test_new_rows_may_hold_what_training_did_not(dataset):
    space = adapt_space(load_space("tabular"), dataset)
    blueprint = blueprint_of(space, dataset)
    new = dataset.X.head(5).copy()
    new["age"] = [np.nan, -1e9, 1e9, 0.0, 50.0]
    new["city"] = ["Atlantis", np.nan, "Bern", "", "x"]
    new["note"] = ["", "unheard of words", "red", "", "🙂"]
    for config in start_configs(space, dataset.task):
        pipeline = quick(build_pipeline(config, blueprint))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            pipeline.fit(dataset.X, dataset.y)
            assert np.isfinite(predict(pipeline, new, dataset.n_classes)).all(), config["paradigm"]


def test_what_a_table_has_no_use_for_is_left_out(dataset):
    space = adapt_space(load_space("tabular"), dataset)
    paths = {decision.path for decision in space.decisions}
    assert "transforms/numeric/impute" in paths, "income has gaps"
    assert "transforms/text/encode" in paths
    assert ("hyperparameters/linear/C" in paths) == (dataset.task.kind == "classification")
    assert ("hyperparameters/linear/alpha" in paths) == (dataset.task.kind == "regression")
    assert "naive_bayes" in paradigms_of(space) or dataset.task.kind == "regression"
    columns = dataset.schema.names(Kind.NUMERIC)
    assert columns == ["age", "income"]


def test_trees_have_neither_scaling_nor_imputation(dataset):
    space = adapt_space(load_space("tabular"), dataset)
    for label, config in space.defaults_by_branch().items():
        trees = label in ("random_forest", "extra_trees", "xgboost", "lightgbm")
        assert ("transforms/numeric/scale" in config) != trees
        assert ("transforms/numeric/impute" in config) != trees


def test_a_foreign_estimator_in_a_space_is_refused():
    space = load_space("tabular")
    text = space.to_yaml().replace("sklearn.svm.SVR", "os.system")
    evil = type(space).from_yaml(text, "evil.yaml")
    with pytest.raises(SpaceError, match=r"os\.system.*is not from one of"):
        paradigms_of(evil)["svm"].estimator_class("regression")


CATEGORICAL = "transforms/categorical/encode"


@pytest.mark.parametrize("sizes", [(4, 4), (4, 2), (2, 2, 2), (4,) * 20])
def test_categories_are_encoded_by_a_target_of_classes_of_few_rows(sizes):
    names = [f"class {code}" for code, size in enumerate(sizes) for _ in range(size)]
    words = np.where(np.arange(len(names)) % 3, "red", "blue")
    frame = pd.DataFrame({"word": words, "x": np.arange(len(names)) % 5 / 2, "y": names})
    dataset = make_dataset(frame, "y")
    space = adapt_space(load_space("tabular"), dataset)
    config = space.complete({CATEGORICAL: "target", "paradigm": "linear"})
    steps = build_pipeline(config, blueprint_of(space, dataset))[:-1]
    found = steps.fit_transform(dataset.X, dataset.y)
    assert found.shape == (len(names), 2 if len(sizes) == 2 else len(sizes) + 1)
    assert np.isfinite(found).all()


@pytest.mark.parametrize("label", ["lightgbm", "xgboost", "mlp"])
@pytest.mark.parametrize(
    ("told", "known"),
    [
        ({f"{CATEGORICAL}/ordinal/native": True}, True),
        ({}, False),
        ({CATEGORICAL: "one_hot"}, False),
        ({CATEGORICAL: "target"}, False),
        ({f"{CATEGORICAL}/ordinal/native": True, "features": "ranking"}, False),
    ],
)
def test_models_that_know_categories_are_told_of_them(label, told, known, dataset):
    space = adapt_space(load_space("tabular"), dataset)
    config = space.complete(space.possible({"paradigm": label} | told))
    model = build_pipeline(config, blueprint_of(space, dataset))[-1]
    model = getattr(model, "regressor", model)
    n_categories = len(dataset.schema.names(Kind.CATEGORICAL))
    # A network has no such choice: to it, codes are nothing but categories.
    known = known or (label == "mlp" and not told)
    assert list(model.categorical or ()) == list(range(n_categories if known else 0))


def test_sets_of_categories_are_searched_only_where_a_paradigm_splits_them(dataset):
    native = f"{CATEGORICAL}/ordinal/native"
    for name in ("tabular", "wide"):
        assert native in adapt_space(load_space(name), dataset).parameters
    booster = {
        "estimator": {"regression": "lightgbm.LGBMRegressor", "early_stopping": True},
    }
    other = {
        "estimator": {
            "regression": "sklearn.linear_model.Ridge",
            "classification": "sklearn.linear_model.LogisticRegression",
        }
    }
    encode = Choice({"ordinal": {"native": Categorical([False, True])}})
    space = Space(
        transforms={"categorical": {"encode": encode}},
        paradigm=Choice({"booster": booster, "other": other}),
    )
    found = adapt_space(space, dataset).parameters
    assert (native in found) == (dataset.task is Task.REGRESSION)


@pytest.mark.parametrize(("label", "expected"), [("mlp", 1), ("lightgbm", 2)])
def test_a_network_has_one_thread(label, expected, dataset):
    """Those of a network would wait for each other: two took twice as long as one."""
    space = adapt_space(load_space("tabular"), dataset)
    config = space.complete({"paradigm": label})
    model = build_pipeline(config, blueprint_of(space, dataset), threads=2)[-1]
    found = [v for k, v in model.get_params().items() if k.rpartition("__")[2] == "n_jobs"]
    assert set(found) == {expected}


@pytest.mark.parametrize("n_rows", [7, 40])
def test_neighbours_are_at_most_the_rows_of_the_smallest_fit(n_rows):
    x = np.arange(n_rows) / 3
    dataset = make_dataset(pd.DataFrame({"x": x, "y": np.sin(x)}), "y")
    space = adapt_space(load_space("tabular"), dataset)
    config = space.complete({"paradigm": "knn", "hyperparameters/knn/n_neighbors": 100})
    for fitted, scored in make_folds(dataset, seed=0, n_folds=2):
        pipeline = build_pipeline(config, blueprint_of(space, dataset))
        pipeline.fit(dataset.X.iloc[fitted], dataset.y[fitted])
        assert np.isfinite(predict(pipeline, dataset.X.iloc[scored], 0)).all()


def test_lightgbm_is_silent_in_a_space_of_ones_own(dataset, capfd):
    name = "LGBMRegressor" if dataset.task is Task.REGRESSION else "LGBMClassifier"
    space = Space(paradigm=Choice({"own": {"estimator": f"lightgbm.{name}"}}))
    space = adapt_space(space, dataset)
    build_pipeline(space.default(), blueprint_of(space, dataset)).fit(dataset.X, dataset.y)
    assert "LightGBM" not in "".join(capfd.readouterr())


# ---------------------------------------------------------------------- spaces and tables


RIDGE = {"estimator": "sklearn.linear_model.Ridge"}


def numbers(n_columns=3, n_rows=40):
    """Return a table of numbers x0, x1, and so on, negative ones among them, and its target."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n_rows, n_columns))
    return dataset_from_arrays(X, X[:, 0] + rng.normal(size=n_rows))


def test_what_pipelines_read_may_lie_in_many_places():
    """In a paradigm's branch, outside of it, and in choices that only shape the space."""
    by_power = {"hyperparameters": {"p": Int(1, 3)}}
    knn = {
        "estimator": "sklearn.neighbors.KNeighborsRegressor",
        "features": {"columns": Subset("table")},
        "distance": Choice({"usual": {}, "by_power": by_power}),
    }
    space = Space(
        transforms={"ranked": Categorical([False, True])},
        features={
            "ranking": {
                "criterion": Categorical(["f_test"], unless={"transforms/ranked": [False]})
            }
        },
        paradigm=Choice({"knn": knn}),
        hyperparameters={"knn": {"n_neighbors": Int(1, 9)}},
    )
    dataset = numbers()
    space = adapt_space(space, dataset)
    told = {
        "hyperparameters/knn/n_neighbors": 7,
        "paradigm/knn/distance": "by_power",
        "hyperparameters/knn/distance/by_power/p": 3,
        "features/knn/columns/x1": False,
    }
    pipeline = build_pipeline(space.complete(told), blueprint_of(space, dataset))
    assert (pipeline[-1].n_neighbors, pipeline[-1].p) == (7, 3)
    assert pipeline["columns"].fit_transform(dataset.X).shape[1] == 2
    assert "select" not in pipeline.named_steps
    config = space.complete(told | {"transforms/ranked": True})
    assert "select" in build_pipeline(config, blueprint_of(space, dataset)).named_steps


def test_a_mask_of_named_columns_is_one_of_columns_where_the_table_has_groups():
    dataset = numbers(80)
    columns = Subset(["x3", "x70", "x71"])
    space = Space(features={"columns": columns}, paradigm=Choice({"ridge": RIDGE}))
    space = adapt_space(space, dataset)
    config = space.complete({"features/columns/x3": False, "features/columns/x71": False})
    seen = build_pipeline(config, blueprint_of(space, dataset))["columns"]
    left = {name.partition("__")[2] for name in seen.fit(dataset.X).get_feature_names_out()}
    assert set(dataset.X.columns) - left == {"x3", "x71"}


def test_columns_that_models_do_not_see_are_not_searched():
    dataset = numbers()
    frame = dataset.X.assign(same=1.0, y=dataset.y)
    columns = {"columns": Subset(["x0", "same"]), "others": Subset(["same"])}
    space = Space(features=columns, paradigm=Choice({"ridge": RIDGE}))
    adapted = adapt_space(space, make_dataset(frame, "y"))
    assert adapted.parameters == ("features/columns/x0", "paradigm")


def test_only_what_is_ranked_is_turned_around_a_ranking(dataset):
    found = adapt_space(load_space("wide"), dataset).parameters
    flips = {path.rpartition("/")[2] for path in found if path.startswith(f"{FLIPS}/")}
    assert flips == {"age", "income", "city", "plan"}


@pytest.mark.parametrize(
    ("held", "table", "match"),
    [
        (
            {"paradigm": "svm"},
            numbers(2, 6_001),
            "is for at most 6,000 rows, and these are 6,001;",
        ),
        ({"paradigm": "naive_bayes"}, numbers(), "it has no estimator for regression; freeze it"),
        ({"transforms/numeric/scale": "box_cox"}, numbers(), "a column is not positive"),
        ({"transforms/target": "log"}, numbers(), "the target is negative in some rows"),
        ({"features": "mask"}, numbers(1), "there is one column"),
    ],
)
def test_what_a_table_rules_out_cannot_be_held(held, table, match):
    """It would be searched instead, over all that is left."""
    ((path, value),) = held.items()
    with pytest.raises(
        SpaceError, match=f"{path}: is frozen at '{value}', which is left .*{match}"
    ):
        adapt_space(load_space("tabular").freeze(held), table)


def test_what_a_table_does_not_ask_for_may_be_held():
    held = {"transforms/numeric/impute": "mean", "transforms/text/encode": "words"}
    space = load_space("tabular").freeze({**held, "paradigm": "linear"}, ["transforms"])
    adapted = adapt_space(space, numbers())
    assert adapted.frozen["paradigm"] == "linear"
    assert not held.keys() & adapted.frozen.keys()


def test_values_of_layers_that_are_groups_become_a_list():
    layer = Repeat("depth", {"hidden_layer_sizes": Int(2, 9)})
    network = {
        "estimator": "sklearn.neural_network.MLPRegressor",
        "architecture": {"depth": Int(1, 3), "layer": layer},
    }
    dataset = numbers()
    space = adapt_space(Space(paradigm=Choice({"net": network})), dataset)
    sizes = {
        f"architecture/net/layer/{i}/hidden_layer_sizes": size for i, size in enumerate((8, 3))
    }
    config = space.complete({"architecture/net/depth": 2} | sizes)
    model = build_pipeline(config, blueprint_of(space, dataset))[-1]
    assert model.hidden_layer_sizes == [8, 3]
    assert describe_model(config) == "net (depth 2, hidden_layer_sizes 8-3)"


@pytest.mark.parametrize("name", ["tabular", "neural", "wide", "small"])
def test_every_shipped_space_meets_a_table_of_one_column(name):
    dataset = numbers(1)
    space = adapt_space(load_space(name), dataset)
    assert not [path for path in space.parameters if path.startswith("features/")]
    build_pipeline(space.default(), blueprint_of(space, dataset))


@pytest.mark.parametrize(("n_columns", "offers"), [(200, True), (250, False)])
def test_splines_are_offered_up_to_two_million_numbers(n_columns, offers):
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(9_000, n_columns))).add_prefix("x")
    space = adapt_space(load_space("tabular"), dataset_from_arrays(X, X["x0"], "regression"))
    told = {"paradigm": "linear", "transforms/numeric/derive": "spline"}
    assert (space.possible(told) == told) == offers
