"""The bundle of a target: its configuration with schema and origins, for programs that read it while they run (files/bundle.py)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

from weft.base.overlay import Layer
from weft.base.paths import dotted
from weft.files import bundle as files
from weft.project.provenance import Items, leaves_of, setters
from weft.schema.bundled import bundled_for_programs
from weft.schema.catalog import Catalog
from weft.schema.node import Node
from weft.stages.render.unset import Wanted


class Bundling:
    """Makes the bundles of a project's targets; the schema in them is the same for all."""

    def __init__(self, catalog: Catalog, project: str | None) -> None:
        self._catalog = catalog
        self._project = project

    @cached_property
    def schema(self) -> dict[str, Any]:
        """All schemas in one, for values that may come without the sensitive ones."""
        return bundled_for_programs(self._catalog)

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
        for path in leaves_of(values):
            found = setters(self._catalog.root, layers, config, path, known)
            if found:
                place = found[0].place
                yield dotted(path), f"{place.file}:{place.line}"


def _secrets(node: Node, value: Any, path: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """The sensitive settings that are set, outside of lists, each with its environment variable."""
    if node.hidden and value is not None:
        yield dotted(path), node.env or ""
    elif isinstance(value, dict):
        for key, below in value.items():
            yield from _secrets(node.child(key), below, (*path, key))
