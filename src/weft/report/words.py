"""A problem as one text, for formats without separate fields."""

from __future__ import annotations

from collections import Counter
from typing import Final

from weft.base.problems import Problem
from weft.base.wording import cut
from weft.report.report import Report

_GROUPS: Final = 12


def in_full(problem: Problem) -> str:
    """The message of a problem, with its hint and its targets."""
    lines = [problem.message]
    if problem.hint:
        lines.append(f"hint: {problem.hint}")
    if problem.schema:
        lines.append(f"rule: {problem.schema}")
    if problem.targets:
        lines.append(f"in {', '.join(problem.targets)}")
    return "\n".join(map(cut, lines))


def rest(report: Report) -> str:
    """A summary of the problems that a long report hides: counts by code and file. Empty if all are shown."""
    hidden = report.hidden
    if not hidden:
        return ""
    groups = Counter((problem.code, problem.place.file if problem.place else None) for problem in hidden).most_common()
    parts = [f"{count:,} {code}{f' in {file}' if file else ''}" for (code, file), count in groups[:_GROUPS]]
    others = sum(count for _, count in groups[_GROUPS:])
    parts += [f"{others:,} of other kinds or in other files"] if others else []
    return f"and {len(hidden):,} more: {', '.join(parts)}"
