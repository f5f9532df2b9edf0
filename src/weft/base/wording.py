"""How messages list and count things."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

_TARGETS_SHOWN: Final = 4


def counted(number: int, noun: str) -> str:
    """`1 target`, `3 targets`, `0 targets`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def shortened(names: Iterable[str], limit: int) -> str:
    """`a, b and 1 more`: the first names of a list, and how many there are beyond them."""
    listed = list(names)
    beyond = len(listed) - limit
    return ", ".join(listed[:limit]) + (f" and {beyond} more" if beyond > 0 else "")


def in_targets(names: Iterable[str]) -> str:
    """`in 5 targets: a, b, c, d and 1 more`."""
    listed = list(names)
    return f"in {counted(len(listed), 'target')}: {shortened(listed, _TARGETS_SHOWN)}"
