"""The space of the design page."""

from __future__ import annotations

import pytest

from jointopt.space import AXES, Categorical, Choice, Float, Int, Repeat, Space, Subset


@pytest.fixture
def design():
    """The space of the design page."""
    return Space(
        transforms={"scale": Categorical(["none", "standard", "quantile"])},
        features={"columns": Subset(["age", "bmi", "sex"])},
        paradigm=Choice(
            {
                "knn": {"hyperparameters": {"k": Int(1, 40, log=True, default=5)}},
                "mlp": {
                    "architecture": {
                        "depth": Int(1, 4),
                        "width": Repeat("depth", Int(16, 512, log=True)),
                    },
                    "hyperparameters": {"learning_rate": Float(1e-4, 1e-1, log=True)},
                },
            }
        ),
    )


@pytest.fixture
def axes():
    return AXES
