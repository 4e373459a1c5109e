"""Small tables that tests share."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from jointopt.data import make_dataset


def mixed_frame(n_rows: int = 120, seed: int = 0) -> pd.DataFrame:
    """Return a table with every kind of column, missing values and a known signal."""
    rng = np.random.default_rng(seed)
    age = rng.uniform(18, 90, n_rows)
    income = np.exp(rng.normal(10, 1, n_rows))
    city = rng.choice(["Bern", "Oslo", "Rome", "Lima"], n_rows, p=[0.5, 0.3, 0.15, 0.05])
    words = np.array(["fast", "slow", "red", "blue", "large", "small", "old", "new"])
    text = [" ".join(rng.choice(words, 6)) for _ in range(n_rows)]
    signal = (age - 50) / 20 + (city == "Bern") + rng.normal(0, 0.4, n_rows)
    frame = pd.DataFrame(
        {
            "age": age,
            "income": income,
            "city": pd.Series(city, dtype="str"),
            "plan": rng.choice(["a", "b", "c"], n_rows),
            "joined": pd.date_range("2020-01-01", periods=n_rows, freq="17h"),
            "note": text,
            "signal": signal,
        }
    )
    frame.loc[rng.random(n_rows) < 0.1, "income"] = np.nan
    frame.loc[rng.random(n_rows) < 0.1, "city"] = np.nan
    return frame


def binary_frame(n_rows: int = 120, seed: int = 0) -> pd.DataFrame:
    frame = mixed_frame(n_rows, seed)
    label = np.where(frame.pop("signal") > 0.3, "yes", "no")
    return frame.assign(label=label)


def three_class_frame(n_rows: int = 120, seed: int = 0) -> pd.DataFrame:
    frame = mixed_frame(n_rows, seed)
    cut = pd.cut(frame.pop("signal"), [-np.inf, -0.3, 0.8, np.inf], labels=["low", "mid", "high"])
    return frame.assign(label=cut.astype(str))


@pytest.fixture
def frames():
    """Makers of tables by task: each returns a frame and the target's name."""
    return {
        "binary": (binary_frame, "label"),
        "multiclass": (three_class_frame, "label"),
        "regression": (mixed_frame, "signal"),
    }


@pytest.fixture(params=["binary", "multiclass", "regression"])
def dataset(request, frames):
    """A dataset of each task with every kind of column."""
    make, target = frames[request.param]
    return make_dataset(make(), target)
