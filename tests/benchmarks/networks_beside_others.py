"""Our networks beside scikit-learn's and pytabkit's: held-out scores and seconds.

    python tests/benchmarks/networks_beside_others.py FOLDER --tables a b c --out scores.jsonl

FOLDER holds one folder for each table: `meta.json` (`target`, `task`, `categorical`), `train.csv`
and `test.csv`, or `.csv.gz`. Each line of the file that is written is one fit; what it holds
already is not run again, and the table in Markdown at the end is of all that it holds. pytabkit is
run by the Python of `$JOINTOPT_VENVS/pytabkit`, a virtual environment with pytabkit in it.

One network is fitted by each system that has no budget: with its defaults, on the training rows,
some of which it holds out by itself. `sklearn_search` and `jointopt_search` have `--budget`
seconds. Categories are one-hot encoded for scikit-learn; missing numbers become the median for
all.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import warnings
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy.stats import loguniform
from sklearn.compose import ColumnTransformer
from sklearn.metrics import log_loss, roc_auc_score, root_mean_squared_error
from sklearn.model_selection import ParameterSampler, train_test_split
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from threadpoolctl import threadpool_limits

from jointopt import JointClassifier, JointRegressor, load_space
from jointopt.data import get_metric, make_dataset
from jointopt.evaluation.one_fold import run_refit
from jointopt.evaluation.tasks import Refit, Setting
from jointopt.pipeline.adapt import adapt_space, blueprint_of
from jointopt.pipeline.starts import start_configs

if TYPE_CHECKING:
    from collections.abc import Callable

PEER = Path(__file__).parent / "peers" / "pytabkit_networks.py"
OTHERWISE = {"use_ls": False, "val_metric_name": "cross_entropy"}
"""How pytabkit's pages say that RealMLP is to be set for scores of probabilities."""
HELD_OUT = 0.2
LEAST_SECONDS = 1.0
DRAWN = {
    "hidden_layer_sizes": [(width,) * depth for depth in (1, 2, 3) for width in (64, 128, 256)],
    "alpha": loguniform(1e-7, 1e-1),
    "learning_rate_init": loguniform(1e-4, 3e-2),
    "batch_size": [64, 128, 256],
    "activation": ["relu", "tanh"],
}
"""As auto-sklearn's ranges."""


@dataclass(frozen=True)
class Table:
    """Rows to learn from, rows to score, and what they are."""

    name: str
    task: str
    categorical: list[str]
    train: pd.DataFrame
    test: pd.DataFrame
    target: tuple[pd.Series, pd.Series]

    def score(self, predictions: np.ndarray) -> float:
        """Return ROC AUC, log loss or root mean squared error of the test rows."""
        truth = self.target[1]
        if self.task == "regression":
            return float(root_mean_squared_error(truth, predictions))
        if self.task == "binary":
            return float(roc_auc_score(truth, predictions[:, 1]))
        return float(log_loss(truth, predictions, labels=np.unique(self.target[0])))


def read(folder: Path, max_rows: int) -> Table:
    """Read a table, with missing numbers filled."""
    meta = json.loads((folder / "meta.json").read_text(encoding="utf-8"))
    train, test = (pd.read_csv(next(folder.glob(f"{part}.csv*"))) for part in ("train", "test"))
    train = train.sample(min(max_rows, len(train)), random_state=0).reset_index(drop=True)
    target = tuple(part.pop(meta["target"]) for part in (train, test))
    numeric = train.select_dtypes("number").columns.difference(meta["categorical"])
    for part in (train, test):
        part[numeric] = part[numeric].astype(float).fillna(train[numeric].median())
    categorical = list(train.columns.difference(numeric))
    train, test = (part.astype(dict.fromkeys(categorical, str)) for part in (train, test))
    return Table(folder.name, meta["task"], categorical, train, test, target)


# ----------------------------------------------------------------------------- systems


def jointopt_start(table: Table, seed: int, options: argparse.Namespace, place: int = 0) -> Any:
    """Fit the default, or a published network that a search over networks begins with."""
    frame = table.train.assign(**{"the target": table.target[0]})
    dataset = make_dataset(frame, "the target")
    space = adapt_space(load_space("neural"), dataset)
    config = start_configs(space, dataset.task)[place]
    setting = Setting(
        dataset=dataset,
        folds=(),
        blueprint=blueprint_of(space, dataset),
        metric=get_metric(None, dataset.task),
        seed=seed,
        threads=options.threads,
    )
    return _proba_or_number(table, run_refit(setting, Refit(config, {}), options.threads))


def jointopt_search(table: Table, seed: int, options: argparse.Namespace) -> Any:
    """Search networks with features and transforms."""
    kind = JointRegressor if table.task == "regression" else JointClassifier
    others = set(load_space("tabular").estimators()) - {"mlp"}
    space = load_space("tabular").prune([f"paradigm/{label}" for label in sorted(others)])
    model = kind(space=space, budget=options.budget, seed=seed)
    return _proba_or_number(table, model.fit(table.train, table.target[0]))


def sklearn_mlp(table: Table, seed: int, _: argparse.Namespace) -> Any:
    """Fit the defaults with early stopping."""
    return _proba_or_number(table, _sklearn(table, seed).fit(table.train, table.target[0]))


def sklearn_search(table: Table, seed: int, options: argparse.Namespace) -> Any:
    """Draw at random until the time is over; fit the best once more."""
    started, found = time.monotonic(), []
    X, y = table.train, table.target[0]
    classes = None if table.task == "regression" else y
    parts = train_test_split(X, y, test_size=HELD_OUT, random_state=seed, stratify=classes)
    for drawn in ParameterSampler(DRAWN, n_iter=100_000, random_state=seed):
        begun = time.monotonic()
        model = _sklearn(table, seed, **drawn).fit(parts[0], parts[2])
        if table.task == "regression":
            loss = root_mean_squared_error(parts[3], model.predict(parts[1]))
        else:
            loss = log_loss(parts[3], model.predict_proba(parts[1]), labels=model.classes_)
        lasted = max(time.monotonic() - begun, LEAST_SECONDS)
        found.append((loss, len(found), lasted, drawn))
        best = min(found)
        # The last fit has a quarter more rows.
        if time.monotonic() - started + 1.25 * best[2] + lasted > options.budget:
            break
    return _proba_or_number(table, _sklearn(table, seed, **best[3]).fit(X, y))


def _sklearn(table: Table, seed: int, **arguments: Any) -> Any:
    kind = MLPRegressor if table.task == "regression" else MLPClassifier
    network = kind(early_stopping=True, random_state=seed, max_iter=500, **arguments)
    one_hot = OneHotEncoder(min_frequency=5, handle_unknown="infrequent_if_exist")
    columns = ColumnTransformer(
        [("categories", one_hot, table.categorical)], remainder=StandardScaler()
    )
    return make_pipeline(columns, network)


def _proba_or_number(table: Table, model: Any) -> np.ndarray:
    regression = table.task == "regression"
    return model.predict(table.test) if regression else model.predict_proba(table.test)


def pytabkit(table: Table, seed: int, options: argparse.Namespace, system: str) -> dict[str, Any]:
    """Fit in the other environment."""
    python = Path(os.environ["JOINTOPT_VENVS"], "pytabkit", "bin", "python")
    name, _, otherwise = system.partition("+")
    with tempfile.TemporaryDirectory() as folder:
        files = {part: str(Path(folder, f"{part}.csv")) for part in ("train", "test")}
        for part, rows, y in zip(files, (table.train, table.test), table.target, strict=True):
            rows.assign(target=y.to_numpy()).to_csv(files[part], index=False)
        wanted = files | {
            "system": name,
            "task": table.task,
            "seed": seed,
            "threads": options.threads,
            "arguments": OTHERWISE if otherwise else {},
            "categorical": table.categorical,
        }
        Path(folder, "wanted.json").write_text(json.dumps(wanted), encoding="utf-8")
        command = [str(python), str(PEER), str(Path(folder, "wanted.json"))]
        said = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    return dict(json.loads(said.splitlines()[-1]))


OWN: dict[str, Callable[[Table, int, argparse.Namespace], Any]] = {
    "jointopt": jointopt_start,
    "jointopt_realmlp": partial(jointopt_start, place=1),
    "jointopt_tabm": partial(jointopt_start, place=2),
    "jointopt_search": jointopt_search,
    "sklearn": sklearn_mlp,
    "sklearn_search": sklearn_search,
}
PEERS = ("realmlp_td", "realmlp_td+proba", "tabm_d")


def one_fit(table: Table, system: str, seed: int, options: argparse.Namespace) -> dict[str, Any]:
    """Fit and score one system."""
    if system in PEERS:
        told = pytabkit(table, seed, options, system)
    else:
        with threadpool_limits(options.threads), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            started, cpu = time.perf_counter(), time.process_time()
            predictions = OWN[system](table, seed, options)
            told = {
                "predictions": predictions,
                "seconds": time.perf_counter() - started,
                "cpu_seconds": time.process_time() - cpu,
            }
    score = table.score(np.asarray(told.pop("predictions")))
    return {"table": table.name, "system": system, "seed": seed, "score": score, **told}


def shown(found: pd.DataFrame) -> str:
    """Return means over seeds as a table in Markdown."""
    means = found.groupby(["table", "system"])[["score", "seconds", "cpu_seconds"]].mean()
    counts = found.groupby(["table", "system"])["seed"].nunique()
    lines = [
        "| table | system | score | seconds | CPU seconds | seeds |",
        "|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {table} | {system} | {row.score:.4f} | {row.seconds:.1f} | {row.cpu_seconds:.1f} "
        f"| {counts[table, system]} |"
        for (table, system), row in means.iterrows()
    ]
    return "\n".join(lines)


def main() -> None:
    """Run what the file does not have yet and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--tables", nargs="+", required=True)
    parser.add_argument("--systems", nargs="+", default=[*OWN, *PEERS], choices=[*OWN, *PEERS])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1])
    parser.add_argument("--budget", type=float, default=60.0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--max-rows", type=int, default=10**9)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    lines = options.out.read_text(encoding="utf-8").splitlines() if options.out.exists() else []
    known = {(fit["table"], fit["system"], fit["seed"]) for fit in map(json.loads, lines)}
    for name in options.tables:
        table = read(options.folder / name, options.max_rows)
        for seed in options.seeds:
            for system in options.systems:
                senseless = system == "realmlp_td+proba" and table.task == "regression"
                if (name, system, seed) not in known and not senseless:
                    fit = one_fit(table, system, seed, options)
                    with options.out.open("a", encoding="utf-8") as file:
                        file.write(json.dumps(fit) + "\n")
                    sys.stdout.write(f"{fit}\n")
                    sys.stdout.flush()
    found = pd.DataFrame(map(json.loads, options.out.read_text(encoding="utf-8").splitlines()))
    sys.stdout.write("\n" + shown(found) + "\n")


if __name__ == "__main__":
    main()
