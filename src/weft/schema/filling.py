"""Filling: a configuration with the defaults of its schemas, and properties in the order of the schemas."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from weft.schema.missing import MISSING

if TYPE_CHECKING:
    from weft.schema.node import Node

_COMPLETE: Final = frozenset((str, int, bool, type(None)))
"""The types of values to which nothing can be added."""


def filled(node: Node, value: Any, *, cautious: bool, shared: bool) -> Any:
    """See `Node.fill`."""
    if isinstance(value, dict):
        known = node.filled.find(value) if shared else None
        if known is not None:
            return known
        result = _mapping(node, value, cautious=cautious, shared=shared)
        if cautious:
            return _harmless(node, result, value)
        return node.filled.keep(value, result) if shared else result
    if isinstance(value, list):
        return [filled(node.child(index), item, cautious=cautious, shared=shared) for index, item in enumerate(value)]
    return _whole(node, value) if isinstance(value, float) else value


def _mapping(node: Node, value: dict[str, Any], *, cautious: bool, shared: bool) -> dict[str, Any]:
    result: dict[str, Any] = {}
    given = 0
    for name, child in node.named_children:
        if name in value:
            given += 1
            below = value[name]
            if type(below) not in _COMPLETE:
                known = child.filled.find(below) if shared else None
                below = known or filled(child, below, cautious=cautious, shared=shared)
        else:
            below = child.default
        if below is not MISSING:
            result[name] = below
    for name, below in value.items() if given < len(value) else ():
        if name not in result:
            result[name] = filled(node.child(name), below, cautious=cautious, shared=shared)
    return result


def _whole(node: Node, value: float) -> int | float:
    """`1e3` and `1.0` as whole numbers if the schema expects one, so they are printed as such."""
    is_whole = value.is_integer() and "integer" in node.types and "number" not in node.types
    return int(value) if is_whole else value


def _harmless(node: Node, every: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    """The filled-in mapping without the defaults that make it invalid."""
    if node.accepts(every):
        return every
    least = _least(node, every, given)
    if least is None:
        return every
    kept = {name for name in every if name not in given and node.accepts(least | {name: every[name]})}
    both = {name: value for name, value in every.items() if name in kept or name in least}
    return both if node.accepts(both) else least


def _least(node: Node, every: dict[str, Any], given: dict[str, Any]) -> dict[str, Any] | None:
    """The given keys only, filled in unless a nested default makes them invalid; None if neither is valid."""
    inside = {name: value for name, value in every.items() if name in given}
    return next((candidate for candidate in (inside, dict(given)) if node.accepts(candidate)), None)
