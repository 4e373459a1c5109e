"""Seconds to predict held-out rows beside AutoGluon medium: the ensemble and one pipeline.

    python tests/benchmarks/prediction_beside_others.py FOLDER MODELS --tables a b c

FOLDER holds one folder for each table: `meta.json` (`target`, `task`, `metric`), `train.csv` and
`test.csv`, or `.csv.gz`. A model that the folder MODELS lacks is fitted first, one at a time:
`jointopt run` with seed 0, and AutoGluon by the Python of `$JOINTOPT_VENVS/ag`, a virtual
environment with it. All are then timed in turn, each in a process that has its model in memory,
from the second call on: medians of the calls of a round, seven at most. Printed in Markdown is
each system's median of the rounds, and in each round how many times faster than AutoGluon as it is
loaded, and than with its models kept in memory (`persist`).
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import pandas as pd

PEER = Path(__file__).parent / "peers" / "autogluon_prediction.py"
CALLS, ROUNDS = 7, 3
NAMES = {
    "ensemble": "jointopt",
    "single": "its heaviest pipeline",
    "loaded": "AutoGluon medium",
    "kept": "kept in memory",
}


def ours(model_folder: Path, rows: pd.DataFrame, *, classifies: bool) -> dict[str, float]:
    """Return the median seconds of the ensemble, and of its heaviest pipeline."""
    from jointopt import load_model

    model = load_model(model_folder)
    first = model.members[0]
    alone = replace(first, weight=1.0, pipelines=first.pipelines[:1], shares=(1.0,))
    found = {}
    for name, of in (("ensemble", model), ("single", replace(model, members=(alone,)))):
        predict = of.predict_proba if classifies else of.predict
        predict(rows)
        seconds = []
        for _ in range(CALLS):
            started = time.perf_counter()
            predict(rows)
            seconds.append(time.perf_counter() - started)
        found[name] = statistics.median(seconds)
    return found


def printed(command: list[str | Path]) -> str:
    """Return what a command prints."""
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def peer(spec: dict[str, str | float]) -> str:
    """Run AutoGluon, and return what it prints."""
    python = Path(os.environ["JOINTOPT_VENVS"], "ag", "bin", "python")
    with tempfile.TemporaryDirectory() as folder:
        asked = Path(folder, "asked.json")
        asked.write_text(json.dumps(spec), encoding="utf-8")
        return printed([python, PEER, asked])


def table(folder: Path, models: Path, budget: float) -> list[dict[str, float]]:
    """Return the seconds of each round on one table."""
    meta = json.loads((folder / "meta.json").read_text(encoding="utf-8"))
    train, test = (next(folder.glob(f"{part}.csv*")) for part in ("train", "test"))
    mine = models / f"jointopt-{folder.name}"
    other = models / f"autogluon-{folder.name}"
    spec = {
        "model": str(other),
        "train": str(train),
        "test": str(test),
        "budget": budget,
        "calls": CALLS,
        **{name: meta[name] for name in ("target", "task", "metric")},
    }
    if not mine.exists():
        target = ["--target", meta["target"], "--metric", meta["metric"]]
        options = ["--budget", f"{budget:g}s", "--seed", "0", "--out", mine]
        jointopt = Path(sys.executable).with_name("jointopt")
        printed([jointopt, "run", train, *target, *options])
    if not other.exists():
        peer(spec)
    rounds = []
    for _ in range(ROUNDS):
        own = printed([sys.executable, __file__, "--time", mine, test, meta["task"]])
        rounds.append(
            {**json.loads(own.splitlines()[-1]), **json.loads(peer(spec).splitlines()[-1])}
        )
    return rounds


def main() -> None:
    """Print the table, a line as each table of data ends."""
    if sys.argv[1] == "--time":
        model, test, task = sys.argv[2:]
        seconds = ours(Path(model), pd.read_csv(test), classifies=task != "regression")
        sys.stdout.write(json.dumps(seconds) + "\n")
        return
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("models", type=Path)
    parser.add_argument("--tables", nargs="+", help="all of FOLDER if left out")
    parser.add_argument("--budget", type=float, default=60.0, help="seconds, 60 by default")
    asked = parser.parse_args()
    asked.models.mkdir(parents=True, exist_ok=True)
    tables = asked.tables or sorted(meta.parent.name for meta in asked.folder.glob("*/meta.json"))
    heads = ["table", *NAMES.values(), "times faster", "than kept", "single, times faster"]
    sys.stdout.write(f"| {' | '.join(heads)} |\n{'|---' * len(heads)}|\n")
    for name in tables:
        rounds = table(asked.folder / name, asked.models, asked.budget)
        cells = [f"{statistics.median(one[of] for one in rounds):.3f}" for of in NAMES]
        cells += [
            " ".join(f"{one[slow] / one[fast]:.3g}" for one in rounds)
            for slow, fast in (("loaded", "ensemble"), ("kept", "ensemble"), ("loaded", "single"))
        ]
        sys.stdout.write(f"| {' | '.join([name, *cells])} |\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
