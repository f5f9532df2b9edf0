"""The keywords of JSON Schema without subschemas: whether one value of a keyword implies another."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from weft.schema.equality import canonical
from weft.schema.limits import strictest
from weft.schema.walk import each_of

_NUMBERS: Final = frozenset(("integer", "number"))
_LOWER: Final = frozenset(("minItems", "minLength", "minProperties"))
_UPPER: Final = frozenset(("maxItems", "maxLength", "maxProperties"))
_LOWEST: Final = ("minimum", "exclusiveMinimum", operator.gt)
_HIGHEST: Final = ("maximum", "exclusiveMaximum", operator.lt)
_BOUNDS: Final[dict[str, tuple[str, str, Callable[[Any, Any], bool]]]] = {
    **dict.fromkeys(_LOWEST[:2], _LOWEST),
    **dict.fromkeys(_HIGHEST[:2], _HIGHEST),
}
"""The inclusive and the exclusive spelling of each bound of numbers, and which of two numbers is the tighter bound."""
TYPES: Final = {
    **dict.fromkeys(("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"), _NUMBERS),
    **dict.fromkeys(("minLength", "maxLength", "pattern", "format"), frozenset(("string",))),
    **dict.fromkeys(("minItems", "maxItems", "uniqueItems"), frozenset(("array",))),
    **dict.fromkeys(("minProperties", "maxProperties"), frozenset(("object",))),
}
"""The types to which a keyword applies."""
PLAIN: Final = frozenset(
    (*TYPES, "const", "dependentRequired", "enum", "maxContains", "minContains", "required", "type")
)
CODES: Final = {"const": "values", "enum": "values", "format": "format", "pattern": "pattern"}
_SEPARATE: Final = frozenset(("dependentRequired", "maxContains", "minContains", "required", "type"))
"""Checked where the other keywords of the schema are known."""


def implied(keyword: str, olds: Iterable[dict[str, Any]], wanted: Any) -> bool:
    """True if all values that `olds` allow are certain to satisfy `keyword: wanted`."""
    if keyword in _SEPARATE:
        return True
    olds = tuple(olds)
    limits = strictest(olds)
    if keyword in _BOUNDS:
        return _bounded(keyword, limits, wanted)
    if keyword in _LOWER:
        return bool(wanted <= limits.get(keyword, 0))
    if keyword in _UPPER:
        return bool(limits.get(keyword, math.inf) <= wanted)
    if keyword == "uniqueItems":
        return not wanted or any(old.get(keyword) is True for old in olds) or bool(limits.get("maxItems", 2) <= 1)
    return any(equal(keyword, stated, wanted) for stated in each_of(olds, keyword))


def _bounded(keyword: str, limits: Mapping[str, Any], wanted: Any) -> bool:
    """True if an old bound is at least as tight as the wanted one; an exclusive bound is tighter than an inclusive one."""
    inclusive, exclusive, tighter = _BOUNDS[keyword]
    by_inclusive = inclusive in limits and (
        tighter(limits[inclusive], wanted) or (limits[inclusive] == wanted and keyword == inclusive)
    )
    by_exclusive = exclusive in limits and (tighter(limits[exclusive], wanted) or limits[exclusive] == wanted)
    return by_inclusive or by_exclusive


def equal(keyword: str, old: Any, new: Any) -> bool:
    """True if two values of a keyword are equivalent."""
    if keyword in ("enum", "required", "type") and isinstance(old, list) and isinstance(new, list):
        return set(map(canonical, old)) == set(map(canonical, new))
    return canonical(old) == canonical(new)
