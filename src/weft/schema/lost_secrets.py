"""`x-sensitive` without effect: below `not`, or applied to keys instead of values."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from weft.base.problems import Problem
from weft.schema.catalog import Catalog
from weft.schema.walk import subschemas

_ELSEWHERE: Final = frozenset(("$defs", "definitions"))
"""Keywords whose subschemas apply only where they are referenced."""
_OF_NO_VALUE: Final = frozenset(("not", "propertyNames", "contentSchema"))
"""Keywords whose subschemas describe no value of a valid configuration."""


def lost_secrets(catalog: Catalog) -> Iterator[Problem]:
    """An error for every schema that is sensitive, but reachable only through keywords that describe no value."""
    reached = _reached(catalog, _ELSEWHERE)
    lost = reached - _reached(catalog, _ELSEWHERE | _OF_NO_VALUE)
    for schema in catalog.schemas_with("x-sensitive"):
        if schema["x-sensitive"] is True and id(schema) in lost:
            message = "`x-sensitive` has no effect below `not`, `propertyNames` or `contentSchema`"
            hint = "move it to where the schema describes the setting itself, for example below `properties`"
            where = catalog.documents.location(schema, "x-sensitive")
            yield Problem("schema-invalid", message, schema=where, hint=hint)


def _reached(catalog: Catalog, without: frozenset[str]) -> set[int]:
    """The ids of the schemas that apply somewhere, reached without passing through certain keywords."""
    found: set[int] = set()
    stack: list[Any] = [catalog.documents.joined[catalog.documents.root]]
    while stack:
        schema = stack.pop()
        if not isinstance(schema, dict) or id(schema) in found:
            continue
        found.add(id(schema))
        stack += [child for path, child in subschemas(schema) if path[0] not in without]
        if "$ref" in schema:
            stack.append(catalog.documents.schema(schema["$ref"]))
    return found
