"""Advice: what is not wrong, but hardly meant; warnings that `weft validate --strict` adds."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from weft import envvars
from weft.load import place_in
from weft.merge import canonical, leaves
from weft.model import PATCH, Layer, is_operator
from weft.paths import dotted, get, has, pointer
from weft.problems import Problem, Severity
from weft.schema.node import Catalog, Node


def redundant_overrides(
    root: Node, layers: Sequence[Layer], fold: Callable[[Sequence[Layer]], Any]
) -> Iterator[Problem]:
    """The leaves of each layer that say what the layers below, or the schema's defaults, say already."""
    for count, layer in enumerate(layers):
        lower = root.fill(fold(layers[:count]))
        for source in layer.sources:
            for path, _ in leaves(root, source.data):
                if not all(isinstance(step, str) for step in path) or not has(lower, path):
                    continue
                value = get(source.data, path)
                instructs = is_operator(value) or (isinstance(value, dict) and PATCH in value)
                says_nothing = value in ({}, None) or root.at(path).list_type == "set"
                if not instructs and not says_nothing and canonical(get(lower, path)) == canonical(value):
                    message = f"{dotted(path)} is set to what the lower layers give already"
                    place = place_in(source, path)
                    yield _warning("redundant", message, path=pointer(path), place=place, hint="remove the line")


def of_the_schema(catalog: Catalog) -> Iterator[Problem]:
    """Defaults that their own schema refuses, and variables that two settings of one domain share."""
    for schema in catalog.schemas_with("default"):
        if not catalog.valid(schema, schema["default"]):
            message = "the default is not valid by its own schema, so it is not used"
            yield _warning("bad-default", message, schema=catalog.documents.location(schema, "default"))
    for domain in catalog.root.properties:
        owner: dict[str, Any] = {}
        for name, path, node in envvars.declared(catalog.root.child(domain), (domain,)):
            first = owner.setdefault(name, path)
            if first != path:
                message = f"{dotted(path)} and {dotted(first)} have one environment variable, {name}"
                yield _warning("shared-variable", message, schema=node.place, hint="give each a variable of its own")


def _warning(code: str, message: str, **details: Any) -> Problem:
    return Problem(code, message, severity=Severity.WARNING, **details)
