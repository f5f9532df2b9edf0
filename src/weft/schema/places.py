"""The places of a configuration, as far as schemas distinguish them: each once, with the first path to it."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING

from weft.base.paths import Path
from weft.schema.walk import free_schemas

if TYPE_CHECKING:
    from weft.schema.node import Node


def places(start: Node, leading: Collection[int]) -> Iterator[tuple[Path, Node]]:
    """The places at and below a node that some of the `leading` schemas (by id) describe; only the first of equal ones.

    In a path, `0` stands for any item of a list, and `*` for any key that no schema names.
    """
    seen: set[Node] = set()
    stack: list[tuple[Path, Node]] = [((), start)]
    while stack:
        path, node = stack.pop()
        if node not in seen and any(id(schema) in leading for schema in (*node.certain, *node.possible)):
            seen.add(node)
            yield path, node
            below: list[tuple[str | int, Node]] = [(name, node.child(name)) for name in node.properties]
            below += [(index, node.child(index)) for index in range(_listed_items(node) + 1)]
            below += [("*", free) for free in _free(node)]
            stack += [((*path, step), child) for step, child in reversed(below)]


def _free(node: Node) -> Iterator[Node]:
    """The subschemas for keys that the schemas do not name."""
    for schema in node.certain:
        yield from (node.catalog.node([below], [below]) for below in free_schemas(schema))
    for schema in node.possible:
        yield from (node.catalog.node([], [below]) for below in free_schemas(schema))


def _listed_items(node: Node) -> int:
    """The number of leading items with their own schemas."""
    every = (*node.certain, *node.possible)
    listed = (schema.get(keyword) for schema in every for keyword in ("items", "prefixItems"))
    return max((len(items) for items in listed if isinstance(items, list)), default=0)
