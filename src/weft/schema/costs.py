"""Schemas that no validator could use, as they ask too many others about a value, or one through too many others.

Two references to one schema, which has two to the next, double the work at every level; and a validator calls itself for every schema
that a schema asks. What is counted are the schemas that are asked about one value, without those of its properties and items: how many
these are, the values decide. Settings with a default or an environment variable are looked at one by one, whether an overlay sets them
or not, and two properties of one schema, which has two of the next, are as many again.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from typing import Any, Final

from weft.schema.documents import Documents, asked

MOST: Final = 10_000
"""How many schemas may be asked about one value; of the published ones in tests/third_party one asks 178, the next 36."""
SETTINGS: Final = 50_000
"""How many settings may have a default or an environment variable."""
RENAMED: Final = 1_000
"""How many settings may be renamed; one may be renamed to one that is renamed, and so on, for each of them."""
PATTERNS: Final = 100
"""How many patterns one schema may have for keys, as each key is held against each; of some 1,400 published ones one has 9."""
DEEPEST: Final = 64
"""Through how many others a schema may be asked; of the same published ones through 8."""


_LOOKED_AT: Final = frozenset(("default", "x-env"))
_RENAMED: Final = frozenset(("x-renamed-to",))


class Excess(Enum):
    """What is too much, as a message."""

    MANY = (
        f"this schema asks more than {MOST:,} schemas about one value, as what it combines combines others again and again",
        "combine each schema once: two references to the same one double the work at every level",
    )
    DEEP = (
        f"this schema asks others about one value, which ask others, more than {DEEPEST} times",
        "refer to the last schema of the chain directly",
    )
    SETTINGS = (
        f"more than {SETTINGS:,} settings below this one have a default or an environment variable, as its properties refer to the same schemas again and again",
        "refer to them from fewer places",
    )
    PATTERNS = (
        f"this schema has more than {PATTERNS} patterns for keys, and each key is held against each of them",
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
    counts: dict[int, tuple[int, int]] = {}
    for start in documents.every:
        waiting = [start]
        while waiting:
            schema = waiting[-1]
            below = [] if id(schema) in counts else list(asked(documents, schema))
            unknown = [child for child in below if id(child) not in counts]
            waiting += unknown
            if unknown:
                continue
            waiting.pop()
            if id(schema) in counts:
                continue
            many = 1 + sum(counts[id(child)][0] for child in below)
            deep = 1 + max((counts[id(child)][1] for child in below), default=0)
            excess = Excess.MANY if many > MOST else Excess.DEEP if deep > DEEPEST else None
            counts[id(schema)] = (1, 1) if excess else (many, deep)  # those that ask it are not to blame
            if excess:
                yield schema, excess
    for schema in documents.every:
        if len(schema.get("patternProperties", ())) > PATTERNS:
            yield schema, Excess.PATTERNS
    yield from ((schema, Excess.SETTINGS) for schema in _with_too_many(documents, _LOOKED_AT, SETTINGS))
    yield from ((schema, Excess.RENAMED) for schema in _with_too_many(documents, _RENAMED, RENAMED))


def _with_too_many(documents: Documents, keywords: frozenset[str], most: int) -> Iterator[dict[str, Any]]:
    """The schemas with too many settings that have a keyword, while none below has; a schema that contains itself counts once."""
    counts: dict[int, int] = {}
    for start in documents.every:
        way = [] if id(start) in counts else [(start, _described(documents, start))]
        while way:
            schema, below = way[-1]
            counts.setdefault(id(schema), 0)  # as long as it is on the way
            unknown = next((child for child in below if id(child) not in counts), None)
            if unknown is not None:
                way.append((unknown, _described(documents, unknown)))
                continue
            way.pop()
            count = len(keywords & schema.keys()) + sum(counts[id(child)] for child in _described(documents, schema))
            counts[id(schema)] = count if count <= most else 1
            if count > most:
                yield schema


def _described(documents: Documents, schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The schemas of a value and of its properties."""
    yield from asked(documents, schema)
    yield from (child for child in schema.get("properties", {}).values() if isinstance(child, dict))
