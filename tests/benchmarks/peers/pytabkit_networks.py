"""Fit pytabkit's networks in their own environment; `networks_beside_others.py` runs this.

The argument is a JSON file with `system`, `task`, `seed`, `threads`, `arguments`, `categorical`
and the CSV files `train` and `test` with the target in column `target`. What is printed last is
JSON: predictions for the rows of `test`, and seconds.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import pandas as pd
import pytabkit
import torch

CLASSES = {
    ("realmlp_td", True): "RealMLP_TD_Classifier",
    ("realmlp_td", False): "RealMLP_TD_Regressor",
    ("tabm_d", True): "TabM_D_Classifier",
    ("tabm_d", False): "TabM_D_Regressor",
}


def main() -> None:
    """Fit and predict."""
    wanted = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    torch.set_num_threads(wanted["threads"])
    train, test = (pd.read_csv(wanted[name]) for name in ("train", "test"))
    for column in wanted["categorical"]:
        train[column] = train[column].astype(str).astype("category")
        test[column] = pd.Categorical(test[column].astype(str), train[column].cat.categories)
    classifies = wanted["task"] != "regression"
    model = getattr(pytabkit, CLASSES[wanted["system"], classifies])(
        device="cpu",
        random_state=wanted["seed"],
        n_threads=wanted["threads"],
        **wanted["arguments"],
    )
    target = train.pop("target")
    test = test.drop(columns="target")
    started, cpu = time.perf_counter(), time.process_time()
    model.fit(train, target)
    predicted = model.predict_proba(test) if classifies else model.predict(test)
    told = {
        "predictions": predicted.tolist(),
        "seconds": time.perf_counter() - started,
        "cpu_seconds": time.process_time() - cpu,
    }
    sys.stdout.write("\n" + json.dumps(told))


if __name__ == "__main__":
    main()
