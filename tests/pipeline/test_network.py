"""Neural networks for tables."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import skops.io
import torch
from sklearn.base import clone
from sklearn.datasets import make_friedman1
from sklearn.utils.estimator_checks import parametrize_with_checks

from jointopt.pipeline.held_rows import held_rows
from jointopt.pipeline.networks import training
from jointopt.pipeline.networks.estimators import NetworkClassifier, NetworkRegressor
from jointopt.pipeline.networks.optimisation import schedule

SMALL = {"width": (16, 16), "max_epochs": 12, "batch_size": 32, "random_state": 0}
Network = NetworkClassifier | NetworkRegressor


def table(n_rows: int = 240, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Two numbers and a code from 0 to 3; classes and a number that depend on all of them."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_rows, 3))
    X[:, 2] = rng.integers(0, 4, n_rows)
    number = 10 + X[:, 0] - X[:, 1] + 3 * np.isin(X[:, 2], [1, 2])
    return X, number, np.where(number > 11.5, "high", "low")


def fitted(kind: type[Network], **arguments: object) -> Network:
    X, number, label = table()
    target = label if kind is NetworkClassifier else number
    return kind(**{"categorical": [2], **SMALL, **arguments}).fit(X, target)


def output(network: Network, X: np.ndarray) -> np.ndarray:
    return (
        network.predict_proba(X) if isinstance(network, NetworkClassifier) else network.predict(X)
    )


both = pytest.mark.parametrize("kind", [NetworkClassifier, NetworkRegressor])


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
@parametrize_with_checks(
    [
        NetworkClassifier(width=(16,), max_epochs=30, random_state=0),
        NetworkRegressor(width=(16,), max_epochs=30, random_state=0),
    ]
)
def test_scikit_learn_contract(estimator, check):
    check(estimator)


def test_importing_the_module_does_not_import_torch():
    module = "jointopt.pipeline.networks.estimators"
    code = f"import sys; import {module}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# ------------------------------------------------------------------------------ training


def test_learns_numbers_and_categories():
    X, number, label = table(seed=1)
    classifier = fitted(NetworkClassifier, max_epochs=40)
    regressor = fitted(NetworkRegressor, max_epochs=40)
    assert classifier.score(X, label) > 0.9
    assert regressor.score(X, number) > 0.85


@both
def test_same_seed_same_network_and_torch_is_left_alone(kind):
    X = table(seed=1)[0]
    state, threads = torch.get_rng_state(), torch.get_num_threads()
    first, second, other = fitted(kind), fitted(kind), fitted(kind, random_state=1)
    np.testing.assert_array_equal(output(first, X), output(second, X))
    assert not np.array_equal(output(first, X), output(other, X))
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.get_num_threads() == threads


@both
def test_predictions_at_once_are_the_same_and_leave_torch_alone(kind):
    X = table(seed=1)[0]
    models = [fitted(kind, random_state=seed, n_jobs=1) for seed in range(4)]
    alone = [output(model, X) for model in models]
    state, threads = torch.get_rng_state(), torch.get_num_threads()
    with ThreadPoolExecutor(4) as pool:
        at_once = list(pool.map(output, models * 8, [X] * 32))
        left = set(pool.map(lambda _: torch.get_num_threads(), range(16)))
    for found, expected in zip(at_once, alone * 8, strict=True):
        np.testing.assert_array_equal(found, expected)
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.get_num_threads() == threads
    assert left == {threads}


@both
@pytest.mark.parametrize(
    "arguments",
    [
        *({"activation": name} for name in ("relu", "selu", "silu", "mish", "gelu")),
        *({"normalisation": name} for name in ("none", "batch", "layer")),
        {"residual": True},
        {"residual": True, "width": (16, 8, 8)},
        {"width": ()},
        {"dropout": 0.0},
        {"numeric_embedding": "periodic", "frequency": 1.0},
        {"numeric_embedding": "piecewise_linear", "n_bins": 5},
        {"ensemble_size": 3},
        {"ensemble_size": 3, "normalisation": "batch", "residual": True, "width": (16, 8)},
        {"ensemble_size": 3, "normalisation": "layer", "width": ()},
        {"ensemble_size": 2, "numeric_embedding": "piecewise_linear"},
        {"categorical": None},
        {"categorical": [0, 1, 2]},
        {"categorical": [0, 1, 2], "numeric_embedding": "periodic"},
        {"categorical": [0, 1, 2], "numeric_embedding": "piecewise_linear"},
        {"schedule": "coslog4"},
        {"schedule": "constant"},
        {"batch_size": None},
        {"weight_decay": 0.0},
        {"patience": None},
    ],
    ids=str,
)
def test_every_option_fits(kind, arguments):
    X = table(seed=1)[0]
    assert np.isfinite(output(fitted(kind, **{"max_epochs": 2, **arguments}), X)).all()


def test_label_smoothing_makes_modest_probabilities():
    X = table(seed=1)[0]
    sharp, smooth = (fitted(NetworkClassifier, label_smoothing=share) for share in (0.0, 0.4))
    assert smooth.predict_proba(X).max() < sharp.predict_proba(X).max()


@both
def test_infinite_loss_names_the_learning_rate(kind):
    with pytest.raises(FloatingPointError, match=r"learning_rate=1e\+30; use a lower"):
        fitted(kind, learning_rate=1e30)


def test_schedules_are_those_that_were_published():
    ends = [1 / 15, 3 / 15, 7 / 15, 1.0]
    tops = [(2 ** (wave + 0.5) - 1) / 15 for wave in range(4)]
    assert [schedule("coslog4", at) for at in (0, *ends)] == pytest.approx([0] * 5, abs=1e-9)
    assert [schedule("coslog4", at) for at in tops] == pytest.approx([1] * 4)
    assert {schedule("constant", at) for at in (0, 0.01, 0.5, 1)} == {1.0}
    assert [schedule("flat_cosine", at) for at in (0.02, 0.5, 0.75, 1)] == pytest.approx(
        [1, 1, 0.5, 0]
    )


# ------------------------------------------------------------------------------ epochs


@both
def test_best_epoch_is_restored(kind, monkeypatch):
    seen = []
    validate = training._Trainer.validate

    def watch(trainer, *held):
        seen.append(training._snapshot(trainer.network))
        return validate(trainer, *held)

    monkeypatch.setattr(training._Trainer, "validate", watch)
    network = fitted(kind, learning_rate=0.5, max_epochs=60, patience=5)
    curve = network.validation_curve_
    assert network.n_epochs_ == len(curve) - np.argmin(curve[::-1])
    assert len(curve) in (network.n_epochs_ + 5, 60)
    for name, value in network.weights_.items():
        np.testing.assert_array_equal(value, seen[network.n_epochs_ - 1][name])


def test_a_fit_on_all_rows_does_not_end_with_what_forgot_all(monkeypatch):
    """At a high rate a network may become a constant, which nothing held out tells."""
    X, y = make_friedman1(600, n_features=8, noise=0.5, random_state=0)
    y = (y - y.mean()) / y.std()
    network = NetworkRegressor(
        width=[256] * 3,
        frequency=0.1,
        dropout=0.15,
        learning_rate=0.3,
        n_epochs=40,
        schedule="coslog4",
        random_state=0,
    )
    assert network.fit(X, y).score(X, y) > 0.9
    assert network.n_epochs_ < 40
    monkeypatch.setattr(training, "FORGOTTEN", np.inf)
    assert network.fit(X, y).score(X, y) < 0.2


@both
def test_given_epochs_use_all_rows_and_the_same_schedule(kind, monkeypatch):
    rates = []
    step = training.schedule
    monkeypatch.setattr(training, "schedule", lambda name, at: rates.append(at) or step(name, at))
    network = fitted(kind, n_epochs=3, batch_size=120)
    assert (network.n_epochs_, network.schedule_epochs_) == (3, 12)
    assert network.validation_curve_ == []
    np.testing.assert_allclose(rates, np.arange(6) / 24)


@both
def test_time_limit_shortens_the_schedule(kind, monkeypatch):
    progress = []
    step = training.schedule
    monkeypatch.setattr(
        training, "schedule", lambda name, at: progress.append(at) or step(name, at)
    )
    network = fitted(kind, max_seconds=0.5, max_epochs=100_000, patience=None)
    assert 1 <= network.n_epochs_ <= len(network.validation_curve_) < 100_000
    assert network.schedule_epochs_ < 100_000
    # Where the full schedule would hardly have begun.
    assert progress[-1] > 0.5


@both
def test_hardly_any_time_still_gives_a_network(kind):
    network = fitted(kind, max_seconds=1e-9)
    assert network.n_epochs_ == 1


def test_an_epoch_in_which_nothing_was_learned_yet_is_not_the_best():
    rng = np.random.default_rng(0)
    X, noise = rng.normal(size=(240, 3)), rng.integers(0, 2, 240)
    arguments = SMALL | {"learning_rate": 0.2, "max_epochs": 200, "patience": 10}
    network = NetworkClassifier(**arguments).fit(X, noise)
    curve = network.validation_curve_
    assert np.argmin(curve) < 3
    assert network.n_epochs_ == 4 + np.argmin(curve[3:])


def test_waves_of_the_learning_rate_are_not_taken_for_the_end():
    arguments = {"learning_rate": 0.5, "max_epochs": 30, "patience": 1}
    assert len(fitted(NetworkRegressor, **arguments).validation_curve_) < 30
    waves = fitted(NetworkRegressor, schedule="coslog4", **arguments)
    assert len(waves.validation_curve_) == 30


def test_few_rows_are_all_used():
    X, number, _ = table(19)
    network = NetworkRegressor(**SMALL, dropout=0.0).fit(X, number)
    assert network.validation_curve_ == []
    assert network.n_epochs_ == 12


def test_held_out_rows_have_all_classes_in_their_shares():
    target = np.repeat([0, 1, 2, 3], [100, 60, 39, 1])
    held = held_rows(target, 0.1, np.random.default_rng(0))
    assert len(np.unique(held)) == 20
    np.testing.assert_allclose(np.bincount(target[held], minlength=4), [10, 6, 4, 0], atol=1)
    assert 3 not in target[held]


# ------------------------------------------------------------------------------ rows


@both
def test_the_vector_of_unknown_codes_is_zero_until_it_is_learned(kind):
    X, number, label = table()
    target = label if kind is NetworkClassifier else number
    network = kind(categorical=[2], **SMALL)
    assert not network.fit(X, target).weights_["categories.table"][0].any()
    X[::5, 2] = -1
    assert network.fit(X, target).weights_["categories.table"][0].all()


@both
def test_unknown_codes_are_one_category(kind):
    network = fitted(kind)
    rows = np.array([[0.0, 0.0, code] for code in (-1, -2, 4, 99, 1.5)])
    outputs = output(network, rows)
    np.testing.assert_allclose(outputs, np.broadcast_to(outputs[:1], outputs.shape))
    assert not np.allclose(outputs[0], output(network, np.array([[0.0, 0.0, 1.0]]))[0])


def test_scaling_survives_outliers_constants_and_mostly_equal_values():
    X = np.zeros((100, 3))
    X[0, 0] = 1e300
    X[:, 1] = 7
    X[:, 2] = np.arange(100)
    network = NetworkRegressor(**SMALL).fit(X, np.arange(100.0))
    assert np.isfinite(network.predict(-X)).all()


def test_regression_stays_near_the_seen_range():
    X, number, _ = table()
    network = fitted(NetworkRegressor)
    room = 0.05 * np.ptp(number)
    predicted = network.predict(X * 1e6)
    assert predicted.min() >= number.min() - room
    assert predicted.max() <= number.max() + room


@pytest.mark.parametrize("schedule", ["flat_cosine", "constant"])
def test_batches_are_normalised_by_what_the_final_weights_make_of_them(schedule):
    X, number, _ = table()
    network = NetworkRegressor(
        **SMALL, normalisation="batch", numeric_embedding="none", schedule=schedule, n_epochs=12
    ).fit(X, number)
    weights = network.weights_
    scaled = (X - network.center_) * network.scale_
    inputs = scaled / np.hypot(scaled / 3, 1) * weights["scale"]
    first = {name.removeprefix("blocks.0."): value for name, value in weights.items()}
    units = inputs @ first["linear.weight"] / np.sqrt(3) + first["linear.bias"]
    np.testing.assert_allclose(first["normalise.running_mean"], units.mean(axis=0), atol=1e-4)
    variances = units.var(axis=0, ddof=1)
    np.testing.assert_allclose(first["normalise.running_var"], variances, rtol=1e-3)


@both
def test_saves_without_pickle(kind):
    X = table(seed=1)[0]
    network = fitted(kind, numeric_embedding="periodic", normalisation="batch")
    data = skops.io.dumps(network)
    unknown = skops.io.get_untrusted_types(data=data)
    assert unknown == [f"jointopt.pipeline.networks.estimators.{kind.__name__}"]
    loaded = skops.io.loads(data, trusted=unknown)
    np.testing.assert_array_equal(output(loaded, X), output(network, X))
    assert {type(value) for value in network.weights_.values()} == {np.ndarray}


@both
def test_clone_keeps_every_argument(kind):
    arguments = clone(kind(width=[8], frequency=2.0)).get_params()
    assert (arguments["width"], arguments["frequency"]) == ([8], 2.0)
    assert ("label_smoothing" in arguments) == (kind is NetworkClassifier)


@both
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"activation": "step"}, "activation must be one of relu, .*'step'"),
        ({"schedule": "steps"}, "schedule must be one of flat_cosine, coslog4, constant"),
        ({"normalisation": "group"}, "normalisation must be one of none, batch, layer"),
        ({"width": (8, 0)}, r"width must be positive.*\[8, 0\]"),
        ({"ensemble_size": 0}, "ensemble_size and n_bins must be at least 1; got ensemble_size=0"),
        ({"n_bins": 0}, "must be at least 1.*n_bins=0"),
        ({"dropout": 1.0}, r"dropout must be in \[0, 1\); got 1.0"),
        ({"validation_fraction": 0.0}, "validation_fraction must be in"),
        ({"n_epochs": 13}, "max_epochs=12, n_epochs=13"),
        ({"categorical": [3]}, "column indices below n_features=3"),
        ({"normalisation": "batch", "batch_size": 1}, "at least 2 rows in a batch"),
    ],
)
def test_wrong_arguments_are_refused(kind, arguments, message):
    with pytest.raises(ValueError, match=message):
        fitted(kind, **arguments)


@both
def test_stops_where_its_loss_is_not_as_low_as_it_must_be(kind):
    stopped = fitted(kind, must_reach={0.25: 1e-9, 0.5: 1.0}, dropout=0.0)
    assert stopped.stopped_
    assert len(stopped.validation_curve_) == 3
    assert stopped.progress_ == pytest.approx([1 / 12, 2 / 12, 3 / 12])
    passed = fitted(kind, must_reach={0.25: np.inf, 0.5: 1e9})
    assert not passed.stopped_
    assert len(passed.validation_curve_) == 12
