"""Problems as text for people: each with the line that causes it, and a count at the end."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

from weft.base.problems import Place, Problem, Severity
from weft.base.wording import counted, cut, in_targets
from weft.files.locator import lines_at
from weft.files.reading import files_of
from weft.report.report import Report
from weft.report.words import rest

_COLORS: Final = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.NOTE: "cyan"}
_BOLD: Final = "\x1b[1m"
_CODES: Final = {"red": 31, "green": 32, "yellow": 33, "cyan": 36}
_LINE_SHOWN: Final = 240
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")
"""Control characters, which a terminal obeys and does not show; a value or a key may contain them."""


def text(report: Report) -> str:
    """The report for people: every shown problem with the line that causes it, and a count at the end."""
    if not report:
        return ""
    shown = "".join("".join(_lines(problem, report)) + "\n" for problem in report.shown)
    more = rest(report)
    return shown + (f"{cut(more)}\n" if more else "") + f"{summary(report)}\n"


def summary(report: Report) -> str:
    """`2 errors, 1 warning`."""
    counts = report.counts
    return ", ".join(counted(counts[severity], str(severity)) for severity in Severity if counts[severity])


def _lines(problem: Problem, report: Report) -> Iterator[str]:
    color = _COLORS[problem.severity]
    yield (
        _styled(f"{problem.severity}", fg=color, bold=True)
        + _styled(f"[{problem.code}]", fg=color)
        + f": {_visible(cut(problem.message))}\n"
    )
    if problem.place:
        folder = report.folder or Path()
        yield from _frame(problem.place, folder if report.may_quote(problem) else None, color)
    for place in problem.related:
        yield f"   = see also {cut(str(place))}\n"
    if problem.hint:
        yield _styled("   = hint: ", fg="green") + f"{_visible(cut(problem.hint))}\n"
    if problem.schema:
        yield f"   = rule: {cut(problem.schema)}\n"
    if problem.targets:
        yield f"   = {cut(in_targets(problem.targets))}\n"


def _frame(place: Place, folder: Path | None, color: str) -> Iterator[str]:
    yield f"  --> {cut(str(place))}\n"
    line = _source_line(place, folder)
    if line is None or place.line is None:
        return
    if len(line) > _LINE_SHOWN:
        start = max((place.column or 1) - _LINE_SHOWN // 2, 0)
        line, place = line[start : start + _LINE_SHOWN], replace(place, column=(place.column or 1) - start)
    number = str(place.line)
    yield f" {' ' * len(number)} |\n {number} | {_visible(line)}\n"
    if place.column:
        before = "".join("\t" if character == "\t" else " " for character in _visible(line[: place.column - 1]))
        yield (
            f" {' ' * len(number)} | {before}"
            + _styled("^" * _token(_visible(line[place.column - 1 :])), fg=color)
            + "\n"
        )


def _visible(text: str) -> str:
    """The text with an escape for each character that would change how it is shown."""
    return _CONTROLS.sub(lambda match: ascii(match[0])[1:-1], text)


def _styled(text: str, *, fg: str, bold: bool = False) -> str:
    """The text in a terminal color. Code that prints elsewhere removes it."""
    return f"\x1b[{_CODES[fg]}m{_BOLD if bold else ''}{text}\x1b[0m"


def _token(rest: str) -> int:
    """The length of the key, quoted text or word at the start of this text."""
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
    path = folder / place.file
    lines = lines_at(path) if files_of(folder).may_read(path) else []
    return lines[place.line - 1] if 0 < place.line <= len(lines) else None
