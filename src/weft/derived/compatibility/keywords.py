"""The keywords of JSON Schema that hold no schemas: whether what one says includes what another says."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from weft.schema.equality import canonical

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
    return any(_by_one(keyword, old, wanted) for old in olds)


def _by_one(keyword: str, old: dict[str, Any], wanted: Any) -> bool:
    if keyword in ("minimum", "exclusiveMinimum"):
        strict = keyword != "minimum"
        return ("minimum" in old and (old["minimum"] > wanted or (old["minimum"] == wanted and not strict))) or (
            "exclusiveMinimum" in old and old["exclusiveMinimum"] >= wanted
        )
    if keyword in ("maximum", "exclusiveMaximum"):
        strict = keyword != "maximum"
        return ("maximum" in old and (old["maximum"] < wanted or (old["maximum"] == wanted and not strict))) or (
            "exclusiveMaximum" in old and old["exclusiveMaximum"] <= wanted
        )
    if keyword in _LOWER:
        return bool(wanted <= old.get(keyword, 0))
    if keyword in _UPPER:
        return keyword in old and bool(old[keyword] <= wanted)
    if keyword == "uniqueItems":
        return not wanted or old.get(keyword) is True or bool(old.get("maxItems", 2) <= 1)
    return keyword in old and equal(keyword, old[keyword], wanted)


def equal(keyword: str, old: Any, new: Any) -> bool:
    """Whether two values of a keyword mean the same."""
    if keyword in ("enum", "required", "type") and isinstance(old, list) and isinstance(new, list):
        return set(map(canonical, old)) == set(map(canonical, new))
    return canonical(old) == canonical(new)
