"""Progress of long work: the worker reports how far it is, and the caller decides whether to show it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

_T = TypeVar("_T")

Watch = Callable[[str, int, int], None]
"""Receives what is being done, how many parts are done, and how many there are."""


def unwatched(what: str, done: int, every: int) -> None:
    """Ignore progress."""


def watched(items: Sequence[_T], what: str, watch: Watch) -> Iterator[_T]:
    """The items one by one. Each is reported when it is requested, so all earlier ones are done by then."""
    for done, item in enumerate(items):
        watch(what, done, len(items))
        yield item
