"""The record `.weft-record`: the files of an output folder that Weft wrote, with their target and project.

The outputs of a part of a run, a shard, have a record that says so, and `.weft-shard` next to it with all details about them.

It is treated as untrusted, because it may have been committed with the outputs: entries outside of the folder, or with a path that
no output may have, are ignored.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, Final

from weft.base.problems import CannotRun, Problem
from weft.files.atomic import content_of
from weft.files.signatures import digest_of

RECORD: Final = ".weft-record"
DETAILS: Final = ".weft-shard"
RESERVED: Final = ".weft"
_VERSION: Final = 1
_BIG: Final = 64 * 2**20  # half a million files
_NAME_LIMIT: Final = 255
"""The maximum length of a name, in bytes, in the file systems of Linux, macOS and Windows."""
_CONTROL: Final = re.compile(r"[\0-\x1f\x7f]")
_GIT: Final = re.compile(r"(?i)(?:\.git|git~\d+)[ .]*\Z")
"""The folder of git, including the spellings of file systems that fold case or shorten names."""


_PLAIN: Final = re.compile(r"(?:[A-Za-z0-9_-][A-Za-z0-9_.-]{0,99}/)*[A-Za-z0-9_-][A-Za-z0-9_.-]{0,99}\Z")
"""Paths that are certainly valid: nearly all of a fleet, which are looked at together."""


@dataclass(frozen=True, slots=True)
class Part:
    """What is kept of a run that was only a part of another one: `about` in the record, the `details` in a file of their own."""

    about: Mapping[str, Any]
    details: str = field(repr=False)

    @property
    def entry(self) -> dict[str, Any]:
        """The entry of the record about the part: it belongs to just these details."""
        return {**self.about, "details": digest_of(self.details)}


def refusal(path: str) -> tuple[str, str, str] | None:
    """Why a path cannot be the path of an output: a code, the reason and a hint; None for a valid path."""
    if _PLAIN.match(path):
        return None
    parts = PurePosixPath(path).parts
    if _CONTROL.search(path):
        return "project-invalid", "a path cannot contain NUL or other control characters", "remove it"
    if path.startswith("/") or ".." in parts or "\\" in path or not parts:
        hint = "use a path below it, without `..` and a leading `/`"
        return "output-outside", f"`{path}` is outside of the output folder", hint
    if path.endswith("/"):
        return (
            "project-invalid",
            f"`{path}` is the path of a folder, but an output is a file",
            "add the name of the file",
        )
    if any(part.startswith(RESERVED) for part in parts):
        message = f"names that begin with `{RESERVED}` are reserved for Weft's record of written files"
        return "output-reserved", message, "give it another name"
    if any(_GIT.match(part) for part in parts):
        return (
            "output-reserved",
            "Git runs and reads files in `.git`: an output cannot be written there",
            "give it another name",
        )
    if any(len(part.encode("utf-8", "surrogatepass")) > _NAME_LIMIT for part in parts):
        return "project-invalid", f"`{path[:40]}…` has a name of more than {_NAME_LIMIT} bytes", "shorten it"
    return None


def read_record(root: Path, project: str) -> dict[str, str]:
    """The files that Weft wrote into a folder, with their targets; empty if there is no record.

    Raises CannotRun when the record is invalid or belongs to another project; OSError when it cannot be read.
    """
    text = content_of(root / RECORD, limit=_BIG)
    if text is None:
        if not _is_absent(root / RECORD):
            raise CannotRun(_bad_record(root))
        return {}
    try:
        data: Any = json.loads(text)
        other = str(data.get("project") or project)
        if data["version"] == _VERSION:
            if project not in ("", other):
                message = f"{root} contains the outputs of the project `{other}`"
                raise CannotRun(Problem("other-project", message, hint="render into another folder with `-o`"))
            files = {str(path): str(target) for path, target in data["files"].items()}
            return {path: target for path, target in files.items() if _can_be_ours(path)}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        pass
    raise CannotRun(_bad_record(root))


def read_part(root: Path) -> Part | None:
    """The part of a run that a folder holds; None if it holds a whole one, or if record and details do not belong together.

    Raises OSError when they cannot be read.
    """
    try:
        data: Any = json.loads(content_of(root / RECORD, limit=_BIG) or b"{}")
        entry: Any = data["shard"] if data["version"] == _VERSION else None
        details = (content_of(root / DETAILS) or b"").decode()
        about = {name: value for name, value in entry.items() if name != "details"}
        return Part(about, details) if entry["details"] == digest_of(details) else None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def record_text(files: Mapping[str, str], project: str, part: Part | None = None) -> str:
    """The content of a record of these files."""
    shard = {} if part is None else {"shard": part.entry}
    data = {"version": _VERSION, "project": project, **shard, "files": dict(sorted(files.items()))}
    return json.dumps(data, indent=1) + "\n"


def _can_be_ours(path: str) -> bool:
    if _PLAIN.match(path):
        return True
    try:
        path.encode()
    except UnicodeEncodeError:
        return False  # half of a surrogate pair, which JSON can contain but a path cannot
    return refusal(path) is None and str(PurePosixPath(path)) == path


def _is_absent(path: Path) -> bool:
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return True
    return False


def _bad_record(root: Path) -> Problem:
    return Problem(
        "bad-record",
        f"{root / RECORD} is not a record of this version of Weft",
        hint=f"remove {RECORD} and the files that Weft wrote, and render again",
    )
