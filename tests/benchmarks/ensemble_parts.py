"""What the parts of a model are worth on rows that no search saw.

Usage: python tests/benchmarks/ensemble_parts.py RESULTS TEST.csv [RESULTS TEST.csv …]

RESULTS is the folder of a `jointopt run`, TEST.csv holds the target too. For each pair one line:
the score of the model as it is, of its members' fits on all rows alone, and of the models of their
folds alone.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from jointopt import load_model
from jointopt.data import get_metric, read_table
from jointopt.evaluation.one_fold import predict


def scores(results, test):
    """Return the metric's name and the three scores of one model."""
    model, table = load_model(results), read_table(test)
    metric = get_metric(model.facts["metric"], model.task)
    X = model.schema.apply(table.drop(columns=model.target))
    n_classes = 0 if model.classes is None else len(model.classes)
    y = table[model.target].to_numpy()
    if n_classes:
        codes = {str(label): code for code, label in enumerate(model.classes)}
        y = np.array([codes[str(label)] for label in y])
    totals = dict.fromkeys(("both", "all rows", "folds"), 0.0)
    for member in model.members:
        found = [predict(pipeline, X, n_classes) for pipeline in member.pipelines]
        # A light member has the fit on all rows alone, one without time for it the folds' models.
        refitted = len(found) > 1 and member.shares[0] != member.shares[-1]
        of_folds = np.mean(found[refitted:], axis=0)
        parts = {
            "both": np.tensordot(member.shares, found, 1),
            "all rows": found[0] if refitted else of_folds,
            "folds": of_folds,
        }
        for name, part in parts.items():
            totals[name] = totals[name] + member.weight * part
    return metric.name, {
        name: metric.display(metric.score(y, total, n_classes)) for name, total in totals.items()
    }


if __name__ == "__main__":
    if len(sys.argv) < 3 or len(sys.argv) % 2 == 0:
        sys.exit(__doc__)
    for results, test in zip(sys.argv[1::2], sys.argv[2::2], strict=True):
        name, found = scores(Path(results), Path(test))
        told = ", ".join(f"{part} {score:.5g}" for part, score in found.items())
        sys.stdout.write(f"{results}: {name} {told}\n")
