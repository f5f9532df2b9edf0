"""Which parts of a JSON Schema are schemas themselves, and of what they speak, in the drafts 4 to 2020-12."""

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
"""The keywords that speak of what lies in a mapping, and in a list."""
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
    """Subschemas that speak of the same value as the schema itself, and whether they always apply to it."""
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
    """What the schemas that have a keyword say by it."""
    return (schema[keyword] for schema in schemas if keyword in schema)


def each_named(schemas: Iterable[Any], keyword: str, name: str) -> Iterator[Any]:
    """What the schemas say of one name by a keyword that maps names to schemas, such as `properties`."""
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
    """What a schema says of a property: by its name and by patterns, else of all others; nothing of what is unevaluated."""
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
    """What a schema says of the keys that it does not name."""
    others = (schema.get(keyword) for keyword in ("additionalProperties", "unevaluatedProperties"))
    yield from (below for below in (*schema.get("patternProperties", {}).values(), *others) if isinstance(below, dict))


def item_schemas(schema: dict[str, Any], index: str | int) -> Iterator[Any]:
    """What a schema says of the item at an index; nothing of what is unevaluated."""
    items = schema.get("items")
    first = items if isinstance(items, list) else schema.get("prefixItems", ())
    rest = schema.get("additionalItems") if isinstance(items, list) else items
    if isinstance(index, int) and index < len(first):
        yield first[index]
    elif rest is not None:
        yield rest


def _may_match(pattern: str, name: str) -> bool:
    """Whether a name matches; one that is too costly to match does, as what is said of it may be that it is sensitive."""
    try:
        return matches(pattern, name)
    except TooCostly:
        return True
