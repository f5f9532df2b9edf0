"""Limits: settings by which a value of one dimension lists the values of another dimension that it exists with.

`limits: {environment: tenant.environments}` in the dimension `tenant` of weft.yaml, and `tenant.environments: [staging, production]` in
the overlays of a tenant, exclude the tenant from every other environment. Without an entry in weft.yaml, the setting named after both
dimensions is the limit: `tenant.environments`. Only a setting that the schema allows can be a limit, so without one, the targets are
known without merging anything.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from typing import Any, Final

from weft.base.paths import Path as SettingPath
from weft.base.paths import dotted, get, has, pointer
from weft.base.problems import Problem, choices, did_you_mean
from weft.project.dimensions import Dimensions
from weft.project.entries import Dimension
from weft.project.projectfile import ProjectFile
from weft.project.provenance import place_of
from weft.project.resolution import Resolver
from weft.schema.node import Node

_ALIKE: Final = 0.85
"""The similarity to the name of a dimension from which a setting counts as a possible limit (`difflib`)."""

_Limit = tuple[Dimension, SettingPath]
"""The limited dimension, and the setting that lists its values."""


def knows(root: Node, path: SettingPath) -> bool:
    """True if the schema allows a setting, so an overlay or a default may set it."""
    node = root
    for step in path:
        if not node.knows(step):
            return False
        node = node.child(step)
    return True


class Limits:
    """The limiting settings of the dimensions that targets name."""

    def __init__(self, file: ProjectFile, dimensions: Dimensions, root: Node, resolver: Resolver) -> None:
        self._file = file
        self._dimensions = dimensions
        self._root = root
        self._resolver = resolver
        self._limits = {dimension.name: self._of(dimension) for dimension in dimensions.named}

    def settings(self) -> dict[str, tuple[SettingPath, ...]]:
        """The settings that limit each dimension which targets name."""
        return {name: tuple(path for _, path in limits) for name, limits in self._limits.items()}

    def allow(self, dimension: Dimension, values: Mapping[str, str]) -> bool:
        """True if a value of a dimension exists with the values of the preceding dimensions."""
        limits = self._limits[dimension.name]
        config = self._resolver.config(values) if limits else None
        for other, path in limits:
            wanted = self._listed(config, path)
            names = [(other.aliases or {}).get(value, value) for value in wanted or () if isinstance(value, str)]
            if wanted is not None and values[other.name] not in names:
                return False
        return True

    def problems(self) -> Iterator[Problem]:
        """Limits with a value that does not exist: the intended target would be missing silently."""
        for dimension in self._dimensions.named if any(self._limits.values()) else ():
            for values in self._combinations(dimension):
                yield from self._unknown_values(dimension, values)

    def mistakes(self) -> Iterator[Problem]:
        """Limits of weft.yaml whose setting is not in the schema, or cannot be a list."""
        for dimension in self._dimensions.named:
            for other, path in (dimension.limits or {}).items():
                place = self._file.place("dimensions", dimension.name, "limits", other)
                if not knows(self._root, path):
                    message = f"there is no setting {dotted(path)}, so it would never limit `{dimension.name}`"
                    hint = did_you_mean(str(path[-1]), self._root.at(path[:-1]).properties)
                    yield Problem("project-invalid", message, place=place, hint=hint)
                elif self._root.at(path).types and "array" not in self._root.at(path).types:
                    message = f"{dotted(path)} is not a list, so it would never limit `{dimension.name}`"
                    yield Problem("project-invalid", message, place=place)

    def look_alikes(self, config: Mapping[str, Any]) -> Iterator[tuple[SettingPath, str, str]]:
        """Settings of a configuration that list values of a dimension and have a similar name, but are not limits.

        Each comes with the dimension that it would limit, and with the one that it resembles.
        """
        for dimension in self._dimensions.named[1:]:
            settings = config.get(dimension.name)
            limiting = {path for _, path in self._limits[dimension.name]}
            for name, value in settings.items() if isinstance(settings, dict) else ():
                path = (dimension.name, name)
                for other in self._before(dimension) if path not in limiting and isinstance(value, list) else ():
                    if self._may_list(name, value, other):
                        yield path, dimension.name, other.name

    def _may_list(self, name: str, items: list[Any], dimension: Dimension) -> bool:
        """True if a setting probably lists values of a dimension: some of its items are, and its name is similar."""
        known = self._dimensions.known(dimension)
        if not any(item in known for item in items):
            return False
        return bool(difflib.get_close_matches(name, _plurals(dimension.name), 1, _ALIKE))

    def _before(self, dimension: Dimension) -> tuple[Dimension, ...]:
        return self._dimensions.named[: self._dimensions.named.index(dimension)]

    def _of(self, dimension: Dimension) -> tuple[_Limit, ...]:
        before = self._before(dimension)
        if dimension.limits is not None:
            return tuple((other, dimension.limits[other.name]) for other in before if other.name in dimension.limits)
        if dimension.files is None:
            return ()
        every = [(other, (dimension.name, f"{other.name}s")) for other in before]
        return tuple((other, path) for other, path in every if knows(self._root, path))

    def _listed(self, config: Any, path: SettingPath) -> list[Any] | None:
        """The values that a setting lists; None if it limits nothing."""
        path = self._root.catalog.renames.destination(path)
        value = get(config, path) if has(config, path) else self._root.at(path).default
        return value if isinstance(value, list) else None

    def _combinations(self, dimension: Dimension) -> Iterator[dict[str, str]]:
        """Each value of a dimension, with the first value of each other one: its limits are in its own files."""
        values = self._dimensions.values
        first = {name: several[0] for name, several in values.items() if several}
        if self._limits[dimension.name]:
            yield from ({**first, dimension.name: value} for value in values[dimension.name])

    def _unknown_values(self, dimension: Dimension, values: Mapping[str, str]) -> Iterator[Problem]:
        layers, config = self._resolver.layers(values), self._resolver.config(values)
        for other, setting in self._limits[dimension.name]:
            known = self._dimensions.known(other)
            for index, value in enumerate(self._listed(config, setting) or ()):
                if value not in known:
                    path = (*setting, index)
                    place = place_of(self._root, layers, config, path)
                    hint = did_you_mean(str(value), known) or f"choose from {choices(known)}"
                    message = f"{dotted(path)} is not a known {other.name}"
                    yield Problem("unknown-value", message, path=pointer(path), place=place, hint=hint)


def _plurals(name: str) -> list[str]:
    return [name, f"{name}s", f"{name}es", *([f"{name[:-1]}ies"] if name.endswith("y") else [])]
