"""The settings files of each editor in a project, their changes, and writing them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Final

from weft.base.overlay import PLACEHOLDER
from weft.base.problems import Place, Problem, Severity
from weft.derived.editors import helix, jetbrains, neovim, vscode, zed
from weft.derived.editors.association import Association
from weft.files.atomic import replace_file
from weft.files.jsonc import SettingsError
from weft.files.reading import ProjectFiles, unreadable
from weft.project.projectfile import NAME, ProjectFile
from weft.stages.load import SUFFIXES

GENERATED: Final = "schemas/generated"

_Writer = Callable[[str | None, tuple[Association, ...]], str]
EDITORS: Final[Mapping[str, Mapping[str, _Writer]]] = {
    "vscode": {".vscode/settings.json": vscode.settings, ".vscode/extensions.json": vscode.extensions},
    "neovim": {".nvim.lua": neovim.settings},
    "helix": {".helix/languages.toml": helix.settings},
    "zed": {".zed/settings.json": zed.settings},
    "jetbrains": {".idea/jsonSchemas.xml": jetbrains.settings},
}
"""The settings files of each editor, and their writers."""


@dataclass(frozen=True)
class Change:
    """A settings file, relative to the project, and the text that it should have."""

    path: str
    text: str


def used(folder: Path) -> list[str]:
    """The editors that have settings in a folder; VS Code, the most common one, if there are none."""
    found = [name for name, files in EDITORS.items() if any((folder / path.split("/")[0]).exists() for path in files)]
    return found or ["vscode"]


def plan(file: ProjectFile, editors: Iterable[str]) -> tuple[list[Change], list[Problem]]:
    """The changes to the settings of these editors, and the problems of files that cannot be changed."""
    associations = tuple(_associations(file))
    changes, problems = [], list(_missing(file.folder, associations))
    for path, write in ((path, write) for name in editors for path, write in EDITORS[name].items()):
        try:
            before = _read(file.files, file.folder / path)
            after = write(before, associations)
            if after != before:
                changes.append(Change(path, after))
        except SettingsError as error:
            hint = "fix that and run it again; the file was not changed"
            place = Place(path, error.line, error.column)
            problems.append(Problem("settings-unreadable", error.message, place=place, hint=hint))
        except OSError as error:
            problems.append(unreadable(error, path))
    return changes, problems


def write(folder: Path, changes: Iterable[Change]) -> None:
    """Write the changes, each file at once.

    Raises CannotRun when one cannot be written, WeftError when one is a symbolic link to a target outside of the folder.
    """
    for change in changes:
        replace_file(folder / change.path, change.text, parents=True, within=folder)


def _read(files: ProjectFiles, path: Path) -> str | None:
    try:
        return files.read(path).decode()
    except FileNotFoundError:
        return None
    except UnicodeDecodeError as error:
        before = error.object[: error.start]
        line = before.count(b"\n") + 1
        raise SettingsError("this is not UTF-8", line, error.start - before.rfind(b"\n")) from None


def _associations(file: ProjectFile) -> Iterator[Association]:
    patterns = dict.fromkeys(glob for layer in file.layers for glob in _globs(file, layer))
    yield Association("Weft overlays", f"{GENERATED}/overlay.schema.json", tuple(patterns))
    yield Association("Weft project", f"{GENERATED}/weft.schema.json", (NAME,))


def _globs(file: ProjectFile, layer: str) -> Iterator[str]:
    """The globs of the files that can belong to a layer: `X.yaml` and those in the folder `X`, of all suffixes."""
    for pattern in _at_the_top(file, layer):
        glob = "".join("?" if char in "[]{}()!+@*" else char for char in PLACEHOLDER.sub("\0", pattern)).replace(
            "\0", "*"
        )
        if glob.endswith(SUFFIXES):
            yield glob
        else:
            yield from (f"{glob}{inside}{suffix}" for inside in ("", "/*") for suffix in SUFFIXES)


def _at_the_top(file: ProjectFile, layer: str) -> list[str]:
    """A layer whose first folder is a placeholder, spelled out: a star would match every file of the project."""
    first, slash, rest = layer.partition("/")
    choices = {one.name: one.values for one in file.dimensions if one.values and f"{{{one.name}}}" in first}
    return [
        first.format_map(_Kept(zip(choices, values, strict=True))) + slash + rest
        for values in product(*choices.values())
    ]


class _Kept(dict[str, str]):
    """Values of placeholders; one without a value stays."""

    def __missing__(self, key: str) -> str:
        return f"{{{key}}}"


def _missing(folder: Path, associations: Iterable[Association]) -> Iterator[Problem]:
    for one in associations:
        if not (folder / one.schema).is_file():
            message = f"there is no {one.schema} yet, to which the editor settings refer"
            hint = "run `weft schema overlay`"
            yield Problem("schema-not-generated", message, Severity.WARNING, hint=hint)
