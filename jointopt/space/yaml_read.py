"""Search spaces from YAML; every complaint names file, line, column and path.

A mapping that has one of the words `float`, `int`, `categorical`, `choice`, `repeat`, `subset` as
key is a node; `{from: FILE}` stands for what is in that file; any other mapping is a group.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from jointopt.errors import SpaceError
from jointopt.space import grid
from jointopt.space.flat import Where, axis_names, branch_children
from jointopt.space.frozen_map import FrozenMap
from jointopt.space.leaves import Categorical, Float, Int, PlacedError, Subset
from jointopt.space.nodes import ESTIMATOR, RESERVED, Choice, Node, Repeat, Tree, check_name
from jointopt.space.yaml_source import SUFFIXES, Part, Source, read_part, read_text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from importlib.resources.abc import Traversable

T = TypeVar("T")

__all__ = ["Document", "read", "read_file"]

EXTRA_KEYS: Mapping[str, tuple[str, ...]] = {
    "float": ("log", "step", "default", "unless"),
    "int": ("log", "step", "default", "unless"),
    "categorical": ("default", "unless"),
    "choice": ("default", "unless"),
    "repeat": ("of", "unless"),
    "subset": ("unless",),
}
"""What may stand beside each node word."""

FROM = "from"
ONLY = "only"
ENDS = ("low", "high")
MAX_DEPTH = 60


@dataclass(frozen=True, slots=True)
class Document:
    """The axes that a text describes, and where each path was written."""

    axes: Mapping[str, Tree]
    places: Mapping[str, str]

    def build(self, make: Callable[..., T]) -> T:
        """Call with the axes as keywords, and say in error messages where a path was written."""
        try:
            return make(**self.axes)
        except PlacedError as error:
            place = self.places.get(error.path, "")
            raise SpaceError(f"{place}: {error}" if place else str(error)) from None


def read(text: str, source: str) -> Document:
    """Return the axes that a text without a file describes.

    Raises
    ------
    SpaceError
        If the text is not a space.
    """
    return _document(read_part(text, Source(source)))


def read_file(file: Traversable, folder: Traversable, name: str) -> Document:
    """Return the axes that a file describes; messages call it by the name, includes are in folder.

    Raises
    ------
    SpaceError
        If the file is not a space.
    """
    return _document(read_part(read_text(file, name), Source(name, folder)))


def _document(root: Part) -> Document:
    entries = root.entries("")
    if words := _words(entries):
        root.fail("", f"this is a part of a space ({words[0]}); a space has axes as keys")
    reader = _Reader(axis_names({name: FrozenMap[Tree]() for name in entries}))
    axes = {}
    for name, (key, part) in entries.items():
        reader.check_name(key, name, "")
        axes[name] = reader.tree(part, Where(name))
    return Document(axes, reader.places)


def _words(entries: Mapping[str, tuple[Part, Part]]) -> list[str]:
    """Return the node words among the keys; `categorical` over a mapping is a name."""
    return [
        key
        for key, (_, value) in entries.items()
        if key in EXTRA_KEYS and not (key == "categorical" and value.is_mapping)
    ]


@dataclass(frozen=True, slots=True)
class _Reader:
    axes: frozenset[str]
    places: dict[str, str] = field(default_factory=dict)

    def check_name(self, key: Part, name: str, path: str) -> None:
        try:
            check_name(name)
        except SpaceError as error:
            key.fail(path, str(error))

    def tree(self, part: Part, where: Where) -> Tree:
        """Read a node or a group."""
        part = self.followed(part, where.path)
        if len(where.trail) > MAX_DEPTH:
            part.fail(where.path, "is nested too deep")
        if not part.is_mapping:
            part.fail(where.path, f"expected a node or a group, got {part.kind()}")
        entries = part.entries(where.path)
        self.places.setdefault(where.path, part.place())
        words = _words(entries)
        if len(words) > 1:
            entries[words[1]][0].fail(
                where.path, f"a node is of one kind, got {words[0]!r} and {words[1]!r}"
            )
        return self.node(words[0], part, entries, where) if words else self.group(entries, where)

    def followed(self, part: Part, path: str) -> Part:
        """Go to the file that `{from: FILE}` names, if the part is that."""
        entries = part.entries(path) if part.is_mapping else {}
        if FROM not in entries:
            return part
        self._only_keys(entries, (FROM,), FROM, path)
        value = entries[FROM][1]
        name = self._file_name(value, path)
        if not name.endswith(SUFFIXES):
            value.fail(path, f"from: expected a file ending in .yaml, got {name!r}")
        return self.followed(self._open(value, name, path), path)

    def _file_name(self, value: Part, path: str) -> str:
        name = value.plain(path)
        if not isinstance(name, str) or not name:
            value.fail(path, f"from: expected a path, got {name!r}")
        return name

    def _open(self, value: Part, name: str, path: str) -> Part:
        try:
            source, target = value.source.included(name)
        except SpaceError as error:
            value.fail(path, str(error))
        if source.name in source.including:
            chain = " -> ".join((*source.including, source.name))
            value.fail(path, f"from: files include each other in a circle: {chain}")
        if not target.is_file():
            value.fail(path, f"from: no file {source.name!r}")
        return read_part(read_text(target, source.name), source)

    def group(self, entries: Mapping[str, tuple[Part, Part]], where: Where) -> Tree:
        return FrozenMap(
            {
                name: self.child(key, name, part, where.child(name), where.path)
                for name, (key, part) in entries.items()
            }
        )

    def child(self, key: Part, name: str, part: Part, where: Where, parent: str) -> Tree:
        if not part.is_mapping and name not in RESERVED:
            words = (*EXTRA_KEYS, FROM)
            hint = grid.did_you_mean(name, words)
            part.fail(where.path, f"expected a node or a group, got {part.kind()}{hint}")
        self.check_name(key, name, parent)
        return self.tree(part, where)

    def node(
        self, word: str, part: Part, entries: Mapping[str, tuple[Part, Part]], where: Where
    ) -> Node:
        path = where.path
        self._only_keys(entries, (word, *EXTRA_KEYS[word]), word, path)
        values = {key: value for key, (_, value) in entries.items()}
        content = values.pop(word)
        make: Callable[..., Node]
        given: list[Any]
        match word:
            case "float" | "int":
                make = Float if word == "float" else Int
                given = self._ends(word, content, values, path)
            case "categorical":
                make = Categorical
                elements = content.elements(path, word)
                given = [[element.plain(path) for element in elements]]
                self.places.update({f"{path}/{e.plain(path)}": e.place() for e in elements})
            case "choice":
                make, given = Choice, [self.branches(content, where)]
            case "repeat":
                if "of" not in values:
                    part.fail(path, "repeat needs 'of': what is repeated")
                body = self.tree(values.pop("of"), where.child("0"))
                make, given = Repeat, [content.plain(path), body]
            case _:
                make, given = Subset, [content.plain(path)]
        try:
            return make(*given, **{key: value.plain(path) for key, value in values.items()})
        except SpaceError as error:
            part.fail(path, str(error))

    def _ends(
        self, word: str, content: Part, values: Mapping[str, Part], path: str
    ) -> list[float | int]:
        """Check that whatever must be a number is one, each where it stands."""
        if not isinstance(content.plain(path), list) or len(content.plain(path)) != len(ENDS):
            content.fail(path, f"{word} must be [low, high], got {content.plain(path)!r}")
        ends = dict(zip(ENDS, content.elements(path, word), strict=True))
        check = grid.real if word == "float" else grid.whole
        for what, part in {**ends, **values}.items():
            if what in (*ENDS, "step", "default"):
                try:
                    check(part.plain(path), what)
                except SpaceError as error:
                    part.fail(path, str(error))
        return [end.plain(path) for end in ends.values()]

    def _only_keys(
        self,
        entries: Mapping[str, tuple[Part, Part]],
        known: tuple[str, ...],
        word: str,
        path: str,
    ) -> None:
        for key, (part, _) in entries.items():
            if key not in known:
                part.fail(path, f"unknown key {key!r} of {word}{grid.did_you_mean(key, known)}")

    def branches(self, part: Part, where: Where) -> dict[str, dict[str, Any]]:
        """Read the branches of a choice, or the folder that holds one file for each."""
        entries = part.entries(where.path)
        if FROM in entries:
            self._only_keys(entries, (FROM, ONLY), FROM, where.path)
            name = self._file_name(entries[FROM][1], where.path)
            if name.endswith(SUFFIXES):
                return self.branches(self._open(entries[FROM][1], name, where.path), where)
            return self._folder(entries, name, where)
        found = {}
        for label, (key, body) in entries.items():
            self.check_name(key, label, where.path)
            found[label] = self.branch(label, body, where)
        return found

    def _folder(
        self, entries: Mapping[str, tuple[Part, Part]], name: str, where: Where
    ) -> dict[str, dict[str, Any]]:
        value = entries[FROM][1]
        try:
            source, folder = value.source.included(name)
        except SpaceError as error:
            value.fail(where.path, str(error))
        if not folder.is_dir():
            value.fail(where.path, f"from: no folder {source.name!r}")
        files = self._files(folder, value, where.path)
        stems = sorted(files)
        chosen = stems
        if ONLY in entries:
            chosen = []
            for element in entries[ONLY][1].elements(where.path, ONLY):
                stem = element.plain(where.path)
                if stem not in stems:
                    element.fail(
                        where.path,
                        f"only: no file {stem}.yaml in {source.name!r}"
                        f"{grid.did_you_mean(stem, stems)}",
                    )
                chosen.append(stem)
        return {
            stem: self.branch(stem, self._open(value, f"{name}/{files[stem]}", where.path), where)
            for stem in chosen
        }

    def _files(self, folder: Traversable, value: Part, path: str) -> dict[str, str]:
        """Return the files of a folder of branches by label."""
        found: dict[str, str] = {}
        for name in sorted(file.name for file in folder.iterdir()):
            label, _, suffix = name.rpartition(".")
            if f".{suffix}" not in SUFFIXES:
                continue
            if label in found:
                value.fail(path, f"from: both {found[label]} and {name} are there; keep one")
            found[label] = name
        return found

    def branch(self, label: str, part: Part, where: Where) -> dict[str, Any]:
        """Read the body of a branch; a branch of nothing may be left empty."""
        place = where.child(label)
        part = self.followed(part, place.path)
        self.places[place.path] = part.place()
        if not part.is_mapping and part.plain(place.path) is None:
            return {}
        entries = part.entries(place.path)
        if words := _words(entries):
            entries[words[0]][0].fail(
                place.path, f"a branch is a group of named nodes, got a node ({words[0]})"
            )
        body: dict[str, Any] = {}
        places = branch_children(
            where, label, FrozenMap(dict.fromkeys(entries, FrozenMap[Tree]())), self.axes
        )
        for name, (key, below) in entries.items():
            if name == ESTIMATOR:
                body[name] = below.plain(place.path)
                self._mark(key, below, f"{place.path}/{ESTIMATOR}")
            else:
                body[name] = self.child(key, name, below, places[name][0], place.path)
        return body

    def _mark(self, key: Part, part: Part, path: str) -> None:
        """Remember where what is no part of the tree was written."""
        self.places[path] = key.place()
        for name, (key_below, below) in part.children().items():
            self._mark(key_below, below, f"{path}/{name}")
