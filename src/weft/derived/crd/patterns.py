"""Regular expressions of JSON Schema in the spelling of Go, in which an API server reads them."""

from __future__ import annotations

import re
from typing import Final

_REPEATS: Final = 1000
"""The maximum number of repetitions in Go, those of enclosing groups multiplied."""
_ESCAPE: Final = r"\\(?:u\{[0-9A-Fa-f]+\}|u[0-9A-Fa-f]{4}|x[0-9A-Fa-f]{2}|[pP]\{[A-Za-z_=]+\}|.)"
_ESCAPES: Final = re.compile(_ESCAPE, re.DOTALL)
_TOKENS: Final = re.compile(
    rf"(?P<class>\[\^?(?P<inside>(?:\\.|[^\]\\])*)\])|(?P<escape>{_ESCAPE})"
    r"|(?P<group>\((?:\?(?:<[A-Za-z_]\w*>|[ims-]*:|.))?)"
    r"|\{(?P<least>\d+)(?:,(?P<most>\d*))?\}|.",
    re.ASCII | re.DOTALL,
)
_SHARED: Final = re.compile(r"\\(?:[dDsSwWtnrfv]|x[0-9A-Fa-f]{2}|[pP]\{[CLMNPSZ][a-z]?\}|[^A-Za-z0-9])", re.ASCII)
"""The escapes that both have."""
_GROUP: Final = re.compile(r"\((?:\?[ims-]*:)?")
_SURROGATES: Final = range(0xD800, 0xE000)


def for_go(pattern: str) -> str | None:
    """The expression as Go writes it; None if it uses what Go's engine lacks, such as lookaround."""
    parts = [_token(match) for match in _TOKENS.finditer(pattern)]
    return None if None in parts or _repeats_too_often(pattern) else "".join(filter(None, parts))


def _token(match: re.Match[str]) -> str | None:
    if match["class"]:
        return _class(match["class"], match["inside"])
    if match["escape"]:
        return match[0] if match[0] in (r"\b", r"\B") else _escape(match[0])
    if match["group"] and match[0].startswith("(?<"):
        return f"(?P{match[0][2:]}" if match[0].endswith(">") else None
    return match[0] if not match["group"] or _GROUP.fullmatch(match[0]) else None


def _class(text: str, inside: str) -> str | None:
    """A class of characters; an empty one is an error in Go, and `[:` begins the name of a class."""
    escapes = [_escape(found) for found in _ESCAPES.findall(text)]
    if not inside or "[:" in inside or None in escapes:
        return None
    return _ESCAPES.sub(lambda found: _escape(found[0]) or "", text)


def _escape(text: str) -> str | None:
    if text == r"\0":
        return r"\x00"
    if text.startswith(r"\u") and len(text) > len(r"\u"):
        code = int(text[2:].strip("{}"), 16)
        return None if code in _SURROGATES else rf"\x{{{code:x}}}"
    return text if _SHARED.fullmatch(text) else None


def _repeats_too_often(pattern: str) -> bool:
    """True if a repetition, multiplied by those around it, exceeds what Go allows."""
    groups = [1]  # the most repetitions in each open group
    last = 1  # those inside what a repetition would repeat
    for match in _TOKENS.finditer(pattern):
        if match["group"]:
            groups.append(1)
        elif match[0] == ")" and len(groups) > 1:
            last = groups.pop()
        elif match["least"]:
            last *= max(int(match["least"]), int(match["most"] or 0), 1)
        elif match[0] not in "*+?":
            last = 1
        groups[-1] = max(groups[-1], last)
        if last > _REPEATS:
            return True
    return False
