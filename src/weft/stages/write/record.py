"""The record `.weft-record`: which files of an output folder Weft wrote, and for which target of which project.

It is read as a stranger's file, for it may have been committed with the outputs: what it names outside of the folder, or where an
output may not be, is passed over.
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
"""How many bytes a name may have in the file systems of Linux, macOS and Windows."""
_CONTROL: Final = re.compile(r"[\0-\x1f\x7f]")
_GIT: Final = re.compile(r"(?i)(?:\.git|git~\d+)[ .]*\Z")
"""The folder of git, as file systems that fold case or shorten names would find it too."""


def refusal(path: str) -> tuple[str, str, str] | None:
    """Why a path below an output folder cannot be that of an output: a code, the reason and a hint; None for a good one."""
    parts = PurePosixPath(path).parts
    if _CONTROL.search(path):
        return "project-invalid", "a path cannot hold the character NUL or another control character", "remove it"
    if path.startswith("/") or ".." in parts or "\\" in path or not parts:
        hint = "give a path below it, without `..` and a leading `/`"
        return "output-outside", f"`{path}` leads out of the output folder", hint
    if path.endswith("/"):
        return "project-invalid", f"`{path}` names a folder, and an output is a file", "add the name of the file"
    if any(part.startswith(RESERVED) for part in parts):
        message = f"names that begin with `{RESERVED}` are kept for the record of what was written"
        return "output-reserved", message, "give it another name"
    if any(_GIT.match(part) for part in parts):
        return "output-reserved", "git runs and reads what lies in `.git`: no output goes there", "give it another name"
    if any(len(part.encode("utf-8", "surrogatepass")) > _NAME_LIMIT for part in parts):
        return "project-invalid", f"`{path[:40]}…` has a name of more than {_NAME_LIMIT} bytes", "shorten it"
    return None


def read_record(root: Path, project: str) -> dict[str, str]:
    """The files that Weft wrote into a folder, with their targets; empty where there is no record.

    Raises CannotRun when the record is another project's, or not one; OSError when it cannot be read.
    """
    text = content_of(root / RECORD, limit=_BIG)
    if text is None:
        if not _is_absent(root / RECORD):
            raise CannotRun(_bad_record(root))
        return {}
    try:
        data: Any = json.loads(text)
        other = str(data.get("project") or project)
        if data["version"] == _VERSION and project not in ("", other):
            message = f"{root} holds the outputs of the project `{other}`"
            raise CannotRun(Problem("other-project", message, hint="render into another folder with `-o`"))
        if data["version"] == _VERSION:
            files = {str(path): str(target) for path, target in data["files"].items()}
            return {path: target for path, target in files.items() if _can_be_ours(path)}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        pass
    raise CannotRun(_bad_record(root))


def record_text(files: Mapping[str, str], project: str) -> str:
    """What a record of these files holds."""
    data = {"version": _VERSION, "project": project, "files": dict(sorted(files.items()))}
    return json.dumps(data, indent=1) + "\n"


def _can_be_ours(path: str) -> bool:
    try:
        path.encode()
    except UnicodeEncodeError:
        return False  # half of a character, which JSON can hold and no path
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
        f"{root / RECORD} is not a record that this version of Weft wrote",
        hint=f"remove {RECORD} and the files that Weft wrote, and render again",
    )
