"""One side of a comparison: a schema bundle, and its schemas of a property, an item or a type."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

from weft.schema.explaining import explainer
from weft.schema.patterns import TooCostly, matches
from weft.schema.types import AcceptedTypes
from weft.schema.walk import subschemas

APPLICATORS: Final = frozenset(("$ref", "allOf", "anyOf", "dependentSchemas", "if", "not", "oneOf"))
_FEW: Final[dict[str, tuple[Any, ...]]] = {"boolean": (False, True), "null": (None,)}
"""The types that have few values, and these values."""

Schema = Any
Schemas = tuple[Any, ...]


class Side:
    """One of the two schemas: with its references resolved and its values checked."""

    def __init__(self, schema: dict[str, Any], *, formats: bool) -> None:
        self.schema = schema
        self.types = AcceptedTypes(self.resolve)
        self._validator: Any = explainer(schema, formats=formats)

    def resolve(self, ref: str) -> Schema:
        """The target of a `$ref`."""
        return self.schema if ref == "#" else self.schema["$defs"][ref.removeprefix("#/$defs/")]

    def flat(self, schemas: Iterable[Schema]) -> Schemas:
        """The schemas with those that they refer to and that `allOf` adds; `True` has no effect and is omitted."""
        reached: dict[int, Schema] = {}
        stack = [*schemas][::-1]
        while stack:
            schema = stack.pop()
            if schema is True or id(schema) in reached:
                continue
            reached[id(schema)] = schema
            if isinstance(schema, dict):
                stack += reversed(schema.get("allOf", ()))
                stack += [self.resolve(schema["$ref"])] if "$ref" in schema else []
        return tuple(reached.values())

    def below(self, schemas: Iterable[Schema]) -> Iterator[dict[str, Any]]:
        """The schemas with everything inside them and everything that they refer to."""
        reached: set[int] = set()
        stack = [*schemas]
        while stack:
            schema = stack.pop()
            if not isinstance(schema, dict) or id(schema) in reached:
                continue
            reached.add(id(schema))
            yield schema
            stack += [child for _, child in subschemas(schema)]
            stack += [self.resolve(schema["$ref"])] if "$ref" in schema else []

    def accepts(self, schema: Schema, value: Any) -> bool:
        """True if a part of the schema accepts a value; a pattern that is too costly to match accepts nothing."""
        try:
            return bool(self._validator.evolve(schema=schema).is_valid(value))
        except TooCostly:
            return False

    def values(self, schemas: Schemas) -> list[Any] | None:
        """All values that these schemas allow together, if they are few and listed; None otherwise."""
        candidates = self._candidates(schemas)
        if candidates is None:
            return None
        return [value for value in candidates if all(self.accepts(schema, value) for schema in schemas)]

    def _candidates(self, schemas: Schemas) -> list[Any] | None:
        """The values of the first list, or those of types that have few."""
        for schema in schemas:
            if "enum" in schema or "const" in schema:
                return list(schema["enum"]) if "enum" in schema else [schema["const"]]
        types = self.types.of(*schemas)
        if not types <= _FEW.keys():
            return None
        return [value for kind, few in _FEW.items() if kind in types for value in few]


def refuses_everything(schema: Schema) -> bool:
    """True if a schema obviously accepts no value."""
    return schema is False or (isinstance(schema, dict) and schema.get("not") in (True, {}))


def unnamed(schema: dict[str, Any]) -> Schema:
    """The subschema for properties that a schema does not name."""
    # `unevaluatedProperties` depends on the other keywords, so it only describes the rest without them
    alone = not APPLICATORS & schema.keys()
    return schema.get("additionalProperties", schema.get("unevaluatedProperties", True) if alone else True)


def property_schemas(schema: dict[str, Any], name: str, *, sure: bool) -> list[Schema]:
    """The subschemas for a property by its name.

    A pattern that is too costly may or may not match the name. With `sure`, only subschemas that certainly apply are returned, because the
    old schema must guarantee them; without it, all that may apply, because the new schema may require them.
    """
    matching, undecided = _by_patterns(schema, name)
    named = name in schema.get("properties", ())
    stated = [schema["properties"][name]] if named else []
    stated += matching if sure else [*matching, *undecided]
    if named:
        return stated
    left_over = not (matching or undecided) if sure else bool(undecided) or not matching
    return [*stated, unnamed(schema)] if left_over else stated


def _by_patterns(schema: dict[str, Any], name: str) -> tuple[list[Schema], list[Schema]]:
    """The schemas of the patterns that match a name, and of those that are too costly to match."""
    matching: list[Schema] = []
    undecided: list[Schema] = []
    for pattern, described in schema.get("patternProperties", {}).items():
        try:
            matching += [described] if matches(pattern, name) else []
        except TooCostly:
            undecided.append(described)
    return matching, undecided


def item_schema(schema: dict[str, Any], index: int) -> Schema:
    """The subschemas for the item at an index."""
    first = schema.get("prefixItems", ())
    if index < len(first):
        return first[index]
    alone = not APPLICATORS & schema.keys() and "contains" not in schema
    return schema.get("items", schema.get("unevaluatedItems", True) if alone else True)
