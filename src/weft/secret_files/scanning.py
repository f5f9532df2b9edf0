"""Scan: secrets in clear in the files of a project.

Two searches. What the schema knows: literals in sensitive settings, in every file that looks like an overlay, read by a target
or not, and the variables of sensitive settings in `.env` files. And what detect-secrets knows: the forms of keys and tokens,
passwords by their names, texts of high entropy. A line that a comment `pragma: allowlist secret` ends, or that follows one
with `pragma: allowlist nextline secret`, is allowed; the comments are those of detect-secrets.

Of detect-secrets, its detectors and filters are used, and not its reader of files: that one expands YAML aliases without a
limit, fails on tags, and stops early.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Final

from weft.base.overlay import Source, data_path
from weft.base.paths import dotted, pointer
from weft.base.problems import CannotRun, Place, Problem, reason_of
from weft.files import datafile, git
from weft.files.lines import lines_of
from weft.files.locator import locate
from weft.files.yaml12 import YamlError
from weft.project.project import Project
from weft.report.report import Report
from weft.secrets.references import literals
from weft.stages.load import SUFFIXES

ALLOW: Final = "pragma: allowlist secret"
_ALLOWED = re.compile(r"pragma: ?(?:allow|white)list[ -]secret")
_ALLOWED_NEXT = re.compile(r"pragma: ?(?:allow|white)list[ -]nextline[ -]secret")
_ASSIGNMENT = re.compile(r"\s*(?:export\s+)?(?P<name>[A-Za-z_][A-Za-z0-9_]*)\s*=\s*(?P<value>.*?)\s*\Z")
_UNQUOTED = re.compile(r"(?P<before>\s*(?:- +)*[\w.-]+:\s+)(?P<value>[^\s\"'#|>&*{\[!%@`][^\"\\]*?)(?:\s+#.*|\s*)\Z")
_PASSED_ON = re.compile(r"[\"']?(?:ref\+[a-z]|\$|\{\{|<)")
_WORD = re.compile(r"(?i:true|false|null|none|yes|no)\s*(?:#.*)?\Z")
_STATEMENT = re.compile(r"\{%.*?%\}", re.DOTALL)
_ENCRYPTED: Final = ("-----BEGIN AGE ENCRYPTED FILE-----", "age-encryption.org/v1")
_BIG: Final = 5_000_000
_LONG: Final = 10_000

_Detect = Callable[[str, list[str]], Iterator[tuple[int, str]]]


def scan(project: Project, paths: Iterable[Path] = (), *, schema_only: bool = False) -> list[Problem]:
    """Every secret in clear in these files and folders, all files of the project without any; each a problem that hides it.

    Without `schema_only`, detect-secrets is asked too. Raises CannotRun when it is not installed, or a file cannot be read.
    """
    detect = None if schema_only else _detector()
    wanted = list(paths) or [project.folder]
    files = dict.fromkeys(file for path in wanted for file in _files(path))
    return Report([problem for file in files for problem in _in_file(project, file, detect)]).problems


def _files(path: Path) -> Iterator[Path]:
    """A file itself, or the files below a folder: those that git tracks or would take, all of them where there is no git."""
    if not path.exists():
        raise CannotRun(Problem("unreadable", f"there is no {path}"))
    if not path.is_dir():
        return iter([path])
    in_git = git.is_installed() and git.is_in_repository(path.resolve())
    files = (path / name for name in git.candidates(path)) if in_git else _walked(path)
    return (file for file in files if file.is_file())


def _walked(path: Path) -> Iterator[Path]:
    """Everything below a folder, but for hidden folders."""
    for folder, folders, names in os.walk(path):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (Path(folder, name) for name in sorted(names))


def _in_file(project: Project, file: Path, detect: _Detect | None) -> Iterator[Problem]:
    lines = _lines(file)
    if lines is None:
        return
    name = _name(project, file)
    reported: set[int | None] = set()
    for problem in (*_literals(project, file, name), *_variables(project, name, lines)):
        line = problem.place.line if problem.place else None
        if line is None or not _is_allowed(lines, line):
            reported.add(line)
            yield problem
    for number, kind in detect(name, lines) if detect else ():
        if number not in reported and not _is_allowed(lines, number):
            column = len(lines[number - 1]) - len(lines[number - 1].lstrip()) + 1
            yield _found(f"this looks like a secret in clear ({kind})", Place(name, number, column))


def _lines(file: Path) -> list[str] | None:
    """The lines of a file; None for one that is encrypted, too big, or not a text."""
    try:
        data = file.read_bytes() if file.stat().st_size <= _BIG else b"\0"
    except OSError as error:
        raise CannotRun(Problem("unreadable", f"{file}: {reason_of(error)}")) from None
    text = data.decode("utf-8-sig", "replace")
    return None if b"\0" in data or text.startswith(_ENCRYPTED) else lines_of(text)


def _name(project: Project, file: Path) -> str:
    try:
        return file.resolve().relative_to(project.folder.resolve()).as_posix()
    except ValueError:
        return str(file.resolve())


def _found(message: str, place: Place, path: str | None = None) -> Problem:
    hint = f"keep it with a provider and write a reference; if it is no secret, end the line with the comment `{ALLOW}`"
    return Problem("plaintext-secret", message, path=path, place=place, hint=hint)


def _is_allowed(lines: list[str], number: int) -> bool:
    """Whether the comment on a line, or on the one before it, allows what looks like a secret."""
    previous = lines[number - 2] if number > 1 else ""
    return bool(_ALLOWED.search(lines[number - 1]) or _ALLOWED_NEXT.search(previous))


def _literals(project: Project, file: Path, name: str) -> Iterator[Problem]:
    """Literals in sensitive settings, if the file is data of the shape of an overlay."""
    if file.suffix not in SUFFIXES:
        return
    try:
        data = datafile.read(file)
    except (YamlError, OSError):
        return  # `weft validate` tells, if a target reads it
    if not isinstance(data, dict) or not any(key in project.root.properties for key in data):
        return
    for path in literals(project.root, data):
        message = f"{dotted(data_path(path))} is sensitive, and here it stands in clear"
        yield _found(message, locate(Source(name, path=file), path), pointer(data_path(path)))


def _variables(project: Project, name: str, lines: list[str]) -> Iterator[Problem]:
    """Values of sensitive settings' variables, if the file is called like a `.env` file."""
    base = name.rpartition("/")[2]
    if base != ".env" and not base.startswith(".env.") and not base.endswith(".env"):
        return
    sensitive = _sensitive_variables(project)
    for number, line in enumerate(lines, 1):
        match = _ASSIGNMENT.match(line)
        if (
            match
            and match["name"] in sensitive
            and match["value"].strip("\"'")
            and not _PASSED_ON.match(match["value"])
        ):
            message = f"{match['name']} is the variable of a sensitive setting, and here it stands in clear"
            yield _found(message, Place(name, number, match.start("value") + 1))


def _sensitive_variables(project: Project) -> frozenset[str]:
    catalog = project.catalog
    nodes = (catalog.node([schema], [schema]) for schema in catalog.schemas_with("x-env"))
    return frozenset(str(node.env) for node in nodes if node.sensitive)


def _detector() -> _Detect:
    """The detectors of detect-secrets over the lines of a file: the number of a line, and what it seems to hold."""
    try:
        from detect_secrets.core.scan import get_plugins  # noqa: PLC0415 - an extra
        from detect_secrets.filters import heuristic  # noqa: PLC0415 - an extra
        from detect_secrets.settings import default_settings  # noqa: PLC0415 - an extra
    except ImportError:
        hint = "pip install 'weft[scan]', or give `--schema-only` to look only for what the schema knows"
        raise CannotRun(Problem("not-installed", "the package detect-secrets is not installed", hint=hint)) from None

    harmless: list[Callable[[str], bool]] = [
        heuristic.is_sequential_string,
        heuristic.is_potential_uuid,
        heuristic.is_templated_secret,
        heuristic.is_not_alphanumeric_string,
        heuristic.is_prefixed_with_dollar_sign,
        lambda secret: _PASSED_ON.match(secret) is not None or _WORD.match(secret) is not None,
    ]
    with default_settings():
        plugins = list(get_plugins())

    def detect(name: str, lines: list[str]) -> Iterator[tuple[int, str]]:
        if heuristic.is_non_text_file(name) or heuristic.is_lock_file(name):
            return
        statements = _statements(lines) if name.endswith(".j2") else frozenset()
        for number, line in enumerate(lines, 1):
            if not line.strip() or len(line) > _LONG:
                continue
            # a template is read as what it makes; in a statement of Jinja, what has no quotes is the name of something
            kind = name if number in statements else name.removesuffix(".j2")
            for plugin in plugins:
                found: Iterable[Any] = plugin.analyze_line(filename=kind, line=_quoted(kind, line), line_number=number)
                values = [one.secret_value for one in found]
                if any(value and not any(test(value) for test in harmless) for value in values) and not (
                    heuristic.is_indirect_reference(line)
                    or any(heuristic.is_likely_id_string(value, line, plugin) for value in values)
                ):
                    yield number, str(plugin.secret_type)
                    break

    return detect


def _statements(lines: list[str]) -> frozenset[int]:
    """The numbers of the lines that a statement of Jinja stands on."""
    text = "\n".join(lines)
    spans = ((text.count("\n", 0, match.start()), match[0].count("\n")) for match in _STATEMENT.finditer(text))
    return frozenset(first + more + 1 for first, size in spans for more in range(size + 1))


def _quoted(name: str, line: str) -> str:
    """A line of YAML with its value in quotes: only there do the detectors measure entropy."""
    match = _UNQUOTED.match(line) if name.endswith((".yaml", ".yml")) else None
    return f'{match["before"]}"{match["value"]}"' if match else line
