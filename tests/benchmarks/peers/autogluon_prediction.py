"""Fit AutoGluon in its own environment, or time its predictions; `prediction_beside_others.py`.

The argument is a JSON file with the folder `model`, `target`, `task`, `metric` and the CSV files
`train` and `test`. A model is fitted in `budget` seconds if the folder holds none. What is printed
last is JSON: the median seconds of up to `calls` predictions of the rows of `test`, as many as
begin within ten seconds, as the model is loaded, and kept in memory.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from pathlib import Path

import pandas as pd
from autogluon.tabular import TabularPredictor

METRICS = {"rmse": "root_mean_squared_error"}
LONGEST = 10.0


def main() -> None:
    """Fit if need be, else time."""
    wanted = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    classifies = wanted["task"] != "regression"
    target = wanted["target"]
    if not Path(wanted["model"], "predictor.pkl").exists():
        train = pd.read_csv(wanted["train"], dtype={target: str} if classifies else None)
        TabularPredictor(
            target,
            problem_type=wanted["task"],
            eval_metric=METRICS.get(wanted["metric"], wanted["metric"]),
            path=wanted["model"],
            verbosity=1,
        ).fit(train, presets="medium_quality", time_limit=wanted["budget"])
        return
    model = TabularPredictor.load(wanted["model"])
    rows = pd.read_csv(wanted["test"]).drop(columns=target)
    predict = model.predict_proba if classifies else model.predict

    def median() -> float:
        predict(rows)
        seconds: list[float] = []
        while len(seconds) < wanted["calls"] and sum(seconds) < LONGEST:
            started = time.perf_counter()
            predict(rows)
            seconds.append(time.perf_counter() - started)
        return statistics.median(seconds)

    found = {"loaded": median()}
    model.persist()
    found["kept"] = median()
    sys.stdout.write("\n" + json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
