"""The plainest YAML, read fast: lines of `key: value` with words, numbers and quoted texts, indented by spaces, and comments.

Most overlays of a fleet are no more than that, and one regular expression reads them in a fifth of the time of a YAML parser. Whatever
else a text contains (a list, an escape, a tag, a key twice, a mistake), it is left to `yaml12`, which knows positions and messages.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, Final

_NOT_ITSELF: Final = r"\\\x00-\x1f\x7f"
"""The characters of ASCII that never mean themselves in quotes."""
_WORD: Final = r"[A-Za-z0-9_./@+=,()-]|:(?=[^ \n])"
_PLAIN: Final = rf"(?:[A-Za-z0-9_/]|[-+][0-9])(?:(?:{_WORD})| +(?=(?:{_WORD})))*+"
_VALUE: Final = rf"""{_PLAIN}|"[^{_NOT_ITSELF}"]*+"|'[^{_NOT_ITSELF}']*+'"""
_KEY: Final = "[A-Za-z_][A-Za-z0-9_.-]{0,99}"
_COMMENT: Final = r"#[^\x00-\x1f\x7f]*+"
_REST: Final = rf"(?: ++{_COMMENT})? *+\n| *+(?:{_COMMENT})?\n"
"""The end of such a line, or a line without settings."""
_line: Final = re.compile(rf"( {{0,90}}+)({_KEY}):(?: ++({_VALUE}))?{_REST}|((?s:.+))")
"""A line, or everything from the first line that is not plain; what is nested deeper than the indent allows is not."""


def read(text: str, scalar: Callable[[str], Any]) -> dict[str, Any] | None:
    """The data of a text, whose words and numbers are what `scalar` makes of them; None if it is not as plain as that."""
    if not text.isascii() and not text.replace("\n", "").isprintable():
        return None  # some of these characters end a line, others are not allowed
    lines = _line.findall(text if text.endswith("\n") else f"{text}\n")
    try:
        return None if lines[-1][3] else _nested(lines, scalar) or None
    except ValueError:  # of a number that JSON does not have
        return None


def _nested(lines: Sequence[tuple[str, str, str, str]], scalar: Callable[[str], Any]) -> dict[str, Any] | None:
    """The mappings of lines, by their indents; None if the indents do not fit, or a key has no value or occurs twice."""
    data: dict[str, Any] = {}
    mapping, indent = data, ""
    around: list[tuple[dict[str, Any], str]] = []  # the mappings that the current one is in, with their indents
    opened = False  # the current one still has no line, so its indent is not known yet
    for margin, key, value, _ in lines:
        if not key:
            continue
        if opened:
            if len(margin) <= len(indent):
                return None
            indent, opened = margin, False
        while len(margin) < len(indent):
            mapping, indent = around.pop()
        if margin != indent or key in mapping:
            return None
        if value:
            mapping[key] = _unquoted(value, scalar)
        else:
            around.append((mapping, indent))
            below: dict[str, Any] = {}
            mapping[key], mapping, opened = below, below, True
    return None if opened else data


def _unquoted(value: str, scalar: Callable[[str], Any]) -> Any:
    return value[1:-1] if value[0] in "\"'" else scalar(value)
