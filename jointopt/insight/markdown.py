"""Markdown of which no part that comes from data is markup."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["as_code", "as_table"]

GAP = "\u00a0\u00a0"


def as_code(text: object, longest: int = 300) -> str:
    """Return text as code in a line, where nothing is markup, cut to a length.

    >>> as_code("a`b *c*" + chr(10) * 2 + "# d")
    "`a'b *c* # d`"
    >>> as_code("abcdef", 4)
    '`abc…`'
    """
    # An empty line would end the paragraph, and the code with it.
    line = " ".join(str(text).replace("`", "'").split())
    return f"`{line if len(line) <= longest else line[: longest - 1] + '…'}`"


def as_table(heads: Iterable[str], *rows: Iterable[str]) -> str:
    """Return a table of which the first column is text and the others are numbers.

    Parameters
    ----------
    heads : iterable of str
        Of its columns.
    *rows : iterable of str
        Cells; none comes from data.

    Examples
    --------
    >>> print(as_table(["fold", "1"], ["rmse", "0.5"]).replace(GAP, ""))
    | fold | 1 |
    |---|---:|
    | rmse | 0.5 |
    """
    first = list(heads)
    rule = "|---" + "|---:" * (len(first) - 1) + "|"
    # Where Markdown is shown without a style, cells would touch.
    lines = [f"| {' | '.join(f'{cell}{GAP}' for cell in cells)} |" for cells in (first, *rows)]
    return "\n".join([lines[0], rule, *lines[1:]])
