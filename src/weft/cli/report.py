"""Problems for people and for machines. A format is a function from problems to text, looked up by name."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import click

from weft.exchange import as_github, as_junit, as_sarif
from weft.problems import Place, Problem, Severity, gather

_COLORS: Final = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.NOTE: "cyan"}
_TARGETS_SHOWN: Final = 4
_LINE_SHOWN: Final = 240


def show(problems: Sequence[Problem], folder: Path | None = None) -> None:
    """Print problems for a person, on stderr; `folder` is where their files lie."""
    color = False if os.environ.get("NO_COLOR") else None
    click.echo(text(gather(problems), folder), err=True, nl=False, color=color)


def text(problems: Sequence[Problem], folder: Path | None = None) -> str:
    """The report for people: every problem with the line that causes it, and a count at the end."""
    if not problems:
        return ""
    # a file with a secret in clear is not quoted at all
    clear = {problem.place.file for problem in problems if problem.code == "literal-secret" and problem.place}
    problems = [
        replace(problem, quiet=True) if problem.place and problem.place.file in clear else problem
        for problem in problems
    ]
    return "\n".join("".join(_lines(problem, folder)) for problem in problems) + f"\n{summary(problems)}\n"


def as_json(problems: Sequence[Problem], folder: Path | None = None) -> str:
    """`{problems: [...], summary: {errors, warnings, notes}}`."""
    counts = Counter(problem.severity for problem in problems)
    data: dict[str, Any] = {
        "problems": [problem.as_dict() for problem in problems],
        "summary": {
            "errors": counts[Severity.ERROR],
            "warnings": counts[Severity.WARNING],
            "notes": counts[Severity.NOTE],
        },
    }
    return json.dumps(data, indent=2, ensure_ascii=False) + "\n"


def summary(problems: Sequence[Problem]) -> str:
    """`2 errors, 1 warning`."""
    counts = Counter(problem.severity for problem in problems)
    parts = [
        f"{counts[severity]} {severity}{'s' if counts[severity] > 1 else ''}"
        for severity in Severity
        if counts[severity]
    ]
    return ", ".join(parts) or "no problems"


def _lines(problem: Problem, folder: Path | None) -> Iterator[str]:
    color = _COLORS[problem.severity]
    yield (
        click.style(f"{problem.severity}", fg=color, bold=True)
        + click.style(f"[{problem.code}]", fg=color)
        + f": {problem.message}\n"
    )
    if problem.place:
        yield from _frame(problem.place, None if problem.quiet else folder or Path(), color)
    for place in problem.related:
        yield f"   = see also {_where(place)}\n"
    if problem.hint:
        yield click.style("   = hint: ", fg="green") + f"{problem.hint}\n"
    if problem.schema:
        yield f"   = rule: {problem.schema}\n"
    if problem.targets:
        more = len(problem.targets) - _TARGETS_SHOWN
        names = ", ".join(problem.targets[:_TARGETS_SHOWN]) + (f" and {more} more" if more > 0 else "")
        yield f"   = in {len(problem.targets)} target{'s' if len(problem.targets) > 1 else ''}: {names}\n"


def _frame(place: Place, folder: Path | None, color: str) -> Iterator[str]:
    yield f"  --> {_where(place)}\n"
    line = _source_line(place, folder)
    if line is None or place.line is None:
        return
    if len(line) > _LINE_SHOWN:
        start = max((place.column or 1) - _LINE_SHOWN // 2, 0)
        line, place = line[start : start + _LINE_SHOWN], replace(place, column=(place.column or 1) - start)
    number = str(place.line)
    yield f" {' ' * len(number)} |\n {number} | {line}\n"
    if place.column:
        before = "".join("\t" if character == "\t" else " " for character in line[: place.column - 1])
        yield f" {' ' * len(number)} | {before}" + click.style("^" * _token(line[place.column - 1 :]), fg=color) + "\n"


def _token(rest: str) -> int:
    """How long the thing is that stands here: a key, a quoted text, a word."""
    for opening, closing in (("{{", "}}"), ("{%", "%}")):
        if rest.startswith(opening) and closing in rest:
            return rest.index(closing) + len(closing)
    if rest[:1] in ("'", '"') and rest[:1] in rest[1:]:
        return rest.index(rest[0], 1) + 1
    for length, character in enumerate(rest):
        if character in ",}]#" or rest[length : length + 2] in (": ", ":"):
            return max(len(rest[:length].rstrip()), 1)
    return max(len(rest.rstrip()), 1)


def _source_line(place: Place, folder: Path | None) -> str | None:
    if place.line is None or folder is None:
        return None
    if place.text is not None:
        return place.text
    try:
        lines = (folder / place.file).read_text("utf-8", "replace").splitlines()
    except OSError:
        return None
    return lines[place.line - 1] if 0 < place.line <= len(lines) else None


def _where(place: Place) -> str:
    return ":".join(str(part) for part in (place.file, place.line, place.column) if part is not None)


FORMATS: Final[Mapping[str, Callable[[Sequence[Problem], Path | None], str]]] = {
    "text": text,
    "json": as_json,
    "sarif": as_sarif,
    "github": as_github,
    "junit": as_junit,
}
