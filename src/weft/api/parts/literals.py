"""Literal mappings in expressions with a key for each value of a dimension: `{'local': 1, 'production': 5}[self.environment]`.

An expression with such a mapping cannot be decided for a value without a key in it. Only the texts, brackets and commas of an
expression are parsed, so additions go exactly where people would write them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

_TOKEN: Final = re.compile(
    r"""[rRbB]*(?:\"\"\".*?\"\"\"|'''.*?'''|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')|//[^\n]*|[()\[\]{},:?]|\s+|[^\s()\[\]{},:?'"]""",
    re.DOTALL,
)
_TEXT: Final = re.compile(r"""(?P<quote>['"])(?P<inside>(?:(?!(?P=quote))[^\\\n])*)(?P=quote)\Z""")
_OPENING: Final = ("(", "[", "{")


@dataclass(frozen=True)
class _Entry:
    """An entry of a mapping: key and value as written, and its offsets."""

    key: str
    value: str
    start: int
    end: int


@dataclass
class _Open:
    """An open bracket: the start of its current entry, the colon in that entry, and the entries before it."""

    start: int
    colon: int | None = None
    entries: list[_Entry] = field(default_factory=list)


def insertions(source: str, like: str, name: str, renamed: Callable[[str], str]) -> list[tuple[int, str]]:
    """The insertions for an expression that give each mapping with a key `like` a key `name` with the same value.

    `renamed` replaces one name with the other in the texts of that value. The last position comes first.
    """
    found = []
    for entries in _maps(source):
        keys = {_text(entry.key): entry for entry in entries}
        if like in keys and name not in keys:
            quote = keys[like].key.strip()[0]
            found.append((entries[-1].end, f", {quote}{name}{quote}: {_with_names(keys[like].value, renamed)}"))
    return sorted(found, reverse=True)


def names(source: str, name: str) -> bool:
    """True if an expression contains a text that equals this name, outside of such a mapping."""
    spans = [(entries[0].start, entries[-1].end) for entries in _maps(source)]
    return any(
        _text(token[0]) == name and not any(start <= token.start() < end for start, end in spans)
        for token in _TOKEN.finditer(source)
    )


def _text(written: str) -> str | None:
    """The text of an expression that is a literal text; None for another expression, or a text with escapes."""
    match = _TEXT.match(written.strip())
    return match["inside"] if match else None


def _with_names(value: str, renamed: Callable[[str], str]) -> str:
    """The value of an entry with other names in its texts."""

    def replaced(token: re.Match[str]) -> str:
        inside = _text(token[0])
        return token[0] if not inside else token[0][0] + renamed(inside) + token[0][0]

    return _TOKEN.sub(replaced, value)


def _maps(source: str) -> Iterator[list[_Entry]]:
    """The entries of each mapping."""
    opened: list[_Open] = []
    for token in _TOKEN.finditer(source):
        mark, at = token[0], token.start()
        if mark in _OPENING:
            opened.append(_Open(token.end()))
        elif mark == ":" and opened and opened[-1].colon is None:
            opened[-1].colon = at
        elif mark in (",", ")", "]", "}") and opened:
            _close_entry(opened[-1], source, at)
            if mark != ",":
                entries = opened.pop().entries
                if mark == "}" and entries:
                    yield entries


def _close_entry(around: _Open, source: str, at: int) -> None:
    """Record the entry that ends at an offset, if there is one, and start the next."""
    if around.colon is not None:
        key, _ = _without_comments(source, around.start, around.colon)
        value, end = _without_comments(source, around.colon + 1, at)
        around.entries.append(_Entry(key, value, around.start, end))
    around.start, around.colon = at + 1, None


def _without_comments(source: str, start: int, end: int) -> tuple[str, int]:
    """A part of an expression on one line, and the position of its last character."""
    tokens = [token for token in _TOKEN.finditer(source, start, end) if not token[0].startswith("//")]
    text = "".join(" " if token[0].isspace() else token[0] for token in tokens).strip()
    return text, max((token.end() for token in tokens if not token[0].isspace()), default=end)
