"""The documents of a text, read event by event: the data is made at once, without the nodes that a position would need.

That is three times as fast as composing. What needs more than the next event (an anchor, an alias, a tag, a key that is not a text or that is
there twice) is left to the reader with nodes, and so is every mistake, because that one knows positions.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import yaml

from weft.files.libyaml import CParser

_NONE: Final = object()
"""The open key of a list, and of a mapping in which a key comes next."""


class _OtherwiseError(Exception):
    """The text needs the reader with nodes."""


def documents(text: str, scalar: Callable[[str], Any], depth: int) -> list[Any] | None:
    """The data of each document, whose plain scalars are what `scalar` makes of them; None if the text is not as simple as that.

    What is nested deeper than `depth` is not simple. `scalar` raises ValueError for what it leaves to the other reader.
    """
    try:
        parser = CParser(text)
        try:
            return _read(parser.get_event, scalar, _Building(depth))
        finally:
            parser.dispose()
    except (_OtherwiseError, ValueError, yaml.YAMLError):
        return None


def _read(following: Callable[[], Any], scalar: Callable[[str], Any], building: _Building) -> list[Any]:
    while True:
        event = following()
        kind = event.__class__
        if kind is yaml.AliasEvent or getattr(event, "anchor", None) or getattr(event, "tag", None):
            raise _OtherwiseError
        if kind is yaml.ScalarEvent:
            building.add(scalar(event.value) if event.implicit[0] else event.value)
        elif kind is yaml.MappingStartEvent:
            building.begin({})
        elif kind is yaml.SequenceStartEvent:
            building.begin([])
        elif kind is yaml.MappingEndEvent or kind is yaml.SequenceEndEvent:
            building.end()
        elif kind is yaml.StreamEndEvent:
            return building.documents


class _Building:
    """The documents so far; `current` is the collection into which the next value goes, and `around` the ones that it is in."""

    def __init__(self, depth: int) -> None:
        self.documents: list[Any] = []
        self._current: Any = self.documents
        self._key: Any = _NONE
        self._around: list[tuple[Any, Any]] = []
        self._depth = depth

    def add(self, value: Any) -> None:
        """Add a scalar, which may be a key, or a collection that has ended."""
        current, key = self._current, self._key
        if current.__class__ is list:
            current.append(value)
        elif key is not _NONE:
            current[key] = value
            self._key = _NONE
        elif value.__class__ is str and value not in current:
            self._key = value
        else:
            raise _OtherwiseError

    def begin(self, collection: dict[str, Any] | list[Any]) -> None:
        """Begin a mapping or a list, which cannot be a key."""
        is_key = self._key is _NONE and self._current.__class__ is dict
        if is_key or len(self._around) >= self._depth:
            raise _OtherwiseError
        self._around.append((self._current, self._key))
        self._current, self._key = collection, _NONE

    def end(self) -> None:
        """The current collection is complete."""
        collection = self._current
        self._current, self._key = self._around.pop()
        self.add(collection)
