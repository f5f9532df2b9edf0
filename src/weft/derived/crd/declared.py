"""The types that an API server gives to the places of a structural schema, for the expressions of its rules.

They differ from those of Weft (`weft.rules.shapes`): a place of unknown type does not exist, and an object has the listed properties only.
Each type has the sizes from which the server estimates what a rule may cost: the largest number of characters, items or keys, and
the shortest text in JSON. They follow from the schema's limits, or else from the largest request that the server accepts.
See https://github.com/kubernetes/apiserver/blob/master/pkg/cel/common/schemas.go
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from weft.rules.names import escape
from weft.rules.shapes import Shape, Shapes

REQUEST: Final = 3 * 1024 * 1024
"""The largest request that the server assumes, in bytes."""
_QUOTES: Final = 2
_BYTES_OF_A_CHARACTER: Final = 4
_LEAST_OF_A_KEY: Final = 6
"""What a key adds to a mapping in JSON: two quotes, a character, a colon, a comma, and a spare one."""
_TIMES: Final = {"date": ("timestamp", 12, 12), "date-time": ("timestamp", 32, 21), "duration": ("duration", 32, 3)}
"""Formats with a type of their own: the type, and the most and the fewest characters in JSON."""
_PLAIN: Final = {"boolean": ("bool", 4), "integer": ("int", 1), "number": ("double", 1)}


@dataclass(frozen=True, eq=False)
class Declared:
    """The type of a place: `bool int double string bytes timestamp duration list map message dyn`.

    `most` is the largest size, and 0 for types without one; `least` is the length of the shortest text in JSON. `item` is the type of the
    items of a list or of the values of a map, `fields` are those of a message.
    """

    kind: str
    least: int
    most: int = 0
    item: Declared | None = None
    fields: Mapping[str, Declared] = field(default_factory=dict)

    @property
    def properties(self) -> tuple[str, ...]:
        """The names of the fields."""
        return tuple(self.fields)

    def child(self, step: str) -> Declared:
        """The type of a field."""
        return self.fields[step]


class DeclaredShapes(Shapes):
    """The shapes of declared types, as the compiler of expressions asks for them."""

    def of(self, node: Any) -> Shape:
        """The shape of a declared type."""
        return Shape(node.kind, item=node.item)


def declared(schema: Any) -> Declared | None:
    """The type of a place with this structural schema; None if the server gives it none, so that no rule can read it."""
    if schema.get("x-kubernetes-int-or-string"):
        return Declared("dyn", 1, _characters(schema))
    make = _MAKERS.get(schema.get("type"))
    return make(schema) if make else None


def _plain(schema: Any) -> Declared:
    kind, least = _PLAIN[schema["type"]]
    return Declared(kind, least)


def _text(schema: Any) -> Declared:
    form = schema.get("format")
    if form in _TIMES:
        kind, most, least = _TIMES[form]
        return Declared(kind, least, most)
    if form == "byte":
        return Declared("bytes", _QUOTES, schema.get("maxLength", REQUEST - _QUOTES))
    if "maxLength" not in schema and schema.get("enum"):
        longest = max(len(one.encode()) if isinstance(one, str) else 0 for one in schema["enum"])
        return Declared("string", _QUOTES, longest)
    return Declared("string", _QUOTES, _characters(schema))


def _characters(schema: Any) -> int:
    return schema["maxLength"] * _BYTES_OF_A_CHARACTER if "maxLength" in schema else REQUEST - _QUOTES


def _list(schema: Any) -> Declared | None:
    item = declared(schema["items"])
    if item is None:
        return None
    return Declared("list", 2, schema.get("maxItems", (REQUEST - 2) // (item.least + 1)), item)


def _object(schema: Any) -> Declared | None:
    if isinstance(schema.get("additionalProperties"), dict):
        item = declared(schema["additionalProperties"])
        if item is None:
            return None
        return Declared("map", 2, schema.get("maxProperties", (REQUEST - 2) // (item.least + _LEAST_OF_A_KEY)), item)
    least, fields = 2, {}
    for name, below in schema.get("properties", {}).items():
        found = declared(below)
        if found is None:
            continue
        if escape(name) is not None:
            fields[name] = found
        if name in schema.get("required", ()) and "default" not in below:
            least += len(name.encode()) + found.least + 4
    return Declared("message", least, fields=fields)


_MAKERS: Final[Mapping[Any, Callable[[Any], Declared | None]]] = {
    **dict.fromkeys(_PLAIN, _plain),
    "string": _text,
    "array": _list,
    "object": _object,
}
