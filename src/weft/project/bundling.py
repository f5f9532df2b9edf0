"""The bundle of a target: its configuration with schema and origins, for programs that read it while they run (files/bundle.py)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

from weft.base.overlay import OPERATORS, Layer
from weft.base.paths import Path, dotted
from weft.files import bundle as files
from weft.project.provenance import Items, Setter, setters
from weft.schema.bundled import bundled_for_programs
from weft.schema.catalog import Catalog
from weft.schema.node import Node
from weft.stages.render.unset import Wanted


class Bundling:
    """Makes the bundles of a project's targets; the schema in them is the same for all."""

    def __init__(self, catalog: Catalog, project: str | None) -> None:
        self._catalog = catalog
        self._project = project
        self._places: dict[tuple[str, Path], str] = {}
        """The places of settings in files, which most targets share."""

    @cached_property
    def schema(self) -> str:
        """All schemas in one, for values that may come without the sensitive ones."""
        return files.as_json(bundled_for_programs(self._catalog))

    def files(self, target: str, wanted: Wanted, config: Any, layers: Sequence[Layer]) -> dict[str, str]:
        """The files of a target's bundle: name to text."""
        values = wanted.values
        origins = dict(self._origins(values, config, layers))
        secrets = dict(_secrets(self._catalog.root, config, ()))
        return files.written(
            values,
            self.schema,
            origins,
            secrets,
            wanted.others,
            project=self._project,
            target=target,
            revision=wanted.revision,
        )

    def _origins(self, values: Mapping[str, Any], config: Any, layers: Sequence[Layer]) -> Iterator[tuple[str, str]]:
        """The overlay file and line of each setting that an overlay sets; all others have the default of the schema."""
        known = Items()
        root = self._catalog.root
        near = [(Layer(layer.name, (source,)), source.data) for layer in layers for source in layer.sources]
        for path, files_about in _leaves(root, values, (), near):
            found = setters(root, files_about, config, path, known)
            if found:
                yield dotted(path), self._place(found[0])

    def _place(self, setter: Setter) -> str:
        key = setter.source.name, setter.path
        if key not in self._places:
            place = setter.place
            self._places[key] = f"{place.file}:{place.line}"
        return self._places[key]


_Near = Sequence[tuple[Layer, Any]]
"""Files that may say something about a place, each with what it has there; None where only a search can tell."""


def _leaves(node: Node, value: Any, path: Path, near: _Near) -> Iterator[tuple[Path, list[Layer]]]:
    """The paths of every scalar, and of every empty mapping and list, each with the files that may say something about it."""
    if not value or not isinstance(value, dict | list):
        yield path, [layer for layer, _ in near]
    elif isinstance(value, list):
        unknown = [(layer, None) for layer, _ in near]
        for index, below in enumerate(value):
            yield from _leaves(node.child(index), below, (*path, index), unknown)
    else:
        known = [(layer, data if _is_merged(node, data) else None) for layer, data in near]
        for key, below in value.items():
            inside = [(layer, data and data[key]) for layer, data in known if data is None or key in data]
            yield from _leaves(node.child(key), below, (*path, key), inside)


def _is_merged(node: Node, data: Any) -> bool:
    """True if a file says nothing about the keys that it leaves out here."""
    return isinstance(data, dict) and not node.atomic_map and not any(name in data for name in OPERATORS)


def _secrets(node: Node, value: Any, path: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """The sensitive settings that are set, outside of lists, each with its environment variable."""
    if node.hidden and value is not None:
        yield dotted(path), node.env or ""
    elif isinstance(value, dict):
        for key, below in value.items():
            yield from _secrets(node.child(key), below, (*path, key))
