"""Problems as data: what is wrong, where, why, and what to do. Text is produced last."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from weft.base import codes
from weft.base.wording import shortened

_LONGEST_WORD: Final = 200
"""The longest word for which similar names are searched."""
_COMPARED: Final = 20_000
"""The number of word pairs that are compared for one configuration to suggest a name; that takes half a second."""


class Severity(StrEnum):
    """How serious a problem is. Only errors stop a render."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Place:
    """A spot in a file; `line` and `column` count from 1 and are None if unknown.

    `text` is the line itself if no file contains it, as in an output that was not written. A `nearest` place is close to something
    that no file contains, so another place would be equally good.
    """

    file: str
    line: int | None = None
    column: int | None = None
    text: str | None = None
    nearest: bool = field(default=False, compare=False)

    def __str__(self) -> str:
        """`file:line:column`, as far as known."""
        return ":".join(str(part) for part in (self.file, self.line, self.column) if part is not None)


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake. The registry knows its `code`; `traits` holds what follows from the code.

    `path` is a JSON pointer into the merged configuration, `schema` the location of the rule
    (`schemas/database.schema.json#/properties/port`), `targets` the targets that have the problem,
    `related` other places that belong to it, `reads` the settings (as JSON pointers) that its rule reads. The source line of
    a `quiet` problem must not be shown because it may contain a secret. `within` is a line and a column inside the text at the
    place, for example of an expression. Paths of files are relative to the project and use `/`.
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

    def __post_init__(self) -> None:
        codes.find(self.code)

    @property
    def traits(self) -> codes.Code:
        """The entry of the registry for the problem's code."""
        return codes.find(self.code)

    def without_text(self) -> Problem:
        """The same problem without any text of its file: neither its line nor its values."""
        return replace(self, quiet=True, message=self.traits.unquoted or self.message)

    @property
    def sentence(self) -> str:
        """The message with its hint, in one line."""
        return f"{self.message} ({self.hint})" if self.hint else self.message

    @property
    def finding(self) -> tuple[str, str | None]:
        """Which setting has which mistake. A second problem with the same finding adds nothing about a target."""
        return self.code, self.path

    def as_dict(self) -> dict[str, Any]:
        """The problem as JSON data, in the documented shape of `--format json`."""
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


def _placed_sentence(problem: Problem) -> str:
    return f"{problem.place}: {problem.sentence}" if problem.place else problem.sentence


class WeftError(Exception):
    """Raised when work cannot continue; carries every problem found up to that point."""

    exit_code = 1
    folder: Path | None = None
    """The project whose files have the problems."""

    def __init__(self, *problems: Problem) -> None:
        super().__init__("; ".join(map(_placed_sentence, problems)))
        self.problems = problems


class UsageError(WeftError):
    """The caller asked for something that does not exist (a target, a path)."""

    exit_code = 2


class CannotRun(WeftError):
    """The environment prevents the work: no project, no permission, a full disk."""

    exit_code = 3


def reason_of(error: OSError) -> str:
    """The message of the operating system for a failure."""
    return (error.strerror or str(error)).lower()


def did_you_mean(word: str, candidates: Iterable[str], cutoff: float = 0.6) -> str | None:
    """A hint with the candidate most similar to `word`, ignoring case, or None when nothing is similar."""
    spelled: dict[str, str] = {}
    for candidate in candidates:
        spelled.setdefault(candidate.casefold(), candidate)
        if candidate != word and candidate.casefold() == word.casefold():
            return f"did you mean `{candidate}`?"
    close = closest(word.casefold(), spelled, cutoff)
    return f"did you mean `{spelled[close]}`?" if close is not None else None


def closest(word: str, candidates: Iterable[str], cutoff: float = 0.6) -> str | None:
    """The candidate most similar to a word, or None. Long texts are not compared, because that may take minutes."""
    if len(word) > _LONGEST_WORD:
        return None
    import difflib

    return next(iter(difflib.get_close_matches(word, candidates, n=1, cutoff=cutoff)), None)


class Suggestions:
    """`did_you_mean` for the problems of one configuration: only the first of thousands are worth the comparisons."""

    def __init__(self) -> None:
        self._left = _COMPARED

    @property
    def are_used_up(self) -> bool:
        """True if a hint may be missing because there were too many comparisons."""
        return self._left < 0

    def __call__(
        self, word: str, candidates: list[str], fits: Callable[[str], bool] | None = None, cutoff: float = 0.6
    ) -> str | None:
        """A hint with the most similar candidate among those that fit, until the number of comparisons is used up."""
        self._left -= len(candidates)
        if self._left < 0:
            return None
        return did_you_mean(word, filter(fits, candidates) if fits else candidates, cutoff)


def choices(candidates: Iterable[str], limit: int = 12) -> str:
    """`a, b, c`: the candidates for a message, shortened when there are many."""
    return shortened((f"`{name}`" for name in candidates), limit)


def has_errors(problems: Sequence[Problem], strict: bool = False) -> bool:
    """True if these problems fail a run; `strict` counts warnings too."""
    failing = (Severity.ERROR, Severity.WARNING) if strict else (Severity.ERROR,)
    return any(problem.severity in failing for problem in problems)
