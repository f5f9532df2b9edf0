"""The position of a character of a text in its YAML or JSON source: quoted, plain, or as a block."""

from __future__ import annotations

import re
from typing import Final

_ESCAPE: Final = re.compile(
    r"\\(?:x[0-9A-Fa-f]{2}|U[0-9A-Fa-f]{8}|u[dD][89abAB][0-9A-Fa-f]{2}\\u[dD][c-fC-F][0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4}|.)"
)


def inside(text: str, start: tuple[int, int], value: str, within: tuple[int, int]) -> tuple[int, int] | None:
    """Line and column in a file of a line and column of a value that starts there; None if the two do not match."""
    rows = value.split("\n")
    line, column = within
    if line > len(rows) or column - 1 > len(rows[line - 1]):
        return None
    wanted = sum(len(row) + 1 for row in rows[: line - 1]) + column - 1
    walk = _Walk(text.split("\n"), start)
    for character in value[:wanted]:
        if not walk.step(character):
            return None
    return walk.settle(value[wanted : wanted + 1])


class _Walk:
    """The raw text and its value, walked side by side."""

    def __init__(self, lines: list[str], start: tuple[int, int]) -> None:
        self._lines = lines
        self._row, self._column = start[0] - 1, start[1] - 1
        opening = self._rest[:1]
        self._quote = opening if opening in ("'", '"') else ""
        self._literal = opening == "|"
        self._indent: int | None = None
        if self._quote:
            self._column += 1
        elif opening in ("|", ">"):
            below = (line for line in lines[self._row + 1 :] if line.strip())
            self._indent = next((_indent(line) for line in below), 0)
            self._next_line()

    def step(self, character: str) -> bool:
        """Skip one character of the value. Returns False if the raw text has another one."""
        if self._at_end and character in " \n":
            self._next_line()
            if character == " ":  # a fold
                self._skip_blank()
            return self._row < len(self._lines)
        length = self._length(character)
        self._column += length
        return length > 0

    def settle(self, character: str) -> tuple[int, int] | None:
        """The position of the next character."""
        fits = character == "" or (self._at_end and character in " \n") or self._length(character)
        return (self._row + 1, self._column + 1) if fits else None

    @property
    def _rest(self) -> str:
        return self._lines[self._row][self._column :] if self._row < len(self._lines) else ""

    @property
    def _at_end(self) -> bool:
        return not self._rest.strip()

    def _length(self, character: str) -> int:
        """The number of raw characters for one character of the value; 0 if they represent another one."""
        if self._at_end and not self._literal:
            self._skip_blank()
        rest = self._rest
        if self._quote == '"' and rest.startswith("\\"):
            match = _ESCAPE.match(rest)
            return len(match[0]) if match else 0
        if self._quote == "'" and rest.startswith("''"):
            return 2 if character == "'" else 0
        return 1 if rest[:1] == character else 0

    def _next_line(self) -> None:
        self._row += 1
        line = self._lines[self._row] if self._row < len(self._lines) else ""
        self._column = _indent(line) if self._indent is None else min(self._indent, len(line))

    def _skip_blank(self) -> None:
        while self._row < len(self._lines) and self._at_end:
            self._next_line()


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" "))
