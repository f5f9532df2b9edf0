"""What programs said of outputs, kept by the content that they have read, in the user's cache folder."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import ModuleType

from weft.base.problems import Place, Problem, Severity
from weft.files.datafile import cache_folder
from weft.version import __version__


def key(check: ModuleType, program: str, path: str, files: Iterable[tuple[str, str]]) -> str:
    """A name for one question: which check, which program, which output, beside which other outputs of its target."""
    code = Path(check.__file__).read_bytes() if check.__file__ else b""
    about = Path(program).stat()
    digest = hashlib.sha256(repr((__version__, code, program, about.st_mtime_ns, about.st_size, path)).encode())
    for file in files:
        digest.update(repr(file).encode())
    return digest.hexdigest()


def recall(name: str) -> list[Problem] | None:
    """What was said, or None when it was never asked."""
    try:
        entries = json.loads((_folder() / f"{name}.json").read_bytes())
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
    except (OSError, ValueError, KeyError, TypeError):
        return None


def keep(name: str, problems: Sequence[Problem]) -> None:
    """Remember what was said; a cache that cannot be written is no mistake."""
    file = _folder() / f"{name}.json"
    with contextlib.suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        temporary = file.with_suffix(f".{os.getpid()}")
        temporary.write_text(json.dumps([problem.as_dict() for problem in problems]))
        temporary.replace(file)


def _folder() -> Path:
    return cache_folder("checks")
