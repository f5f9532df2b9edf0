"""The functions that expressions may call besides the package's own: those that Kubernetes adds to CEL, and Weft's `acyclic`.

Each is declared with its types, so the checker verifies its calls; `call` is what runs. At run time, values of Kubernetes' own types
(quantities, addresses, URLs, versions) are texts in one canonical form each, so equal ones are equal. Optional values that these
functions return are the lists or texts themselves, empty for none. The checker distinguishes both from other texts and lists.
See https://kubernetes.io/docs/reference/using-api/cel/
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cache, partial
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise
from typing import Any, Final
from urllib.parse import urlsplit

from weft.rules import addresses, quantities
from weft.rules.named_formats import FORMATS, accepted, named, validate


@dataclass(frozen=True, slots=True)
class Function:
    """One overload: its name, whether it is called on its first argument, its types, and what it does.

    `ours` if no API server has it.
    """

    name: str
    parameters: tuple[str, ...]
    result: str
    call: Callable[..., Any] | None
    member: bool = False
    ours: bool = False

    @property
    def signature(self) -> str:
        """Its signature: `string.find(string) -> string`."""
        target, rest = (f"{self.parameters[0]}.", self.parameters[1:]) if self.member else ("", self.parameters)
        shown = f"{target}{self.name}({', '.join(rest)}) -> {self.result}"
        return re.sub(r"\b(?:kubernetes|net)\.", "", shown).replace("optional_type(", "optional(")


def split_types(text: str) -> list[str]:
    """The types of a list such as `map(string, int), string`: commas inside of brackets divide nothing."""
    parts, depth = [""], 0
    for character in text:
        depth += {"(": 1, ")": -1}.get(character, 0)
        if character == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += character
    return [part.strip() for part in parts if part.strip()]


QUANTITY: Final = "kubernetes.Quantity"
IP: Final = "net.IP"
CIDR: Final = "net.CIDR"
URL: Final = "kubernetes.URL"
SEMVER: Final = "kubernetes.Semver"
FORMAT: Final = "kubernetes.NamedFormat"
OPAQUE: Final = {
    QUANTITY: "a quantity",
    IP: "an IP address",
    CIDR: "a network",
    URL: "a URL",
    SEMVER: "a version",
    FORMAT: "a format",
}
"""Types that only the checker knows, as messages name them."""


def _ordered(items: Sequence[Any]) -> bool:
    return all(one <= other for one, other in pairwise(items))


def _some(items: Sequence[Any]) -> Sequence[Any]:
    if not items:
        raise ValueError("the list is empty")
    return items


def _chosen(choose: Callable[[Sequence[Any]], Any]) -> Callable[[Sequence[Any]], Any]:
    return lambda items: _given(choose(_some(items)))


def _sum(items: Sequence[Any]) -> Any:
    return _given(sum(items[1:], start=items[0])) if items else 0


def _given(value: Any) -> Any:
    """A value as the package accepts it as a result: timestamps and durations as messages."""
    from google.protobuf import duration_pb2, timestamp_pb2

    if isinstance(value, datetime):
        moment = timestamp_pb2.Timestamp()
        moment.FromDatetime(value)
        return moment
    if isinstance(value, timedelta):
        length = duration_pb2.Duration()
        length.FromTimedelta(value)
        return length
    return bytes(value) if isinstance(value, bytearray) else value


def _place(items: Sequence[Any], item: Any) -> int:
    return next((index for index, one in enumerate(items) if _same(one, item)), -1)


def _last_place(items: Sequence[Any], item: Any) -> int:
    return next((index for index, one in reversed([*enumerate(items)]) if _same(one, item)), -1)


def _same(one: Any, other: Any) -> bool:
    return isinstance(one, bool) == isinstance(other, bool) and one == other


_PRIVATE: Final = 0xE000
"""The first character without a meaning, for marks that a text does not contain."""


def _find(text: str, pattern: str) -> str:
    return next(iter(_find_all(text, pattern, 1)), "")


def _find_all(text: str, pattern: str, limit: int = -1) -> list[str]:
    """The matches, found by RE2: the engine of `matches`, which takes linear time and knows what Kubernetes knows."""
    mark = next(mark for mark in map(chr, range(_PRIVATE, _PRIVATE + len(text) + 1)) if mark not in text)
    arguments = {"text": text, "pattern": pattern, "marked": rf"{mark}\0{mark}", "limit": limit}
    result = _marking().eval(data={"self": arguments})
    if result.type().name() == "ERROR":
        raise ValueError(f"`{pattern}` is not a regular expression: {result.plain_value().rpartition(': ')[0]}")
    return str(result.plain_value()).split(mark)[1::2] if limit else []


@cache
def _marking() -> Any:
    """A program that marks the matches of an expression in a text: the package has no function that lists them."""
    from cel_expr_python import cel

    config = {"name": "marking", "extensions": [{"name": "optional"}, {"name": "regex"}]}
    environment = cel.NewEnv(config=cel.NewEnvConfigFromYaml(json.dumps(config)), variables={"self": cel.Type.DYN})
    return environment.compile("regex.replace(self.text, self.pattern, self.marked, self.limit)")


def _listed(name: str, entry: Any, field: str) -> set[str]:
    if not isinstance(entry, Mapping):
        raise TypeError(f"the entry `{name}` is not a mapping")
    keys = entry.get(field) or ()
    if isinstance(keys, str) or not isinstance(keys, Iterable) or not all(isinstance(key, str) for key in keys):
        raise ValueError(f"`{field}` of the entry `{name}` is not a list of texts")
    return set(keys)


def acyclic(graph: Mapping[str, Any], field: str) -> bool:
    """True if no entry of a map reaches itself through the keys that `field` lists in each entry."""
    edges = {name: _listed(name, entry, field) for name, entry in graph.items()}
    try:
        TopologicalSorter(edges).prepare()
    except CycleError:
        return False
    return True


_COMPARABLE: Final = ("int", "uint", "double", "bool", "duration", "timestamp", "string", "bytes")


def _lists() -> Iterator[Function]:
    for kind in _COMPARABLE:
        yield Function("isSorted", (f"list({kind})",), "bool", _ordered, member=True)
        yield Function("min", (f"list({kind})",), kind, _chosen(min), member=True)
        yield Function("max", (f"list({kind})",), kind, _chosen(max), member=True)
    for kind in ("int", "uint", "double", "duration"):
        yield Function("sum", (f"list({kind})",), kind, _sum, member=True)
    yield Function("indexOf", ("list(T)", "T"), "int", _place, member=True)
    yield Function("lastIndexOf", ("list(T)", "T"), "int", _last_place, member=True)


def _quantities() -> Iterator[Function]:
    add, subtract, multiply = (
        quantities.calculated(work) for work in (Decimal.__add__, Decimal.__sub__, Decimal.__mul__)
    )
    yield Function("quantity", ("string",), QUANTITY, quantities.quantity)
    yield Function("isQuantity", ("string",), "bool", accepted(quantities.quantity))
    yield Function("isInteger", (QUANTITY,), "bool", quantities.is_whole, member=True)
    yield Function("asInteger", (QUANTITY,), "int", quantities.whole, member=True)
    yield Function("asApproximateFloat", (QUANTITY,), "double", float, member=True)
    yield Function("sign", (QUANTITY,), "int", quantities.sign_of)
    for name, work in (("add", add), ("sub", subtract)):
        yield Function(name, (QUANTITY, QUANTITY), QUANTITY, work, member=True)
        yield Function(name, (QUANTITY, "int"), QUANTITY, work, member=True)
    yield Function("mul", (QUANTITY, "int"), QUANTITY, multiply, member=True)
    yield Function("div", (QUANTITY, "int"), QUANTITY, quantities.divided, member=True)
    yield Function("div", (QUANTITY, "int", "int"), QUANTITY, quantities.divided, member=True)
    yield Function("divInt", (QUANTITY, "int"), QUANTITY, quantities.divided_whole, member=True)


def _versions() -> Iterator[Function]:
    for parameters in (("string",), ("string", "bool")):
        yield Function("semver", parameters, SEMVER, quantities.semver)
        yield Function("isSemver", parameters, "bool", accepted(quantities.semver))
    for index, name in enumerate(("major", "minor", "patch")):
        yield Function(name, (SEMVER,), "int", quantities.part(index), member=True)
    for kind in (QUANTITY, SEMVER):
        yield Function(
            "isGreaterThan", (kind, kind), "bool", lambda one, other: quantities.compared(one, other) > 0, member=True
        )
        yield Function(
            "isLessThan", (kind, kind), "bool", lambda one, other: quantities.compared(one, other) < 0, member=True
        )
        yield Function("compareTo", (kind, kind), "int", quantities.compared, member=True)


def _addresses() -> Iterator[Function]:
    yield Function("ip", ("string",), IP, addresses.address)
    yield Function("isIP", ("string",), "bool", accepted(addresses.parsed))
    yield Function("ip.isCanonical", ("string",), "bool", lambda text: addresses.address(text) == text)
    yield Function("family", (IP,), "int", lambda text: addresses.parsed(text).version, member=True)
    yield Function("isUnspecified", (IP,), "bool", lambda text: addresses.parsed(text).is_unspecified, member=True)
    yield Function("isLoopback", (IP,), "bool", lambda text: addresses.parsed(text).is_loopback, member=True)
    yield Function("isLinkLocalMulticast", (IP,), "bool", addresses.is_local_multicast, member=True)
    yield Function("isLinkLocalUnicast", (IP,), "bool", lambda text: addresses.parsed(text).is_link_local, member=True)
    yield Function("isGlobalUnicast", (IP,), "bool", addresses.is_unicast, member=True)
    yield Function("string", (IP,), "string", None)


def _networks() -> Iterator[Function]:
    yield Function("cidr", ("string",), CIDR, addresses.network)
    yield Function("isCIDR", ("string",), "bool", accepted(addresses.network))
    for kind in ("string", IP):
        yield Function("containsIP", (CIDR, kind), "bool", addresses.contains_ip, member=True)
    for kind in ("string", CIDR):
        yield Function("containsCIDR", (CIDR, kind), "bool", addresses.contains_network, member=True)
    yield Function("ip", (CIDR,), IP, lambda text: text.partition("/")[0], member=True)
    yield Function("masked", (CIDR,), CIDR, addresses.masked, member=True)
    yield Function("prefixLength", (CIDR,), "int", lambda text: int(text.partition("/")[2]), member=True)
    yield Function("string", (CIDR,), "string", None)


def _urls() -> Iterator[Function]:
    yield Function("url", ("string",), URL, addresses.url)
    yield Function("isURL", ("string",), "bool", accepted(addresses.url))
    yield Function("getScheme", (URL,), "string", lambda text: urlsplit(text).scheme, member=True)
    yield Function("getHost", (URL,), "string", addresses.host_of, member=True)
    yield Function("getHostname", (URL,), "string", addresses.hostname_of, member=True)
    yield Function("getPort", (URL,), "string", addresses.port_of, member=True)
    yield Function("getEscapedPath", (URL,), "string", addresses.path_of, member=True)
    yield Function("getQuery", (URL,), "map(string, list(string))", addresses.query_of, member=True)


def _formats() -> Iterator[Function]:
    yield Function("format.named", ("string",), f"optional_type({FORMAT})", named)
    yield Function("validate", (FORMAT, "string"), "optional_type(list(string))", validate, member=True)
    for name in FORMATS:
        yield Function(f"format.{name}", (), FORMAT, partial(str, name))


def _texts() -> Iterator[Function]:
    yield Function("find", ("string", "string"), "string", _find, member=True)
    yield Function("findAll", ("string", "string"), "list(string)", _find_all, member=True)
    yield Function("findAll", ("string", "string", "int"), "list(string)", _find_all, member=True)


FUNCTIONS: Final = (
    *_lists(),
    *_texts(),
    *_urls(),
    *_addresses(),
    *_networks(),
    *_quantities(),
    *_versions(),
    *_formats(),
    Function("acyclic", ("map(string, T)", "string"), "bool", acyclic, ours=True),
)
"""Every function declared here, one entry per overload."""

ELSEWHERE: Final = {
    "authorizer": "the authorizer of a request",
    "allowed": "the authorizer of a request",
    "serviceAccount": "the authorizer of a request",
    "fieldSelector": "the authorizer of a request",
    "labelSelector": "the authorizer of a request",
    "image": "names of container images",
    "isImage": "names of container images",
    "jsonpatch": "patches of objects",
}
"""Functions and variables of API servers that Weft does not have, and their subjects."""


def _inserted(entries: Mapping[Any, Any], *more: Any) -> dict[Any, Any]:
    """A map with one more entry, given as a map or as its key and value; an existing key is an error."""
    added = more[0] if len(more) == 1 else {more[0]: more[1]}
    if twice := entries.keys() & added.keys():
        raise ValueError(f"the key `{next(iter(twice))}` already exists")
    return {**entries, **added}


RUNNING: Final = (
    Function("hasValue", ("list(dyn)",), "bool", bool, member=True),
    Function("hasValue", ("string",), "bool", bool, member=True),
    Function("value", ("list(dyn)",), "list(dyn)", _some, member=True),
    Function("value", ("string",), "string", _some, member=True),
    Function("cel.@mapInsert", ("map(dyn, dyn)", "map(dyn, dyn)"), "map(dyn, dyn)", _inserted),
    Function("cel.@mapInsert", ("map(dyn, dyn)", "dyn", "dyn"), "map(dyn, dyn)", _inserted),
)
"""Functions for run time only: for optional values that are lists and texts at run time, and for macros of the package."""
