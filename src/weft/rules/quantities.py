"""Quantities and versions of Kubernetes, as one canonical text each: equal ones have equal texts."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from decimal import ROUND_UP, Decimal, localcontext
from typing import Any, Final

_QUANTITY = re.compile(
    r"(?P<number>[-+]?(\d+(\.\d*)?|\.\d+))(?P<suffix>[KMGTPE]i|[numkMGTPE]|[eE][-+]?\d+)?\Z", re.ASCII
)
_POWERS: Final[Mapping[str, Decimal]] = {
    **{f"{letter}i": Decimal(1024) ** power for power, letter in enumerate("KMGTPE", 1)},
    **{letter: Decimal(1000) ** power for power, letter in enumerate("kMGTPE", 1)},
    **{letter: Decimal(1000) ** -power for power, letter in enumerate("mun", 1)},
}
_INT64: Final = range(-(2**63), 2**63)


def _exact(number: Decimal) -> str:
    """The canonical text of a quantity: `0.5`, `4294967296`."""
    with localcontext(prec=100):
        shown = f"{number:f}"
    return (shown.rstrip("0").rstrip(".") if "." in shown else shown) if number else "0"


def quantity(text: str) -> str:
    """The number of a Kubernetes quantity, as text: `500m` is 0.5, `4Gi` is 4294967296.

    Raises ValueError when the text is not a quantity.
    See https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/
    """
    match = _QUANTITY.match(text)
    if match is None:
        raise ValueError(f"`{text}` is not a quantity")
    suffix = match["suffix"] or "e0"
    exponent = int(suffix[1:]) if suffix not in _POWERS else 0
    if abs(exponent) > 99:
        raise ValueError(f"`{text}` is too large for a quantity")
    with localcontext(prec=100):
        return _exact(Decimal(match["number"]) * (_POWERS.get(suffix) or Decimal(10) ** exponent))


def whole(number: str) -> int:
    """A quantity as a whole number of 64 bits.

    Raises ValueError if it is not a whole number.
    """
    value = Decimal(number)
    if value != value.to_integral_value() or int(value) not in _INT64:
        raise ValueError("the quantity is not a whole number of 64 bits")
    return int(value)


def is_whole(number: str) -> bool:
    """True if a quantity is a whole number of 64 bits."""
    value = Decimal(number)
    return value == value.to_integral_value() and int(value) in _INT64


def calculated(work: Callable[[Decimal, Decimal], Decimal]) -> Callable[[str, str | int], str]:
    """Arithmetic of two quantities, or of a quantity and a whole number."""

    def calculate(one: str, other: str | int) -> str:
        with localcontext(prec=100):
            return _exact(work(Decimal(one), Decimal(other)))

    return calculate


def divided(one: str, divisor: int, digits: int = 4) -> str:
    """A quantity divided by a whole number, rounded away from zero after some digits.

    Raises ValueError for a division by zero, and for more digits than 10.
    """
    if not 0 <= digits <= 10:
        raise ValueError("a quantity is rounded to 0 to 10 digits")
    if divisor == 0:
        raise ValueError("it divides by zero")
    with localcontext(prec=100):
        return _exact((Decimal(one) / divisor).quantize(Decimal(1).scaleb(-digits), ROUND_UP))


def divided_whole(one: str, divisor: int) -> str:
    """A quantity divided by a whole number, without the remainder.

    Raises ValueError for a division by zero.
    """
    if divisor == 0:
        raise ValueError("it divides by zero")
    with localcontext(prec=100):
        return _exact(Decimal(one) // divisor)


def sign_of(one: str) -> int:
    """1, 0 or -1."""
    return _order(Decimal(one), Decimal(0))


def _order(one: Any, other: Any) -> int:
    return int(one > other) - int(one < other)


_SEMVER = re.compile(
    r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)"
    r"(?:-((?:0|[1-9]\d*|\d*[A-Za-z-][0-9A-Za-z-]*)(?:\.(?:0|[1-9]\d*|\d*[A-Za-z-][0-9A-Za-z-]*))*))?"
    r"(?:\+([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?\Z",
    re.ASCII,
)
_SHORT = re.compile(r"v?(\d+)(?:\.(\d+)(?:\.(\d+)([-+].*)?)?)?\Z", re.ASCII)


def semver(text: str, normalize: bool = False) -> str:
    """A semantic version without its build; `normalize` removes a leading `v`, adds missing numbers and removes leading zeros.

    Raises ValueError when the text is not a version. See https://semver.org
    """
    found = _SHORT.match(text) if normalize else None
    if found:
        text = ".".join(str(int(part or 0)) for part in found.groups()[:3]) + (found[4] or "")
    match = _SEMVER.match(text)
    if match is None:
        raise ValueError(f"`{text}` is not a semantic version")
    return ".".join(match.groups()[:3]) + (f"-{match[4]}" if match[4] else "")


def _version(text: str) -> tuple[Any, ...]:
    """The sort key of versions: a release follows its pre-releases, numbers come before words."""
    match = _SEMVER.match(text)
    assert match is not None
    before = (
        [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in match[4].split(".")] if match[4] else []
    )
    return *map(int, match.groups()[:3]), not before, before


def part(index: int) -> Callable[[str], int]:
    """A function that gives one number of a version."""
    return lambda text: int(_version(text)[index])


def compared(one: str, other: str) -> int:
    """Two quantities, or two versions, which alone have two dots."""
    if one.count(".") >= 2 and other.count(".") >= 2:
        return _order(_version(one), _version(other))
    return _order(Decimal(one), Decimal(other))
