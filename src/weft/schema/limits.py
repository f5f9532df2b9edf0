"""The limits of sizes and numbers when several schemas apply."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from fractions import Fraction
from typing import Any, Final


def strictest(schemas: Iterable[Any]) -> dict[str, Any]:
    """The combined limits of these schemas, in the keywords of draft 2020-12.

    Of an inclusive and an exclusive limit, only the stricter one remains. In draft 4, `exclusiveMinimum: true` makes the minimum exclusive.
    """
    found: dict[str, list[Any]] = {}
    for schema in schemas:
        for keyword, limit in _limits_of(schema):
            found.setdefault(keyword, []).append(limit)
    result = {keyword: choose(found[keyword]) for keyword, choose in LIMITS.items() if keyword in found}
    for bound, exclusive in (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")):
        if bound in result and exclusive in result:
            weaker = bound if LIMITS[bound]([result[bound], result[exclusive]]) == result[exclusive] else exclusive
            del result[weaker]
    return result


def _limits_of(schema: Any) -> Iterator[tuple[str, Any]]:
    for keyword in LIMITS.keys() & schema.keys() if isinstance(schema, dict) else ():
        if isinstance(schema[keyword], int | float) and not isinstance(schema[keyword], bool):
            exclusive = f"exclusive{keyword.capitalize()}"
            yield exclusive if schema.get(exclusive) is True else keyword, schema[keyword]


def _common_multiple(numbers: list[int | float]) -> int | float:
    parts = [Fraction(str(number)) for number in numbers]
    common = Fraction(math.lcm(*(part.numerator for part in parts)), math.gcd(*(part.denominator for part in parts)))
    return int(common) if common.denominator == 1 else float(common)


LIMITS: Final[Mapping[str, Callable[[list[Any]], Any]]] = {
    **dict.fromkeys(("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties"), max),
    **dict.fromkeys(("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties"), min),
    "multipleOf": _common_multiple,
}
"""The keywords that limit a size or a number, and the function that combines two limits."""
