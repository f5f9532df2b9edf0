"""Limits: the settings by which a value of one dimension says with which values of another it exists.

`tenant.environments: [staging, production]` in the overlays of a tenant leaves the tenant out of every other environment. Only a
setting that the schema allows can limit, so without one nothing has to be merged to know which targets there are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from weft.base.paths import Path as SettingPath
from weft.base.paths import dotted, get, has, pointer
from weft.base.problems import Problem, choices, did_you_mean
from weft.project.dimensions import Dimensions
from weft.project.entries import Dimension
from weft.project.provenance import place_of
from weft.project.resolution import Resolver
from weft.schema.node import Node

_Limit = tuple[Dimension, SettingPath]
"""The dimension that is limited, and the setting that lists its values."""


class Limits:
    """The limiting settings of the dimensions that targets name."""

    def __init__(self, dimensions: Dimensions, root: Node, resolver: Resolver) -> None:
        self._dimensions = dimensions
        self._root = root
        self._resolver = resolver
        self._limits = {dimension.name: self._of(dimension) for dimension in dimensions.named}

    def allow(self, dimension: Dimension, values: Mapping[str, str]) -> bool:
        """Whether a value of a dimension exists with the values of the dimensions before it."""
        limits = [(other, path) for other, path in self._limits[dimension.name] if other.name in values]
        config = self._resolver.config(values) if limits else None
        for other, path in limits:
            wanted = self._listed(config, path)
            names = [(other.aliases or {}).get(value, value) for value in wanted or () if isinstance(value, str)]
            if wanted is not None and values[other.name] not in names:
                return False
        return True

    def problems(self) -> Iterator[Problem]:
        """Limits that name a value which does not exist: the target that was meant would be missing, silently."""
        for dimension in self._dimensions.named if self._dimensions.from_files else ():
            for values in self._combinations(dimension):
                yield from self._unknown_values(dimension, values)

    def _of(self, dimension: Dimension) -> tuple[_Limit, ...]:
        every = [(other, (dimension.name, f"{other.name}s")) for other in self._dimensions.named]
        return tuple((other, path) for other, path in every if other is not dimension and self._is_setting(path))

    def _is_setting(self, path: tuple[str, str]) -> bool:
        """Whether the schema allows a setting, so that an overlay may have it, or a default."""
        return self._root.knows(path[0]) and self._root.child(path[0]).knows(path[1])

    def _listed(self, config: Any, path: SettingPath) -> list[Any] | None:
        """The values that a setting lists; None where it limits nothing."""
        path = self._root.catalog.renames.destination(path)
        value = get(config, path) if has(config, path) else self._root.at(path).default
        return value if isinstance(value, list) else None

    def _combinations(self, dimension: Dimension) -> Iterator[dict[str, str]]:
        """Each value of a dimension, with the first value of each other one: its limits stand in its own files."""
        values = self._dimensions.values
        first = {name: several[0] for name, several in values.items() if several}
        if dimension.files and self._limits[dimension.name]:
            yield from ({**first, dimension.name: value} for value in values[dimension.name])

    def _unknown_values(self, dimension: Dimension, values: Mapping[str, str]) -> Iterator[Problem]:
        layers, config = self._resolver.layers(values), self._resolver.config(values)
        for other, setting in self._limits[dimension.name]:
            known = self._dimensions.known(other)
            for index, value in enumerate(self._listed(config, setting) or ()):
                if value not in known:
                    path = (*setting, index)
                    place = place_of(self._root, layers, config, path)
                    hint = did_you_mean(str(value), known) or f"there are {choices(known)}"
                    message = f"{dotted(path)} is no {other.name}"
                    yield Problem("unknown-value", message, path=pointer(path), place=place, hint=hint)
