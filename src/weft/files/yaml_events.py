"""The documents of a text, read event by event: the data is made at once, without the nodes that a position would need.

That is three times as fast as composing. What needs more than the next event (an anchor, an alias, a tag, a key that is no text or that is
there twice) is left to the reader with nodes, and so is every mistake, because that one knows positions.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import yaml

from weft.files.libyaml import CParser

_KEPT: Final = object()
"""The key of a mapping of which no key is open, and that of a list."""


class _OtherwiseError(Exception):
    """The text needs the reader with nodes."""


def documents(text: str, scalar: Callable[[str], Any], depth: int) -> list[Any] | None:
    """The data of each document, whose plain scalars are what `scalar` makes of them; None if the text is not as simple as that.

    What is nested deeper than `depth` is not simple. `scalar` raises ValueError for what it leaves to the other reader.
    """
    parser = CParser(text)
    try:
        return _read(parser.get_event, scalar, depth)
    except (_OtherwiseError, ValueError, yaml.YAMLError):
        return None
    finally:
        parser.dispose()


def _read(following: Callable[[], Any], scalar: Callable[[str], Any], depth: int) -> list[Any]:
    found: list[Any] = []
    around: list[tuple[Any, Any]] = []  # the collections that the current one is in, with their open keys
    current: Any = found
    key: Any = _KEPT  # the key whose value comes next; the sentinel where a key or an item comes next
    while True:
        event = following()
        kind = event.__class__
        if kind is yaml.ScalarEvent:
            if event.anchor or event.tag:
                raise _OtherwiseError
            value = scalar(event.value) if event.implicit[0] else event.value
            if current.__class__ is dict and key is _KEPT:
                if value.__class__ is not str or value in current:
                    raise _OtherwiseError
                key = value
                continue
        elif kind is yaml.MappingStartEvent or kind is yaml.SequenceStartEvent:
            if event.anchor or event.tag or len(around) >= depth or (current.__class__ is dict and key is _KEPT):
                raise _OtherwiseError
            around.append((current, key))
            current, key = {} if kind is yaml.MappingStartEvent else [], _KEPT
            continue
        elif kind is yaml.MappingEndEvent or kind is yaml.SequenceEndEvent:
            value = current
            current, key = around.pop()
        elif kind is yaml.StreamEndEvent:
            return found
        elif kind is yaml.AliasEvent:
            raise _OtherwiseError
        else:
            continue
        if current.__class__ is list:
            current.append(value)
        else:
            current[key] = value
            key = _KEPT
