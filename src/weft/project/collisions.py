"""Collisions: outputs that cannot both be written, because they have the same path or one needs a folder where the other is a file.

Some systems allow fewer names than Linux: a warning reports paths that are valid here but would be lost elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import accumulate
from typing import Final

from weft.base.problems import Problem, Severity
from weft.project.projectfile import ProjectFile
from weft.stages.render.finished import OutputFile

_NOT_OF_WINDOWS: Final = re.compile(r"(?i)\A(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\.|\Z)|[<>:\"|?*]|[. ]\Z")


def collisions(file: ProjectFile, finished: Sequence[OutputFile]) -> Iterator[Problem]:
    """Outputs that would overwrite each other; a collision of two entries in many targets is one problem."""
    first: dict[str, OutputFile] = {}
    for output in finished:
        first.setdefault(output.path, output)
    yield from _same_path(file, finished, first)
    yield from _file_as_folder(file, finished, first)
    yield from _elsewhere(file, first.values())


def _same_path(file: ProjectFile, finished: Sequence[OutputFile], first: Mapping[str, OutputFile]) -> Iterator[Problem]:
    found: dict[tuple[int, int], Problem] = {}
    for output in finished:
        other = first[output.path]
        if other is not output:
            entries = (other.entry, output.entry)
            problem = found.get(entries) or _both_write(file, other, output)
            targets = tuple(dict.fromkeys((*problem.targets, other.target, output.target)))
            found[entries] = replace(problem, targets=targets)
    yield from found.values()


def _elsewhere(file: ProjectFile, finished: Iterable[OutputFile]) -> Iterator[Problem]:
    """Warnings about paths that other systems do not allow or distinguish; one for each output of weft.yaml."""
    folded: dict[str, OutputFile] = {}
    reported = set[tuple[str, int]]()
    for output in finished:
        other = folded.setdefault(output.path.casefold(), output)
        if other is not output and ("same-path", output.entry) not in reported:
            reported.add(("same-path", output.entry))
            message = f"{other.path} and {output.path} are the same file on macOS and Windows, which ignore case"
            hint = "make them differ in more than case"
            place = file.place("outputs", output.entry, "path")
            yield Problem("same-path", message, Severity.WARNING, place=place, targets=(output.target,), hint=hint)
        odd = next(filter(_NOT_OF_WINDOWS.search, output.path.split("/")), None)
        if odd is not None and ("output-path", output.entry) not in reported:
            reported.add(("output-path", output.entry))
            message = (
                f"{output.path} cannot be a file on Windows: `{odd}` is not a valid name, or is reserved for a device"
            )
            place = file.place("outputs", output.entry, "path")
            hint = "rename it if anyone uses the outputs, or their repository, on Windows"
            yield Problem("output-path", message, Severity.WARNING, place=place, targets=(output.target,), hint=hint)


def _both_write(file: ProjectFile, other: OutputFile, output: OutputFile) -> Problem:
    if other.entry == output.entry:
        who, hint = f"targets {other.target} and {output.target}", "add a `scope`, or a placeholder to the path"
    else:
        who, hint = f"`{other.template}` and `{output.template}`", "give them different paths"
    place = file.place("outputs", output.entry, "path")
    return Problem("same-path", f"{who} both write {output.path}", place=place, hint=hint)


def _file_as_folder(
    file: ProjectFile, finished: Sequence[OutputFile], first: Mapping[str, OutputFile]
) -> Iterator[Problem]:
    reported = set[int]()
    for output in finished:
        steps = output.path.split("/")
        above = next(filter(first.__contains__, accumulate(steps[:-1], "{}/{}".format)), None)
        if above and output.entry not in reported:
            reported.add(output.entry)
            message = f"{output.path} cannot be written: {above} is a file that `{first[above].template}` writes"
            place = file.place("outputs", output.entry, "path")
            yield Problem("same-path", message, place=place, targets=(output.target,), hint="give them different paths")
