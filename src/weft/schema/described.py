"""A schema as the end of a sentence, for rules about other values: `that is a text`, or `with the key name`."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any, Final

from weft.base.problems import choices
from weft.schema.types import TYPE_WORDS

_SHOWN: Final = 60


def described(schema: Any, *, plural: bool = False) -> str:
    """The values that a schema accepts, as a clause: `that is "x"`, or the schema itself if no short clause exists."""
    words = list(_words(schema)) if _has_words(schema) else []
    text = " and ".join(words) or f"that fits {short(schema)}"
    return _VERB.sub(lambda match: f"that {_OF_MANY[match[1]]}", text) if plural else text


def short(value: Any) -> str:
    """A value or a rule as JSON, shortened."""
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def all_of(names: list[str]) -> str:
    """`a`, `b` and `c`, each in backquotes."""
    *first, last = (f"`{name}`" for name in names)
    return f"{', '.join(first)} and {last}" if first else last


def _has_words(schema: Any) -> bool:
    """True for a schema of few keywords; an empty list of keys, values or types has no words."""
    if not isinstance(schema, dict) or not schema.keys() - _SILENT <= _WORDS.keys():
        return False
    return all(value not in ([], {}) for value in schema.values())


def _words(schema: dict[str, Any]) -> Iterator[str]:
    for keyword, words in _WORDS.items():
        if keyword in schema:
            yield words(schema[keyword])


def _types(wanted: Any) -> str:
    names = [wanted] if isinstance(wanted, str) else wanted
    return f"that is {' or '.join(TYPE_WORDS.get(name, name) for name in names)}"


def _properties(properties: dict[str, Any]) -> str:
    return " and ".join(
        f"whose `{name}` {described(below).removeprefix('that ')}" for name, below in properties.items()
    )


_OF_MANY: Final = {"is": "are", "has": "have", "fits": "fit", "matches": "match"}
_VERB = re.compile(r"(?:(?<=^)|(?<=and ))that (is|has|fits|matches)\b")
_SILENT: Final = frozenset(("title", "description", "$comment"))
_WORDS: Final[dict[str, Callable[[Any], str]]] = {
    "const": lambda value: f"that is `{short(value)}`",
    "enum": lambda values: f"that is one of {choices(map(short, values))}",
    "type": _types,
    "required": lambda names: f"that has the {'key' if len(names) == 1 else 'keys'} {all_of(names)}",
    "properties": _properties,
    "pattern": lambda pattern: f"that matches {pattern}",
    "minimum": lambda limit: f"that is at least {short(limit)}",
    "maximum": lambda limit: f"that is at most {short(limit)}",
    "minLength": lambda limit: f"that has at least {limit} characters",
    "maxLength": lambda limit: f"that has at most {limit} characters",
    "format": lambda name: f"of the format {name}",
}
