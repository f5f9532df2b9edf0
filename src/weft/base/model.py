"""What the stages hand to each other: layers with the files they came from, and the parts of weft.yaml."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, Final

from weft.base.paths import Path as SettingPath
from weft.base.problems import Problem

PLACEHOLDER = re.compile(r"\{(\w*)\}")
"""`{dimension}` in a layer or an output path."""


PATCH: Final = "$patch"
LIST_OPERATORS: Final = ("$append", "$prepend", "$replace")
OPERATORS: Final = (PATCH, *LIST_OPERATORS, "$value")
"""The operators of overlays: instructions to the merge, written as keys."""


def is_operator(value: Any) -> bool:
    """Whether a value of an overlay is an instruction for lists, or `$value`."""
    return isinstance(value, dict) and any(name in value for name in (*LIST_OPERATORS, "$value"))


def data_path(path: SettingPath) -> SettingPath:
    """The path in the configuration of what stands at a path of an overlay: operators are no steps of it."""
    return tuple(step for step in path if step not in OPERATORS)


@dataclass(frozen=True)
class Source:
    """One file of a layer: its data, or what is wrong with it. `name` is how reports call it.

    A source without `path` came from the command line or the process environment.
    """

    name: str
    data: dict[str, Any] = field(hash=False, repr=False, default_factory=dict)
    path: Path | None = None
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True)
class Layer:
    """One entry of the hierarchy for one target: `name` is its pattern with the placeholders filled in."""

    name: str
    sources: tuple[Source, ...]


@dataclass(frozen=True, slots=True)
class Dimension:
    """Something that targets differ in; exactly one of `values`, `files` and `setting` is given."""

    name: str
    values: tuple[str, ...] = ()
    aliases: Mapping[str, str] | None = None
    files: str | None = None
    setting: SettingPath | None = None
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Output:
    """One entry of `outputs`; `index` is its position in weft.yaml."""

    index: int
    template: str
    path: str
    scope: str | None
    when: str | None
    checks: tuple[str, ...]
    secrets: bool


@dataclass(frozen=True, slots=True)
class Waiver:
    """One entry of `waivers`: a control that the targets of these globs may fail up to and including the day `expires`."""

    index: int
    policy: str
    control: str
    targets: tuple[str, ...]
    reason: str
    expires: date


def sources(layers: Iterable[Layer]) -> tuple[Source, ...]:
    """The files of layers in the order in which they are applied."""
    return tuple(source for layer in layers for source in layer.sources)
