"""The JSON types: their names for people, the type of a value, and the types that a schema accepts."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

TYPE_WORDS: Final = {
    "object": "a mapping",
    "array": "a list",
    "string": "a text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "null": "null",
}
"""The JSON types as messages name them."""

ANY_TYPE: Final = frozenset(TYPE_WORDS)
"""All types. A schema that accepts `number` also accepts `integer`: a whole number is a number."""


def json_type(value: Any) -> str:
    """The JSON type of a value as it is written: 1 is an `integer`, and 1.0 a `number`."""
    if isinstance(value, bool):
        return "boolean"
    return {dict: "object", list: "array", str: "string", int: "integer", float: "number"}.get(type(value), "null")


def type_for_schemas(value: Any) -> str:
    """The JSON type of a value as JSON Schema sees it: 1.0 is an `integer` like 1."""
    return "integer" if isinstance(value, float) and value.is_integer() else json_type(value)


class AcceptedTypes:
    """The JSON types that schemas accept: every value that a schema accepts is of one of them.

    They are an upper bound, because rules and limits may reject every value of a type. `resolve` gives the schema behind a `$ref`.
    """

    def __init__(self, resolve: Callable[[str], Any]) -> None:
        self._resolve = resolve
        self._known: dict[
            int, tuple[frozenset[str], dict[str, Any]]
        ] = {}  # keeps the schema alive, so its id is not reused

    def of(self, *schemas: Any) -> frozenset[str]:
        """The types of the values that all of these schemas accept; empty if there are none."""
        return frozenset.intersection(ANY_TYPE, *map(self._of, schemas))

    def _of(self, schema: Any) -> frozenset[str]:
        if not isinstance(schema, dict):
            return frozenset() if schema is False else ANY_TYPE
        if id(schema) not in self._known:
            self._known[id(schema)] = ANY_TYPE, schema  # a reference to itself adds nothing
            self._known[id(schema)] = self._stated(schema), schema
        return self._known[id(schema)][0]

    def _stated(self, schema: dict[str, Any]) -> frozenset[str]:
        found = [stated_types(schema), self.of(*schema.get("allOf", ()))]
        if "enum" in schema:
            found.append(_types_of(schema["enum"]))
        if "const" in schema:
            found.append(_types_of([schema["const"]]))
        if "$ref" in schema:
            found.append(self.of(self._resolve(schema["$ref"])))
        alternatives = (schema[keyword] for keyword in ("anyOf", "oneOf") if keyword in schema)
        found += [frozenset[str]().union(*map(self._of, branches)) for branches in alternatives]
        return frozenset.intersection(*found)


def stated_types(schema: dict[str, Any]) -> frozenset[str]:
    """The types that the keyword `type` allows; all if it is absent."""
    stated = schema.get("type", ANY_TYPE)
    return _with_whole([stated] if isinstance(stated, str) else stated)


def named(types: frozenset[str]) -> frozenset[str]:
    """The types as a schema names them: `number` alone if it includes whole numbers."""
    return types - {"integer"} if "number" in types else types


def _with_whole(names: Iterable[str]) -> frozenset[str]:
    found = frozenset(names)
    return found | {"integer"} if "number" in found else found


def _types_of(values: Iterable[Any]) -> frozenset[str]:
    return _with_whole(map(type_for_schemas, values))
