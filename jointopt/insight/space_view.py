"""A search space on the terminal: its tree and the size of each axis."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.markup import escape
from rich.table import Table
from rich.tree import Tree

from jointopt.insight.words import whole
from jointopt.pipeline.blueprint import MAX_MASK_COLUMNS
from jointopt.space import Categorical, Choice, Float, Int, Subset

if TYPE_CHECKING:
    from rich.console import Console

    from jointopt.space import Space

__all__ = ["show_space"]


def show_space(console: Console, space: Space, n_columns: int) -> None:
    """Print the tree and the sizes; masks over a table's columns are counted for `n_columns`."""
    n_switches = min(n_columns, MAX_MASK_COLUMNS)
    bound = space.bind({"table": [f"column {i + 1}" for i in range(n_switches)]})
    console.print(_tree(bound))
    size = bound.size()
    table = Table(box=None, pad_edge=False, padding=(0, 2))
    table.add_column("axis")
    table.add_column("choices", justify="right")
    for axis, count in size.items():
        table.add_row(escape(axis), whole(count))
    table.add_section()
    table.add_row("one axis after another, N + M", whole(size.sequential))
    table.add_row("[bold]jointly, N × M[/bold]", f"[bold]{whole(size.joint)}[/bold]")
    console.print(table)
    groups = f", in {n_switches} groups" if n_switches < n_columns else ""
    console.print(
        f"Continuous ranges are counted at {size.resolution} values"
        + (f", masks for a table of {n_columns:,} columns{groups}." if bound != space else "."),
        style="dim",
    )


def _tree(space: Space) -> Tree:
    root = Tree("[bold]search space[/bold]")
    branches: dict[str, Any] = {}
    for decision in space.decisions:
        parts = decision.path.split("/")
        parent: Any = root
        for i in range(1, len(parts)):
            path = "/".join(parts[:i])
            if path not in branches:
                branches[path] = parent.add(escape(parts[i - 1]))
            parent = branches[path]
        label = f"{escape(parts[-1])}  [dim]{escape(_values(decision.node))}[/dim]"
        branches[decision.path] = parent.add(label)
    return root


def _values(node: Any) -> str:
    match node:
        case Float() | Int():
            log = ", log" if node.log else ""
            return f"{node.low:g} to {node.high:g}{log}"
        case Categorical():
            return ", ".join(map(str, node.options))
        case Choice():
            return " | ".join(node.branches)
        case Subset():
            return f"any of {len(node.members)} columns"
    return ""
