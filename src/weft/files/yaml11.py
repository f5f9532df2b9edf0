"""YAML as Kubernetes and Helm read it: the scalars of YAML 1.1 as in Go's library.

`yes` and `off` are booleans and `0644` is octal, as in 1.1; there are no sexagesimals, `1e3` is a number, and dates stay texts.
The rules are those of `resolve.go` in sigs.k8s.io/yaml, which Helm and Kubernetes read with.
"""

from __future__ import annotations

import base64
import math
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from functools import cached_property, lru_cache
from typing import Any, Final

import yaml

from weft.files import yaml12, yaml_events

_TAG: Final = "tag:yaml.org,2002:"
TEXT: Final = f"{_TAG}str"
"""The tag of a scalar that is a text."""
_LIST, _MAPPING = f"{_TAG}seq", f"{_TAG}map"
_BOOLS: Final[dict[str, bool]] = {
    **dict.fromkeys(("y", "Y", "yes", "Yes", "YES", "on", "On", "ON", "true", "True", "TRUE"), True),
    **dict.fromkeys(("n", "N", "no", "No", "NO", "off", "Off", "OFF", "false", "False", "FALSE"), False),
}
_NULLS: Final = frozenset(("~", "null", "Null", "NULL", ""))
WORDS: Final = frozenset((*_BOOLS, *_NULLS)) - {""}
"""The plain scalars that no sign, point or digit begins, and that are not texts."""
_NOT_FINITE: Final = re.compile(r"[-+]?\.(?:inf|Inf|INF)\Z|\.(?:nan|NaN|NAN)\Z")
# what is left without underscores, as strconv.ParseInt takes it with base 0, and as go-yaml takes floats; no whole number of more than
# 20 decimal digits fits, and Python refuses to convert thousands of them
_INT: Final = re.compile(
    r"(?P<sign>[-+]?)(?:0[xX](?P<hex>[0-9a-fA-F]+)|0[bB](?P<bin>[01]+)|0[oO]?(?P<oct>[0-7]+)|(?P<dec>0|[1-9][0-9]{0,19}))\Z"
)
_FIRST_OF_NUMBERS: Final = tuple("-+.0123456789")
_BASES: Final = {"hex": 16, "bin": 2, "oct": 8, "dec": 10}
_FLOAT: Final = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?\Z")
_TIMESTAMP: Final = re.compile(
    r"(?P<date>[0-9]{4}-[0-9]{1,2}-[0-9]{1,2})"
    r"(?: (?P<local>[0-9]{1,2}:[0-9]{1,2}:[0-9]{1,2})(?:\.[0-9]+)?"
    r"|[Tt](?P<time>[0-9]{1,2}:[0-9]{1,2}:[0-9]{1,2})(?:\.[0-9]+)?(?:Z|[-+][0-9]{2}:[0-9]{2}))?\Z"
)
_NUMBER: Final = "a number"
"""The tag of plain scalars that are numbers, whose kind is known when they are read; no file can state it."""


class Loader(yaml.CSafeLoader):
    """A loader for `yaml.load` and similar functions; duplicate keys, and tags that do not fit their value, are errors.

    Tags that Go's library does not know say nothing, and their values are what they would be as texts, mappings or lists. A text that is
    nested too deeply raises MarkedYAMLError at once, and one whose aliases expand to too much when it is composed: the recursion of
    libyaml would end the process.
    """

    def __init__(self, stream: str) -> None:
        with _in_yaml_terms():
            yaml12.check_depth(stream)
        super().__init__(stream)
        self._may_have_aliases = "&" in stream

    def get_single_node(self) -> Any:
        """The node of the only document. Raises the errors of PyYAML."""
        node = super().get_single_node()
        if node is not None and self._may_have_aliases:
            with _in_yaml_terms():
                yaml12.check_aliases(node)
        return node

    def resolve(self, kind: type, value: Any, implicit: Any) -> Any:
        """The tag of a node that states none; a scalar in quotes is a text, which is most of what tools write."""
        quoted = kind is yaml.ScalarNode and not implicit[0]
        return TEXT if quoted else str(super().resolve(kind, value, implicit))  # type: ignore[no-untyped-call]

    def construct_object(self, node: Any, deep: bool = False) -> Any:
        """The data of a node; raises ConstructorError where PyYAML would pass on Python's error for `!!int name`."""
        try:
            return super().construct_object(node, deep)
        except (ValueError, TypeError, LookupError, AttributeError, OverflowError) as error:
            tag = str(node.tag).replace(_TAG, "!!")
            message = f"a value does not have the type of its tag `{tag}`"
            raise yaml.constructor.ConstructorError(None, None, message, node.start_mark) from error

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        """The data of a mapping; raises ConstructorError."""
        if not isinstance(node, yaml.MappingNode):
            message = f"a value does not have the type of its tag `{str(node.tag).replace(_TAG, '!!')}`"
            raise yaml.constructor.ConstructorError(None, None, message, node.start_mark)
        for key in _repeated(node):
            self.repeated(key)
        return super().construct_mapping(node, deep)

    def repeated(self, key: Any) -> None:
        """Handle a duplicate key: raise ConstructorError."""
        message = f"the key `{key.value}` appears twice"
        raise yaml.constructor.ConstructorError(None, None, message, key.start_mark)


class LenientLoader(Loader):
    """A loader that takes the last of several keys of one name, as Helm does, and keeps the nodes of the others in `overwriting`."""

    def __init__(self, stream: str) -> None:
        super().__init__(stream)
        self.overwriting: list[Any] = []

    def repeated(self, key: Any) -> None:
        """Record a duplicate key."""
        self.overwriting.append(key)


@contextmanager
def _in_yaml_terms() -> Iterator[None]:
    """The limits of `yaml12` as errors of PyYAML, for callers that handle those."""
    try:
        yield
    except yaml12.YamlError as error:
        mark = yaml.Mark("", 0, (error.line or 1) - 1, (error.column or 1) - 1, None, 0)
        raise yaml.MarkedYAMLError(problem=error.message, problem_mark=mark) from None


def _repeated(node: yaml.MappingNode) -> Iterator[yaml.ScalarNode]:
    """The keys of a mapping that appear a second time."""
    keys = [key for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
    if len({(key.tag, key.value) for key in keys}) < len(keys):
        seen: set[tuple[str, str]] = set()
        for key in keys:
            if (key.tag, key.value) in seen:
                yield key
            seen.add((key.tag, key.value))


class _Pattern:
    """What PyYAML asks for in place of a regular expression: whether a plain scalar is of a kind."""

    def __init__(self, fits: Callable[[str], object]) -> None:
        self._fits = fits

    def match(self, text: str) -> bool:
        """Whether the scalar fits."""
        return self._fits(text) is not None


def _number(text: str) -> int | float | None:
    """The number that Go's library reads in a scalar; None where it is a text.

    What fits neither an int64 nor a uint64 is a float, and what does not fit that is a text.
    """
    if text[:1] not in _FIRST_OF_NUMBERS:
        return None
    if _NOT_FINITE.match(text):
        return float(text.replace(".", ""))
    plain = text if text.startswith(".") else text.replace("_", "")
    whole = _INT.match(plain)
    if whole and whole.lastgroup:
        value = int(whole[whole.lastgroup], _BASES[whole.lastgroup]) * (-1 if whole["sign"] == "-" else 1)
        if -(1 << 63) <= value < (1 << 64 if not whole["sign"] else 1 << 63):
            return value
    number = float(plain) if _FLOAT.match(plain) else math.inf
    return number if math.isfinite(number) else None


# PyYAML's own forms are dropped first: they read dates, sexagesimals and fewer floats than Go's library
Loader.yaml_implicit_resolvers = {}
for _kind, _fits, _first in (
    ("bool", _BOOLS.get, "yYnNtTfFoO"),
    ("null", lambda text: text in _NULLS or None, ["~", "n", "N", ""]),
    (_NUMBER, _number, _FIRST_OF_NUMBERS),
    ("merge", lambda text: text == "<<" or None, "<"),
):
    Loader.add_implicit_resolver(_kind if _kind == _NUMBER else f"{_TAG}{_kind}", _Pattern(_fits), list(_first))


def _explicit(fits: Callable[[str], Any], node: Any) -> Any:
    """What a scalar with an explicit tag is; raises ValueError where it is nothing of the kind."""
    value = fits(node.value)
    if value is None:
        raise ValueError(node.value)
    return value


def _explicit_null(node: Any) -> None:
    if node.value not in _NULLS:
        raise ValueError(node.value)


def _explicit_int(node: Any) -> int:
    value = _explicit(_number, node)
    if not isinstance(value, int):
        raise ValueError(node.value)  # noqa: TRY004 - as all that a tag does not fit
    return value


def _explicit_float(node: Any) -> float:
    value = _explicit(_number, node)
    if isinstance(value, int) and value >= 1 << 63:
        raise ValueError(node.value)
    return float(value)


def _timestamp(node: Any) -> str:
    """A moment, which stays as it is written."""
    found = _explicit(_TIMESTAMP.match, node)
    time = found["local"] or found["time"] or "0:0:0"
    datetime.strptime(f"{found['date']} {time}", "%Y-%m-%d %H:%M:%S")  # noqa: DTZ007 - only whether there is such a moment
    return str(node.value)


def _binary(node: Any) -> bytes:
    return base64.b64decode(re.sub(r"[\r\n]", "", node.value), validate=True)


def _untagged(loader: Loader, node: Any) -> Any:
    """A value whose tag says nothing: texts, mappings and lists."""
    if isinstance(node, yaml.ScalarNode):
        return node.value
    return loader.construct_yaml_map(node) if isinstance(node, yaml.MappingNode) else loader.construct_yaml_seq(node)


Loader.yaml_constructors = {
    None: _untagged,
    f"{_TAG}map": _untagged,
    f"{_TAG}seq": _untagged,
    f"{_TAG}bool": lambda _, node: _explicit(_BOOLS.get, node),
    f"{_TAG}null": lambda _, node: _explicit_null(node),
    _NUMBER: lambda _, node: _explicit(_number, node),
    f"{_TAG}int": lambda _, node: _explicit_int(node),
    f"{_TAG}float": lambda _, node: _explicit_float(node),
    f"{_TAG}timestamp": lambda _, node: _timestamp(node),
    f"{_TAG}binary": lambda _, node: _binary(node),
}


def _data(loader: Loader, node: Any) -> Any:
    """The data of a node: what most are is made here, in a third of the loader's time, and the rest by the loader."""
    kind, tag = type(node), node.tag
    if kind is yaml.ScalarNode:
        return node.value if tag == TEXT else loader.construct_object(node, deep=True)
    if kind is yaml.SequenceNode and tag == _LIST:
        return [_data(loader, item) for item in node.value]
    if kind is yaml.MappingNode and tag == _MAPPING and all(key.tag == TEXT for key, _ in node.value):
        data = {key.value: _data(loader, value) for key, value in node.value}
        if len(data) == len(node.value):
            return data
    return loader.construct_object(node, deep=True)


@lru_cache(4096)
def plain(text: str) -> Any:
    """The value of a scalar without quotes or a tag. Raises ValueError for the one that merges mappings."""
    if text == "<<":
        raise ValueError(text)
    if text in _NULLS:
        return None
    value = _BOOLS.get(text)
    number = _number(text) if value is None else value
    return text if number is None else number


class Documents:
    """The documents of a text, and positions in them, for which it is parsed once more."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._keys: dict[int, dict[Any, tuple[Any, Any]]] = {}

    @cached_property
    def data(self) -> list[Any]:
        """The data of each; raises yaml.YAMLError, also for what is nested too deep or expands to too much."""
        simple = yaml_events.documents(self._text, plain, yaml12.DEPTH_LIMIT)
        if simple is not None:
            return simple
        with _in_yaml_terms():
            for root in self.roots if "&" in self._text else ():
                yaml12.check_aliases(root)
        loader = Loader("")
        return [_data(loader, root) for root in self.roots]

    def find(self, document: int, path: Sequence[str | int]) -> tuple[int, int] | None:
        """Line and column (from 1) of a path of one of the documents, or of its nearest existing parent."""
        node = self.roots[document] if document < len(self.roots) else None
        if node is None:
            return None
        mark = node.start_mark
        for step in path:
            pair = self._child(node, step)
            if pair is None:
                break
            mark, node = pair[0].start_mark, pair[1]
        return mark.line + 1, mark.column + 1

    @cached_property
    def roots(self) -> list[Any]:
        """The root of each, as composed; raises yaml.YAMLError."""
        return list(yaml.compose_all(self._text, Loader=Loader))

    def _child(self, node: Any, step: str | int) -> tuple[Any, Any] | None:
        """The key and the value at a step; an item has no key, and is its own."""
        if isinstance(node, yaml.MappingNode):
            if id(node) not in self._keys:
                pairs = [pair for pair in reversed(node.value) if isinstance(pair[0], yaml.ScalarNode)]
                self._keys[id(node)] = {pair[0].value: pair for pair in pairs}
            return self._keys[id(node)].get(str(step))
        if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
            return node.value[step], node.value[step]
        return None


def position(text: str, path: Sequence[str | int]) -> tuple[int, int] | None:
    """Line and column (from 1) of a path of the first document, or of its nearest existing parent; None if there is neither."""
    with suppress(yaml.YAMLError):
        return Documents(text).find(0, path) if path else None
    return None


def plain_scalars(text: str) -> Iterator[tuple[int, int, Any]]:
    """The unquoted values of a text that are not read as text: start and end in the text, and the value.

    Keys are left out; a value that aliases repeat comes once. Anchors and tags are between start and end.
    """
    root = yaml.compose(text, Loader=Loader)
    loader = Loader("")
    seen: set[int] = set()
    stack = [root] if root else []
    while stack:
        node = stack.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, yaml.MappingNode):
            stack += [value for _, value in node.value]
        elif isinstance(node, yaml.SequenceNode):
            stack += node.value
        elif isinstance(node, yaml.ScalarNode) and node.tag != f"{_TAG}str" and not node.style:
            yield node.start_mark.index, node.end_mark.index, loader.construct_object(node)
