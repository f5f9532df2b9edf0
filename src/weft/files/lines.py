"""Lines as YAML, editors and Jinja count them: they end with LF, CR or both, and no other character.

`str.splitlines` also ends them at form feeds and at the line separators of Unicode, so the numbers of lines would differ.
"""

from __future__ import annotations

import re
from typing import Final

_END: Final = re.compile("\r\n|\r|\n")


def lines_of(text: str) -> list[str]:
    """The lines of a text without their ends; text after the last line end is a line if it is not empty."""
    lines = _END.split(text)
    return lines if lines[-1] else lines[:-1]


def line_of(text: str, number: int | None) -> str | None:
    """The line with this number, from 1; None if there is none."""
    lines = lines_of(text)
    return lines[number - 1] if number is not None and 0 < number <= len(lines) else None


def start_of(text: str, number: int) -> int:
    """The index at which the line with this number starts; the end of the text if there are fewer lines."""
    ends = [0, *(end.end() for end in _END.finditer(text))]
    return ends[number - 1] if number <= len(ends) else len(text)


def position_of(text: str, index: int) -> tuple[int, int]:
    """The line and the column, from 1, of an index of a text."""
    ends = [0, *(end.end() for end in _END.finditer(text, 0, index))]
    return len(ends), index - ends[-1] + 1
