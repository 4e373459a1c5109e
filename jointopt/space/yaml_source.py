"""YAML text with its places: files that include each other, marks, scalars, mappings."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, NoReturn

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.nodes import MappingNode, ScalarNode, SequenceNode

from jointopt.errors import SpaceError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from importlib.resources.abc import Traversable

__all__ = ["SUFFIXES", "Part", "Source", "read_part", "read_text"]

SUFFIXES = (".yaml", ".yml")
YAML_1_2 = YAML(typ="safe", pure=True)
"""Made once: ruamel.yaml looks for plug-ins on the disk whenever it makes one."""


@dataclass(frozen=True, slots=True)
class Source:
    """A file, or a text without one.

    Attributes
    ----------
    name : str
        What messages call it.
    folder : Traversable or None
        Where the files that it includes are; None for a text without a file.
    including : tuple of str
        The names of the files that led to this one.
    """

    name: str
    folder: Traversable | None = None
    including: tuple[str, ...] = ()

    def included(self, relative: str) -> tuple[Source, Traversable]:
        """Return a file or folder below this one's folder, and a source for what is in it.

        Raises
        ------
        SpaceError
            If there is no folder, or the path would leave it.
        """
        if self.folder is None:
            raise SpaceError(
                f"a text that is not in a file cannot include {relative!r}; "
                "save it to a file and load that"
            )
        path = PurePosixPath(relative)
        if path.is_absolute() or ".." in path.parts or "\\" in relative or ":" in relative:
            raise SpaceError(
                f"from: {relative!r} must be a relative path with '/', inside the folder of the "
                "including file"
            )
        target = self.folder.joinpath(*path.parts)
        parent = PurePosixPath(self.name).parent
        folder = self.folder.joinpath(*path.parent.parts) if path.suffix in SUFFIXES else target
        return Source(str(parent / path), folder, (*self.including, self.name)), target


@dataclass(frozen=True, slots=True)
class Part:
    """A YAML node and the file that it stands in."""

    node: Any
    source: Source

    def place(self) -> str:
        """Say where it is."""
        mark = self.node.start_mark
        return f"{self.source.name}, line {self.line}, column {mark.column + 1}"

    @property
    def line(self) -> int:
        """The line that it begins in, from 1."""
        return int(self.node.start_mark.line) + 1

    def fail(self, path: str, message: str) -> NoReturn:
        """Raise a `SpaceError` that begins with the place and the path."""
        raise SpaceError(
            f"{self.place()}: {path}: {message}" if path else f"{self.place()}: {message}"
        )

    @property
    def is_mapping(self) -> bool:
        """Whether it is a mapping."""
        return isinstance(self.node, MappingNode)

    def kind(self) -> str:
        """Say what it is, for messages."""
        match self.node:
            case MappingNode():
                return "a mapping"
            case SequenceNode():
                return "a list"
            case ScalarNode():
                return repr(self.plain(""))
            case _:
                return "nothing"

    def entries(self, path: str) -> dict[str, tuple[Part, Part]]:
        """Return the entries of a mapping, each with the part that is its key."""
        if not isinstance(self.node, MappingNode):
            self.fail(path, f"expected a mapping, got {self.kind()}")
        self._check_tag("map", path)
        found: dict[str, tuple[Part, Part]] = {}
        for key_node, value_node in self.node.value:
            key_part = Part(key_node, self.source)
            key = key_part.plain(path)
            if not isinstance(key, str):
                key_part.fail(path, f"expected a string as key, got {key!r}; quote it")
            if key in found:
                key_part.fail(path, f"the key {key!r} is there twice")
            found[key] = (key_part, Part(value_node, self.source))
        return found

    def elements(self, path: str, what: str) -> list[Part]:
        """Return the elements of a list.

        Raises
        ------
        SpaceError
            If it is no list.
        """
        if not isinstance(self.node, SequenceNode):
            self.fail(path, f"{what} must be a list, got {self.kind()}")
        self._check_tag("seq", path)
        return [Part(node, self.source) for node in self.node.value]

    def _check_tag(self, plain: str, path: str) -> None:
        if str(self.node.tag) != f"tag:yaml.org,2002:{plain}":
            self.fail(path, f"the tag {self.node.tag} is not allowed; leave it out")

    def children(self) -> Mapping[Any, tuple[Part, Part]]:
        """Return what is below it by key or by position, each with the part where it begins."""
        if self.is_mapping:
            return self.entries("")
        if isinstance(self.node, SequenceNode):
            return {i: (part, part) for i, part in enumerate(self.elements("", "it"))}
        return {}

    def plain(self, path: str) -> Any:
        """Return it as plain data.

        Raises
        ------
        SpaceError
            If YAML cannot tell what it is.
        """
        with _yaml_errors(self.source.name, path):
            try:
                # A new one: it remembers what it has read, and where it failed.
                constructor = YAML_1_2.Constructor(loader=YAML_1_2)
                return constructor.construct_object(self.node, deep=True)
            except (ValueError, LookupError) as error:
                # What the constructors of numbers and dates let through, such as 2020-13-45.
                self.fail(path, f"a value cannot be read: {error}")


def read_text(file: Traversable, name: str) -> str:
    """Return the text of a file; messages call it by the name.

    Raises
    ------
    SpaceError
        If it cannot be read, or is not UTF-8.
    """
    try:
        return file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise SpaceError(
            f"{name} is not UTF-8 text (byte 0x{error.object[error.start]:02x}); "
            "save it again with UTF-8 encoding"
        ) from error
    except OSError as error:
        raise SpaceError(f"{name} cannot be read: {error.strerror}") from error


def read_part(text: str, source: Source) -> Part:
    """Return the root of a YAML text.

    Raises
    ------
    SpaceError
        If the text is not YAML, or empty.
    """
    with _yaml_errors(source.name, ""):
        node = YAML(typ="safe", pure=True).compose(text)
    if node is None:
        raise SpaceError(f"{source.name}: the file is empty")
    return Part(node, source)


@contextmanager
def _yaml_errors(name: str, path: str) -> Iterator[None]:
    """Say in one line what YAML found wrong, and where."""
    try:
        yield
    except YAMLError as error:
        mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
        where = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        problem = getattr(error, "problem", None) or getattr(error, "context", None) or str(error)
        words = problem.strip().partition("\n")[0]
        raise SpaceError(f"{name}{where}: {f'{path}: ' if path else ''}{words}") from error
    except RecursionError as error:
        raise SpaceError(f"{name}: brackets or lists are nested too deep") from error
