"""The schema of a chart's project: inferred from the values and their comments, or the chart's own without defaults."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Any, Final

import jsonschema_rs

from weft.api.charts.comments import Notes
from weft.api.charts.dependencies import Dependencies
from weft.base.paths import Path
from weft.files.formats import to_json
from weft.schema.documents import DIALECT
from weft.schema.types import json_type
from weft.schema.walk import NAMED

_LITERALS: Final = frozenset(("const", "default", "enum", "examples"))
_SETTING: Final = re.compile(r"[a-z][A-Za-z0-9]*\Z")
"""The spelling of a chart's own settings; keys with other characters are data, or the settings of a program."""
_OPEN: Final = re.compile(
    r"(?:affinity|annotations|args|budget|capabilities|config|context|data|env|envs|extra\w*|global|labels|limits|metadata|"
    r"parameters|policy|probe|requests|resources|route|selectors?|settings|spec|strategy|tolerations|volumes?)\Z",
    re.IGNORECASE,
)
"""The last word of keys whose children are defined by Kubernetes, a program or a user."""
_NUMBER: Final = r"^$|^[-+.]?[0-9]|\{\{"
_NUMBER_TEXT: Final = "must be a number, a text that starts with one (`50%`, `10Gi`), or a template"
_NAMED_PORT: Final = re.compile(r"[tT]argetPort\Z")
"""Settings of a port that Kubernetes lets be named."""
_LIKE_A_NUMBER: Final = re.compile(r"[-+.]?[0-9][\w.%]*\Z")
_STATED: Final = frozenset(
    (
        "type", "enum", "const", "pattern", "format", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum",
        "multipleOf", "minLength", "maxLength", "minItems", "maxItems", "uniqueItems", "items", "anyOf", "oneOf",
        "title", "description", "examples", "deprecated", "additionalProperties", "patternProperties", "properties",
    )
)  # fmt: skip
_STATED_TYPES: Final = frozenset(("type", "enum", "const", "anyOf", "oneOf"))
"""Phrases with which a comment lists the possible values."""


def inferred(data: dict[str, Any], notes: Notes, dependencies: Dependencies) -> dict[str, Any]:
    """A JSON Schema of draft 2020-12 that accepts a chart's values, and the examples in its comments and placeholders.

    Mappings are closed if the chart itself defines their settings, so misspelled names are found. Every value may become null, with which
    Helm removes a value of the chart.
    """
    schema = _Inference(notes, dependencies).schema((), [data], is_open=() in dependencies.sections)
    return {"$schema": DIALECT, **schema, "type": "object"}


class _Inference:
    """One pass over the values of a chart."""

    def __init__(self, notes: Notes, dependencies: Dependencies) -> None:
        self._notes = notes
        self._sections = frozenset(dependencies.sections)
        self._switches = frozenset(dependencies.switches)
        every = (*dependencies.sections, *dependencies.switches)
        self._ways = frozenset(path[:length] for path in every for length in range(1, len(path) + 1))

    def schema(self, path: Path, values: Sequence[Any], *, is_open: bool) -> dict[str, Any]:
        """The schema of a setting with these values: the chart's own, and those of examples."""
        described = self._described(path)
        if path[:1] in self._sections and values != [None]:
            return described | self._section(path, values)
        stated = self._stated(path, values)
        if stated.keys() & _STATED_TYPES:
            return described | stated
        found = self._accepting(path, values, is_open=is_open)
        return described | found | stated

    def _section(self, path: Path, values: Sequence[Any]) -> dict[str, Any]:
        """The schema of the section of another chart: the keys that the chart sets, and no more."""
        if path in self._switches:
            return {"type": ["boolean", "null"]}
        below = self._mapping(path, _some(values, dict), is_open=True)
        return ({"type": ["object", "null"]} if len(path) == 1 else {}) | below

    def _described(self, path: Path) -> dict[str, Any]:
        text = self._notes.descriptions.get(path)
        return {"description": text} if text else {}

    def _stated(self, path: Path, values: Sequence[Any]) -> dict[str, Any]:
        """The schema in a comment, extended to accept null, if it is valid and accepts the chart's own value."""
        stated = {name: value for name, value in self._notes.stated.get(path, {}).items() if name in _STATED}
        if not stated or "$ref" in json.dumps(stated):
            return {}
        stated = _or_null(without_defaults(stated))
        try:
            validator = jsonschema_rs.Draft202012Validator(stated)
        except (ValueError, jsonschema_rs.ValidationError):
            return {}
        return stated if all(map(validator.is_valid, values[:1])) else {}

    def _accepting(self, path: Path, values: Sequence[Any], *, is_open: bool) -> dict[str, Any]:
        if path in self._switches:
            return {"type": ["boolean", "null"]}
        if None in values:
            return {}
        kinds = dict.fromkeys(chain(*map(_kinds, values)))
        result: dict[str, Any] = {"type": [*kinds, "null"]}
        if "string" in kinds and not _some(values, str) and not _is_of_names(path, is_open=is_open):
            result |= {"pattern": _NUMBER, "patternErrorMessage": _NUMBER_TEXT}
        mappings, items = _some(values, dict), list(chain(*_some(values, list)))
        return result | self._mapping(path, mappings, is_open=is_open) | self._items(path, items)

    def _mapping(self, path: Path, values: Sequence[dict[str, Any]], *, is_open: bool) -> dict[str, Any]:
        names = dict.fromkeys(chain(*values))
        opened = is_open or self._is_open(path, names)
        properties = {}
        for name in dict.fromkeys((*names, *self._further(path))) if values else ():
            below = (*path, name)
            given = [value[name] for value in values if name in value]
            shown = [*given, *self._notes.examples.get(below, ())] or [{}]
            # examples and empty mappings are samples: others may have other keys
            properties[name] = self.schema(below, shown, is_open=opened or not given or {} in given)
        if not properties:
            return {}
        return {"properties": properties, **({} if opened else {"additionalProperties": False})}

    def _further(self, path: Path) -> list[Any]:
        """The keys below a path that comments show, and those that lead to other charts."""
        shown = [example[-1] for example in self._notes.examples if example and example[:-1] == path]
        return shown + sorted(way[-1] for way in self._ways if way[:-1] == path)

    def _is_open(self, path: Path, names: Iterable[Any]) -> bool:
        """True if the keys below a path are not defined by the chart."""
        if path in self._sections:
            return True
        return not all(_SETTING.match(name) for name in names) or bool(path and _OPEN.search(str(path[-1])))

    def _items(self, path: Path, items: Sequence[Any]) -> dict[str, Any]:
        """The schema of the items of a list, if they all have the same type; they are samples, and others may have other keys."""
        kinds = {json_type(item) for item in items}
        if len(kinds) != 1 or kinds == {"null"}:
            return {}
        return {"items": self.schema((*path, 0), items, is_open=True)}


def _some(values: Iterable[Any], kind: type) -> list[Any]:
    return [value for value in values if isinstance(value, kind)]


def _kinds(value: Any) -> tuple[str, ...]:
    """The JSON types of a value and of its alternatives, because Helm's templates write all of them as text."""
    kind = json_type(value)
    if value == "":
        return ("string", "number", "boolean")
    if kind in ("integer", "number"):
        return ("number", "string")
    if isinstance(value, str) and _LIKE_A_NUMBER.match(value):
        return ("string", "number")
    return (kind,)


def _is_of_names(path: Path, *, is_open: bool) -> bool:
    """Whether a number may be written as a name instead: a port of another object, or what is shown as a sample only."""
    return is_open or bool(path and _NAMED_PORT.search(str(path[-1])))


def _or_null(stated: dict[str, Any]) -> dict[str, Any]:
    result = dict(stated)
    if "type" in stated:
        kinds = stated["type"] if isinstance(stated["type"], list) else [stated["type"]]
        result["type"] = [*kinds, *([] if "null" in kinds else ["null"])]
    if isinstance(stated.get("enum"), list) and None not in stated["enum"]:
        result["enum"] = [*stated["enum"], None]
    return result


def without_defaults(schema: Any, *, named: bool = False) -> Any:
    """A copy of a schema without the keyword `default`, which Helm never applies; it becomes an example for editors.

    `named` means that the keys are names of schemas and not keywords. Values of unknown keywords, which a `$ref` may refer to, count as
    schemas too.
    """
    if isinstance(schema, list):
        return [without_defaults(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    if named:
        return {name: without_defaults(below) for name, below in schema.items()}
    result = {
        name: below if name in _LITERALS else without_defaults(below, named=name in NAMED)
        for name, below in schema.items()
        if name != "default"
    }
    if "enum" not in schema and _shows_something(schema.get("default")):
        result.setdefault("examples", [schema["default"]])
    return result


def _shows_something(default: Any) -> bool:
    return default not in (None, "", {}, []) and not isinstance(default, bool)


def opened(schema: Any, path: Path) -> Any:
    """A copy of a schema in which the one at a path allows anything, and keeps no more than its title and description."""
    if not path:
        return {name: schema[name] for name in ("title", "description") if name in schema}
    step, *rest = path
    if isinstance(schema, list):
        return [opened(below, tuple(rest)) if index == int(step) else below for index, below in enumerate(schema)]
    return {**schema, step: opened(schema[str(step)], tuple(rest))}


def with_descriptions(schema: Any, notes: Notes) -> Any:
    """A copy of a chart's own schema with the texts of comments as descriptions of settings without one."""
    copy = json.loads(to_json(schema))
    for path, text in notes.descriptions.items():
        below = copy
        for step in path:
            properties = below.get("properties") if isinstance(below, dict) else None
            below = properties.get(step) if isinstance(properties, dict) else None
        # drafts up to 7 ignore keywords next to a `$ref`
        if isinstance(below, dict) and path and not {"description", "$ref"} & below.keys():
            below["description"] = text
    return copy
