"""Placing: a problem that knows its path gets the file, line and column that people look at.

A problem is found in data, which no longer knows where it was written. Three things can be meant by its place: a rule of a schema
file (`in_schema`), a key of one overlay (`in_source`), or, for what is wrong with a merged configuration, the overlay that causes
it (`Placing`): the file that set the value, or, of all settings that a rule reads, the one that the highest layer sets.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from weft.base import paths
from weft.base.overlay import Layer, Source
from weft.base.problems import Place, Problem
from weft.project.provenance import place_of, setters
from weft.schema.node import Node
from weft.stages.load import place_in
from weft.stages.validate import AT_KEY


def in_schema(folder: Path, problem: Problem) -> Problem:
    """The problem, placed where its rule stands in the schema files of a project."""
    name, _, fragment = (problem.schema or "").partition("#")
    file = folder / name
    source, path = Source(name, {}, file), paths.parse_pointer(fragment)
    place = place_in(source, path, key=problem.code in AT_KEY, within=problem.within) if file.is_file() else Place(name)
    return replace(problem, place=place)


def in_source(problem: Problem, source: Source) -> Problem:
    """The problem, placed where its path leads in an overlay."""
    path = paths.parse_pointer(problem.path or "")
    return replace(problem, place=place_in(source, path, key=problem.code in AT_KEY))


@dataclass(frozen=True)
class Placing:
    """Places what is wrong with one merged configuration, given the layers that made it."""

    folder: Path
    root: Node
    layers: Sequence[Layer]
    config: Any

    def placed(self, problem: Problem) -> Problem:
        """The problem with the overlay that causes it."""
        if problem.code == "rule-undecided":
            return in_schema(self.folder, problem)  # the rule is to be fixed, not the values
        path = self._exact(self._most_specific(problem))
        if problem.code == "missing-required":
            problem = self._removed(problem, path)
        place = place_of(self.root, self.layers, self.config, path, key=problem.code in AT_KEY)
        if problem.reads:
            others = [self._setter_of(self._exact(read)) for read in problem.reads]
            related = dict.fromkeys(other for other in others if other and other != place)
            problem = replace(problem, related=(*problem.related, *related))
        files = [source for layer in self.layers for source in layer.sources if source.path]
        if place is None and problem.code == "missing-required" and files:
            place = Place(files[-1].name, 1, 1)  # the last layer that could have set it
        return replace(problem, place=place)

    def _setter_of(self, path: paths.Path) -> Place | None:
        """Where the winning value of a setting stands; None where no file sets it."""
        found = setters(self.root, self.layers, self.config, path)
        return found[0].place if found else None

    def _removed(self, problem: Problem, path: paths.Path) -> Problem:
        """A required setting that a null took away is reported as that."""
        found = setters(self.root, self.layers, self.config, path)
        if len(found) < 2 or found[0].value is not None:
            return problem
        message = f"{paths.dotted(path)} is required, and null removes it here"
        return replace(problem, message=message, related=tuple(setter.place for setter in found[1:]))

    def _most_specific(self, problem: Problem) -> str:
        """Of the settings that a broken rule reads, the one that the highest layer sets."""
        files = [source for layer in self.layers for source in layer.sources]
        ranks = {}
        for read in problem.reads:
            found = setters(self.root, self.layers, self.config, self._exact(read))
            ranks[read] = files.index(found[0].source) if found else -1
        best = max(ranks, key=lambda read: ranks[read], default=problem.path or "")
        return best if ranks.get(best, -1) >= 0 else problem.path or ""

    def _exact(self, pointer: str) -> paths.Path:
        """A pointer as a path into the configuration, with list indexes as numbers."""
        path: list[str | int] = []
        value: Any = self.config
        for step in paths.parse_pointer(pointer):
            key: str | int = int(step) if isinstance(value, list) and step.isdecimal() else step
            value = paths.get(value, (key,)) if paths.has(value, (key,)) else None
            path.append(key)
        return tuple(path)
