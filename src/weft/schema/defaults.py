"""Defaults that cannot be used because their own schemas reject them.

Only schemas that always apply to a setting give it a default (`Node.own_default`), so an invalid default is an error only there:
the setting would have a value other than the schema says, or none. A default in an alternative is never used; it is a warning.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from weft.base.paths import Path, dotted
from weft.base.problems import Problem, Severity
from weft.schema.broken import broken_by
from weft.schema.catalog import Catalog
from weft.schema.node import Node
from weft.schema.patterns import CHEAPER, TooCostly
from weft.schema.places import places
from weft.schema.violations import complaints


def bad_defaults(catalog: Catalog) -> Iterator[Problem]:
    """Every unusable default, with the reason. The place is the schema."""
    judged = set[int]()
    for path, node in places(catalog.root, catalog.reaching(map(id, catalog.schemas_with("default")))):
        schema = node.default_schema
        if schema is not None and node.renamed_to is None:
            judged.add(id(schema))
            yield from _of_a_setting(catalog, node, path)
    for schema in catalog.schemas_with("default"):
        if id(schema) not in judged:
            unused = catalog.node([schema], [schema])
            yield from (replace(problem, severity=Severity.WARNING) for problem in _of_a_setting(catalog, unused, ()))


def _of_a_setting(catalog: Catalog, node: Node, path: Path) -> Iterator[Problem]:
    schema = node.default_schema
    if schema is None or not node.refuses_its_default:
        return
    where = catalog.documents.location(schema, "default")
    hidden = node.holds_secrets
    try:
        reason, hint = _reason(catalog, node, path, hidden)
    except TooCostly:
        message = f"it cannot be determined whether {_name(path)} is valid: a pattern is too costly to match"
        yield Problem("pattern-too-costly", message, schema=where, hint=CHEAPER, quiet=hidden)
        return
    yield Problem("bad-default", f"{_name(path)} is not valid: {reason}", schema=where, hint=hint, quiet=hidden)


def _reason(catalog: Catalog, node: Node, path: Path, hidden: bool) -> tuple[str, str | None]:
    """Why the schemas of a setting do not accept its default, and a hint."""
    value: Any = node.default_schema and node.default_schema["default"]
    errors = (error for schema in node.certain for error in catalog.acceptance.errors(schema, value))
    from jsonschema.exceptions import best_match

    error = best_match(errors)
    if error is None:  # only the fast validator rejects it
        return "its schema does not accept it", None
    if hidden:
        return "the setting is sensitive, so its default must be a reference", "remove the default"
    _, _, message, hint = next(complaints(broken_by(error, value, path, hidden=False)))
    return message, hint


def _name(path: Path) -> str:
    return f"the default of {dotted(path)}" if path else "the default"
