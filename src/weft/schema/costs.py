"""Limits for schemas whose evaluation would not end in a reasonable time.

Two references to one schema, which has two references to the next, double the work at every level, and a validator calls itself for
every schema that a schema applies. The count covers the schemas that apply to one value, without those of its properties and items,
whose number depends on the values. Settings with a default or an environment variable are processed one by one, whether an overlay
sets them or not, so properties that refer to the same schemas multiply in the same way.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator
from enum import Enum
from typing import Any, Final

from weft.schema.documents import Documents, asked
from weft.schema.walk import CONTAINERS, subschemas

MOST: Final = 10_000
"""The maximum number of schemas that apply to one value; the published ones in tests/third_party have at most 178."""
SETTINGS: Final = 50_000
"""The maximum number of settings with a default or an environment variable."""
RENAMED: Final = 1_000
"""The maximum number of renamed settings; each may lead to another renamed one."""
PATTERNS: Final = 100
"""The maximum number of key patterns in one schema, because each key is compared with all; some 1,400 published schemas have at most 9."""
DEEPEST: Final = 64
"""The maximum depth of schemas that apply others to one value; the same published ones reach 8."""
NESTED: Final = 100
"""The maximum depth of settings inside settings, because walks over them call themselves; the same published ones reach 30 at most."""


_OF_WHAT_IS_INSIDE: Final[frozenset[str]] = frozenset().union(*CONTAINERS.values())
_LOOKED_AT: Final = frozenset(("default", "x-env"))
_RENAMED: Final = frozenset(("x-renamed-to",))


class Excess(Enum):
    """What is too much, as a message."""

    MANY = (
        f"this schema applies more than {MOST:,} schemas to one value: the schemas that it combines combine others in turn",
        "combine each schema once: two references to the same one double the work at every level",
    )
    DEEP = (
        f"this schema applies others to one value, which apply others, more than {DEEPEST} levels deep",
        "refer to the last schema of the chain directly",
    )
    NESTED = (
        f"this schema has settings more than {NESTED} levels deep",
        "nest fewer mappings and lists, or let the schema refer to itself",
    )
    SETTINGS = (
        f"more than {SETTINGS:,} settings below this one have a default or an environment variable, because its properties refer repeatedly to the same schemas",
        "refer to them from fewer places",
    )
    PATTERNS = (
        f"this schema has more than {PATTERNS} patterns for keys, and each key is compared with all of them",
        "join patterns that lead to the same schema: `^(one|two)$`",
    )
    RENAMED = (
        f"more than {RENAMED:,} settings below this one are renamed",
        "remove old names that nobody uses any more",
    )

    def __init__(self, message: str, hint: str) -> None:
        self.message = message
        self.hint = hint


def too_costly(documents: Documents) -> Iterator[tuple[dict[str, Any], Excess]]:
    """The schemas that refer to too many others or too deeply, while none of those does. Requires a graph without circles."""
    yield from _asking_too_much(documents)
    for schema in documents.every:
        if len(schema.get("patternProperties", ())) > PATTERNS:
            yield schema, Excess.PATTERNS
    yield from ((schema, Excess.NESTED) for schema in _too_nested(documents))
    yield from ((schema, Excess.SETTINGS) for schema in _with_too_many(documents, _LOOKED_AT, SETTINGS))
    yield from ((schema, Excess.RENAMED) for schema in _with_too_many(documents, _RENAMED, RENAMED))


def _asking_too_much(documents: Documents) -> Iterator[tuple[dict[str, Any], Excess]]:
    """The schemas that ask too many others about the same value, or too deeply, while none of those does."""
    counts: dict[int, tuple[int, int]] = {}
    for start in documents.every:
        for schema, below in _after_those_it_asks(documents, start, counts):
            many = 1 + sum(counts[id(child)][0] for child in below)
            deep = 1 + max((counts[id(child)][1] for child in below), default=0)
            excess = Excess.MANY if many > MOST else Excess.DEEP if deep > DEEPEST else None
            counts[id(schema)] = (1, 1) if excess else (many, deep)  # those that ask it are not to blame
            if excess:
                yield schema, excess


def _after_those_it_asks(
    documents: Documents, start: dict[str, Any], known: Container[int]
) -> Iterator[tuple[dict[str, Any], list[dict[str, Any]]]]:
    """A schema and those below it, each after and with the ones that it asks; the caller adds each to the `known` ones in turn."""
    waiting = [start]
    while waiting:
        schema = waiting[-1]
        below = [] if id(schema) in known else list(asked(documents, schema))
        unknown = [child for child in below if id(child) not in known]
        waiting += unknown
        if not unknown:
            waiting.pop()
            if id(schema) not in known:
                yield schema, below


def _with_too_many(documents: Documents, keywords: frozenset[str], most: int) -> Iterator[dict[str, Any]]:
    """The schemas with too many settings that have a keyword, while none below has; a schema that contains itself counts once."""

    def settings(schema: dict[str, Any], below: Iterable[tuple[int, int]]) -> int:
        return len(keywords & schema.keys()) + sum(count for count, _ in below)

    return _exceeding(documents, most, _described, settings)


def _too_nested(documents: Documents) -> Iterator[dict[str, Any]]:
    """The schemas with settings too many levels deep, while none below has; a schema that contains itself ends there."""

    def depth(_: dict[str, Any], below: Iterable[tuple[int, int]]) -> int:
        return max((levels + step for levels, step in below), default=0)

    return _exceeding(documents, NESTED, _inside, depth)


def _exceeding(
    documents: Documents,
    most: int,
    below: Callable[[Documents, dict[str, Any]], Iterator[tuple[dict[str, Any], int]]],
    amount: Callable[[dict[str, Any], Iterable[tuple[int, int]]], int],
) -> Iterator[dict[str, Any]]:
    """The schemas whose amount is more than `most`, while that of none below is.

    `below` gives the schemas below one, and the levels down to them; `amount` is computed from their amounts and these levels.
    """
    amounts: dict[int, int] = {}
    for start in documents.every:
        way = [] if id(start) in amounts else [(start, below(documents, start))]
        while way:  # a chain of schemas may be longer than Python calls functions in each other
            schema, waiting = way[-1]
            amounts.setdefault(id(schema), 0)  # as long as it is on the way
            unknown = next((child for child, _ in waiting if id(child) not in amounts), None)
            if unknown is not None:
                way.append((unknown, below(documents, unknown)))
                continue
            way.pop()
            found = amount(schema, ((amounts[id(child)], step) for child, step in below(documents, schema)))
            amounts[id(schema)] = found if found <= most else 0  # those that contain it are not to blame
            if found > most:
                yield schema


def _inside(documents: Documents, schema: dict[str, Any]) -> Iterator[tuple[dict[str, Any], int]]:
    """The schemas of a value and of what is in it, with the number of levels down to what they describe."""
    yield from ((child, 0) for child in asked(documents, schema))
    for path, child in subschemas(schema):
        if isinstance(child, dict) and path[0] in _OF_WHAT_IS_INSIDE:
            yield child, 1


def _described(documents: Documents, schema: dict[str, Any]) -> Iterator[tuple[dict[str, Any], int]]:
    """The schemas of a value and of its properties, with the number of levels down to what they describe."""
    yield from ((child, 0) for child in asked(documents, schema))
    yield from ((child, 1) for child in schema.get("properties", {}).values() if isinstance(child, dict))
