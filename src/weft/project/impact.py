"""What a setting is used for: the lines of the outputs that change when the setting does, and the settings behind a line.

A template may do anything with a setting, so nothing is read out of it: the output is rendered once more with another value,
and what differs is what the setting makes. This holds through filters, conditions, macros and whole domains at once.
"""

from __future__ import annotations

import copy
import difflib
from typing import TYPE_CHECKING, Any

from weft.base.paths import Path, has
from weft.base.problems import Problem, UsageError, did_you_mean
from weft.project.provenance import leaves_of
from weft.stages.render.templates import Rendered

if TYPE_CHECKING:
    from weft.project.target import Target

Use = tuple[str, tuple[int, ...]]
"""An output, and its lines (from 1)."""


def uses_of(target: Target, path: Path) -> list[Use]:
    """The outputs of a target that the value at a path reaches, with their lines; none where there is no value."""
    if not has(target.config, path):
        return []
    other = _with_another(target.config, path)
    found = []
    for one in target.rendered():
        lines = _changed(one.text, target.render_with(one, other))
        if lines:
            found.append((one.path, lines))
    return found


def settings_behind(target: Target, output: str, line: int) -> list[Path]:
    """The settings that make a line of an output.

    Raises UsageError when the target has no such output, or the output no such line.
    """
    one = _output(target, output)
    count = len(one.text.splitlines())
    if not 0 < line <= count:
        raise UsageError(Problem("unknown-line", f"{one.path} has {count} lines, and no line {line}"))
    return [
        path
        for path in leaves_of(target.config)
        if line in _changed(one.text, target.render_with(one, _with_another(target.config, path)))
    ]


def _output(target: Target, path: str) -> Rendered:
    every = {one.path: one for one in target.rendered()}
    if path not in every:
        hint = did_you_mean(path, every)
        raise UsageError(Problem("unknown-output", f"{target.name} has no output {path}", hint=hint))
    return every[path]


def _with_another(config: Any, path: Path) -> Any:
    """The configuration with another value of the same type at a path; what does not lead there is shared."""
    if not path:
        return _another(config)
    result = copy.copy(config)
    result[path[0]] = _with_another(config[path[0]], path[1:])
    return result


def _another(value: Any) -> Any:
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        return value + 7919
    if isinstance(value, str):
        return f"{value}x7919"
    if isinstance(value, list):
        return [*map(_another, value), *([] if value else ["x7919"])]
    if isinstance(value, dict):
        return {key: _another(below) for key, below in value.items()} or {"x7919": "x"}
    return "x7919"


def _changed(text: str, other: str | None) -> tuple[int, ...]:
    """The lines of a text that another one does not have; all of them where there is no other, as the value broke it."""
    lines = text.splitlines()
    if other is None:
        return tuple(range(1, len(lines) + 1))
    if text == other:
        return ()
    matcher = difflib.SequenceMatcher(None, lines, other.splitlines(), autojunk=False)
    found: list[int] = []
    for kind, start, end, _, _ in matcher.get_opcodes():
        if kind == "insert":
            found.append(min(max(start, 1), len(lines)))
        elif kind != "equal":
            found += range(start + 1, end + 1)
    return tuple(dict.fromkeys(found))
