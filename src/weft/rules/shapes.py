"""The CEL type of each place of a schema, as on an API server, and values of those types.

An object with properties is a message, one with free keys a map; `number` is a double and `integer` an int; texts of the formats
`date`, `date-time`, `duration` and `byte` are timestamps, durations and bytes. A place with several types, or any type, is dynamic:
its type is checked when a value exists.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any, Final, Protocol

from weft.schema.node import Node
from weft.schema.types import json_type

_KINDS: Final = frozenset(("object", "array", "string", "number", "boolean", "null"))
_FORMATS: Final = {"date": "timestamp", "date-time": "timestamp", "duration": "duration", "byte": "bytes"}
_SCALARS: Final = {"boolean": "bool", "string": "string"}
_REST: Final = ("additionalProperties", "unevaluatedProperties")
_LONE_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_INT64: Final = range(-(2**63), 2**63)


class Unreadable(Exception):
    """Raised if CEL cannot represent a value: a text does not have its format, or a number is too large."""


class Place(Protocol):
    """A place with a type: a node, or what stands for one. Equal ones are the same object."""

    @property
    def properties(self) -> tuple[str, ...]:
        """The names of its properties."""

    def child(self, step: str, /) -> Place:
        """The place of a property."""


@dataclass(frozen=True)
class Shape:
    """The CEL type of a place: `bool int double string bytes timestamp duration list map message dyn`.

    `item` is the type of the items of a list or map, None if unknown.
    """

    kind: str
    nullable: bool = False
    item: Place | None = None


DYNAMIC: Final = Shape("dyn")


class Shapes:
    """The shapes of the nodes of one catalog, each computed once."""

    def __init__(self) -> None:
        self._known: dict[Node, Shape] = {}

    def of(self, place: Place) -> Shape:
        """The shape of a node."""
        assert isinstance(place, Node)
        shape = self._known.get(place)
        if shape is None:
            shape = self._known[place] = _shape(place)
        return shape

    def value(self, node: Node, value: Any) -> Any:
        """A value for CEL, with the types of the schema.

        Raises Unreadable for a text that does not have its format, and for values that CEL cannot represent.
        """
        if isinstance(value, dict):
            return {_text(key): self.value(node.child(key), below) for key, below in value.items()}
        if isinstance(value, list):
            return [self.value(node.child(index), below) for index, below in enumerate(value)]
        if isinstance(value, str):
            return _READERS.get(self.of(node).kind, _text)(value)
        return value if isinstance(value, bool) or value is None else _number(self.of(node).kind, node, value)


def _shape(node: Node) -> Shape:
    kinds = _Accepted(node).kinds
    nullable, kinds = "null" in kinds, kinds - {"null"}
    if len(kinds) != 1:
        return DYNAMIC
    (kind,) = kinds
    if node.sensitive and kind != "string":
        return DYNAMIC  # the value is a reference to a secret
    if kind == "object":
        return _object(node, nullable)
    if kind == "array":
        return DYNAMIC if nullable else Shape("list", item=_item(node))
    if kind == "number":
        return Shape(_numeric(node), nullable)
    if kind == "string" and not node.sensitive:
        formats = {schema["format"] for schema in node.certain if "format" in schema}
        return Shape(next((_FORMATS[name] for name in formats if name in _FORMATS), "string"), nullable)
    return Shape(_SCALARS[kind], nullable)


class _Accepted:
    """The JSON types that all certain schemas of a node accept, with `integer` and `number` as one."""

    def __init__(self, node: Node) -> None:
        self._node = node

    @cached_property
    def kinds(self) -> frozenset[str]:
        """The types; all types if the schemas name none."""
        found = _KINDS
        for schema in self._node.certain:
            found &= _stated(schema)
        if found != _KINDS:
            return found
        shaped = [name for name, words in _SHAPING.items() if any(words & s.keys() for s in self._node.certain)]
        if len(shaped) == 1:
            return frozenset(shaped)  # its type is not stated, but follows from the other keywords
        alternatives = [_stated(schema) for schema in self._node.possible if not _only_leads_on(schema)]
        return frozenset().union(*alternatives) if alternatives else _KINDS


_SHAPING: Final = {
    "object": frozenset(("properties", "additionalProperties", "patternProperties", "required")),
    "array": frozenset(("items", "prefixItems")),
}
_LEADING: Final = frozenset(("$ref", "allOf", "anyOf", "oneOf", "title", "description", "$schema", "$id", "$defs"))


def _only_leads_on(schema: dict[str, Any]) -> bool:
    """True if a schema has no content of its own: it refers to others, which are also among the alternatives."""
    return bool(schema.keys() & {"$ref", "allOf", "anyOf", "oneOf"}) and schema.keys() <= _LEADING


def _stated(schema: dict[str, Any]) -> frozenset[str]:
    found = _KINDS
    if "type" in schema:
        named = schema["type"]
        found &= _merged([named] if isinstance(named, str) else named)
    for values in (schema.get("enum"), [schema["const"]] if "const" in schema else None):
        if isinstance(values, list):
            found &= _merged(map(json_type, values))
    return found


def _merged(types: Any) -> frozenset[str]:
    return frozenset("number" if name == "integer" else name for name in types)


def _numeric(node: Node) -> str:
    """Whether numbers are ints or doubles: certain schemas narrow the type, alternatives widen it."""
    certain, possible = map(_are_whole, (node.certain, node.possible))
    if certain:
        is_whole = any(certain)
    elif possible:
        is_whole = all(possible)
    else:
        is_whole = "number" not in node.types
    return "int" if is_whole else "double"


def _are_whole(schemas: Iterable[dict[str, Any]]) -> list[bool]:
    """For each schema that states a type, whether all its numbers are ints."""
    stated = [_named(schema) for schema in schemas if "type" in schema]
    return ["integer" in types and "number" not in types for types in stated]


def _named(schema: dict[str, Any]) -> set[str]:
    return {schema["type"]} if isinstance(schema["type"], str) else {*schema["type"]}


def _object(node: Node, nullable: bool) -> Shape:
    values = list(_values(node))
    if node.properties:
        return DYNAMIC if values else Shape("message", nullable)
    if nullable:
        return DYNAMIC
    if len(values) != 1 or values[0] is True:
        return Shape("map")
    return Shape("map", item=node.catalog.node(values, values))


def _values(node: Node) -> Iterator[Any]:
    """The schemas of keys without a name in the schema; True for one that accepts anything."""
    seen: list[Any] = []
    for schema in (*node.certain, *node.possible):
        found = [schema[word] for word in _REST if schema.get(word, False) is not False]
        # `{}` accepts anything, like `true`
        for below in (one or True for one in (*found, *schema.get("patternProperties", {}).values())):
            if not any(below is known for known in seen):
                seen.append(below)
                yield below


def _item(node: Node) -> Node | None:
    schemas = (*node.certain, *node.possible)
    if any("prefixItems" in schema or isinstance(schema.get("items"), list) for schema in schemas):
        return None
    return node.child(0)


def _number(kind: str, node: Node, value: Any) -> Any:
    """Numbers of the type that the schema declares: `8.0` becomes an int if declared so, and `8` a double."""
    if isinstance(value, int):
        return _double(value) if kind == "double" or value not in _INT64 else value
    whole = kind == "int" or (kind == "dyn" and "integer" in node.types and "number" not in node.types)
    return int(value) if whole and value.is_integer() and int(value) in _INT64 else value


def _double(value: int) -> float:
    try:
        return float(value)
    except OverflowError:
        raise Unreadable("a whole number is too large: CEL takes numbers up to 1.8e308") from None


def _text(text: Any) -> Any:
    """A text, or another key of a map. Raises Unreadable if it is not valid Unicode."""
    if isinstance(text, str) and not text.isascii() and _LONE_SURROGATE.search(text):
        raise Unreadable(
            "a text is not valid Unicode: it contains half of a surrogate pair"
        )  # the text may be a secret
    return text


def _timestamp(text: str) -> Any:
    from google.protobuf import timestamp_pb2

    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise Unreadable(f"`{text}` is neither a date nor a date with time") from None
    found = timestamp_pb2.Timestamp()
    try:
        found.FromDatetime(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
    except (OverflowError, ValueError):
        raise Unreadable(f"`{text}` is outside the years 1 to 9999") from None
    return found


_ISO_DURATION: Final = re.compile(
    r"P(?:(?P<weeks>\d+)W)?(?:(?P<days>\d+)D)?(?:T(?:(?P<hours>\d+)H)?(?:(?P<minutes>\d+)M)?(?:(?P<seconds>\d+(?:\.\d+)?)S)?)?"
)
_GO_DURATION: Final = re.compile(r"[-+]?(?:\d+(?:\.\d*)?(?:ns|us|µs|ms|[smhdw]))+")
_GO_PART: Final = re.compile(r"(\d+(?:\.\d*)?)(ns|us|µs|ms|[smhdw])")
_UNITS: Final = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


def _duration(text: str) -> Any:
    from google.protobuf import duration_pb2

    found = duration_pb2.Duration()
    try:
        found.FromTimedelta(_length(text))
        found.ToJsonString()  # it raises an error if the length is out of range
    except (OverflowError, ValueError):
        raise Unreadable(f"`{text}` is too long: a duration has at most 10000 years") from None
    return found


def _length(text: str) -> timedelta:
    iso = _ISO_DURATION.fullmatch(text)
    if iso and any(iso.groups()):
        return timedelta(**{unit: float(number) for unit, number in iso.groupdict().items() if number})
    if _GO_DURATION.fullmatch(text):
        seconds = sum(float(number) * _UNITS[unit] for number, unit in _GO_PART.findall(text))
        return timedelta(seconds=-seconds if text.startswith("-") else seconds)
    raise Unreadable(f"`{text}` is not a duration of a fixed length")


def _bytes(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        raise Unreadable(f"`{text}` is not Base64") from None


_READERS: Final[Mapping[str, Callable[[Any], Any]]] = {"timestamp": _timestamp, "duration": _duration, "bytes": _bytes}
