"""Watching long work: whoever does it says how far it is, and whoever asked for it decides whether that is shown."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

_T = TypeVar("_T")

Watch = Callable[[str, int, int], None]
"""Told what is being done, how many parts of it are done, and how many there are."""


def unwatched(what: str, done: int, every: int) -> None:
    """Nobody looks."""


def watched(items: Sequence[_T], what: str, watch: Watch) -> Iterator[_T]:
    """The items one by one, each reported when it is asked for, so when those before it are done."""
    for done, item in enumerate(items):
        watch(what, done, len(items))
        yield item
