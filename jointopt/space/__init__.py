"""The search space as a tree of plain immutable objects.

`Float`, `Int`, `Categorical` and `Subset` are its leaves, `Choice` has branches and `Repeat`
copies; a `Space` puts them together, axis by axis. No data and no models.
"""

from __future__ import annotations

from jointopt.space.counting import Size
from jointopt.space.flat import Condition, Decision
from jointopt.space.leaves import AXES, Categorical, Config, Float, Int, Subset, Value
from jointopt.space.library import library, load_space, space_names
from jointopt.space.nodes import Choice, Node, Repeat
from jointopt.space.space import Space

__all__ = [
    "AXES",
    "Categorical",
    "Choice",
    "Condition",
    "Config",
    "Decision",
    "Float",
    "Int",
    "Node",
    "Repeat",
    "Size",
    "Space",
    "Subset",
    "Value",
    "library",
    "load_space",
    "space_names",
]
