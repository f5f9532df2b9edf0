"""Settings as environment variables, named by `x-env`, and back.

As text a boolean is `true` or `false`, a list of plain values is joined with commas, anything nested is JSON.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

from weft.base.paths import Path, dotted, get, has, pointer, put
from weft.base.problems import Problem
from weft.files import yaml12
from weft.files.datafile import parse_json
from weft.schema.node import Node
from weft.schema.places import places
from weft.schema.types import TYPE_WORDS
from weft.schema.walk import free_schemas

_TRUE: Final = ("true", "1", "yes", "on")
_SHOWN: Final = 60
_as_json: Final = json.JSONEncoder(ensure_ascii=False).encode  # `dumps` makes a new encoder each time
_FALSE: Final = ("false", "0", "no", "off")


@dataclass(frozen=True)
class Variable:
    """A setting that has an environment variable."""

    name: str
    path: Path
    value: Any = field(repr=False)
    sensitive: bool

    @cached_property
    def text(self) -> str:
        """The value as text in an environment."""
        return to_text(self.value)


def variables(node: Node, config: Any, path: Path = ()) -> list[Variable]:
    """The variables of a configuration in the schema's order; settings that are null or absent have none."""
    found: list[Variable] = []
    if node.declares_variables:
        _add_variables(node, config, path, found)
    return found


def _add_variables(node: Node, config: Any, path: Path, found: list[Variable]) -> None:
    if node.env and config is not None:
        found.append(variable(node, config, path))
    if isinstance(config, dict):
        for key, value in config.items():
            below = node.child(key)
            if below.declares_variables:
                _add_variables(below, value, (*path, key), found)


def variable(node: Node, config: Any, path: Path) -> Variable:
    """The variable of a setting that has one."""
    return Variable(str(node.env), path, config, _tells_secrets(node, config))


def _tells_secrets(node: Node, config: Any) -> bool:
    if isinstance(config, dict | list):
        return any(below.hidden or below.conceals(value) for _, below, value in node.walk(config))
    return node.hidden or node.conceals(config)


class VariableCheck:
    """Finds settings that give the same environment variable different values, so a program could read only one."""

    def __init__(self, root: Node) -> None:
        self._root = root

    def problems(self, config: Any) -> Iterator[Problem]:
        """The settings of a configuration whose variable gets a different value from another setting."""
        first: dict[str, Variable] = {}
        for variable in self._candidates(config):
            other = first.setdefault(variable.name, variable)
            if other is not variable and other.text != variable.text:
                names = f"{dotted(other.path)} and {dotted(variable.path)}"
                yield Problem(
                    "shared-variable",
                    f"{names} give the environment variable {variable.name} different values",
                    path=pointer(variable.path),
                    schema=self._root.at(variable.path).place,
                    hint="set both to the same value, or give each its own `x-env`",
                    reads=(pointer(other.path), pointer(variable.path)),
                )

    def _candidates(self, config: Any) -> Iterator[Variable]:
        if self._shared is None:
            yield from variables(self._root, config)
            return
        for name, path in self._shared:
            value = get(config, path) if has(config, path) else None
            if value is not None:
                yield Variable(name, path, value, sensitive=True)

    @cached_property
    def _shared(self) -> list[tuple[str, Path]] | None:
        """The settings that share a variable; None if only a configuration can determine that."""
        if self._depends_on_configuration:
            return None
        every = [(name, path) for name, path, _ in declared(self._root)]
        count = Counter(name for name, _ in every)
        return [(name, path) for name, path in every if count[name] > 1]

    @property
    def _depends_on_configuration(self) -> bool:
        """True if the schema declares variables below free keys, or in an object that contains another of its own kind."""
        catalog = self._root.catalog
        free = (below for schema in catalog.schemas() for below in free_schemas(schema))
        endless = (node.contains_itself for _, node in places(self._root, catalog.declaring))
        return any(id(below) in catalog.declaring for below in free) or any(endless)


def declared(node: Node, path: Path = ()) -> Iterator[tuple[str, Path, Node]]:
    """Every variable that the schema declares, set or not: name, path and node.

    If an object contains another of its own kind, the inner one declares none: the list would be endless.
    """
    stack = [(path, node, frozenset[frozenset[int]]())]
    while stack:
        where, here, around = stack.pop()
        if here.env:
            yield here.env, where, here
        if here.kind not in around and here.declares_variables:
            inside = around | {here.kind} if here.contains_itself else around
            stack += [((*where, name), here.child(name), inside) for name in reversed(here.properties)]


def to_text(value: Any) -> str:
    """A value as the text of an environment variable."""
    kind = type(value)
    if kind is str:
        return str(value)
    if kind is int:
        return repr(value)
    if kind is bool:
        return "true" if value else "false"
    if isinstance(value, str):
        return value
    if isinstance(value, list) and value and _joins(value):
        return ",".join(map(str, value))
    return _as_json(value)


def _joins(items: list[Any]) -> bool:
    """True if a list can be read back when its items are joined with commas; a leading `[` would start JSON."""
    texts = not any(map(_needs_json, items)) and not items[0].startswith("[")
    return texts or all(isinstance(item, int | float) and not isinstance(item, bool) for item in items)


def _needs_json(item: Any) -> bool:
    return not isinstance(item, str) or not item or "," in item or item != item.strip()


def from_text(node: Node, text: str) -> Any:
    """The value of a text, by the types of `node`.

    Raises ValueError, without quoting the text, if it has no such value.
    """
    if _has_stray_bytes(text):
        raise ValueError("the value is not UTF-8")
    # a value that the schema lists wins over a guess by its type: "8080" in a list of texts stays a text
    meant = list(_listed(node, text))
    if len(meant) == 1 and not isinstance(meant[0], dict | list):
        return meant[0]
    types = node.types
    # a list of plain values is joined with commas, and one that begins with `[` is JSON: see `to_text`
    if "array" in types and text[:1] != "[":
        return [from_text(node.child(index), item) for index, item in enumerate(_split(text))]
    if types & {"array", "object"}:
        return _from_json(text)
    return _scalar(types, text) if types else _guessed(text)


def _listed(node: Node, text: str) -> Iterator[Any]:
    """The values of an `enum` that a text may represent: those with this spelling, and all that are not plain."""
    for value in node.keyword("enum", ()):
        if isinstance(value, dict | list) or to_text(value) == text:
            yield value


def _has_stray_bytes(text: str) -> bool:
    """True if a text was not UTF-8: Python represents such bytes of an environment as surrogates."""
    return not text.isprintable() and any("\ud800" <= character <= "\udfff" for character in text)


def _split(text: str) -> list[str]:
    return [item.strip() for item in text.split(",")] if text.strip() else []


def _from_json(text: str) -> Any:
    try:
        return parse_json(text)
    except yaml12.YamlError:
        raise ValueError("the value must be JSON, because it is a mapping or a nested list") from None


def _scalar(types: frozenset[str], text: str) -> Any:
    """The text as a value of one of these types; a number if both numbers and texts are allowed."""
    if "string" in types and not (types & {"integer", "number"} and _number(text) is not None):
        return text
    value = _converted(types, text.strip())
    if value is not None:
        return value
    if "null" in types and text.strip() in ("", "null"):
        return None
    wanted = [name for name in TYPE_WORDS if name in types and name != "null"]
    raise ValueError(f"the value must be {' or '.join(TYPE_WORDS[name] for name in wanted)}")


def _converted(types: frozenset[str], text: str) -> Any:
    """The text as a number or a boolean, the first of these types that it has; None if it has none."""
    values = (convert(text) for name, convert in _CONVERTERS.items() if name in types)
    return next((value for value in values if value is not None), None)


def layers_from(node: Node, environment: Mapping[str, str]) -> tuple[dict[str, dict[str, Any]], list[Problem]]:
    """An overlay for every declared variable in the environment, by name, and the problems of those that cannot be converted.

    A secret stays in its variable: the overlay contains a reference.
    """
    found: dict[str, dict[str, Any]] = {}
    problems: list[Problem] = []
    for name, path, place in _held(node, environment):
        if place.sensitive and not place.types & {"array", "object"}:
            put(found.setdefault(name, {}), path, f"ref+env://{name}")
            continue
        try:
            put(found.setdefault(name, {}), path, literal(from_text(place, environment[name])))
        except ValueError as error:
            problems.append(_bad_variable(name, path, error, in_place_of(place, environment[name])))
    return found, problems


def settings_from(node: Node, environment: Mapping[str, str]) -> tuple[dict[str, Any], list[Problem]]:
    """The values of the variables, secrets included, and the problems of those that cannot be converted."""
    data: dict[str, Any] = {}
    problems: list[Problem] = []
    for name, path, place in _held(node, environment):
        try:
            put(data, path, from_text(place, environment[name]))
        except ValueError as error:
            problems.append(_bad_variable(name, path, error, in_place_of(place, environment[name])))
    return data, problems


def _held(node: Node, environment: Mapping[str, str]) -> Iterator[tuple[str, Path, Node]]:
    return (one for one in declared(node) if one[0] in environment)


def _bad_variable(name: str, path: Path, error: ValueError, shown: str) -> Problem:
    return Problem("bad-variable", f"environment variable {name}: {error}{shown}; it is for {dotted(path)}")


def in_place_of(node: Node, text: str) -> str:
    """`, not ...` with a text that cannot be converted, for the end of a message; empty if it may contain a secret."""
    holding = node.catalog.holding_secrets
    if (
        node.sensitive
        or _has_stray_bytes(text)
        or any(id(schema) in holding for schema in (*node.certain, *node.possible))
    ):
        return ""
    return f", not `{text if len(text) <= _SHOWN else f'{text[:_SHOWN]}…'}`"


def literal(value: Any) -> Any:
    """A value for an overlay: a plain null would remove the setting, and a list might be merged with the lower one."""
    return {"$value": value} if value is None or isinstance(value, list) else value


def _guessed(text: str) -> Any:
    """The most likely value of a text if the schema gives no type: JSON if it parses."""
    try:
        return parse_json(text)
    except yaml12.YamlError:
        return text


def _integer(text: str) -> int | None:
    value = _number(text)
    return int(value) if value is not None and value == int(value) else None


def _number(text: str) -> int | float | None:
    try:
        value = yaml12.scalar(text)
    except ValueError:
        return None
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _boolean(text: str) -> bool | None:
    word = text.lower()
    return True if word in _TRUE else False if word in _FALSE else None


_CONVERTERS: Final = {"integer": _integer, "number": _number, "boolean": _boolean}
