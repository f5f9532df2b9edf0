"""Placing: problems of a merged configuration get the overlay that causes them.

A problem is found in data, which does not know where it was written. `files.locator` finds a rule of a schema file or a key of one
overlay. For a merged configuration, the file must be found first: the one that set the value or, if a rule reads several settings,
the one that the highest layer sets.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from weft.base import paths
from weft.base.codes import About
from weft.base.overlay import Layer
from weft.base.problems import Place, Problem
from weft.files.locator import placed_at_rule
from weft.project.provenance import Items, place_of, setters
from weft.schema.node import Node


@dataclass(frozen=True)
class Placing:
    """Places the problems of one merged configuration, given its layers; `targets` are the names of those that have it."""

    folder: Path
    root: Node
    layers: Sequence[Layer]
    config: Any
    targets: tuple[str, ...] = ()
    known: Items = field(default_factory=Items)

    def placed(self, problem: Problem) -> Problem:
        """The problem with the overlay that causes it."""
        about = problem.traits.about
        if about is About.RULE:
            return placed_at_rule(problem, self.folder)  # the rule needs to be fixed, not the values
        if about is About.ABSENCE:
            return self._absent(problem, self._exact(problem.path or ""))
        path = self._exact(self._most_specific(problem))
        place = place_of(self.root, self.layers, self.config, path, problem.traits.at_key, self.known)
        others = [self._setter_of(self._exact(read)) for read in problem.reads]
        related = dict.fromkeys(other for other in others if other and other != place)
        return replace(problem, place=place, related=(*problem.related, *related), targets=self.targets)

    def _setter_of(self, path: paths.Path) -> Place | None:
        """The place of the winning value of a setting; None if no file sets it."""
        found = setters(self.root, self.layers, self.config, path, self.known)
        return found[0].place if found else None

    def _absent(self, problem: Problem, path: paths.Path) -> Problem:
        """A missing required setting: at the null that removed it, at its misspelled key, or near where it belongs."""
        place = place_of(self.root, self.layers, self.config, path, True, self.known)
        found = setters(self.root, self.layers, self.config, path, self.known)
        if len(found) >= 2 and found[0].value is None:
            message = f"{paths.dotted(path)} is required, and null removes it here"
            related = tuple(setter.place for setter in found[1:])
            return replace(problem, message=message, place=place, related=related)
        if problem.reads:
            misspelled = self._exact(problem.reads[0])
            return replace(problem, place=place_of(self.root, self.layers, self.config, misspelled, True, self.known))
        place = place or self._last_file()
        return replace(problem, place=place and replace(place, nearest=True))

    def _last_file(self) -> Place | None:
        """The start of the last file that could have set a setting; None if the layers have no files."""
        files = [source for layer in self.layers for source in layer.sources if source.path]
        return Place(files[-1].name, 1, 1) if files else None

    def _most_specific(self, problem: Problem) -> str:
        """The setting that the highest layer sets, among those that a broken rule reads."""
        files = [source for layer in self.layers for source in layer.sources]
        ranks = {}
        for read in problem.reads:
            found = setters(self.root, self.layers, self.config, self._exact(read), self.known)
            if found:
                ranks[read] = files.index(found[0].source)
        return max(ranks, key=lambda read: ranks[read], default=problem.path or "")

    def _exact(self, pointer: str) -> paths.Path:
        """A pointer as a path into the configuration, with list indexes as numbers."""
        path: list[str | int] = []
        value: Any = self.config
        for step in paths.parse_pointer(pointer):
            key: str | int = int(step) if isinstance(value, list) and step.isdecimal() else step
            try:
                value = value[key]
            except (KeyError, IndexError, TypeError):
                value = None
            path.append(key)
        return self.root.catalog.renames.destination(path)  # layers set settings under their new names
