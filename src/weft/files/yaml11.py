"""YAML as Kubernetes and Helm read it: the scalars of YAML 1.1 as Go's library knows them.

`yes` and `off` are booleans and `0644` is octal, as in 1.1; there are no sexagesimals, `1e3` is a number, and dates stay texts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any, Final

import yaml

from weft.files import yaml12

_SCALARS: Final = (
    ("bool", r"(?:y|Y|yes|Yes|YES|on|On|ON|n|N|no|No|NO|off|Off|OFF|true|True|TRUE|false|False|FALSE)\Z", "yYnNtTfFoO"),
    ("null", r"(?:~|null|Null|NULL|)\Z", ["~", "n", "N", ""]),
    ("number", r"[-+]?(?:0[bB][01_]+|0o?[0-7_]+|0[xX][0-9a-fA-F_]+|(?:\.[0-9]+|[0-9][0-9_]*(?:\.[0-9_]*)?)(?:[eE][-+]?[0-9]+)?)\Z", "-+.0123456789"),
    ("number", r"(?:[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))\Z", "-+."),
    ("merge", r"<<\Z", "<"),
)  # fmt: skip
_TAG: Final = "tag:yaml.org,2002:"
_TEXT, _LIST, _MAPPING = f"{_TAG}str", f"{_TAG}seq", f"{_TAG}map"


class Loader(yaml.CSafeLoader):
    """A loader for `yaml.load` and its like; a key that stands twice is an error, and a tag that does not fit its value."""

    def resolve(self, kind: type, value: Any, implicit: Any) -> Any:
        """The tag of a node that states none; a scalar in quotes is a text, which is most of what tools write."""
        quoted = kind is yaml.ScalarNode and not implicit[0]
        return _TEXT if quoted else str(super().resolve(kind, value, implicit))  # type: ignore[no-untyped-call]

    def construct_object(self, node: Any, deep: bool = False) -> Any:
        """The data of a node; raises ConstructorError, where PyYAML lets through what Python says of `!!int name`."""
        try:
            return super().construct_object(node, deep)
        except (ValueError, TypeError, LookupError, AttributeError, OverflowError) as error:
            tag = str(node.tag).replace(_TAG, "!!")
            message = f"a value is not what its tag `{tag}` says"
            raise yaml.constructor.ConstructorError(None, None, message, node.start_mark) from error

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        """The data of a mapping; raises ConstructorError."""
        if not isinstance(node, yaml.MappingNode):
            message = f"a value is not what its tag `{str(node.tag).replace(_TAG, '!!')}` says"
            raise yaml.constructor.ConstructorError(None, None, message, node.start_mark)
        keys = [(key.tag, key.value) for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        if len(set(keys)) < len(keys):
            seen: set[tuple[str, str]] = set()
            for key, _ in node.value:
                if isinstance(key, yaml.ScalarNode) and (key.tag, key.value) in seen:
                    message = f"the key `{key.value}` stands twice"
                    raise yaml.constructor.ConstructorError(None, None, message, key.start_mark)
                seen.add((key.tag, key.value))
        return super().construct_mapping(node, deep)


# PyYAML's own forms are dropped first: they read dates, sexagesimals and fewer floats than Go's library
Loader.yaml_implicit_resolvers = {}
for _kind, _pattern, _first in _SCALARS:
    Loader.add_implicit_resolver(f"{_TAG}{_kind}", re.compile(_pattern), list(_first))
Loader.add_constructor(f"{_TAG}number", lambda _loader, node: _number(node.value))
Loader.add_constructor(f"{_TAG}bool", lambda _loader, node: node.value.lower() in ("y", "yes", "on", "true"))


def load_all(text: str) -> list[Any]:
    """The data of all documents; raises yaml.YAMLError, also for what is nested too deep or expands to too much."""
    try:
        yaml12.check_depth(text)
        roots = list(yaml.compose_all(text, Loader=Loader))
        for root in roots if "&" in text else ():
            yaml12.check_aliases(root)
    except yaml12.YamlError as error:
        mark = yaml.Mark("", 0, (error.line or 1) - 1, (error.column or 1) - 1, None, 0)
        raise yaml.MarkedYAMLError(problem=error.message, problem_mark=mark) from None
    loader = Loader("")
    return [_data(loader, root) for root in roots]


def _data(loader: Loader, node: Any) -> Any:
    """The data of a node: what most are is made here, in a third of the loader's time, and the rest by the loader."""
    kind, tag = type(node), node.tag
    if kind is yaml.ScalarNode:
        return node.value if tag == _TEXT else loader.construct_object(node, deep=True)
    if kind is yaml.SequenceNode and tag == _LIST:
        return [_data(loader, item) for item in node.value]
    if kind is yaml.MappingNode and tag == _MAPPING and all(key.tag == _TEXT for key, _ in node.value):
        data = {key.value: _data(loader, value) for key, value in node.value}
        if len(data) == len(node.value):
            return data
    return loader.construct_object(node, deep=True)


class Positions:
    """Where things stand in a text of one or more documents; it is parsed when the first of them is asked for."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._keys: dict[int, dict[Any, tuple[Any, Any]]] = {}

    def find(self, document: int, path: Sequence[str | int]) -> tuple[int, int] | None:
        """Line and column (from 1) of what stands at a path of one of the documents, or of the nearest thing above it."""
        node = self._roots[document] if document < len(self._roots) else None
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
    def _roots(self) -> list[Any]:
        return list(yaml.compose_all(self._text, Loader=Loader))

    def _child(self, node: Any, step: str | int) -> tuple[Any, Any] | None:
        """The key and the value at a step; an item has no key, and stands for its own."""
        if isinstance(node, yaml.MappingNode):
            if id(node) not in self._keys:
                pairs = [pair for pair in reversed(node.value) if isinstance(pair[0], yaml.ScalarNode)]
                self._keys[id(node)] = {pair[0].value: pair for pair in pairs}
            return self._keys[id(node)].get(str(step))
        if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
            return node.value[step], node.value[step]
        return None


def plain_scalars(text: str) -> Iterator[tuple[int, int, Any]]:
    """The unquoted values of a text that mean something else than themselves: start and end in the text, and the value.

    Keys are left out; a value that aliases repeat comes once. Anchors and tags lie between start and end.
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


def _number(text: str) -> int | float:
    plain = text.replace("_", "")
    try:
        if re.fullmatch(r"[-+]?0o?[0-7]+", plain):
            return int(plain.replace("o", ""), 8)
        return int(plain, 10 if plain.lstrip("+-").isdigit() else 0)
    except ValueError:
        return float(re.sub(r"\.(?=[a-zA-Z])", "", plain))
