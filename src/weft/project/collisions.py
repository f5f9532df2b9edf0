"""Collisions: outputs that cannot both be written, as they have one path, or as one is a file where another needs a folder."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import PurePosixPath

from weft.base.problems import Problem
from weft.project.projectfile import ProjectFile
from weft.stages.render.templates import Rendered


def collisions(file: ProjectFile, finished: Sequence[Rendered]) -> Iterator[Problem]:
    """Outputs that would be in each other's way; what two entries do wrong in many targets is one problem."""
    first: dict[str, Rendered] = {}
    for output in finished:
        first.setdefault(output.path, output)
    yield from _same_path(file, finished, first)
    yield from _file_as_folder(file, finished, first)


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
