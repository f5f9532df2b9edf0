"""The record `.weft-record`: the files of an output folder that Weft wrote, with their target and project.

It is treated as untrusted, because it may have been committed with the outputs: entries outside of the folder, or with a path that
no output may have, are ignored.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any, Final

from weft.base.problems import CannotRun, Problem
from weft.files.atomic import content_of

RECORD: Final = ".weft-record"
RESERVED: Final = ".weft"
_VERSION: Final = 1
_BIG: Final = 64 * 2**20  # half a million files
_NAME_LIMIT: Final = 255
"""The maximum length of a name, in bytes, in the file systems of Linux, macOS and Windows."""
_CONTROL: Final = re.compile(r"[\0-\x1f\x7f]")
_GIT: Final = re.compile(r"(?i)(?:\.git|git~\d+)[ .]*\Z")
"""The folder of git, including the spellings of file systems that fold case or shorten names."""


def refusal(path: str) -> tuple[str, str, str] | None:
    """Why a path cannot be the path of an output: a code, the reason and a hint; None for a valid path."""
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


def record_text(files: Mapping[str, str], project: str) -> str:
    """The content of a record of these files."""
    data = {"version": _VERSION, "project": project, "files": dict(sorted(files.items()))}
    return json.dumps(data, indent=1) + "\n"


def _can_be_ours(path: str) -> bool:
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
