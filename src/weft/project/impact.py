"""Impact: the targets that a file affects, the lines of outputs that a setting affects, and the settings behind a line.

A template may do anything with a setting, so the template is not analyzed: the output is rendered again with another value, and the
lines that differ are those of the setting. This works through filters, conditions, macros and whole domains.
"""

from __future__ import annotations

import copy
import difflib
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path as FilePath
from pathlib import PurePath
from typing import Any

from weft.base.paths import Path, has
from weft.base.problems import Problem, UsageError, did_you_mean
from weft.files.lines import lines_of
from weft.project.project import Project
from weft.project.projectfile import NAME
from weft.project.provenance import leaves_of
from weft.project.target import Target
from weft.stages.render.templates import Rendered

Use = tuple[str, tuple[int, ...]]
"""An output, and its lines (from 1)."""


def uses_of(target: Target, path: Path) -> list[Use]:
    """The outputs of a target that use the value at a path, with their lines; none if there is no value."""
    if not has(target.shared_config, path):
        return []
    other = _with_another(target.shared_config, path)
    found = []
    for one in _rendered(target):
        lines = _changed(one.text, _text_with(target, one, other))
        if lines:
            found.append((one.path, lines))
    return found


def settings_behind(target: Target, output: str, line: int) -> list[Path]:
    """The settings that determine a line of an output.

    Raises UsageError when the target has no such output, or the output no such line.
    """
    one = _output(target, output)
    count = len(lines_of(one.text))
    if not 0 < line <= count:
        raise UsageError(Problem("unknown-line", f"{one.path} has {count} lines, but no line {line}"))
    return [
        path
        for path in leaves_of(target.shared_config)
        if line in _changed(one.text, _text_with(target, one, _with_another(target.shared_config, path)))
    ]


def affected(project: Project, targets: Iterable[Target], files: Iterable[FilePath]) -> list[Target]:
    """Those of the targets that read one of these files.

    A file that is not in a layer affects all targets if it is weft.yaml, a schema or a template, and none otherwise.
    """
    wanted = {file.resolve() for file in files}
    shared = {(project.folder / NAME).resolve(), *project.catalog.documents.files}
    templates = (project.folder / project.file.templates).resolve()
    if wanted & shared or any(file.is_relative_to(templates) for file in wanted):
        return list(targets)
    return [target for target in targets if _files_of(target) & wanted]


def output_at(project: Project, file: str) -> tuple[Target, str]:
    """The target and the output path of a rendered file, for any output folder.

    Raises UsageError when no target has such an output.
    """
    parts = PurePath(file).parts
    every: dict[str, Target] = {}
    for target in project.targets():
        every |= dict.fromkeys(project.outputs.paths(target.view), target)
    for start in range(len(parts)):
        path = "/".join(parts[start:])
        if path in every:
            return every[path], path
    hint = did_you_mean("/".join(parts[-3:]), every)
    raise UsageError(Problem("unknown-output", f"no target has an output {file}", hint=hint))


def _files_of(target: Target) -> set[FilePath]:
    """The overlays that a target reads."""
    sources = [source for layer in target.resolution.layers for source in layer.sources]
    return {source.path.resolve() for source in sources if source.path}


def _rendered(target: Target) -> list[Rendered]:
    """The target's outputs, unchecked; those that cannot be rendered are left out."""
    return target.outputs.rendered(target.view)[0]


def _text_with(target: Target, one: Rendered, config: Any) -> str | None:
    """The text of an output if the target had another configuration; None if its template fails."""
    return target.outputs.text(replace(target.view, config=config), one)


def _output(target: Target, path: str) -> Rendered:
    every = {one.path: one for one in _rendered(target)}
    if path not in every:
        hint = did_you_mean(path, every)
        raise UsageError(Problem("unknown-output", f"{target.name} has no output {path}", hint=hint))
    return every[path]


def _with_another(config: Any, path: Path) -> Any:
    """The configuration with another value of the same type at a path; everything else is shared."""
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
    """The lines of a text that another one does not have; all of them if there is no other text because the value broke it."""
    lines = lines_of(text)
    if other is None:
        return tuple(range(1, len(lines) + 1))
    if text == other:
        return ()
    matcher = difflib.SequenceMatcher(None, lines, lines_of(other), autojunk=False)
    found: list[int] = []
    for kind, start, end, _, _ in matcher.get_opcodes():
        if kind == "insert":
            found.append(min(max(start, 1), len(lines)))
        elif kind != "equal":
            found += range(start + 1, end + 1)
    return tuple(dict.fromkeys(found))
