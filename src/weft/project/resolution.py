"""Resolution: from the values in a target's name to its layers.

The patterns of weft.yaml name the layers once every dimension has its value. A dimension with a `setting` gets its value from the
configuration, which depends on the layers: the setting is read from the layers that need no dimension without a value yet, dimension
by dimension in the project's order. At the end, Weft checks that the value is still the same with all layers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from weft.base.overlay import PLACEHOLDER, Layer
from weft.base.paths import dotted, get, has, pointer
from weft.base.problems import Problem, choices, did_you_mean
from weft.project.dimensions import VALUE
from weft.project.entries import Dimension
from weft.project.layering import Layering
from weft.project.projectfile import ProjectFile
from weft.schema.envvars import to_text
from weft.schema.node import MISSING, Node


@dataclass(frozen=True)
class Resolution:
    """The layers of a target, lowest first, all its dimension values, and their problems."""

    layers: tuple[Layer, ...]
    values: Mapping[str, str]
    problems: tuple[Problem, ...]


class Resolver:
    """Finds the layers of targets. `extra` are the layers above all others, from the command line or the environment."""

    def __init__(self, file: ProjectFile, root: Node, layering: Layering, extra: tuple[Layer, ...] = ()) -> None:
        self._file = file
        self._root = root
        self._layering = layering
        self._extra = tuple(map(layering.with_new_names, extra))
        self._chosen = [dimension for dimension in file.dimensions if dimension.setting is not None]

    def layers(self, values: Mapping[str, str]) -> tuple[Layer, ...]:
        """The existing layers that need no dimensions other than these, followed by the extra ones."""
        return (*self._layering.layers(self._file.layers, values), *self._extra)

    def config(self, values: Mapping[str, str]) -> Any:
        """The result of these layers, without defaults."""
        return self._layering.fold(self.layers(values)).value

    def resolve(self, named: Mapping[str, str]) -> Resolution:
        """The layers of the target with these values in its name."""
        values = dict(named)
        problems = []
        for dimension in self._chosen:
            value = self._setting(dimension, self.config(values))
            if value is not None:
                values[dimension.name] = value
                problems += [] if self._is_named(dimension, value, values) else [self._named_nowhere(dimension, value)]
        layers = self.layers(values)
        final = self._layering.fold(layers).value
        for dimension in self._chosen:
            value, used = self._setting(dimension, final), values.get(dimension.name)
            problems += [] if value == used else [_unstable(dimension, value, used)]
        return Resolution(layers, values, tuple(problems))

    def problems(self) -> Iterator[Problem]:
        """Dimensions whose setting is missing in the schema, or sensitive."""
        for dimension in self._chosen:
            wrong = self._why_not(dimension)
            if wrong:
                message, hint = wrong
                place = self._file.place("dimensions", dimension.name, "setting")
                yield Problem("project-invalid", message, place=place, hint=hint)

    def _why_not(self, dimension: Dimension) -> tuple[str, str | None] | None:
        """Why a dimension cannot get its values from its setting, and a hint."""
        node, name = self._root, dotted(dimension.setting or ())
        for step in dimension.setting or ():
            if not node.knows(step):
                message = f"there is no setting {name}, so `{dimension.name}` would never have a value"
                return message, did_you_mean(str(step), node.properties)
            node = node.child(step)
        if node.hidden:
            message = f"{name} is sensitive, and the values of `{dimension.name}` are shown: they name layers and files"
            return message, "use a setting that is not secret"
        return None

    def _setting(self, dimension: Dimension, config: Any) -> str | None:
        path = self._root.catalog.renames.destination(dimension.setting or ())
        value = get(config, path) if has(config, path) else self._root.at(path).default
        return None if value is MISSING or value is None or isinstance(value, dict | list) else str(to_text(value))

    def _patterns(self, dimension: Dimension) -> list[str]:
        return [pattern for pattern in self._file.layers if dimension.name in PLACEHOLDER.findall(pattern)]

    def _is_named(self, dimension: Dimension, value: str, values: Mapping[str, str]) -> bool:
        """True if a layer or the schema knows the value. If neither does, it is a typo that would have no visible effect."""
        if not VALUE.match(value):
            return False
        patterns = self._patterns(dimension)
        if value in (self._root.at(dimension.setting or ()).keyword("enum") or ()) or not patterns:
            return True
        return bool(self._layering.layers(patterns, values))

    def _named_nowhere(self, dimension: Dimension, value: str) -> Problem:
        patterns = self._patterns(dimension)
        known = sorted({name for pattern in patterns for name in self._present(pattern, dimension.name)})
        where = " or ".join(
            f"`{PLACEHOLDER.sub(lambda match: value if match[1] == dimension.name else match[0], pattern)}.yaml`"
            for pattern in patterns
        )
        path = dimension.setting or ()
        return Problem(
            "unknown-value",
            f"{dotted(path)} is `{value}`, but there is no {dimension.name} with that name: no file {where}",
            path=pointer(path),
            hint=did_you_mean(value, known) or (f"choose from {choices(known)}" if known else None),
        )

    def _present(self, pattern: str, name: str) -> Iterator[str]:
        """The values of a dimension for which the pattern has files."""
        before, _, after = pattern.partition("{" + name + "}")
        if PLACEHOLDER.search(before):
            return
        folder = self._file.folder / before.rpartition("/")[0]
        for path in self._file.files.entries(folder) if self._file.files.may_read(folder) else ():
            stem = path.stem if path.is_file() else path.name
            if not after and VALUE.match(stem):
                yield stem


def _unstable(dimension: Dimension, final: str | None, used: str | None) -> Problem:
    path = dimension.setting or ()
    made = "removed it" if final is None else f"made it `{final}`"
    return Problem(
        "unstable-value",
        f"{dotted(path)} chose the layers of {dimension.name} `{used}`, and those layers {made}",
        path=pointer(path),
        hint=f"set it only in layers that do not depend on `{{{dimension.name}}}`, or declare `{dimension.name}` after the dimensions that set it",
    )
