"""The cache of programs' answers, by the content that they read, in the user's cache folder."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Final

from weft.base.problems import Place, Problem, Severity
from weft.files import cache
from weft.version import __version__

_FOLDER: Final = "checks"


def key(check: ModuleType, program: str, path: str, files: str) -> str:
    """The key of one answer: the check, the program, the output, and the digest of all outputs of its target."""
    code = [path.read_bytes() for path in _modules(check)]
    about = Path(program).stat()
    question = (__version__, code, program, about.st_mtime_ns, about.st_size, path, files)
    return hashlib.sha256(repr(question).encode()).hexdigest()


def _modules(check: ModuleType) -> list[Path]:
    """The files of a check: its module, or the modules of its package."""
    file = Path(check.__file__ or "")
    return sorted(file.parent.glob("*.py")) if file.name == "__init__.py" else [file] if file.is_file() else []


def recall(name: str) -> list[Problem] | None:
    """The cached answer, or None."""
    try:
        entries = json.loads(cache.recall(_FOLDER, f"{name}.json") or b"")
        return [
            Problem(
                entry["code"],
                entry["message"],
                Severity(entry["severity"]),
                place=Place("", entry["line"], entry["column"]) if entry["line"] else None,
                hint=entry["hint"],
            )
            for entry in entries
        ]
    except (ValueError, KeyError, TypeError):
        return None


def keep(name: str, problems: Sequence[Problem]) -> None:
    """Cache an answer. A failed write is ignored."""
    cache.keep(_FOLDER, f"{name}.json", json.dumps([problem.as_dict() for problem in problems]))
