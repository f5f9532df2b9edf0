"""A problem in words, for formats that have one text for all of it."""

from __future__ import annotations

from weft.base.problems import Problem


def in_full(problem: Problem) -> str:
    """The problem in words, with its hint and its targets."""
    lines = [problem.message]
    if problem.hint:
        lines.append(f"hint: {problem.hint}")
    if problem.schema:
        lines.append(f"rule: {problem.schema}")
    if problem.targets:
        lines.append(f"in {', '.join(problem.targets)}")
    return "\n".join(lines)
