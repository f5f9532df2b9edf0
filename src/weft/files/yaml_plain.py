"""The plainest YAML, read fast: lines of `key: value` with words, numbers and quoted texts, indented by spaces, and comments.

Most overlays of a fleet are no more than that, and one regular expression reads them in a fifth of the time of a YAML parser. Whatever
else a text contains (a list, an escape, a tag, a key twice, a mistake), it is left to `yaml12`, which knows positions and messages.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

_CHARACTERS: Final = r" !#-&(-\[\]-~\xa0-\u2027\u2030-\ud7ff"
"""Those of a quoted text or a comment that mean themselves, and never a line end."""
_WORD: Final = r"[A-Za-z0-9_./@+=,()-]|:(?=[^ \n])"
_PLAIN: Final = rf"(?:[A-Za-z0-9_/]|[-+][0-9])(?:(?:{_WORD})| +(?=(?:{_WORD})))*+"
_VALUE: Final = rf"""{_PLAIN}|"[{_CHARACTERS}']*+"|'[{_CHARACTERS}"]*+'"""
_KEY: Final = "[A-Za-z_][A-Za-z0-9_.-]{0,99}"
_COMMENT: Final = rf"""#[{_CHARACTERS}"'\\]*+"""
_REST: Final = rf"(?: ++{_COMMENT})? *+\n| *+(?:{_COMMENT})?\n"
"""The end of such a line, or a line without settings."""
_line: Final = re.compile(rf"( *+)({_KEY}):(?: ++({_VALUE}))?{_REST}|((?s:.+))")
"""A line, or everything from the first line that is not plain."""
_DEEPEST: Final = 50


def read(text: str, scalar: Callable[[str], Any]) -> dict[str, Any] | None:
    """The data of a text, whose words and numbers are what `scalar` makes of them; None if it is not as plain as that.

    Raises ValueError as `scalar` does.
    """
    text = text if text.endswith("\n") else f"{text}\n"
    data: dict[str, Any] = {}
    mapping, indent = data, ""
    around: list[tuple[dict[str, Any], str]] = []  # the mappings that the current one is in, with their indents
    opened = ""  # the key that has no value yet
    for margin, key, value, rest in _line.findall(text):
        if rest:
            return None
        if not key:
            continue
        if opened:
            if len(margin) <= len(indent) or len(around) > _DEEPEST:
                return None  # nothing is below the key: null
            around.append((mapping, indent))
            below: dict[str, Any] = {}
            mapping[opened], mapping, indent, opened = below, below, margin, ""
        while len(margin) < len(indent):
            mapping, indent = around.pop()
        if margin != indent or key in mapping:
            return None
        if value:
            mapping[key] = value[1:-1] if value[0] in "\"'" else scalar(value)
        else:
            opened = key
    return data if data and not opened else None
