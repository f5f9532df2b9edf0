"""What an API server estimates that a call in an expression may cost: as much as it goes through at most.

See `EstimateCallCost` in pkg/cel/library/cost.go of https://github.com/kubernetes/apiserver, and `functionCost` in checker/cost.go of
https://github.com/google/cel-go
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

MOST: Final = 2**64 - 1
_THROUGH_A_TEXT: Final = 0.1
_OF_A_PATTERN: Final = 0.25
LIST: Final = 10
_PATTERN_OF_A_FORMAT: Final = 128
_ADDRESS: Final = 16


@dataclass(frozen=True, slots=True)
class Size:
    """The fewest and the most characters, items or keys of a value."""

    least: int
    most: int

    def __add__(self, other: Size) -> Size:
        return Size(limited(self.least + other.least), limited(self.most + other.most))

    def __mul__(self, other: Size) -> Size:
        return Size(limited(self.least * other.least), limited(self.most * other.most))

    def __or__(self, other: Size) -> Size:
        return Size(min(self.least, other.least), max(self.most, other.most))


@dataclass(frozen=True, slots=True)
class Value:
    """The target or an argument of a call; `cost` is that of computing it."""

    node: Any
    kind: str
    size: Size
    item_kind: str
    item: Size | None
    cost: int

    def goes_as(self, *kinds: str) -> bool:
        """True if it may be of one of these types."""
        return self.kind in (*kinds, "dyn")


@dataclass(frozen=True, slots=True)
class Call:
    """A call: its cost without that of its arguments, or with it if `whole`; and the size of its result, if known."""

    cost: int
    result: Size | None = None
    whole: bool = False


def limited(number: int) -> int:
    """A number as the server computes with it: at most 64 bits."""
    return min(number, MOST)


def _share(number: int, factor: float) -> int:
    return limited(math.ceil(number * factor))


def _through_target(target: Value | None, _: list[Value]) -> Call | None:
    return Call(_share(target.size.most, _THROUGH_A_TEXT), target.size) if target else None


def _through_argument(target: Value | None, arguments: list[Value]) -> Call | None:
    return Call(_share(arguments[-1].size.most, _THROUGH_A_TEXT)) if arguments else None


def _url(_: Value | None, arguments: list[Value]) -> Call:
    return Call(_share(arguments[0].size.most, _THROUGH_A_TEXT), arguments[0].size)


def _twice(_: Value | None, arguments: list[Value]) -> Call:
    return Call(_share(arguments[0].size.most, 2 * _THROUGH_A_TEXT))


def _ip(target: Value | None, arguments: list[Value]) -> Call | None:
    return None if target else _through_argument(target, arguments)


def _over_items(target: Value | None, _: list[Value]) -> Call | None:
    if target is None:
        return None
    if target.item is None:
        return Call(_share(target.size.most, _THROUGH_A_TEXT))
    each = 1
    if target.item_kind in ("string", "bytes"):
        each += _share(target.item.most, _THROUGH_A_TEXT)
    return Call(limited(target.size.most * each))


def _replace(target: Value | None, arguments: list[Value]) -> Call | None:
    if target is None:
        return None
    size, old, new = target.size, arguments[0].size, arguments[1].size
    longest, count = size.most, 0
    if old.least == 0:
        count = limited(size.most + 1)
    elif new.most > old.least:
        longest, count = 0, math.ceil(size.most / old.least)
    most = limited(limited(count * new.most) + longest)
    return Call(_share(size.most, 2 * _THROUGH_A_TEXT), Size(_fewest_after(size, old, new), most))


def _fewest_after(size: Size, old: Size, new: Size) -> int:
    """The fewest characters after a replacement."""
    if old.most == 0:
        return limited((size.least + 1) * new.least + size.least)
    return size.least if old.most <= new.least else math.ceil(size.least / old.most) * new.least


def _split(target: Value | None, arguments: list[Value]) -> Call | None:
    if target is None:
        return None
    most = target.size.most
    if len(arguments) > 1:
        most = _whole_number(arguments[1], most)
    return Call(_share(target.size.most, 2 * _THROUGH_A_TEXT), Size(0, most))


def _join(target: Value | None, arguments: list[Value]) -> Call | None:
    if target is None:
        return None
    size = target.size * target.item if target.item else Size(0, 0)
    if arguments:
        size += arguments[0].size * Size(max(target.size.least - 1, 0), max(target.size.most - 1, 0))
    return Call(_share(size.most, _THROUGH_A_TEXT), size)


def _searched(text: Size, pattern: Size) -> int:
    """The cost of searching a text with a regular expression."""
    return limited(_share(limited(text.most + 1), _THROUGH_A_TEXT) * _share(pattern.most, _OF_A_PATTERN))


def _find(target: Value | None, arguments: list[Value]) -> Call | None:
    return Call(_searched(target.size, arguments[0].size), Size(0, target.size.most)) if target else None


def _matches(target: Value | None, arguments: list[Value]) -> Call:
    text, pattern = (target, arguments[0]) if target else arguments
    return Call(_searched(text.size, pattern.size))


def _contains(target: Value | None, arguments: list[Value]) -> Call | None:
    if target is None:
        return None
    parts = (_share(one.size.most, _THROUGH_A_TEXT) for one in (target, arguments[0]))
    return Call(limited(math.prod(parts)))


def _validate(_: Value | None, arguments: list[Value]) -> Call:
    text = _share(arguments[0].size.most, _THROUGH_A_TEXT)
    return Call(_share(text, _PATTERN_OF_A_FORMAT * _OF_A_PATTERN))


def _contains_address(more: int) -> Callable[[Value | None, list[Value]], Call]:
    """Whether a network contains an address or, with `more` work, another network."""

    def estimate(_: Value | None, arguments: list[Value]) -> Call:
        fixed = _share(2 * _ADDRESS, _THROUGH_A_TEXT) + more
        if not arguments[0].goes_as("string"):
            return Call(fixed)
        return Call(limited(fixed + _share(arguments[0].size.most, _THROUGH_A_TEXT)))

    return estimate


def _bytes(_: Value | None, arguments: list[Value]) -> Call | None:
    if not arguments[0].goes_as("string"):
        return None
    size = arguments[0].size
    return Call(_share(size.most, _THROUGH_A_TEXT), Size(size.least, limited(size.most * 4)))


def _string(_: Value | None, arguments: list[Value]) -> Call | None:
    if not arguments[0].goes_as("bytes"):
        return None
    size = arguments[0].size
    return Call(_share(size.most, _THROUGH_A_TEXT), Size(size.least // 4, size.most))


def _in(_: Value | None, arguments: list[Value]) -> Call | None:
    return Call(arguments[1].size.most) if arguments[1].goes_as("list") else None


def _both(_: Value | None, arguments: list[Value]) -> Call:
    return Call(sum(one.cost for one in arguments), whole=True)


def _choice(_: Value | None, arguments: list[Value]) -> Call:
    condition, one, other = arguments
    return Call(condition.cost + max(one.cost, other.cost), one.size | other.size, whole=True)


def _add(_: Value | None, arguments: list[Value]) -> Call | None:
    one, other = arguments
    size = one.size + other.size
    if one.goes_as("string", "bytes") and other.goes_as("string", "bytes"):
        return Call(max(_share(size.most, _THROUGH_A_TEXT), int("list" in (one.kind, other.kind))), size)
    return Call(1, size) if one.goes_as("list") and other.goes_as("list") else None


def _order(_: Value | None, arguments: list[Value]) -> Call | None:
    if not all(one.goes_as("string", "bytes") for one in arguments):
        return None
    return Call(max(_compared(arguments), int(any(one.kind == "dyn" for one in arguments))))


def _equal(_: Value | None, arguments: list[Value]) -> Call:
    kinds = {one.kind for one in arguments}
    return Call(1) if len(kinds) == 1 and kinds <= _EQUAL_AT_ONCE else Call(_compared(arguments))


def _unequal(_: Value | None, arguments: list[Value]) -> Call:
    return Call(_compared(arguments))


def _compared(arguments: list[Value]) -> int:
    return _share(min(one.size.most for one in arguments), _THROUGH_A_TEXT)


_EQUAL_AT_ONCE: Final = frozenset(("kubernetes.Quantity", "net.IP", "net.CIDR", "kubernetes.Semver"))


def _in_both(factor: int) -> Callable[[Value | None, list[Value]], Call]:
    """A comparison of two lists, item by item."""

    def estimate(_: Value | None, arguments: list[Value]) -> Call:
        pairs = limited(arguments[0].size.most * arguments[1].size.most)
        return Call(limited(pairs * factor) + 1)

    return estimate


def _new_list(factor: float, size: Size) -> Call:
    return Call(limited(_share(size.most, factor) + 1 + LIST), size)


def _whole_number(argument: Value, otherwise: int) -> int:
    constant = argument.node.const_expr
    return max(int(constant.int64_value), 0) if constant.HasField("int64_value") else otherwise


def _range(target: Value | None, arguments: list[Value]) -> Call:
    size = _whole_number(arguments[0], MOST)
    return _new_list(1, Size(size, size))


def _slice(target: Value | None, arguments: list[Value]) -> Call | None:
    if target is None:
        return None
    size = _whole_number(arguments[1], target.size.most) - _whole_number(arguments[0], 0)
    return _new_list(1, Size(size % 2**64, size % 2**64))


def _reverse(target: Value | None, _: list[Value]) -> Call | None:
    return _new_list(1, target.size) if target else None


def _flatten(target: Value | None, arguments: list[Value]) -> Call | None:
    return _new_list(_whole_number(arguments[0], MOST) if arguments else 1, target.size) if target else None


def _distinct(target: Value | None, _: list[Value]) -> Call | None:
    return _new_list(2, target.size * target.size) if target else None


def _sort(target: Value | None, arguments: list[Value]) -> Call | None:
    keys = arguments[0] if arguments else target
    if keys is None:
        return None
    return _new_list(2.1 if keys.item_kind in ("string", "bytes") else 2, keys.size * keys.size)


ESTIMATES: Final[Mapping[str, Callable[[Value | None, list[Value]], Call | None]]] = {
    **dict.fromkeys(("isSorted", "sum", "max", "min", "indexOf", "lastIndexOf"), _over_items),
    **dict.fromkeys(("lowerAscii", "upperAscii", "substring", "trim"), _through_target),
    **dict.fromkeys(("cidr", "isIP", "isCIDR", "startsWith", "endsWith"), _through_argument),
    **dict.fromkeys(("_&&_", "_||_"), _both),
    **dict.fromkeys(("_<_", "_<=_", "_>_", "_>=_"), _order),
    "quantity": lambda _, arguments: Call(_share(arguments[0].size.most, _THROUGH_A_TEXT)),
    "isQuantity": lambda _, arguments: Call(_share(arguments[0].size.most, _THROUGH_A_TEXT)),
    "semver": lambda _, arguments: Call(_share(arguments[0].size.most, _THROUGH_A_TEXT)),
    "isSemver": lambda _, arguments: Call(_share(arguments[0].size.most, _THROUGH_A_TEXT)),
    "url": _url,
    "ip": _ip,
    "ip.isCanonical": _twice,
    "containsIP": _contains_address(0),
    "containsCIDR": _contains_address(3),
    "replace": _replace,
    "split": _split,
    "join": _join,
    "find": _find,
    "findAll": _find,
    "matches": _matches,
    "contains": _contains,
    "validate": _validate,
    "format": lambda target, _: Call(_share(target.size.most, _THROUGH_A_TEXT)) if target else None,
    "bytes": _bytes,
    "string": _string,
    "@in": _in,
    "_?_:_": _choice,
    "_+_": _add,
    "_==_": _equal,
    "_!=_": _unequal,
    "sets.contains": _in_both(1),
    "sets.intersects": _in_both(1),
    "sets.equivalent": _in_both(2),
    "lists.range": _range,
    "slice": _slice,
    "reverse": _reverse,
    "flatten": _flatten,
    "distinct": _distinct,
    "sort": _sort,
    "@sortByAssociatedKeys": _sort,
}
"""The calls whose cost depends on sizes; any other costs 1."""
