"""Which parts of a JSON Schema are schemas themselves, and which values they describe, in the drafts 4 to 2020-12."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

from weft.base.paths import Path
from weft.schema.patterns import TooCostly, matches

ONE: Final = frozenset(
    (
        "additionalItems",
        "additionalProperties",
        "contains",
        "contentSchema",
        "else",
        "if",
        "items",
        "not",
        "propertyNames",
        "then",
        "unevaluatedItems",
        "unevaluatedProperties",
    )
)
MANY: Final = frozenset(("allOf", "anyOf", "items", "oneOf", "prefixItems"))
NAMED: Final = frozenset(
    ("$defs", "definitions", "dependencies", "dependentSchemas", "patternProperties", "properties")
)
CONTAINERS: Final = {
    "object": frozenset(("additionalProperties", "patternProperties", "properties", "unevaluatedProperties")),
    "array": frozenset(("additionalItems", "contains", "items", "prefixItems", "unevaluatedItems")),
}
"""The keywords that describe the values inside a mapping, and inside a list."""
REFERENCES: Final = ("$ref", "$dynamicRef", "$recursiveRef")


def subschemas(schema: dict[str, Any]) -> Iterator[tuple[Path, Any]]:
    """The direct subschemas of a schema with their paths; booleans are schemas too."""
    for keyword, value in schema.items():
        if keyword in ONE and isinstance(value, dict | bool):
            yield (keyword,), value
        elif keyword in MANY and isinstance(value, list):
            for index, child in enumerate(value):
                yield (keyword, index), child
        elif keyword in NAMED and isinstance(value, dict):
            yield from _named(keyword, value)


def _named(keyword: str, schemas: dict[str, Any]) -> Iterator[tuple[Path, Any]]:
    for name, child in schemas.items():
        if isinstance(child, dict | bool):
            yield (keyword, name), child


def in_place(schema: dict[str, Any]) -> Iterator[tuple[Any, bool]]:
    """Subschemas that describe the same value as the schema itself, and whether they always apply to it."""
    for keyword, certain in (("allOf", True), ("anyOf", False), ("oneOf", False)):
        for child in schema.get(keyword, ()):
            yield child, certain
    for keyword in ("then", "else"):
        if keyword in schema:
            yield schema[keyword], False
    for keyword in ("dependentSchemas", "dependencies"):
        for child in schema.get(keyword, {}).values():
            if isinstance(child, dict):
                yield child, False


def each_of(schemas: Iterable[Any], keyword: str) -> Iterator[Any]:
    """The values of a keyword in the schemas that have it."""
    return (schema[keyword] for schema in schemas if keyword in schema)


def each_named(schemas: Iterable[Any], keyword: str, name: str) -> Iterator[Any]:
    """The subschemas for one name in a keyword that maps names to schemas, such as `properties`."""
    return (schema[keyword][name] for schema in schemas if name in schema.get(keyword, ()))


def rebuild(schema: dict[str, Any], change: Callable[[Path, Any], Any]) -> dict[str, Any]:
    """A copy of a schema in which every direct subschema is what `change(path, subschema)` returns."""
    result = dict(schema)
    for path, child in subschemas(schema):
        if len(path) == 1:
            result[str(path[0])] = change(path, child)
            continue
        keyword, step = str(path[0]), path[1]
        if result[keyword] is schema[keyword]:
            result[keyword] = schema[keyword].copy()
        result[keyword][step] = change(path, child)
    return result


def property_schemas(schema: dict[str, Any], name: str | int) -> Iterator[Any]:
    """The subschemas for a property: by name and pattern, else for additional properties; unevaluated ones are not included."""
    described = False
    if name in schema.get("properties", ()):
        described = True
        yield schema["properties"][name]
    for pattern, below in schema.get("patternProperties", {}).items():
        if _may_match(pattern, str(name)):
            described = True
            yield below
    if not described and "additionalProperties" in schema:
        yield schema["additionalProperties"]


def free_schemas(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The subschemas for keys that the schema does not name."""
    others = (schema.get(keyword) for keyword in ("additionalProperties", "unevaluatedProperties"))
    yield from (below for below in (*schema.get("patternProperties", {}).values(), *others) if isinstance(below, dict))


def item_schemas(schema: dict[str, Any], index: str | int) -> Iterator[Any]:
    """The subschemas for the item at an index; unevaluated ones are not included."""
    items = schema.get("items")
    first = items if isinstance(items, list) else schema.get("prefixItems", ())
    rest = schema.get("additionalItems") if isinstance(items, list) else items
    if isinstance(index, int) and index < len(first):
        yield first[index]
    elif rest is not None:
        yield rest


def _may_match(pattern: str, name: str) -> bool:
    """True if a name matches, or is too costly to match: the subschema may say that it is sensitive."""
    try:
        return matches(pattern, name)
    except TooCostly:
        return True
