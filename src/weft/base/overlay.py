"""The overlay language: layers, the files that they are made of, and the keys and placeholders that overlays and their patterns may use.

A *layer* is one entry of the hierarchy with its placeholders filled in; its *sources* are the files with its name. A source
contains plain data in which some keys are instructions to the merge, the *operators*:

    servers: {$append: [extra.example.com]}
    limits: {$patch: replace, memory: 2Gi}

`stages.merge` defines what each operator does. This module defines which keys are operators, because all code that walks
overlays must skip them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from weft.base.paths import Path as SettingPath
from weft.base.problems import Problem

PLACEHOLDER = re.compile(r"\{(\w*)\}")
"""`{dimension}` in a layer or an output path."""


PATCH: Final = "$patch"
PATCHES: Final = ("replace", "delete")
"""The values of `$patch`."""
VALUE: Final = "$value"
LIST_OPERATORS: Final = ("$append", "$prepend", "$remove", "$replace")
"""The operators for lists. `$replace` is used alone; the others may be combined."""
OPERATORS: Final = (PATCH, *LIST_OPERATORS, VALUE)
"""The operators of overlays: instructions to the merge, written as keys."""


def is_operator(value: Any) -> bool:
    """True if a value of an overlay is an instruction for lists, or `$value`."""
    return isinstance(value, dict) and any(name in value for name in (*LIST_OPERATORS, VALUE))


def only_instructs(value: Any) -> bool:
    """True if a value of an overlay contains operators only."""
    return isinstance(value, dict) and bool(value) and value.keys() <= set(OPERATORS)


def data_path(path: SettingPath) -> SettingPath:
    """The path in the configuration for a path in an overlay: operators are not steps of it."""
    return tuple(step for step in path if step not in OPERATORS)


@dataclass(frozen=True)
class Source:
    """One file of a layer: its data, or its problems. `name` is its name in reports.

    A source without `path` came from the command line or the process environment. `moves` maps settings that the file has under an
    old name: the path in the data (new name), then the path in the file (old name). `renamed` holds a problem for each. `digest` is that
    of the content that was read.
    """

    name: str
    data: dict[str, Any] = field(hash=False, repr=False, default_factory=dict)
    path: Path | None = None
    problems: tuple[Problem, ...] = field(hash=False, default=())
    moves: tuple[tuple[SettingPath, SettingPath], ...] = field(hash=False, default=())
    renamed: tuple[Problem, ...] = field(hash=False, default=())
    digest: str | None = field(default=None, repr=False, compare=False)

    def written_at(self, path: SettingPath) -> SettingPath:
        """The path in the file for a path in the data."""
        fitting = [(new, old) for new, old in self.moves if path[: len(new)] == new]
        new, old = max(fitting, key=lambda move: len(move[0]), default=((), ()))
        return (*old, *path[len(new) :])


@dataclass(frozen=True)
class Layer:
    """One entry of the hierarchy for one target: `name` is its pattern with the placeholders filled in."""

    name: str
    sources: tuple[Source, ...] = field(hash=False)


def sources(layers: Iterable[Layer]) -> tuple[Source, ...]:
    """The files of layers in the order in which they are applied."""
    return tuple(source for layer in layers for source in layer.sources)
