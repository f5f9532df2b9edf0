"""Scan: secrets in plain text in the files of a project, and in their Git history.

There are two searches. The schema finds literals in sensitive settings, in every file that looks like an overlay, whether or not a
target reads it, and variables of sensitive settings in `.env` files. The `detector` finds keys and tokens by their form, passwords by
their names, and texts that look random. The comment `pragma: allowlist secret` at the end of a line, or `pragma: allowlist nextline
secret` on the line before, allows a finding; so does the `baseline`.

The searches work on texts: `files` reads them from the disk, `committed` and `staged` from Git.
"""

from __future__ import annotations

import codecs
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from weft.base.overlay import data_path
from weft.base.paths import dotted, pointer
from weft.base.problems import CannotRun, Place, Problem, Severity, reason_of
from weft.files import datafile, git
from weft.files.lines import lines_of
from weft.files.locator import locate_in
from weft.files.yaml12 import YamlError
from weft.project.project import Project
from weft.secret_files.detector import Detector
from weft.secrets.references import literals
from weft.stages.load import SUFFIXES

ALLOW: Final = "pragma: allowlist secret"
_ALLOWED = re.compile(r"pragma: ?(?:allow|white)list[ -]secret")
_ALLOWED_NEXT = re.compile(r"pragma: ?(?:allow|white)list[ -]nextline[ -]secret")
_ASSIGNMENT = re.compile(r"\s*(?:export\s+)?(?P<name>[A-Za-z_][A-Za-z0-9_]*)\s*=\s*(?P<value>.*?)\s*\Z")
_PASSED_ON = re.compile(r"[\"']?(?:ref\+[a-z]|\$|\{\{|<)")
_LIMIT: Final = 100_000_000
_MARKS: Final = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
"""The byte order marks of encodings; UTF-32 comes first, because one of its marks starts like one of UTF-16."""


@dataclass(frozen=True)
class Text:
    """A text to search: the content of a file on disk, in the index, or in a commit; None if it is too large.

    `name` is the file's path from the folder of the project, or an absolute one; of a commit's message it is None.
    """

    name: str | None
    data: bytes | None = field(repr=False)
    commit: str | None = None

    @property
    def file(self) -> str:
        """Its name in the baseline."""
        return self.name or f"commit {self.commit}"

    @cached_property
    def is_binary(self) -> bool:
        """True if it is not a text, so nothing in it has a line."""
        return "\0" in self._decoded

    @cached_property
    def lines(self) -> list[str]:
        """The lines, read as Latin-1 if the file is not UTF-8; the readable parts of a binary file."""
        return lines_of(self._decoded.replace("\0", ""))  # which also occurs in UTF-16 without a byte order mark

    @cached_property
    def _decoded(self) -> str:
        data = self.data or b""
        encoding = next((name for mark, name in _MARKS.items() if data.startswith(mark)), "utf-8")
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            return data.decode("latin-1")

    def allows(self, line: int) -> bool:
        """True if the comment on a line, or on the line before it, allows a finding."""
        this, previous = ("\n".join(self.lines[max(n, 0) : n + 1]) for n in (line - 1, line - 2))
        return bool(_ALLOWED.search(this) or _ALLOWED_NEXT.search(previous))


@dataclass(frozen=True)
class Finding:
    """A secret in plain text: its kind, its text and position, and its setting, if any."""

    text: Text
    kind: str
    message: str
    secret: str = field(repr=False)
    line: int = 1
    column: int = 1
    path: str | None = None

    def problem(self) -> Problem:
        """The finding as a problem, without the secret."""
        name, commit = self.text.name, self.text.commit
        place = None if name is None else Place(name) if self.text.is_binary else Place(name, self.line, self.column)
        message = self.message
        hint = f"keep it with a provider and write a reference; if it is not a secret, end the line with the comment `{ALLOW}`"
        if commit:
            where = f"commit {commit[:12]}" if name else f"the message of commit {commit[:12]}, line {self.line}"
            message = f"{message}, in {where}"
            hint = "rotate the secret: everyone with access to the repository has it; if it is not a secret, accept it with `--write-baseline`"
        return Problem("plaintext-secret", message, path=self.path, place=place, hint=hint)


# --- where texts come from ---


def files(project: Project, paths: Sequence[Path] = ()) -> Iterator[Text]:
    """These files and those below these folders, all files of the project without any. Raises CannotRun for one that cannot be read."""
    for file in dict.fromkeys(file for path in paths or [project.folder] for file in _files(path)):
        yield Text(_name(project, file), _content(file))


def committed(project: Project, since: str | None = None, paths: Sequence[Path] = ()) -> Iterator[Text]:
    """The texts that the commits up to HEAD, or those after a revision, added, and their messages. Raises the errors of `git.versions`."""
    return _from_git(project, git.versions(project.folder, since, _names(project, paths)))


def staged(project: Project, paths: Sequence[Path] = ()) -> Iterator[Text]:
    """The texts that the next commit would add. Raises CannotRun."""
    git.top_of(project.folder)
    return _from_git(project, git.staged_versions(project.folder, _names(project, paths)))


def _from_git(project: Project, versions: Sequence[git.Version]) -> Iterator[Text]:
    contents = git.contents(project.folder, (version.object_id for version in versions), _LIMIT)
    for version, content in zip(versions, contents, strict=True):
        yield Text(version.name, content, version.commit)


def _files(path: Path) -> Iterator[Path]:
    """A file itself, or the files below a folder: those that Git tracks or would add, or all of them without Git.

    Symbolic links are not followed: Git stores their target path, not its content.
    """
    if not path.exists():
        raise CannotRun(Problem("unreadable", f"there is no {path}"))
    if not path.is_dir():
        return iter([path])
    in_git = git.is_installed() and git.is_in_repository(path.resolve())
    below = (path / name for name in git.candidates(path)) if in_git else _walked(path)
    return (file for file in below if file.is_file() and not file.is_symlink())


def _walked(path: Path) -> Iterator[Path]:
    """All files below a folder, except in hidden folders."""
    for folder, folders, names in os.walk(path):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (Path(folder, name) for name in sorted(names))


def _content(file: Path) -> bytes | None:
    try:
        return file.read_bytes() if file.stat().st_size <= _LIMIT else None
    except OSError as error:
        raise CannotRun(Problem("unreadable", f"{file}: {reason_of(error)}")) from None


def _name(project: Project, file: Path) -> str:
    try:
        return file.resolve().relative_to(project.folder.resolve()).as_posix()
    except ValueError:
        return str(file.resolve())


def _names(project: Project, paths: Sequence[Path]) -> list[str]:
    return [_name(project, path) for path in paths]


# --- searching them ---


class Scanner:
    """The search in texts, by the schema of a project and, unless `schema_only`, by the form of secrets.

    Raises CannotRun if the detector is not installed.
    """

    def __init__(self, project: Project, *, schema_only: bool = False) -> None:
        self._project = project
        self._detector = None if schema_only else Detector()
        self.unscanned: list[Problem] = []
        """A warning for each text that was too large."""

    def scan(self, texts: Iterable[Text]) -> Iterator[Finding]:
        """Every secret in these texts that no comment allows. A secret that is in many commits of a file is reported once."""
        seen = set()
        for text in texts:
            if text.data is None:
                self.unscanned.append(_unscanned(text))
                continue
            for finding in self._in_text(text):
                key = (text.file, finding.secret, None if text.commit else finding.line)
                if key not in seen and not text.allows(finding.line):
                    seen |= {key, (text.file, finding.secret, None)}
                    yield finding

    def _in_text(self, text: Text) -> Iterator[Finding]:
        by_schema = [*self._literals(text), *self._variables(text)]
        yield from by_schema
        detected = self._detector.detect(text.name or "", "\n".join(text.lines)) if self._detector else ()
        for one in detected:
            if not any(_covers(other, one.line, one.secret) for other in by_schema):
                message = f"this looks like a secret in plain text ({one.kind})"
                yield Finding(text, one.kind, message, one.secret, one.line, one.column)

    def _literals(self, text: Text) -> Iterator[Finding]:
        """Literals in sensitive settings, if the text is data of the shape of an overlay."""
        name = text.name or ""
        data = self._as_overlay(name, text.data or b"")
        for path in literals(self._project.root, data) if data is not None else ():
            place = locate_in("\n".join(text.lines), name, path)
            setting = data_path(path)
            message = f"{dotted(setting)} is sensitive, but is in plain text here"
            value = _value(data, path)
            yield Finding(
                text, "sensitive-setting", message, value, place.line or 1, place.column or 1, pointer(setting)
            )

    def _as_overlay(self, name: str, content: bytes) -> dict[str, Any] | None:
        """The data of a file that has settings of the project; None for any other file."""
        if not name.endswith(tuple(SUFFIXES)):
            return None
        try:
            data = datafile.parse_named(content, name)
        except YamlError:
            return None  # `weft validate` reports it, if a target reads it
        is_overlay = isinstance(data, dict) and any(key in self._project.root.properties for key in data)
        return data if is_overlay else None

    def _variables(self, text: Text) -> Iterator[Finding]:
        """Values of sensitive settings' variables, if the file is named like a `.env` file."""
        base = (text.name or "").rpartition("/")[2]
        if base != ".env" and not base.startswith(".env.") and not base.endswith(".env"):
            return
        for number, line in enumerate(text.lines, 1):
            match = _ASSIGNMENT.match(line)
            if match and match["name"] in self._sensitive_variables and _is_literal(match["value"]):
                message = f"{match['name']} is the variable of a sensitive setting, but is in plain text here"
                value = match["value"].strip("\"'")
                yield Finding(text, "sensitive-variable", message, value, number, match.start("value") + 1)

    @cached_property
    def _sensitive_variables(self) -> frozenset[str]:
        catalog = self._project.catalog
        nodes = (catalog.node([schema], [schema]) for schema in catalog.schemas_with("x-env"))
        return frozenset(str(node.env) for node in nodes if node.sensitive)


def _is_literal(value: str) -> bool:
    return bool(value.strip("\"'")) and not _PASSED_ON.match(value)


def _value(data: Any, path: Sequence[str | int]) -> str:
    for step in path:
        data = data[step]
    return str(data)


def _covers(found: Finding, line: int, secret: str) -> bool:
    """True if a secret found by its form is, or is part of, one that the schema found at the same place."""
    last = found.line + len(found.secret.splitlines())  # a block starts below its key
    if found.line == line:
        return secret in found.secret or found.secret in secret
    return "\n" in found.secret and found.line < line <= last


def _unscanned(text: Text) -> Problem:
    message = f"not scanned: it is larger than {_LIMIT // 1_000_000} MB"
    return Problem("not-scanned", message, Severity.WARNING, place=Place(text.file))
