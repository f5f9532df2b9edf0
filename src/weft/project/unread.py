"""Parts of a project that no target reads: unused files, layers and values. All of these are warnings."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from itertools import chain
from pathlib import Path, PurePath
from typing import Final

from weft.base.overlay import PLACEHOLDER
from weft.base.problems import Place, Problem, Severity, closest, did_you_mean
from weft.project.dimensions import VALUE, Dimensions
from weft.project.projectfile import ProjectFile
from weft.project.targets import Identity
from weft.stages.load import SUFFIXES

_SAME_NAME: Final = 0.85
_SHORTENED: Final = 3
"""How similar the name of a folder must be to that of another, and how many letters an abbreviation of it has: both may be intended."""


def unread_files(file: ProjectFile, dimensions: Dimensions, read: Collection[str]) -> Iterator[Problem]:
    """The unread files in the folders of layers, and in folders next to them with a similar name; `read` are the paths of the others."""
    known = set(chain(*dimensions.values.values()))
    folders = set(filter(file.files.may_read, _folders(file)))
    for path in sorted(map(Path, _data_files(file, folders).difference(read))):
        if path.stem not in known:
            hint = _alias(dimensions, path.stem) or _other_suffix(file, path) or did_you_mean(path.stem, known)
            yield _unused(file, path, hint)
    for path, meant in sorted(_in_similar_folders(file).items()):
        if str(path) not in read and folders.isdisjoint(path.parents):
            yield _unused(file, path, f"did you mean `{meant}`?")


def _data_files(file: ProjectFile, folders: Iterable[Path]) -> set[str]:
    """The paths of the files below some folders that could be read as layers."""
    every = (path for folder in folders for path in file.files.below(folder))
    # a name that begins with its only point is that of a hidden file, and has no suffix
    return {path for path in every if path.endswith(SUFFIXES) and path.rfind(".") > path.rfind("/") + 1}


def _unused(file: ProjectFile, path: Path, hint: str | None) -> Problem:
    place = Place(path.relative_to(file.folder).as_posix())
    return _warning("unused-file", "no target reads this file", place, hint)


def _alias(dimensions: Dimensions, name: str) -> str | None:
    """A hint for a file that is named after an alias of a value."""
    meant = {alias: value for entry in dimensions.named for alias, value in (entry.aliases or {}).items()}.get(name)
    return f"`{name}` is an alias: the file of `{meant}` has that name" if meant else None


def _in_similar_folders(file: ProjectFile) -> dict[Path, str]:
    """The files in folders that resemble a folder of the layers, and the paths that they would have in that folder."""
    folders = _existing_folders(file)
    found: dict[Path, str] = {}
    for folder in folders:
        for other in filter(Path.is_dir, _inside(file, (file.folder / folder).parent)):
            is_other = PurePath(other.relative_to(file.folder)) not in folders and file.files.may_read(other)
            if is_other and _resemble(other.name, folder.name):
                inside = map(Path, _data_files(file, [other]))
                found |= {path: (folder / path.relative_to(other)).as_posix() for path in inside}
    return found


def _existing_folders(file: ProjectFile) -> set[PurePath]:
    """The folders in the paths of layers, as far as they exist: if one is missing, the layer is reported instead."""
    paths = [PurePath(_before_placeholders(layer) if "{" in layer else layer) for layer in file.layers]
    every = {above for path in paths for above in (path, *path.parents)}
    return {folder for folder in every if folder.name and (file.folder / folder).is_dir()}


def _before_placeholders(pattern: str) -> str:
    """The folder in which the first step with a placeholder is: `envs` for `envs/{environment}.yaml`."""
    return pattern.partition("{")[0].rpartition("/")[0]


def _resemble(name: str, other: str) -> bool:
    """True if a folder is probably meant to have another name: nearly the same, or shortened to `name`."""
    return closest(name, [other], _SAME_NAME) is not None or (len(name) >= _SHORTENED and other.startswith(name))


def _other_suffix(file: ProjectFile, path: Path) -> str | None:
    """A hint for a file in the folder of a dimension's values that does not match its pattern."""
    for dimension in file.dimensions:
        pattern = PurePath(dimension.files) if dimension.files else None
        if pattern and file.folder / pattern.parent == path.parent and not path.match(pattern.name):
            return f"each {dimension.name} is a file `{dimension.files}`"
    return None


def layers_without_files(file: ProjectFile, used: Collection[str], *, waiting: bool) -> Iterator[Problem]:
    """The entries of `layers` that produced none of the layers with these names.

    An entry with placeholders may be waiting for its first file; it is reported only if it resembles the name of another folder, or if
    `waiting` entries are requested.
    """
    for index, pattern in enumerate(file.layers):
        shape = _shape(pattern)
        if not any(shape.fullmatch(name) for name in used):
            hint = _misspelled(file, pattern)
            if hint or waiting or "{" not in pattern:
                message = f"no target has a file for the layer `{pattern}`"
                yield _warning("unused-layer", message, file.place("layers", index), hint or "correct or remove it")


def _misspelled(file: ProjectFile, pattern: str) -> str | None:
    """A suggestion for the first step of a missing layer: a folder or a file that no other layer uses."""
    steps = PurePath(pattern).parts
    folders = [file.folder]
    for length, step in enumerate(steps):
        there = [path for folder in folders for path in _inside(file, folder)]
        fitting = [path for path in there if _fits(step, path)]
        if not fitting:
            return None if "{" in step else _instead(file, pattern, length, there)
        folders = fitting
    return None


def _instead(file: ProjectFile, pattern: str, length: int, there: Iterable[Path]) -> str | None:
    """A suggestion for a step that does not exist: one of the paths that are there, if no other layer uses it."""
    steps = PurePath(pattern).parts
    taken = _next_steps(file, pattern, steps[:length])
    free = [path for path in there if _as_step(path) not in taken]
    values = _values(file, PLACEHOLDER.findall("/".join(steps[length + 1 :])))
    having = (path.name for path in free if path.is_dir() and not values.isdisjoint(map(_as_step, _inside(file, path))))
    similar = did_you_mean(steps[length], list(map(_as_step, free)))
    return similar or next((f"did you mean `{name}`?" for name in having), None)


def _values(file: ProjectFile, names: Collection[str]) -> set[str]:
    """The values of dimensions that weft.yaml lists."""
    return {value for entry in file.dimensions if entry.name in names for value in entry.values}


def _fits(step: str, path: Path) -> bool:
    """True if a step of a layer may mean a folder or a file, with or without its suffix."""
    shape = _shape(step)
    return any(map(shape.fullmatch, (_as_step(path), path.name)))


def _as_step(path: Path) -> str:
    """The step of a layer that means a folder or a file, without the suffix."""
    return path.stem if path.suffix in SUFFIXES else path.name


def _next_steps(file: ProjectFile, pattern: str, start: tuple[str, ...]) -> set[str]:
    """The steps with which layers other than a pattern continue the first steps of a path."""
    every = [PurePath(other).parts for other in file.layers if other != pattern]
    return {steps[len(start)] for steps in every if steps[: len(start)] == start and len(steps) > len(start)}


def _inside(file: ProjectFile, folder: Path) -> list[Path]:
    """The content of a folder."""
    return file.files.entries(folder) if file.files.may_read(folder) else []


def _shape(pattern: str) -> re.Pattern[str]:
    """A pattern of the names of a layer for any values of its dimensions."""
    return re.compile("[^/]+".join(map(re.escape, PLACEHOLDER.split(pattern)[::2])))


def without_target(file: ProjectFile, dimensions: Dimensions, every: Iterable[Identity]) -> Iterator[Problem]:
    """Values of dimensions without a target, because their own settings exclude every other value."""
    every = list(every)
    for dimension in dimensions.from_files:
        found = {identity.values.get(dimension.name) for identity in every}
        for value, path in dimensions.files(dimension):
            if value not in found and VALUE.match(value):
                place = Place(path.relative_to(file.folder).as_posix())
                message = f"the {dimension.name} `{value}` has no target: its settings exclude all of them"
                hint = f"correct what limits it, in its settings under `{dimension.name}`"
                yield _warning("no-target", message, place, hint)


def _folders(file: ProjectFile) -> set[Path]:
    """The folders of layers with placeholders, without those that a setting chooses from.

    A value that no setting chooses yet is not a mistake, and a misspelled one is reported where it is chosen.
    """
    chosen = {entry.name for entry in file.dimensions if entry.setting is not None}
    patterns = [pattern for pattern in file.layers if not chosen.intersection(PLACEHOLDER.findall(pattern))]
    names = {_before_placeholders(pattern) for pattern in patterns if "{" in pattern}
    return {file.folder / name for name in names - {""}}


def _warning(code: str, message: str, place: Place, hint: str | None) -> Problem:
    return Problem(code, message, Severity.WARNING, place=place, hint=hint)
