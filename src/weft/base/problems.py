"""What is wrong, as data: a problem says what, where, why and what to do; words are put together last."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any


class Severity(StrEnum):
    """How much a problem matters; only errors stop a render."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Place:
    """A spot in a file; `line` and `column` count from 1 and are None where they are not known.

    `text` is the line itself where no file holds it, as in an output that was not written.
    """

    file: str
    line: int | None = None
    column: int | None = None
    text: str | None = None


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong.

    `path` is a JSON pointer into the merged configuration, `schema` the location of the rule
    (`schemas/database.schema.json#/properties/port`), `targets` the targets that have the problem,
    `related` other places that belong to it, `reads` the settings (as JSON pointers) that its rule reads. The source line of
    a `quiet` problem must not be shown: a secret may stand in it; `within` is a line and a column inside the text at the
    place, of an expression say. Paths of files are relative to the project, with `/`.
    """

    code: str
    message: str
    severity: Severity = Severity.ERROR
    path: str | None = None
    place: Place | None = None
    targets: tuple[str, ...] = ()
    schema: str | None = None
    hint: str | None = None
    related: tuple[Place, ...] = ()
    reads: tuple[str, ...] = ()
    quiet: bool = False
    within: tuple[int, int] | None = None

    def as_dict(self) -> dict[str, Any]:
        """The problem as JSON data, in the shape that `--format json` promises."""
        place = self.place
        return {
            "code": self.code,
            "severity": str(self.severity),
            "message": self.message,
            "path": self.path,
            "file": place.file if place else None,
            "line": place.line if place else None,
            "column": place.column if place else None,
            "targets": list(self.targets),
            "schema": self.schema,
            "hint": self.hint,
        }


class WeftError(Exception):
    """Raised where work cannot go on; carries every problem that was found until then."""

    exit_code = 1
    folder: Path | None = None
    """The project that the files of the problems belong to."""

    def __init__(self, *problems: Problem) -> None:
        super().__init__("; ".join(problem.message for problem in problems))
        self.problems = problems


class UsageError(WeftError):
    """The caller asked for something that does not exist (a target, a path)."""

    exit_code = 2


class CannotRun(WeftError):
    """The environment refused: no project, no permission, a full disk."""

    exit_code = 3


def reason_of(error: OSError) -> str:
    """Why the system refused, in its own words."""
    return (error.strerror or str(error)).lower()


def did_you_mean(word: str, candidates: Iterable[str]) -> str | None:
    """A hint naming the candidate most like `word`, or None when nothing is close."""
    close = difflib.get_close_matches(word, list(candidates), n=1, cutoff=0.6)
    return f"did you mean `{close[0]}`?" if close else None


def choices(candidates: Iterable[str], limit: int = 12) -> str:
    """`a, b, c`: a list of candidates for a message, shortened when it is long."""
    names = list(candidates)
    shown = ", ".join(f"`{name}`" for name in names[:limit])
    return shown + (f" and {len(names) - limit} more" if len(names) > limit else "")


def gather(problems: Iterable[Problem]) -> list[Problem]:
    """The same problem in many targets becomes one problem that lists them; file by file, from top to bottom."""
    found: dict[Any, tuple[Problem, dict[str, None]]] = {}
    for problem in sorted(problems, key=_order):
        # what nothing sets is missing once, wherever the targets would have had it
        key = (problem.code, problem.path) if problem.code == "missing-required" else replace(problem, targets=())
        found.setdefault(key, (problem, {}))[1].update(dict.fromkeys(problem.targets))
    return [replace(problem, targets=tuple(targets)) for problem, targets in found.values()]


def _order(problem: Problem) -> tuple[Any, ...]:
    place = problem.place or Place("~")
    return place.file, place.line or 0, place.column or 0, problem.path or "", problem.code, problem.message


def has_errors(problems: Sequence[Problem], strict: bool = False) -> bool:
    """Whether these problems fail a run; `strict` counts warnings too."""
    failing = (Severity.ERROR, Severity.WARNING) if strict else (Severity.ERROR,)
    return any(problem.severity in failing for problem in problems)
