"""Collisions: outputs that cannot both be written, as they have one path, or as one is a file where another needs a folder.

Some systems have fewer names than Linux: of paths that are good here and would be lost elsewhere, the reader is warned.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Final

from weft.base.problems import Problem, Severity
from weft.project.projectfile import ProjectFile
from weft.stages.render.templates import Rendered

_NOT_OF_WINDOWS: Final = re.compile(r"(?i)\A(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\.|\Z)|[<>:\"|?*]|[. ]\Z")


def collisions(file: ProjectFile, finished: Sequence[Rendered]) -> Iterator[Problem]:
    """Outputs that would be in each other's way; what two entries do wrong in many targets is one problem."""
    first: dict[str, Rendered] = {}
    for output in finished:
        first.setdefault(output.path, output)
    yield from _same_path(file, finished, first)
    yield from _file_as_folder(file, finished, first)
    yield from _elsewhere(file, first.values())


def _same_path(file: ProjectFile, finished: Sequence[Rendered], first: Mapping[str, Rendered]) -> Iterator[Problem]:
    found: dict[tuple[int, int], Problem] = {}
    for output in finished:
        other = first[output.path]
        if other is not output:
            entries = (other.entry, output.entry)
            problem = found.get(entries) or _both_write(file, other, output)
            targets = tuple(dict.fromkeys((*problem.targets, other.target, output.target)))
            found[entries] = replace(problem, targets=targets)
    yield from found.values()


def _elsewhere(file: ProjectFile, finished: Iterable[Rendered]) -> Iterator[Problem]:
    """Warnings of paths that other systems do not have, or do not tell apart; one for each output of weft.yaml."""
    folded: dict[str, Rendered] = {}
    reported = set[tuple[str, int]]()
    for output in finished:
        place = file.place("outputs", output.entry, "path")
        other = folded.setdefault(output.path.casefold(), output)
        if other is not output and ("same-path", output.entry) not in reported:
            reported.add(("same-path", output.entry))
            message = (
                f"{other.path} and {output.path} are one file for macOS and Windows, which fold upper and lower case"
            )
            hint = "let them differ in more than that"
            yield Problem("same-path", message, Severity.WARNING, place=place, targets=(output.target,), hint=hint)
        odd = next(filter(_NOT_OF_WINDOWS.search, PurePosixPath(output.path).parts), None)
        if odd is not None and ("output-path", output.entry) not in reported:
            reported.add(("output-path", output.entry))
            message = (
                f"{output.path} cannot be a file of Windows: `{odd}` is kept for a device there, or cannot be a name"
            )
            hint = "give it another name if anybody uses the outputs, or their repository, on Windows"
            yield Problem("output-path", message, Severity.WARNING, place=place, targets=(output.target,), hint=hint)


def _both_write(file: ProjectFile, other: Rendered, output: Rendered) -> Problem:
    if other.entry == output.entry:
        who, hint = f"targets {other.target} and {output.target}", "add a `scope`, or a placeholder to the path"
    else:
        who, hint = f"`{other.template}` and `{output.template}`", "give them different paths"
    place = file.place("outputs", output.entry, "path")
    return Problem("same-path", f"{who} both write {output.path}", place=place, hint=hint)


def _file_as_folder(
    file: ProjectFile, finished: Sequence[Rendered], first: Mapping[str, Rendered]
) -> Iterator[Problem]:
    reported = set[int]()
    for output in finished:
        above = next((str(parent) for parent in PurePosixPath(output.path).parents if str(parent) in first), None)
        if above and output.entry not in reported:
            reported.add(output.entry)
            message = f"{output.path} cannot be written: {above} is a file that `{first[above].template}` writes"
            place = file.place("outputs", output.entry, "path")
            yield Problem("same-path", message, place=place, targets=(output.target,), hint="give them different paths")
