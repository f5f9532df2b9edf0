"""Impact: the targets that a file affects, the lines of outputs that a setting affects, and the settings behind a line.

A template may do anything with a setting, so the template is not analyzed: the output is rendered again with other values, and the
lines that differ are those of the setting. This works through filters, conditions, macros and whole domains. For all settings at once,
`reach` finds the same with fewer renderings.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path as FilePath
from pathlib import PurePath
from typing import Any, Final

from weft.base.paths import Path, get, has
from weft.base.problems import Problem, UsageError, did_you_mean
from weft.files.lines import lines_of
from weft.project.lines import Lines, changed_lines, every_line
from weft.project.others import other_values, replaced
from weft.project.project import Project
from weft.project.projectfile import NAME
from weft.project.provenance import leaves_of
from weft.project.target import Target
from weft.stages.render.finished import Rendered

Use = tuple[str, Lines]
"""An output, and its lines (from 1)."""
_LIKELY: Final = 12
"""So many likely settings of a line are tried."""
_UNLIKELY: Final = (0, 0)
"""The likelihood of a setting that a line does not show."""


def uses_of(target: Target, path: Path) -> list[Use]:
    """The outputs of a target that use the value at a path, with their lines; none if there is no value."""
    if not has(target.shared_config, path):
        return []
    others = _with_others(target, path)
    found = [(one.path, _lines(target, one, others)) for one in _rendered(target)]
    return [(output, lines) for output, lines in found if lines]


def settings_behind(target: Target, output: str, line: int) -> list[Path]:
    """The settings that determine a line of an output.

    Raises UsageError when the target has no such output, or the output no such line.
    """
    one = _output(target, output)
    count = len(lines_of(one.text))
    if not 0 < line <= count:
        raise UsageError(Problem("unknown-line", f"{one.path} has {count} lines, but no line {line}"))
    return [path for path in leaves_of(target.shared_config) if line in _lines(target, one, _with_others(target, path))]


def main_setting_behind(target: Target, one: Rendered, line: int) -> Path | None:
    """The setting that a line of an output shows: the most likely one that the line depends on. None if no likely one is confirmed.

    `settings_behind` finds every setting, and takes a hundred times longer.
    """
    text = lines_of(one.text)[line - 1] if 0 < line <= len(lines_of(one.text)) else ""
    _, read = target.outputs.reading(target.view, one)
    ranks = {
        path: _likelihood(target, path, text)
        for path in leaves_of(target.shared_config)
        if any(path[: len(known)] == known or known[: len(path)] == path for known in read)
    }
    likely = sorted((path for path in ranks if ranks[path] > _UNLIKELY), key=ranks.__getitem__, reverse=True)
    confirmed = (path for path in likely[:_LIKELY] if line in _lines(target, one, _with_others(target, path)))
    return next(confirmed, None)


def _likelihood(target: Target, path: Path, text: str) -> tuple[int, int]:
    """How likely a text shows a setting, for comparisons: it contains its name or value, or both, and how long the name is."""
    named = [name for name in (target.schemas.root.at(path).env, *map(str, path[-1:])) if name and name in text]
    shown = str(get(target.shared_config, path)) in text
    return bool(named) + shown, max(map(len, named), default=0)


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


def _with_others(target: Target, path: Path) -> list[Any]:
    """The configurations of a target with other values at a path."""
    config = target.shared_config
    return [replaced(config, {path: value}) for value in other_values(target.schemas.root, config, path)]


def _lines(target: Target, one: Rendered, others: Iterable[Any]) -> Lines:
    """The lines of an output that differ with the first of other configurations that makes a difference.

    All of them, if no other configuration makes one, but the template fails with some.
    """
    fails = False
    for config in others:
        text = target.outputs.text(replace(target.view, config=config), one)
        lines = () if text is None else changed_lines(one.text, text)
        if lines:
            return lines
        fails = fails or text is None
    return every_line(one.text) if fails else ()


def _output(target: Target, path: str) -> Rendered:
    every = {one.path: one for one in _rendered(target)}
    if path not in every:
        hint = did_you_mean(path, every)
        raise UsageError(Problem("unknown-output", f"{target.name} has no output {path}", hint=hint))
    return every[path]
