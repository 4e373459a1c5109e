"""Every public name, and every public method of what a user gets, has an example that runs."""

from __future__ import annotations

import doctest
import inspect
import re
from functools import cached_property
from pathlib import Path

import pytest

import jointopt
from jointopt.insight.comparison_ranks import Friedman
from jointopt.insight.comparison_views import ComparisonFrames, ComparisonPlots
from jointopt.insight.interactions import Interactions
from jointopt.insight.search_result import SearchFrames, SearchPlots
from jointopt.model.fitted import FittedModel
from jointopt.space.counting import Size

PUBLIC = {name: getattr(jointopt, name) for name in jointopt.__all__ if name != "Config"}
RETURNED = (
    ComparisonFrames,
    ComparisonPlots,
    FittedModel,
    Friedman,
    Interactions,
    SearchFrames,
    SearchPlots,
    Size,
)
"""What methods of the public classes give back."""
DOCUMENTED = PUBLIC | {cls.__name__: cls for cls in RETURNED}


def examples(thing):
    """Return the source of the examples in a docstring."""
    parsed = doctest.DocTestParser().get_examples(inspect.getdoc(thing) or "")
    return "".join(example.source for example in parsed)


def public_methods(cls):
    """Yield methods and properties of our own by name; a library's protocol it has told itself."""
    others = [base for base in cls.__mro__ if base.__module__.partition(".")[0] != "jointopt"]
    for base in cls.__mro__:
        if base in others:
            continue
        for name, member in vars(base).items():
            if name.startswith("_") or any(hasattr(other, name) for other in others):
                continue
            if isinstance(member, classmethod | staticmethod):
                yield name, member.__func__
            elif inspect.isfunction(member) or isinstance(member, property | cached_property):
                yield name, member


def lacking(thing):
    """Return what of a public thing has no example, of its own or in its class's docstring."""
    own = examples(thing)
    found = [] if own else [thing.__name__]
    if inspect.isclass(thing):
        found += [
            f"{thing.__name__}.{name}"
            for name, member in public_methods(thing)
            if not examples(member) and not re.search(rf"\.{name}\b", own)
        ]
    return found


@pytest.mark.parametrize("name", sorted(DOCUMENTED))
def test_a_public_name_has_an_example(name):
    assert not lacking(DOCUMENTED[name])


def test_a_name_without_an_example_is_found():
    class Bare:
        """Do something.

        >>> Bare().shown()
        """

        def shown(self):
            """Be in the class's example."""

        def hidden(self):
            """Be in none."""

    Bare.__module__ = "jointopt.bare"
    assert lacking(Bare) == ["Bare.hidden"]
    assert lacking(test_a_name_without_an_example_is_found) == [
        "test_a_name_without_an_example_is_found"
    ]


def test_the_readme_shows_light_pictures():
    root = Path(__file__).parent.parent
    shown = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", (root / "README.md").read_text())
    assert len(shown) >= 2
    assert all((root / picture).stat().st_size < 100_000 for picture in shown)
