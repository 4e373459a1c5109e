"""What a second fit on all rows is worth where boosting held some out: `make bench`."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from lightgbm import LGBMClassifier, LGBMRegressor
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.metrics import log_loss, root_mean_squared_error
from sklearn.model_selection import RepeatedKFold, RepeatedStratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OrdinalEncoder
from xgboost import XGBClassifier, XGBRegressor

from jointopt.pipeline import estimators
from jointopt.pipeline.estimators import EarlyStoppingClassifier, EarlyStoppingRegressor

MAX_ROWS, N_REPEATS = 5_000, 4
LIGHTGBM = {"n_estimators": 3000, "subsample_freq": 1, "verbose": -1, "n_jobs": 1}
XGBOOST = {"n_estimators": 3000, "n_jobs": 1}
BOOSTERS = (
    (LGBMClassifier, LGBMRegressor, LIGHTGBM | {"learning_rate": 0.06}),
    (LGBMClassifier, LGBMRegressor, LIGHTGBM | {"learning_rate": 0.03, "num_leaves": 8}),
    (XGBClassifier, XGBRegressor, XGBOOST | {"learning_rate": 0.08}),
    (XGBClassifier, XGBRegressor, XGBOOST | {"learning_rate": 0.05, "max_depth": 3}),
)


def loss(booster, X, y):
    """Return the mean loss on rows that were not seen, five folds of several divisions.

    One division of a table of a few hundred rows says little: by one, the same comparison on wine
    came to a third more.
    """
    is_class = y.dtype.kind != "f"
    wrapper = EarlyStoppingClassifier if is_class else EarlyStoppingRegressor
    ordinal = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    columns = make_column_transformer(
        (ordinal, make_column_selector(dtype_exclude="number")), remainder="passthrough"
    )
    losses = []
    kind = RepeatedStratifiedKFold if is_class else RepeatedKFold
    splits = kind(n_splits=5, n_repeats=N_REPEATS, random_state=0).split(X, y)
    for seed, (fitted, scored) in enumerate(splits):
        model = make_pipeline(columns, wrapper(booster, random_state=seed))
        model.fit(X.iloc[fitted], y[fitted])
        if is_class:
            proba = model.predict_proba(X.iloc[scored])
            # XGBoost's are of single precision.
            proba = proba / proba.sum(axis=1, keepdims=True)
            losses.append(log_loss(y[scored], proba, labels=np.unique(y)))
        else:
            losses.append(root_mean_squared_error(y[scored], model.predict(X.iloc[scored])))
    return np.mean(losses)


@pytest.mark.slow
def test_early_stopping(tables, monkeypatch):
    most = estimators.MOST_ROWS_TO_FIT_TWICE
    ratios = []
    sys.stdout.write("\nloss of boosters fitted once more on all rows / of those that were not\n")
    for name, X, y in tables:
        of_table = []
        for classifier, regressor, options in BOOSTERS:
            found = []
            for limit in (most, 0):
                monkeypatch.setattr(estimators, "MOST_ROWS_TO_FIT_TWICE", limit)
                booster = (regressor if y.dtype.kind == "f" else classifier)(**options)
                found.append(loss(booster, X.head(MAX_ROWS), y[:MAX_ROWS]))
            of_table.append(found[0] / found[1])
        ratios += of_table
        sys.stdout.write(f"  {name:15} {', '.join(f'{ratio:.4f}' for ratio in of_table)}\n")
    better, mean = np.sum(np.array(ratios) < 1), np.exp(np.mean(np.log(ratios)))
    sys.stdout.write(f"  lower in {better} of {len(ratios)}, geometric mean {mean:.4f}\n")
    assert mean < 1
