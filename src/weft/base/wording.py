"""How messages list and count things."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

_TARGETS_SHOWN: Final = 4
_WORD: Final = re.compile(r"\S{201,}")
_WORD_SHOWN: Final = 80, 40
_TEXT_SHOWN: Final = 1600, 200


def counted(number: int, noun: str) -> str:
    """`1 target`, `3 targets`, `0 targets`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def shortened(names: Iterable[str], limit: int) -> str:
    """`a, b and 1 more`: the first names of a list, and the number of the others."""
    listed = list(names)
    beyond = len(listed) - limit
    return ", ".join(listed[:limit]) + (f" and {beyond} more" if beyond > 0 else "")


def in_targets(names: Iterable[str]) -> str:
    """`in 5 targets: a, b, c, d and 1 more`."""
    listed = list(names)
    return f"in {counted(len(listed), 'target')}: {shortened(listed, _TARGETS_SHOWN)}"


def cut(text: str) -> str:
    """The text for people, with what is left out of a long word, and of a long text: a name or a value may have a million characters."""
    text = _WORD.sub(lambda match: _without_middle(match[0], *_WORD_SHOWN), text)
    return _without_middle(text, *_TEXT_SHOWN) if len(text) > sum(_TEXT_SHOWN) + 200 else text


def _without_middle(text: str, start: int, end: int) -> str:
    return f"{text[:start]}[{len(text) - start - end:,} more characters]{text[-end:]}"
