"""The schema of overlays: the root schema made partial, for every editor.

An overlay may omit anything, remove values with null and use the merge operators; unknown keys are still rejected. It is one file,
without references to others, with the keywords that draft-07 and 2020-12 share. Conditional keywords (`oneOf`, `then` …) give
completion and hover only, and never reject a value: their condition may be in another layer.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import Enum
from typing import Any, Final

from weft.base.overlay import LIST_OPERATORS, PATCH
from weft.base.paths import get, has, parse_pointer
from weft.files.formats import to_json
from weft.schema.limits import strictest
from weft.schema.node import MISSING, Node
from weft.schema.protection import REFERENCE_PATTERN
from weft.schema.published import published, reveals
from weft.schema.types import ANY_TYPE, named
from weft.schema.walk import each_of

DRAFT: Final = "http://json-schema.org/draft-07/schema#"
_ANNOTATIONS: Final[dict[str, type | tuple[type, ...]]] = {
    "title": str,
    "description": str,
    "markdownDescription": str,
    "examples": list,
    "deprecated": bool,
    "deprecationMessage": str,
    "errorMessage": (str, dict),
    "patternErrorMessage": str,
    "defaultSnippets": list,
    "enumDescriptions": list,
    "markdownEnumDescriptions": list,
}
"""Keywords for editors, with their types: older drafts do not check unknown keywords."""
_FREE_KEYS: Final = frozenset(("additionalProperties", "patternProperties"))
_NAMING: Final = frozenset(("properties", "$defs", "definitions"))
_LONGEST_DEFAULT: Final = 100
"""In characters: longer ones are lists and mappings that do not fit on a line."""


def overlay_schema(root: Node, title: str) -> dict[str, Any]:
    """The derived schema of a configuration's overlays."""
    derivation = _Derivation()
    body = derivation.body(root)
    head = {
        "$schema": DRAFT,
        "title": f"Overlay of {title}",
        "description": "A partial configuration: only what this layer changes.",
    }
    # it is not suggested, because an overlay in YAML names its schema in a comment
    described = "The schema of this file, if the overlay is JSON."
    properties = {"$schema": {"type": "string", "description": described, "doNotSuggest": True}}
    body["properties"] = properties | {
        name: below for name, below in body.get("properties", {}).items() if name != PATCH
    }
    return {**body, **head, "type": "object", "definitions": dict(sorted(derivation.definitions.items()))}


class _Place(Enum):
    """The position of a value in an overlay, which determines what is allowed."""

    KEY = "the value of a key"
    ITEM = "an item of a list"
    KEYED_ITEM = "an item of a list that merges item by item"


class _Derivation:
    """One run: a node with structure becomes a definition, so that a schema that contains itself ends."""

    def __init__(self) -> None:
        self.definitions: dict[str, Any] = {}
        self._names: dict[tuple[Node, _Place], str] = {}

    def describe(self, node: Node, place: _Place = _Place.KEY) -> dict[str, Any]:
        """The overlay schema of a node, or a reference to it if it is large."""
        if not self._has_structure(node):
            return self.body(node, place)
        if (node, place) not in self._names:
            self._names[node, place] = name = self._free_name(node)
            # the name is reserved before the body is built, so a schema that contains itself finds it
            self.definitions[name] = {}
            self.definitions[name] = {**_own_name(node), **self.body(node, place)}
        return {"$ref": f"#/definitions/{self._names[node, place]}"}

    def body(self, node: Node, place: _Place = _Place.KEY) -> dict[str, Any]:
        """The overlay schema of a node."""
        annotations = _annotations(node)
        null = ["null"] if place is _Place.KEY else []  # a key's null removes it; an item has nothing to remove
        if node.sensitive and not node.properties:
            reference = {"type": ["string", *null], "pattern": REFERENCE_PATTERN, "examples": ["ref+env://NAME"]}
            return {"patternErrorMessage": _REFERENCE_TEXT} | annotations | reference
        types = named(node.certain_types)
        if node.certain_types in (ANY_TYPE, frozenset()):
            return annotations | self._mapping(node, place) | self._list(node)
        if types - {"null"} == {"array"}:
            kinds = ["array", "object", *(["null"] if "null" in types else null)]
            return annotations | {"type": kinds} | self._list_with_operators(node)
        own = _own_limits(node, types, null)
        own |= self._mapping(node, place) if "object" in types else {}
        own |= self._list(node) if "array" in types else {}
        return annotations | own

    def _mapping(self, node: Node, place: _Place) -> dict[str, Any]:
        if not node.properties and not any(_FREE_KEYS & schema.keys() for schema in node.certain):
            return {}
        properties = {name: self._property(node.child(name), name) for name in node.properties}
        return {"properties": properties | {PATCH: _patch(place)}} | self._free_keys(node)

    def _property(self, node: Node, name: str) -> dict[str, Any]:
        """A setting of a mapping; without a title, editors would show the title of its parent."""
        described = self.describe(node)
        return described if described.keys() & {"$ref", "title"} else {"title": name, **described}

    def _free_keys(self, node: Node) -> dict[str, Any]:
        """The schemas of keys that are not listed: by their names, and for all others."""
        result: dict[str, Any] = {}
        patterns = dict.fromkeys(name for stated in each_of(node.certain, "patternProperties") for name in stated)
        if patterns:
            described = {name: self.describe(_of(node, "patternProperties", name)) for name in patterns}
            result["patternProperties"] = described
        others = list(each_of(node.certain, "additionalProperties"))
        if False in others or _is_closed(node):
            result["additionalProperties"] = False
        elif others and isinstance(others[0], dict):
            result["additionalProperties"] = self.describe(_of(node, "additionalProperties"))
        return result

    def _list(self, node: Node) -> dict[str, Any]:
        """The items of a list, if they all have the same schema."""
        stated = list(each_of(node.certain, "items"))
        alike = all(isinstance(items, dict) for items in stated)
        if not stated or not alike or any("prefixItems" in schema for schema in node.certain):
            return {}
        item = self.describe(node.child(0), _Place.KEYED_ITEM if node.list_type == "map" else _Place.ITEM)
        return {"items": item} if item else {}

    def _list_with_operators(self, node: Node) -> dict[str, Any]:
        """A list, or a mapping of operators instead."""
        items = self._list(node)
        many = {"type": "array", **items}
        operators: dict[str, Any] = {
            name: {**many, "description": text} for name, text in zip(LIST_OPERATORS, _LIST_TEXTS, strict=True)
        }
        operators["$value"] = {"type": ["null", "array"], "description": _VALUE_TEXT}
        return items | {"properties": operators, "additionalProperties": False}

    @staticmethod
    def _has_structure(node: Node) -> bool:
        keywords = {"properties", "patternProperties", "additionalProperties", "items", "prefixItems"}
        return any(
            isinstance(schema.get(key), dict | list) for schema in (*node.certain, *node.possible) for key in keywords
        )

    def _free_name(self, node: Node) -> str:
        """A readable unused name, based on the location in the schema files."""
        name = (
            node.place.replace(".schema.json", "")
            .replace("#/", ".")
            .replace("/properties/", ".")
            .replace("properties/", "")
        )
        name = name.rpartition("schemas/")[2].strip("#/").replace("/", ".").replace("$", "")
        name = re.sub(r"[^\w.-]+", "-", name, flags=re.ASCII).strip("-") or "value"
        taken, number = set(self._names.values()), 2
        while name in taken:
            name, number = f"{name.rstrip('0123456789-')}-{number}", number + 1
        return name


def _annotations(node: Node) -> dict[str, Any]:
    """The keywords for editors, with what else is known about a place."""
    stated: dict[str, Any] = {
        name: value for name, kind in _ANNOTATIONS.items() if isinstance(value := node.keyword(name), kind)
    }
    if "examples" in stated:
        stated["examples"] = published(node, stated["examples"])
    return stated | _facts(node, stated)


def _is_closed(node: Node) -> bool:
    """True if `unevaluatedProperties` rejects all keys that some schema of a place does not name."""
    every = (*node.certain, *node.possible)
    # a condition, and schemas of further keys, may evaluate keys that have no name here
    free = any({"if", "additionalProperties"} & schema.keys() for schema in every)
    patterns = any("patternProperties" in schema for schema in node.possible)
    return False in each_of(node.certain, "unevaluatedProperties") and not free and not patterns


def _own_name(node: Node) -> dict[str, str]:
    """The name of a schema without a title: that of its property, or of its definition."""
    *_, around, name = ("", "", *parse_pointer(node.place.partition("#")[2]))
    return {"title": name} if around in _NAMING else {}


def _own_limits(node: Node, types: frozenset[str], null: list[str]) -> dict[str, Any]:
    """The types, values and bounds of a place, and what an overlay may write in addition: null and operators."""
    nullable, plain = "null" in types, sorted(types - {"null"})
    values = _values(node, null)
    if nullable and "object" not in types:
        return _or_operator(plain, values) | _bounds(node)
    operators = ["object"] if "array" in types and "object" not in types else []
    kinds = [*plain, *operators, *(["null"] if nullable else null)]
    result: dict[str, Any] = {"type": kinds[0] if len(kinds) == 1 else kinds}
    if values is not None and "array" not in types:  # operators are allowed besides the values
        result["enum"] = values
    return result | _bounds(node)


def _or_operator(plain: list[str], values: list[Any] | None) -> dict[str, Any]:
    """The values or types of a place that may be null; null removes a key, so `$value` writes it."""
    scalar = {"enum": values} if values is not None else {"type": [*plain, "null"]}
    # the alternatives have the types: editors would report a wrong one twice, and complete no value without them
    operator = _operator(["null", *plain])
    if "array" in plain:
        del operator["additionalProperties"]  # the operators of lists are allowed too
    return {"anyOf": [scalar, operator]}


def _bounds(node: Node) -> dict[str, Any]:
    """The limits of a value. An overlay is a part, so the number of items or keys is known only after the merge."""
    limits = strictest(node.certain).items()
    result = {name: limit for name, limit in limits if not name.endswith(("Items", "Properties"))}
    for name in ("pattern", "format"):
        stated = list(each_of(node.certain, name))
        if len(stated) == 1:  # a place can have one of each only
            result[name] = stated[0]
    return result


def _values(node: Node, null: list[str]) -> list[Any] | None:
    """The values that one schema lists, and null if a key may have it."""
    listed = [
        schema["enum"] if "enum" in schema else [schema["const"]]
        for schema in node.certain
        if "enum" in schema or "const" in schema
    ]
    if len(listed) != 1:
        return None
    values = published(node, listed[0])
    return [*values, *([None] if null and None not in values else [])]


def _patch(place: _Place) -> dict[str, Any]:
    """The key that controls how a mapping is merged."""
    if place is _Place.KEYED_ITEM:
        return {"enum": ["replace", "delete"], "description": " ".join(_PATCH_TEXTS)}
    return {"enum": ["replace"], "description": _PATCH_TEXTS[0]}


def _facts(node: Node, annotations: dict[str, Any]) -> dict[str, Any]:
    """Information that editors do not show on their own, added to descriptions: the unit, the default and the variable.

    The default is also the first example unless it is suggested anyway, but never the keyword `default`: with it, editors fill every new
    mapping with all the defaults inside, although an overlay should contain only what it changes.
    """
    facts: dict[str, Any] = {}
    own_default = node.own_default
    default = MISSING if reveals(node, own_default) or node.sensitive else own_default
    if default is not MISSING and not _is_offered(node, default):
        others = [example for example in annotations.get("examples", []) if to_json(example) != to_json(default)]
        facts["examples"] = [default, *others]
    marked = " · ".join(f"{name}: `{value}`" for name, value in _named_facts(node, default))
    if marked:
        facts |= _described(annotations, "description", marked.replace("`", ""))
        facts |= _described(annotations, "markdownDescription", marked) if "markdownDescription" in annotations else {}
    return facts


def _named_facts(node: Node, default: Any) -> Iterator[tuple[str, str]]:
    unit = node.keyword("x-unit")
    if isinstance(unit, str):
        yield "Unit", unit
    if default is not MISSING and len(to_json(default, indent=None)) <= _LONGEST_DEFAULT:
        yield "Default", to_json(default, indent=None)
    if node.env:
        yield "Environment variable", node.env


def _is_offered(node: Node, default: Any) -> bool:
    """True if editors suggest a default anyway, or it is not useful."""
    listed = default is None or isinstance(default, bool) or node.keyword("enum") is not None
    return listed or default in ({}, [])


def _described(annotations: dict[str, Any], keyword: str, text: str) -> dict[str, Any]:
    return {keyword: f"{annotations[keyword]}\n\n{text}" if keyword in annotations else text}


def _operator(types: list[str]) -> dict[str, Any]:
    """The schema of `{$value: ...}`."""
    value = {"type": types, "description": _VALUE_TEXT}
    return {"type": "object", "properties": {"$value": value}, "additionalProperties": False}


def _of(node: Node, keyword: str, *steps: str) -> Node:
    """The node of the values that `patternProperties` or `additionalProperties` describe."""
    found = [get(schema, (keyword, *steps)) for schema in node.certain if has(schema, (keyword, *steps))]
    return node.catalog.node(found, found)


_REFERENCE_TEXT: Final = (
    "A secret: write a reference to it, such as ref+env://NAME or ref+file://path, never the value."
)
_PATCH_TEXTS: Final = (
    "`replace`: use only this mapping, merge nothing from lower layers.",
    "`delete`: remove this item of the list.",
)
_LIST_TEXTS: Final = (
    "Add these items after those of the lower layers.",
    "Add these items before those of the lower layers.",
    "Remove these items from the list of the lower layers: by their keys if the list has keys, by value otherwise.",
    "Use only this list, ignoring the lower layers.",
)
_VALUE_TEXT: Final = "Use this value exactly as written; `$value: null` sets null if the schema allows it."
