"""The changes of a new part: files to create and edits of files, none of which is written yet."""

from __future__ import annotations

import codecs
import difflib
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Final

from weft.base.paths import Path as SettingPath
from weft.base.paths import dotted, parse_pointer
from weft.base.problems import CannotRun, Place, Problem, UsageError, WeftError, reason_of
from weft.files import edits, yaml12
from weft.files.atomic import replace_files
from weft.files.datafile import parse_named
from weft.files.formats import flow_yaml
from weft.files.jsonc import END
from weft.files.lines import lines_of
from weft.files.reading import OutsideError, unreadable
from weft.project.project import Project
from weft.project.projectfile import NAME
from weft.stages.load import SUFFIXES

_CONTEXT: Final = 1


@dataclass(frozen=True)
class Change:
    """A file, relative to the project, with its bytes before (None if it is new) and after; `origin` describes where its content comes from."""

    path: str
    before: bytes | None
    after: bytes
    origin: str = ""

    def headline(self) -> str:
        """`create overlays/qa.yaml, a copy of overlays/staging.yaml`."""
        return f"{'create' if self.before is None else 'edit'} {self.path}{f', {self.origin}' if self.origin else ''}"

    def diff(self, project: Project) -> Iterator[str]:
        """The lines of a unified diff, with hidden values of overlays masked; none if `origin` is sufficient."""
        if self.origin:
            return
        before, after = (content.decode("utf-8-sig", "replace") for content in (self.before or b"", self.after))
        shown = {**self._shown(project, before), **self._shown(project, after)}
        old = self.path if self.before is not None else os.devnull
        diff = difflib.unified_diff(lines_of(before), lines_of(after), old, self.path, n=_CONTEXT, lineterm="")
        for number, line in enumerate(diff):
            yield line[:1] + shown.get(line[1:], line[1:]) if number > 1 and line[:1] != "@" else line

    def _shown(self, project: Project, text: str) -> dict[str, str]:
        """The replacement for lines with hidden values."""
        if not _is_overlay(project, self.path):
            return {}
        shown = project.schemas.secret_lines.shown(self.path, text)
        return {line: other for line, other in zip(lines_of(text), shown, strict=True) if other != line}


class Plan:
    """The changes of a new part in the order in which they were planned; `notes` are for the reader of the plan."""

    def __init__(self, project: Project) -> None:
        self.folder = project.folder
        self._project = project
        self.notes: list[str] = []
        self._changes: dict[str, Change] = {}

    @property
    def changes(self) -> list[Change]:
        """All changes, one per file."""
        return list(self._changes.values())

    def text(self, path: str) -> str:
        """The planned content of a file. Raises WeftError if it cannot be read or is outside of the project."""
        return self._content(path).decode().removeprefix("\ufeff")

    def position(self, path: str, steps: Sequence[str | int]) -> tuple[int, int] | None:
        """The planned line and column of a value in a file."""
        return yaml12.position(self.text(path), steps)

    def create(self, path: str, text: str, origin: str = "") -> None:
        """Plan a new file. Raises UsageError if it exists, WeftError if it is outside of the project."""
        _check_inside(path)
        if path in self._changes or os.path.lexists(self.folder / path):
            message = f"{path} already exists, and is not overwritten"
            raise UsageError(Problem("file-exists", message, hint="remove it, or choose another name"))
        self._changes[path] = Change(path, None, text.encode(), origin)

    def generate(self, path: str, text: str) -> None:
        """Plan to regenerate a file if it exists and would differ."""
        if (self.folder / path).is_file() and self._content(path) != text.encode():
            self._set(path, text.encode(), "which is generated")

    def add(self, path: str, steps: Sequence[str | int], value: Any) -> None:
        """Plan a new value in a file; see `edits.with_value`. Raises WeftError if that is not possible."""
        self._edit(path, steps, flow_yaml(value), lambda text, where: edits.with_value(text, path, where, value))

    def insert(self, path: str, steps: Sequence[str | int], offset: int, text: str) -> None:
        """Plan an insertion into a text of a file; see `edits.with_insertion`. Raises WeftError if that is not possible."""
        self._edit(path, steps, text, lambda before, where: edits.with_insertion(before, path, where, offset, text))

    def write(self) -> None:
        """Write all changes, or none. Raises CannotRun or WeftError if that is not possible."""
        contents = {self.folder / change.path: (change.before, change.after) for change in self.changes}
        replace_files(contents, self.folder)

    def _edit(self, path: str, steps: Sequence[str | int], what: str, edit: Callable[[str, SettingPath], str]) -> None:
        text = self.text(path)
        try:
            self._set(path, edit(text, _exact(parse_named(text.encode(), path), steps)).encode())
        except edits.EditError as error:
            where = [step for step in steps if step != END]
            line, column = (error.line, error.column) if error.line else self.position(path, where) or (None, None)
            hint = f"add `{what}` to {dotted(where)} manually, and run this again"
            problem = Problem("cannot-edit", error.message, place=Place(path, line, column), hint=hint)
            raise WeftError(self._guarded(problem, path)) from None
        except yaml12.YamlError as error:
            raise WeftError(self._guarded(error.problem(path), path)) from None

    def _guarded(self, problem: Problem, path: str) -> Problem:
        """The problem of a file, with the visible part of its line."""
        return self._project.schemas.secret_lines.guard(problem) if _is_overlay(self._project, path) else problem

    def _set(self, path: str, after: bytes, origin: str = "") -> None:
        known = self._changes.get(path)
        before = known.before if known else self._content(path)
        mark = codecs.BOM_UTF8 if before and before.startswith(codecs.BOM_UTF8) else b""
        self._changes[path] = Change(path, before, mark + after.removeprefix(mark), known.origin if known else origin)

    def _content(self, path: str) -> bytes:
        if path in self._changes:
            return self._changes[path].after
        _check_inside(path)
        try:
            content = self._project.file.files.read(self.folder / path)
            yaml12.decode(content)
        except OutsideError as error:
            raise WeftError(unreadable(error, path)) from None
        except OSError as error:
            raise CannotRun(Problem("unreadable", f"{path}: {reason_of(error)}")) from None
        except yaml12.YamlError as error:
            raise WeftError(self._guarded(error.problem(path), path)) from None
        return content


def _is_overlay(project: Project, path: str) -> bool:
    """True if a file may be a layer: it is data, but not weft.yaml, a schema (even a new one) or a rule pack."""
    ours = path in (NAME, *project.catalog.documents.names.values())
    folders = [project.file.policies, *map(str, PurePosixPath(project.file.schema).parents[:-1])]
    return path.endswith(SUFFIXES) and not ours and not any(map(PurePosixPath(path).is_relative_to, folders))


def _check_inside(path: str) -> None:
    """Raise WeftError for a file that is not below the project's folder."""
    if Path(path).is_absolute() or ".." in Path(path).parts:
        message = "the file is outside of the project, so it is not changed"
        raise WeftError(Problem("cannot-edit", message, place=Place(path), hint="edit it manually"))


def file_and_steps(location: str) -> tuple[str, SettingPath]:
    """The file and the path of a location such as `schemas/app.schema.json#/properties/port`."""
    file, _, pointer = location.partition("#")
    return file, parse_pointer(pointer)


def _exact(data: Any, steps: Sequence[str | int]) -> SettingPath:
    """A path with numbers for the items of lists: those of a JSON pointer are texts."""
    exact: list[str | int] = []
    for step in steps:
        index = isinstance(data, list) and step != END
        exact.append(
            int(step) if index and str(step).isdecimal() else step
        )  # a name does not fit a list: edits report that
        try:
            data = data[exact[-1]]
        except (KeyError, IndexError, TypeError):
            data = None
    return tuple(exact)
