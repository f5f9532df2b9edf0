"""Renaming: layers that set a renamed setting under its old name are read as if they set the new name.

Layers therefore keep their precedence: an old name in a higher layer wins over the new name in a lower one. Both names in one file set
one setting twice. Reports and explanations still show the line of the file, because the source records what was moved.
"""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import replace
from typing import Any

from weft.base.overlay import OPERATORS, PATCH, Layer, Source, data_path, is_operator
from weft.base.paths import Path, dotted, get, has, pointer
from weft.base.problems import Problem, Severity
from weft.base.recent import Latest
from weft.files.locator import locate
from weft.schema.node import Node


class Renaming:
    """Translates the layers of a project to the new names."""

    def __init__(self, root: Node) -> None:
        self._root = root
        self._renames = root.catalog.renames
        self._known: Latest[Layer, Layer] = Latest()

    def layer(self, layer: Layer) -> Layer:
        """The layer with new names only."""
        if not self._renames:
            return layer
        known = self._known.find(layer)
        return known or self._known.keep(layer, Layer(layer.name, tuple(map(self._source, layer.sources))))

    def _source(self, source: Source) -> Source:
        old_paths = list(_renamed(self._root, source.data, ()))
        if not old_paths:
            return source
        run = _Run(source, self._root)
        for old in old_paths:
            run.move(old, _within(old, self._renames.destination(data_path(old))))
        return run.result()


class _Run:
    """The translation of one file: a copy of its data, the moved settings, and the problems."""

    def __init__(self, source: Source, root: Node) -> None:
        self._root = root
        self._source = replace(source, data=deepcopy(source.data))
        self._problems: list[Problem] = []

    def move(self, old: Path, new: Path) -> None:
        """Move a value from one path of the data to another."""
        value = get(self._source.data, old)
        self._report(old, new)
        self._graft(old, new, value)

    def result(self) -> Source:
        """The translated file."""
        return replace(self._source, renamed=tuple(self._problems))

    def _graft(self, old: Path, new: Path, value: Any) -> None:
        data = self._source.data
        if not has(data, new):
            written = self._source.written_at(old)
            moved = [(_moved(there, old, new), file) for there, file in self._source.moves]
            self._source = replace(self._source, moves=(*moved, (new, written)))
            _remove(data, old)
            _put(data, new, value)
        elif _is_plain(value) and _is_plain(get(data, new)):
            for key in list(value):
                self._graft((*old, key), (*new, key), value[key])
        else:
            self._twice(old, new)

    def _report(self, old: Path, new: Path) -> None:
        names = dotted(data_path(old)), dotted(data_path(new))
        message = f"{names[0]} was renamed to {names[1]}, and still sets it"
        place = locate(self._source, old, key=True)
        self._problems.append(
            Problem(
                "deprecated",
                message,
                Severity.WARNING,
                path=pointer(data_path(old)),
                place=place,
                hint=f"set {names[1]} instead",
            )
        )

    def _twice(self, old: Path, new: Path) -> None:
        names = dotted(data_path(old)), dotted(data_path(new))
        message = f"{names[0]} and {names[1]} are one setting, under its old and its new name, and both are set here"
        places = locate(self._source, old), locate(self._source, new)
        hint = f"keep {names[1]}, and remove the other"
        path = pointer(data_path(new))
        _remove(self._source.data, old)
        self._problems.append(Problem("set-twice", message, path=path, place=places[0], related=places[1:], hint=hint))


def _renamed(node: Node, value: Any, path: Path) -> Iterator[Path]:
    """The paths in an overlay of settings with an old name, deepest first."""
    if isinstance(value, dict):
        for key, below in value.items():
            child = node if key in OPERATORS else node.child(key)
            yield from _renamed(child, below, (*path, key))
            if key not in OPERATORS and child.renamed_to is not None:
                yield (*path, key)
    elif isinstance(value, list):
        for index, below in enumerate(value):
            yield from _renamed(node.child(index), below, (*path, index))


def _within(old: Path, new: Path) -> Path:
    """The path in a file of a new name: next to the old one, inside the same operators, as far as the two paths are the same."""
    shared = list[str | int]()
    steps = 0
    for step in old:
        if step not in OPERATORS:
            if steps == len(new) or step != new[steps]:
                break
            steps += 1
        shared.append(step)
    return (*shared, *new[steps:])


def _moved(path: Path, old: Path, new: Path) -> Path:
    return (*new, *path[len(old) :]) if path[: len(old)] == old else path


def _is_plain(value: Any) -> bool:
    """True if a value is a mapping of settings, without operators."""
    return isinstance(value, dict) and not is_operator(value) and PATCH not in value


def _remove(data: Any, path: Path) -> None:
    """Remove a key, and every mapping around it that becomes empty."""
    around = get(data, path[:-1])
    del around[path[-1]]
    if not around and len(path) > 1 and isinstance(path[-2], str):
        _remove(data, path[:-1])


def _put(data: Any, path: Path, value: Any) -> None:
    for step in path[:-1]:
        data = data.setdefault(step, {}) if isinstance(data, dict) else data[step]
    data[path[-1]] = value
