"""Search spaces by name, from those that jointopt ships, or from a file."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from jointopt.errors import SpaceError
from jointopt.space import grid, yaml_read
from jointopt.space.space import Space
from jointopt.space.yaml_source import SUFFIXES, Source, read_part

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

__all__ = ["library", "load_space", "space_names"]


def library() -> Traversable:
    """Return the folder of search spaces that jointopt ships."""
    try:
        return files("jointopt.search_spaces")
    except ModuleNotFoundError:  # a checkout that is not installed
        return Path(__file__).parents[2] / "search_spaces"


def space_names() -> list[str]:
    """Return the names of the search spaces that jointopt ships.

    Examples
    --------
    >>> "tabular" in space_names()
    True
    """
    return sorted(
        file.name.removesuffix(".yaml")
        for file in library().iterdir()
        if file.name.endswith(".yaml") and _is_space(file)
    )


def _is_space(file: Traversable) -> bool:
    part = read_part(file.read_text(encoding="utf-8"), Source(file.name))
    return part.is_mapping and "paradigm" in part.entries("")


def load_space(name_or_path: str | Path) -> Space:
    """Load a search space.

    Parameters
    ----------
    name_or_path : str or Path
        The name of a space that jointopt ships, or a file ending in `.yaml` or `.yml`.

    Returns
    -------
    Space

    Raises
    ------
    SpaceError
        If there is no such space or file, or it is not valid; the message says where and why.

    Examples
    --------
    >>> load_space("small").axis_names
    ('transforms', 'features', 'paradigm', 'hyperparameters')
    >>> load_space("smal")
    Traceback (most recent call last):
        ...
    jointopt.errors.SpaceError: no search space 'smal'; choose from neural, small, tabular, wide,
        or give a file ending in .yaml; did you mean 'small'?
    """
    name = str(name_or_path)
    path = Path(name)
    if isinstance(name_or_path, Path) or name.endswith(SUFFIXES):
        return Space.from_document(yaml_read.read_file(path, path.parent, name))
    shipped = (file for file in library().iterdir() if file.name == f"{name}.yaml")
    file = next(filter(_is_space, shipped), None)
    if file is None:
        known = space_names()
        raise SpaceError(
            f"no search space {name!r}; choose from {', '.join(known)}, or give a file ending in "
            f".yaml{grid.did_you_mean(name, known)}"
        )
    return Space.from_document(yaml_read.read_file(file, library(), file.name))
