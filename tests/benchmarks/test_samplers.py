"""The joint sampler beside Optuna's own, in the same run: `make bench`.

Three problems whose optimum is known: the enumerated space of the ground truth; ten branches of
eight parameters of their own and five shared ones that interact; and a mask over 64 correlated
columns of which eight make the target.
"""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

import numpy as np
import optuna
import pytest

from jointopt import Choice, Float, JointSampler, Space, Subset, load_space
from jointopt.insight.enumeration import small_dataset
from jointopt.insight.ground_truth import GroundTruth
from jointopt.pipeline.adapt import adapt_space

ARTIFACT = Path(__file__).parent / "data" / "small_diabetes.parquet"
N_TRIALS, N_SEEDS = 300, 10
CHECKS = (50, 100, 300)


def stock_samplers(seed):
    tpe = optuna.samplers.TPESampler
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return {
            "random": optuna.samplers.RandomSampler(seed=seed),
            "TPE": tpe(seed=seed, constant_liar=False),
            "TPE group": tpe(seed=seed, group=True, constant_liar=False),
            "TPE univariate": tpe(seed=seed, multivariate=False, constant_liar=False),
            "NSGA-II": optuna.samplers.NSGAIISampler(seed=seed, population_size=20),
        }


def enumerated(seed):
    """Regret on the exact ground truth; the same for all seeds but for the sampler's."""
    del seed
    truth = GroundTruth.load(ARTIFACT, adapt_space(load_space("small"), small_dataset()))
    return truth.space, lambda config: truth.regret(truth.score(config))


def ten_branches(seed):
    """Ten branches of eight private and five shared parameters that interact with the branch.

    The branch with the lowest optimum is the one where most parameters must be right, so that it
    starts worst.
    """
    rng = np.random.default_rng(seed)
    private, shared = rng.uniform(0.1, 0.9, (10, 8)), rng.uniform(0.1, 0.9, (10, 5))
    rank = rng.permutation(10)
    space = Space(
        transforms={f"s{i}": Float(0, 1) for i in range(5)},
        paradigm=Choice(
            {
                str(b): {"hyperparameters": {f"p{i}": Float(0, 1) for i in range(8)}}
                for b in range(10)
            }
        ),
    )

    def regret(config):
        b = int(config["paradigm"])
        x = np.array([config[f"hyperparameters/{b}/p{i}"] for i in range(8)])
        s = np.array([config[f"transforms/s{i}"] for i in range(5)])
        curvature = np.linspace(1.5, 0.3, 10)[rank[b]]
        far = ((x - private[b]) ** 2).mean() + ((s - shared[b]) ** 2).mean()
        return np.linspace(0, 0.3, 10)[rank[b]] + curvature * far

    return space, regret


def columns(seed):
    """A mask over 64 correlated columns, eight of which make the target: cross-validated loss."""
    rng = np.random.default_rng(seed)
    groups = np.repeat(rng.normal(size=(300, 16)), 4, axis=1)
    X = 0.7 * groups + 0.7 * rng.normal(size=(300, 64))
    support = rng.choice(64, 8, replace=False)
    y = X[:, support] @ rng.uniform(0.5, 1.5, 8) + rng.normal(size=300)
    X, y, fold = X - X.mean(axis=0), y - y.mean(), np.arange(300) % 5

    def loss(on):
        errors = []
        for k in range(5):
            A, b = X[fold != k][:, on], y[fold != k]
            weights = np.linalg.solve(A.T @ A + np.eye(A.shape[1]), A.T @ b)
            errors.append(((y[fold == k] - X[fold == k][:, on] @ weights) ** 2).mean())
        return float(np.mean(errors))

    best = loss(support)
    space = Space(features={"columns": Subset([f"c{i}" for i in range(64)])})
    return space, lambda config: loss(np.array(list(config.values()), dtype=bool)) - best


@pytest.mark.slow
@pytest.mark.parametrize("problem", [enumerated, ten_branches, columns])
def test_regret_beside_stock_samplers(problem):
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    found: dict[str, list[list[float]]] = {}
    for seed in range(N_SEEDS):
        space, regret = problem(seed)
        for name, sampler in {
            "joint": JointSampler(space, seed),
            **stock_samplers(seed),
        }.items():
            study = optuna.create_study(sampler=sampler)
            study.optimize(lambda t, s=space, f=regret: f(s.suggest(t)), n_trials=N_TRIALS)
            best = np.minimum.accumulate([trial.value for trial in study.trials])
            found.setdefault(name, []).append([best[n - 1] for n in CHECKS])
    medians = {name: np.median(runs, axis=0) for name, runs in found.items()}
    stock = np.min([values for name, values in medians.items() if name != "joint"], axis=0)
    lines = [f"{problem.__name__}: median regret of {N_SEEDS} seeds after {CHECKS} evaluations"]
    lines += [f"  {name:15}" + "".join(f"{v:10.4f}" for v in vs) for name, vs in medians.items()]
    # Below zero, better than what the regret is measured from, a ratio says nothing.
    pairs = zip(medians["joint"], stock, strict=True)
    ratios = [f"{own / best:8.2f}" if min(own, best) >= 0 else "       -" for own, best in pairs]
    lines.append("  joint / best stock" + "".join(ratios))
    sys.stdout.write("\n" + "\n".join(lines) + "\n")
    assert (medians["joint"][1:] <= stock[1:]).all()
