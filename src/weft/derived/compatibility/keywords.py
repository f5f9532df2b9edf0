"""The keywords of JSON Schema that hold no schemas: whether what one says includes what another says."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, Final

from weft.schema.equality import canonical
from weft.schema.limits import strictest

_NUMBERS: Final = frozenset(("integer", "number"))
_LOWER: Final = frozenset(("minItems", "minLength", "minProperties"))
_UPPER: Final = frozenset(("maxItems", "maxLength", "maxProperties"))
TYPES: Final = {
    **dict.fromkeys(("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"), _NUMBERS),
    **dict.fromkeys(("minLength", "maxLength", "pattern", "format"), frozenset(("string",))),
    **dict.fromkeys(("minItems", "maxItems", "uniqueItems"), frozenset(("array",))),
    **dict.fromkeys(("minProperties", "maxProperties"), frozenset(("object",))),
}
"""The types that a keyword speaks of."""
PLAIN: Final = frozenset(
    (*TYPES, "const", "dependentRequired", "enum", "maxContains", "minContains", "required", "type")
)
CODES: Final = {"const": "values", "enum": "values", "format": "format", "pattern": "pattern"}
_SEPARATE: Final = frozenset(("dependentRequired", "maxContains", "minContains", "required", "type"))
"""Judged where their neighbours are known."""


def implied(keyword: str, olds: Iterable[dict[str, Any]], wanted: Any) -> bool:
    """Whether values that all of `olds` allow surely meet `keyword: wanted`."""
    if keyword in _SEPARATE:
        return True
    olds = tuple(olds)
    limits = strictest(olds)
    if keyword in ("minimum", "exclusiveMinimum"):
        least = limits.get("minimum", -math.inf)
        equals = least == wanted and keyword == "minimum"
        return bool(least > wanted or equals or limits.get("exclusiveMinimum", -math.inf) >= wanted)
    if keyword in ("maximum", "exclusiveMaximum"):
        most = limits.get("maximum", math.inf)
        equals = most == wanted and keyword == "maximum"
        return bool(most < wanted or equals or limits.get("exclusiveMaximum", math.inf) <= wanted)
    if keyword in _LOWER:
        return bool(wanted <= limits.get(keyword, 0))
    if keyword in _UPPER:
        return bool(limits.get(keyword, math.inf) <= wanted)
    if keyword == "uniqueItems":
        return not wanted or any(old.get(keyword) is True for old in olds) or bool(limits.get("maxItems", 2) <= 1)
    return any(keyword in old and equal(keyword, old[keyword], wanted) for old in olds)


def equal(keyword: str, old: Any, new: Any) -> bool:
    """Whether two values of a keyword mean the same."""
    if keyword in ("enum", "required", "type") and isinstance(old, list) and isinstance(new, list):
        return set(map(canonical, old)) == set(map(canonical, new))
    return canonical(old) == canonical(new)
