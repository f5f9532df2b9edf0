"""The functions that rules may call beside CEL's own: cel-go's extensions and those that Kubernetes adds.

See https://kubernetes.io/docs/reference/using-api/cel/. `acyclic` is the one function of our own.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from graphlib import CycleError, TopologicalSorter
from typing import Any, Final
from urllib.parse import urlsplit

import cel
from cel.stdlib import EXTENSIONS

_NATIVE: Final = frozenset(
    [
        "all",
        "bytes",
        "contains",
        "double",
        "duration",
        "dyn",
        "endsWith",
        "exists",
        "exists_one",
        "filter",
        "getDate",
        "getDayOfMonth",
        "getDayOfWeek",
        "getDayOfYear",
        "getFullYear",
        "getHours",
        "getMilliseconds",
        "getMinutes",
        "getMonth",
        "getSeconds",
        "has",
        "hasValue",
        "int",
        "map",
        "matches",
        "max",
        "min",
        "none",
        "of",
        "ofNonZeroValue",
        "optFlatMap",
        "optMap",
        "or",
        "orValue",
        "size",
        "startsWith",
        "string",
        "timestamp",
        "type",
        "uint",
        "value",
    ]
)
_QUANTITY = re.compile(r"(?P<number>[-+]?(\d+(\.\d*)?|\.\d+))(?P<suffix>[KMGTPE]i|[numkMGTPE]|[eE][-+]?\d+)?\Z")
_POWERS: Final[Mapping[str, Decimal]] = {
    **{f"{letter}i": Decimal(1024) ** power for power, letter in enumerate("KMGTPE", 1)},
    **{letter: Decimal(1000) ** power for power, letter in enumerate("kMGTPE", 1)},
    **{letter: Decimal(1000) ** -power for power, letter in enumerate("mun", 1)},
}


def quantity(text: str) -> float:
    """The number that a Kubernetes quantity stands for: `500m` is 0.5, `4Gi` is 4294967296.

    Raises ValueError when the text is no quantity.
    See https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/
    """
    match = _QUANTITY.match(text)
    if match is None:
        raise ValueError(f"`{text}` is no quantity")
    suffix = match["suffix"] or "e0"
    try:
        return float(Decimal(match["number"]) * (_POWERS.get(suffix) or Decimal(f"1{suffix}")))
    except (ArithmeticError, OverflowError):
        raise ValueError(f"`{text}` is too large for a quantity") from None


def acyclic(graph: Mapping[str, Mapping[str, Any]], field: str) -> bool:
    """Whether no entry of a map leads back to itself through the keys that `field` lists in each entry."""
    edges = {name: set(entry.get(field) or ()) for name, entry in graph.items()}
    try:
        TopologicalSorter(edges).prepare()
    except CycleError:
        return False
    return True


def _compare(one: Any, other: Any) -> int:
    return int(one > other) - int(one < other)


def _accepted(parse: Callable[[str], Any]) -> Callable[[str], bool]:
    def test(text: str) -> bool:
        try:
            parse(text)
        except ValueError:
            return False
        return True

    return test


def _find(text: str, pattern: str) -> str:
    match = re.search(pattern, text)
    return match[0] if match else ""


def _url(text: str) -> str:
    if not urlsplit(text).scheme:
        raise ValueError(text)
    return text


_OURS: Final[Mapping[str, Callable[..., Any]]] = {
    "quantity": quantity,
    "isQuantity": _accepted(quantity),
    "isGreaterThan": lambda one, other: one > other,
    "isLessThan": lambda one, other: one < other,
    "compareTo": _compare,
    "isSorted": lambda items: list(items) == sorted(items),
    "find": _find,
    "findAll": lambda text, pattern, limit=-1: [found[0] for found in re.finditer(pattern, text)][
        : limit if limit >= 0 else None
    ],
    "isURL": _accepted(_url),
    "isIP": _accepted(ipaddress.ip_address),
    "isCIDR": _accepted(lambda text: ipaddress.ip_network(text, strict=False)),
    "acyclic": acyclic,
    "Size": len,
}
_EXTENSIONS: Final[Mapping[str, Callable[..., Any]]] = {
    **{name: function for library in EXTENSIONS.values() for name, function in library.items()},
    **_OURS,
}


def names() -> frozenset[str]:
    """Every function that an expression may call, without its namespace (`greatest` for `math.greatest`)."""
    return _NATIVE | {name.rpartition(".")[2] for name in _EXTENSIONS}


def used_by(functions: Iterable[str]) -> dict[str, Callable[..., Any]]:
    """The extension functions among the called ones, to be given to the evaluation."""
    called = set(functions)
    return {name: function for name, function in _EXTENSIONS.items() if name.rpartition(".")[2] in called}


def context(variables: Mapping[str, Any], functions: Mapping[str, Callable[..., Any]]) -> cel.Context:
    """What an expression is evaluated in."""
    return cel.Context(variables=dict(variables), functions=dict(functions))
