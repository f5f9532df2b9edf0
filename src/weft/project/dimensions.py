"""Dimensions: the properties in which targets differ, and their values.

The values of a dimension are listed in weft.yaml (`values`), or they are the names of the files that match a glob (`files`). A
dimension with a `setting` is not part of target names: its value follows from the configuration (`resolution`).
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Final

from weft.base.problems import Place, Problem, did_you_mean
from weft.files.reading import OutsideError, outside
from weft.project.entries import Dimension
from weft.project.projectfile import ProjectFile

WHOLE: Final = "default"
"""The name of the one target of a project without dimensions in target names."""
VALUE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*\Z")
"""The valid values of a dimension, which become steps of target names and of paths."""


class Dimensions:
    """The dimensions that identify the targets of a project, in the project's order, and their values."""

    def __init__(self, file: ProjectFile) -> None:
        self._file = file
        self._found: dict[str, tuple[tuple[str, str], ...]] = {}
        self._files: dict[str, tuple[tuple[str, Path], ...]] = {}
        self.named = tuple(dimension for dimension in file.dimensions if dimension.setting is None)
        self.values = {dimension.name: self._all_values(dimension) for dimension in self.named}

    @property
    def from_files(self) -> tuple[Dimension, ...]:
        """Those whose values are the names of files."""
        return tuple(dimension for dimension in self.named if dimension.files is not None)

    def has(self, dimension: Dimension, value: str) -> bool:
        """True if a value is one of a dimension."""
        return value in self._sets[dimension.name]

    @cached_property
    def _sets(self) -> dict[str, frozenset[str]]:
        return {name: frozenset(values) for name, values in self.values.items()}

    def known(self, dimension: Dimension) -> list[str]:
        """The accepted names for values of a dimension: its values, and their aliases."""
        return [*self.values[dimension.name], *(dimension.aliases or {})]

    def files(self, dimension: Dimension) -> tuple[tuple[str, Path], ...]:
        """The files that match the glob of a dimension, each with its value."""
        if dimension.name not in self._files:
            folder = self._folder(dimension)
            self._files[dimension.name] = tuple((value, folder / name) for value, name in self._names(dimension))
        return self._files[dimension.name]

    def _names(self, dimension: Dimension) -> tuple[tuple[str, str], ...]:
        """The names of these files, each with its value: for thousands of them, paths cost more than all else."""
        if dimension.name not in self._found:
            self._found[dimension.name] = tuple(self._matching(dimension))
        return self._found[dimension.name]

    def _matching(self, dimension: Dimension) -> Iterator[tuple[str, str]]:
        before, _, after = (dimension.files or "").partition("*")
        stem, (end, of_folders, inside) = before.rpartition("/")[2], after.partition("/")
        folder = self._folder(dimension)
        for name in self._names_in(folder) if dimension.files else ():
            fits = name.startswith(stem) and name.endswith(end) and not name.startswith(".")
            if fits and (not of_folders or self._holds(f"{folder}/{name}/{inside}")):
                yield name[len(stem) : len(name) - len(end)], name

    def _holds(self, path: str) -> bool:
        return self._file.files.exists(path) and os.path.exists(path)  # noqa: PTH110 - see `_names`

    def _folder(self, dimension: Dimension) -> Path:
        before = (dimension.files or "").partition("*")[0]
        return self._file.folder / before.rpartition("/")[0]

    def _names_in(self, folder: Path) -> list[str]:
        """The names in a folder; none if it is outside of the project, which `problems` reports."""
        return self._file.files.names(folder) if self._file.files.may_read(folder) else []

    def canonical(self, name: str) -> str:
        """The name of a target, or a glob over names, with aliases replaced by their values."""
        steps = name.strip("/").split("/")
        return "/".join(
            (self.named[index].aliases or {}).get(step, step) if index < len(self.named) else step
            for index, step in enumerate(steps)
        )

    def problems(self) -> Iterator[Problem]:
        """Files whose name cannot be a value, dimensions without values, and aliases without one."""
        for dimension in self.from_files:
            yield from self._odd_files(dimension)
            yield from self._odd_aliases(dimension)
        for first in self.named[:1]:
            if first.optional and WHOLE in self.values[first.name]:
                message = f"`{WHOLE}` cannot name a {first.name}: it is the name of the target without one"
                place = self._file.place("dimensions", first.name)
                yield Problem("bad-name", message, place=place, hint="choose another name")

    def _all_values(self, dimension: Dimension) -> tuple[str, ...]:
        if dimension.files is None:
            return dimension.values
        return tuple(sorted(value for value, _ in self._names(dimension) if VALUE.match(value)))

    def _odd_files(self, dimension: Dimension) -> Iterator[Problem]:
        known = set(self.values[dimension.name])
        for value, file in self._names(dimension):
            if value not in known:
                name = (self._folder(dimension) / file).relative_to(self._file.folder).as_posix()
                message = f"`{value}` cannot name a {dimension.name}: use letters, digits, `.`, `_` and `-`"
                yield Problem("bad-name", message, place=Place(name), hint="rename the file")
        try:
            self._file.files.real(self._folder(dimension))
        except OutsideError as error:
            yield outside(error, dimension.files or "", self._file.place("dimensions", dimension.name, "files"))
            return
        if not dimension.optional and not self.values[dimension.name]:
            yield Problem(
                "no-values",
                f"no file matches `{dimension.files}`, so dimension `{dimension.name}` has no value and there is no target",
                place=self._file.place("dimensions", dimension.name, "files"),
            )

    def _odd_aliases(self, dimension: Dimension) -> Iterator[Problem]:
        values = self.values[dimension.name]
        for alias, value in (dimension.aliases or {}).items():
            place = self._file.place("dimensions", dimension.name, "aliases", alias, key=True)
            if alias in values:
                yield Problem("bad-name", f"`{alias}` is a value and an alias of `{dimension.name}`", place=place)
            elif values and value not in values:
                message = f"alias `{alias}` stands for `{value}`, which is not a value of `{dimension.name}`"
                yield Problem("project-invalid", message, place=place, hint=did_you_mean(value, values))
