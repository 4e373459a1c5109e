"""Generated search spaces, as hypothesis strategies, and the one of the design page."""

from __future__ import annotations

import pytest
from hypothesis import strategies as st

from jointopt.space import AXES, Categorical, Choice, Float, Int, Repeat, Space, Subset

NAMES = ("a", "b", "c")


@st.composite
def leaves(draw, *, finite=True, unless=None):
    kind = draw(st.sampled_from(["int", "float", "categorical", "subset"]))
    if kind == "int":
        low = draw(st.integers(-1, 2))
        return Int(
            low,
            low + 2 * draw(st.integers(0, 1)),
            step=draw(st.sampled_from([1, 2])),
            unless=unless,
        )
    if kind == "float":
        if finite:
            return Float(0, draw(st.sampled_from([0, 0.2])), step=0.1, unless=unless)
        log = draw(st.booleans())
        return Float(0.5, draw(st.floats(0.6, 9)), log=log, unless=unless)
    if kind == "categorical":
        options = draw(
            st.lists(
                st.sampled_from(["x", "y", None, False, 7, 1.5]),
                min_size=1,
                max_size=3,
                unique=True,
            )
        )
        return Categorical(options, draw(st.sampled_from(options)), unless)
    members = draw(
        st.lists(st.sampled_from(["p", "q/r", "s"]), min_size=1, max_size=2, unique=True)
    )
    return Subset(members, unless)


@st.composite
def choices(draw, depth, *, finite, unless=None):
    labels = draw(st.lists(st.sampled_from(["k", "l", "m"]), min_size=1, max_size=3, unique=True))
    branches = {label: draw(groups(depth - 1, finite=finite, branch=True)) for label in labels}
    return Choice(branches, draw(st.sampled_from([None, *labels])), unless)


@st.composite
def groups(draw, depth, *, finite, branch=False, unlesses=()):
    found = {}
    unless = st.sampled_from([None, *unlesses])
    for name in NAMES[: draw(st.integers(0, 2))]:
        kind = draw(st.sampled_from(["leaf", "leaf", "choice", "group", "repeat"]))
        if kind == "leaf" or depth <= 0:
            found[name] = draw(leaves(finite=finite, unless=draw(unless)))
        elif kind == "choice":
            found[name] = draw(choices(depth, finite=finite, unless=draw(unless)))
        elif kind == "group":
            found[name] = draw(groups(depth - 1, finite=finite, unlesses=unlesses))
        else:
            low = draw(st.integers(0, 1))
            found["count"] = Int(low, low + 1)
            body = draw(st.one_of(leaves(finite=finite), groups(0, finite=finite)))
            found[name] = Repeat("count", body, draw(unless))
    if branch and draw(st.booleans()):
        axis = draw(st.sampled_from(["hyperparameters", "extra"]))
        found[axis] = draw(groups(0, finite=finite))
    return found


@st.composite
def spaces(draw, *, finite=True):
    """Spaces with nested choices, repeats, subsets, axis switches and conditions."""
    paradigm = draw(choices(2, finite=finite))
    refused = draw(st.lists(st.sampled_from([*paradigm.branches, "gone"]), min_size=1, max_size=2))
    unlesses = ({"paradigm": refused},)
    axes = {"transforms": draw(groups(1, finite=finite, unlesses=unlesses)), "paradigm": paradigm}
    if draw(st.booleans()):
        axes["extra"] = draw(groups(0, finite=finite, unlesses=unlesses))
    return Space(**axes)


@pytest.fixture(scope="session")
def finite_spaces():
    return spaces()


@pytest.fixture(scope="session")
def any_spaces():
    return spaces(finite=False)


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
