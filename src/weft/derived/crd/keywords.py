"""Keywords of JSON Schema as a structural schema writes them: limits, patterns and formats, and what is said about other keys."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from weft.derived.crd.patterns import for_go
from weft.schema.limits import strictest
from weft.schema.node import Node
from weft.schema.walk import each_of

_FORMATS: Final = frozenset(
    ("byte", "date", "date-time", "email", "hostname", "ipv4", "ipv6", "password", "uri", "uuid")
)
"""Formats with the same meaning in Kubernetes; `duration` is Go's and not ISO 8601's."""
_OF: Final = {
    "integer": ("minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum", "multipleOf"),
    "number": ("minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum", "multipleOf"),
    "string": ("minLength", "maxLength"),
    "array": ("minItems", "maxItems"),
    "object": ("minProperties", "maxProperties"),
}
_SIZES: Final = frozenset((*_OF["string"], *_OF["array"], *_OF["object"]))
_INT64: Final = 2**63 - 1
_SCALARS: Final = ("boolean", "integer", "number", "string")


@dataclass(frozen=True)
class OtherKeys:
    """The schemas of a mapping for keys that none of them lists.

    `closed` if they are rejected, `stated` if the schemas mention them at all; `schemas` describe any of them, `patterns` those whose name
    matches.
    """

    closed: bool
    stated: bool
    schemas: list[Any]
    patterns: dict[str, Any]

    @classmethod
    def of(cls, node: Node) -> OtherKeys:
        """The description of a mapping."""
        others = [
            other
            for keyword in ("additionalProperties", "unevaluatedProperties")
            for other in each_of(node.certain, keyword)
        ]
        patterns = {name: part for parts in each_of(node.certain, "patternProperties") for name, part in parts.items()}
        return cls(False in others, bool(others), [part for part in others if isinstance(part, dict)], patterns)


def bounds(node: Node, kind: str) -> dict[str, Any]:
    """The limits of a place with a type."""
    limits = strictest(node.certain)
    found = {keyword: limits[keyword] for keyword in _OF.get(kind, ()) if keyword in limits}
    return _with_flags({keyword: _size(value) if keyword in _SIZES else value for keyword, value in found.items()})


def is_plain(schema: dict[str, Any]) -> bool:
    """True if a structural schema describes a plain value other than null."""
    plain = schema.get("type") in _SCALARS or "x-kubernetes-int-or-string" in schema
    return plain and not schema.get("nullable")


def listed(schema: dict[str, Any]) -> list[Any]:
    """The values that `enum` or `const` lists."""
    values: list[Any] = schema["enum"] if "enum" in schema else [schema["const"]]
    return values


SPELLINGS: Final[dict[str, tuple[Callable[[str], str | None], str]]] = {
    "pattern": (for_go, "Go's regular expressions do not support all of it"),
    "format": (lambda name: name if name in _FORMATS else None, "Kubernetes does not support it"),
}
"""How Kubernetes writes a pattern or a format (None if it has none), and why that may be."""


def _size(limit: float) -> int:
    """The limit of a size as an API server reads it: a whole number of 64 bits, also for 3.0."""
    return min(math.floor(limit), _INT64)


def _with_flags(limits: dict[str, Any]) -> dict[str, Any]:
    """Exclusive limits as in OpenAPI 3.0: a flag next to the limit."""
    for bound, exclusive in (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")):
        if exclusive in limits:
            limits |= {bound: limits[exclusive], exclusive: True}
    return limits
