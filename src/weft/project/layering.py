"""Layering: layers folded into one configuration, with everything that is wrong with them.

A fold merges the files of its layers one after the other, from the lowest up. Targets share their lower layers, so what the first
files of a fold give is kept and shared: the *prefix cache*. A fleet of a thousand tenants merges the base, the environment and the
region once, and then one file for each tenant.

What is wrong with a file by itself (a secret in plain text, a reference of a wrong form) is wrong in every fold that has the file,
also where a layer above hides it, and is looked for once.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from weft.base import paths
from weft.base.overlay import Layer, Source, data_path, sources
from weft.base.problems import Problem, Severity
from weft.project.placing import in_source
from weft.schema.node import Catalog, Node
from weft.secrets.providers import misformed
from weft.secrets.references import literal_secret, literals
from weft.stages.load import Overlays, is_left_empty, place_in
from weft.stages.merge import merge, removed_mappings, set_twice


@dataclass(frozen=True)
class Folded:
    """What layers give: the merged value, without the schema's defaults, and what is wrong with the layers."""

    value: Any
    problems: tuple[Problem, ...] = ()


class Layering:
    """Finds the layers of a project's patterns and folds them; each file is read, and each prefix merged, at most once."""

    def __init__(self, root: Node, overlays: Overlays) -> None:
        self._root = root
        self._overlays = overlays
        self._files = _FileProblems(root)
        self._prefixes: dict[tuple[Source, ...], Folded] = {(): Folded({})}
        self._clashes: dict[Layer, tuple[Problem, ...]] = {}

    def layers(self, patterns: Iterable[str], values: Mapping[str, str]) -> tuple[Layer, ...]:
        """The layers of these patterns that have files, for these values of the dimensions."""
        found = [self._overlays.layer(pattern, values) for pattern in patterns]
        return tuple(layer for layer in found if layer and layer.sources)

    def fold(self, layers: Sequence[Layer]) -> Folded:
        """The layers merged, and what is wrong with them."""
        merged = self._merged(sources(layers))
        clashes = [problem for layer in layers for problem in self._set_twice(layer)]
        return Folded(merged.value, (*merged.problems, *clashes))

    def _merged(self, files: tuple[Source, ...]) -> Folded:
        """What files give: found in the cache as far as some fold had the same first files, and merged from there."""
        done = max(size for size in range(len(files) + 1) if files[:size] in self._prefixes)
        for size in range(done, len(files)):
            self._prefixes[files[: size + 1]] = self._with(self._prefixes[files[:size]], files[size])
        return self._prefixes[files]

    def _with(self, lower: Folded, source: Source) -> Folded:
        """What one more file makes of what the lower ones gave."""
        value, problems = merge(self._root, lower.value, source.data, defaults=True)
        placed = [in_source(problem, source) for problem in problems]
        empty = _left_empty(lower.value, source)
        return Folded(value, (*lower.problems, *self._files.problems(source), *placed, *empty))

    def _set_twice(self, layer: Layer) -> tuple[Problem, ...]:
        if layer not in self._clashes:
            several = len(layer.sources) > 1
            found = [_clash(*clash) for clash in set_twice(self._root, layer)] if several else []
            self._clashes[layer] = tuple(found)
        return self._clashes[layer]


class _FileProblems:
    """What is wrong with files by themselves, whatever lies above and below them."""

    def __init__(self, root: Node) -> None:
        self._root = root
        self._known: dict[Source, tuple[Problem, ...]] = {}

    def problems(self, source: Source) -> tuple[Problem, ...]:
        """What keeps a file from being read, secrets in plain text and references of a wrong form, each with its place."""
        if source not in self._known:
            unread = [replace(problem, quiet=self._may_hold_secret(source)) for problem in source.problems]
            found = (*self._plain_secrets(source), *misformed(self._root, source.data))
            self._known[source] = (*unread, *(in_source(problem, source) for problem in found))
        return self._known[source]

    def _plain_secrets(self, source: Source) -> Iterator[Problem]:
        for path in literals(self._root, source.data):
            yield literal_secret(path, self._root.at(data_path(path)).place)

    def _may_hold_secret(self, source: Source) -> bool:
        """Whether a file that could not be parsed may hold a secret in plain text: it names a sensitive setting."""
        if not self._secret_names or source.path is None or not source.path.is_file():
            return False
        names = "|".join(map(re.escape, sorted(self._secret_names)))
        text = source.path.read_bytes().decode("utf-8", "replace")
        return re.search(rf"(?:{names})[\"']?\s*:(?!\s*[\"']?ref\+)", text) is not None

    @cached_property
    def _secret_names(self) -> frozenset[str]:
        return _secret_names(self._root.catalog)


def _secret_names(catalog: Catalog) -> frozenset[str]:
    """The keys of sensitive settings, and of what holds some without naming them."""
    found = set()
    for schema in catalog.schemas_with("properties"):
        for name in schema["properties"]:
            below = catalog.node([schema], [schema]).child(name)
            if below.sensitive or below.child("*").sensitive or below.child(0).sensitive:
                found.add(name)
    return frozenset(found)


def _left_empty(lower: Any, source: Source) -> Iterator[Problem]:
    """Keys with nothing after their colon that remove a whole mapping of the lower layers; warnings."""
    for path in removed_mappings(lower, source.data):
        if is_left_empty(source, path):
            message = (
                f"`{path[-1]}:` without a value removes the whole mapping {paths.dotted(path)} of the lower layers"
            )
            hint = f"write `{path[-1]}: null` if that is meant, `{path[-1]}: {{}}` to change nothing"
            place = place_in(source, path, key=True)
            yield Problem("left-empty", message, Severity.WARNING, path=paths.pointer(path), place=place, hint=hint)


def _clash(source: Source, path: paths.Path, other: Source, other_path: paths.Path) -> Problem:
    message = f"{paths.dotted(path)} is set in {source.name} and in {other.name}, which are one layer"
    places = place_in(source, path), place_in(other, other_path)
    return Problem("set-twice", message, place=places[0], related=places[1:], hint="keep one of the two")
