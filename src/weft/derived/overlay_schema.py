"""The schema of overlays: the root schema made partial, for every editor.

An overlay may leave everything out, remove values with null and use the merge operators; unknown keys are still refused. One
file, without references to others, in the keywords that draft-07 and 2020-12 share. What only sometimes applies (`oneOf`,
`then` …) gives completion and hover here, and never a refusal: its condition may lie in another layer.
"""

from __future__ import annotations

import re
from enum import Enum
from typing import Any, Final

from weft.base.overlay import LIST_OPERATORS, PATCH
from weft.base.paths import get, has
from weft.files.formats import to_json
from weft.schema.documents import REFERENCE_PATTERN
from weft.schema.limits import strictest
from weft.schema.node import MISSING, Node
from weft.schema.types import ANY_TYPE, named

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
"""What editors show, and its types: older drafts do not check what they do not know."""
_LONGEST_DEFAULT: Final = 100
"""In characters: longer ones are lists and mappings that no line can show."""


def overlay_schema(root: Node, title: str) -> dict[str, Any]:
    """The derived schema of a configuration's overlays."""
    made = _Derivation()
    body = made.body(root)
    head = {
        "$schema": DRAFT,
        "title": f"Overlay of {title}",
        "description": "A partial configuration: only what this layer changes.",
    }
    # it is not offered, as an overlay in YAML names its schema in a comment
    described = "The schema of this file, where the overlay is JSON."
    properties = {"$schema": {"type": "string", "description": described, "doNotSuggest": True}}
    body["properties"] = properties | {
        name: below for name, below in body.get("properties", {}).items() if name != PATCH
    }
    return {
        **body,
        **head,
        "type": "object",
        "definitions": {name: made.definitions[name] for name in sorted(made.definitions)},
    }


class _Place(Enum):
    """Where a value stands in an overlay: what may be said there depends on it."""

    KEY = "the value of a key"
    ITEM = "an item of a list"
    KEYED_ITEM = "an item of a list that merges item by item"


class _Derivation:
    """One run: a node with structure becomes a definition, so that a schema that contains itself ends."""

    def __init__(self) -> None:
        self.definitions: dict[str, Any] = {}
        self._names: dict[tuple[Node, _Place], str] = {}

    def describe(self, node: Node, place: _Place = _Place.KEY) -> dict[str, Any]:
        """The overlay schema of a node, or a reference to it when it is large."""
        if not self._has_structure(node):
            return self.body(node, place)
        if (node, place) not in self._names:
            self._names[node, place] = name = self._free_name(node)
            self.definitions[name] = {}
            self.definitions[name] = self.body(node, place)
        return {"$ref": f"#/definitions/{self._names[node, place]}"}

    def body(self, node: Node, place: _Place = _Place.KEY) -> dict[str, Any]:
        """The overlay schema of a node."""
        result: dict[str, Any] = {
            name: value for name, kind in _ANNOTATIONS.items() if isinstance(value := node.keyword(name), kind)
        }
        result |= _told(node, result)
        null = ["null"] if place is _Place.KEY else []  # a key's null removes it; an item has nothing to remove
        if node.sensitive and not node.properties:
            result |= {"type": ["string", *null], "pattern": REFERENCE_PATTERN, "examples": ["ref+env://NAME"]}
            return {"patternErrorMessage": _REFERENCE_TEXT} | result
        types = named(node.certain_types)
        if node.certain_types in (ANY_TYPE, frozenset()):
            return result | self._mapping(node, place) | self._list(node, operators=False)
        if types == {"array"}:
            return result | {"type": ["array", "object", *null]} | self._list(node, operators=True)
        nullable, plain = "null" in types, sorted(types - {"null"})
        result["type"] = [*plain, *(["object"] if types & {"array", "null"} and "object" not in types else [])]
        result["type"] += ["null"] if nullable else null
        values = self._values(node, null)
        if nullable and "object" not in types:
            scalar = {"enum": values} if values is not None else {"type": [*plain, "null"]}
            result["anyOf"] = [scalar, _operator(["null", *plain])]
        elif values is not None and "array" not in types:  # where operators stand beside the values
            result["enum"] = values
        # an overlay is a part: how many items or keys there are is known only after the merge
        limits = strictest(node.certain).items()
        result |= {name: limit for name, limit in limits if not name.endswith(("Items", "Properties"))}
        for name in ("pattern", "format"):
            found = [schema[name] for schema in node.certain if name in schema]
            if len(found) == 1:  # a place can have one of each only
                result[name] = found[0]
        if len(result["type"]) == 1:
            result["type"] = result["type"][0]
        return (
            result
            | (self._mapping(node, place) if "object" in types else {})
            | (self._list(node, operators=False) if "array" in types else {})
        )

    def _mapping(self, node: Node, place: _Place) -> dict[str, Any]:
        properties = {name: self.describe(node.child(name)) for name in node.properties}
        if not properties and not any(
            key in schema for schema in node.certain for key in ("additionalProperties", "patternProperties")
        ):
            return {}
        result: dict[str, Any] = {
            "properties": properties
            | {
                PATCH: {
                    "enum": ["replace", *(["delete"] if place is _Place.KEYED_ITEM else [])],
                    "description": " ".join(_PATCH_TEXTS if place is _Place.KEYED_ITEM else _PATCH_TEXTS[:1]),
                }
            }
        }
        patterns = {
            pattern: _of(node, "patternProperties", pattern)
            for schema in node.certain
            for pattern in schema.get("patternProperties", ())
        }
        if patterns:
            result["patternProperties"] = {pattern: self.describe(below) for pattern, below in patterns.items()}
        rest = [schema["additionalProperties"] for schema in node.certain if "additionalProperties" in schema]
        if False in rest:
            result["additionalProperties"] = False
        elif rest and isinstance(rest[0], dict):
            result["additionalProperties"] = self.describe(_of(node, "additionalProperties"))
        return result

    def _list(self, node: Node, *, operators: bool) -> dict[str, Any]:
        simple = all(
            isinstance(schema.get("items", {}), dict) and "prefixItems" not in schema for schema in node.certain
        )
        place = _Place.KEYED_ITEM if node.list_type == "map" else _Place.ITEM
        described = simple and any("items" in schema for schema in node.certain)
        item = self.describe(node.child(0), place) if described else {}
        if not item and not operators:
            return {}
        result: dict[str, Any] = {"items": item} if item else {}
        if operators:
            many = {"type": "array", **({"items": item} if item else {})}
            result["properties"] = {
                name: {**many, "description": text} for name, text in zip(LIST_OPERATORS, _LIST_TEXTS, strict=True)
            }
            result["properties"]["$value"] = {"type": ["null", "array"], "description": _VALUE_TEXT}
            result["additionalProperties"] = False
        return result

    def _values(self, node: Node, null: list[str]) -> list[Any] | None:
        found = [
            schema["enum"] if "enum" in schema else [schema["const"]]
            for schema in node.certain
            if "enum" in schema or "const" in schema
        ]
        if len(found) != 1:
            return None
        return [*found[0], *([None] if null and None not in found[0] else [])]

    @staticmethod
    def _has_structure(node: Node) -> bool:
        keywords = {"properties", "patternProperties", "additionalProperties", "items", "prefixItems"}
        return any(
            isinstance(schema.get(key), dict | list) for schema in (*node.certain, *node.possible) for key in keywords
        )

    def _free_name(self, node: Node) -> str:
        """A readable name that is not taken: that of the place in the schema files."""
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


def _told(node: Node, annotations: dict[str, Any]) -> dict[str, Any]:
    """What editors do not show by themselves: the unit, the default and the variable, said in the descriptions.

    The default is also the first example where it is not offered anyway, and never the keyword `default`: with it, editors
    fill every new mapping with all the defaults inside, where an overlay holds only what it changes.
    """
    told: dict[str, Any] = {}
    unit, default = node.keyword("x-unit"), node.own_default
    facts = [("Unit", unit)] if isinstance(unit, str) else []
    if default is not MISSING and not node.sensitive:
        text = to_json(default, indent=None)
        facts += [("Default", text)] if len(text) <= _LONGEST_DEFAULT else []
        offered = default is None or isinstance(default, bool) or node.keyword("enum") is not None
        if not offered and default not in ({}, []):
            others = [one for one in annotations.get("examples", []) if to_json(one) != to_json(default)]
            told["examples"] = [default, *others]
    if node.env:
        facts.append(("Environment variable", node.env))
    if facts:
        marked = " · ".join(f"{name}: `{value}`" for name, value in facts)
        for keyword, text in (("description", marked.replace("`", "")), ("markdownDescription", marked)):
            if keyword in annotations or keyword == "description":
                told[keyword] = f"{annotations[keyword]}\n\n{text}" if keyword in annotations else text
    return told


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
    "`replace`: take this mapping whole, merge nothing from below.",
    "`delete`: remove this item of the list.",
)
_LIST_TEXTS: Final = (
    "Add these items after those of the lower layers.",
    "Add these items before those of the lower layers.",
    "Take this list whole, whatever the lower layers hold.",
)
_VALUE_TEXT: Final = "Take this value exactly as it is written; `$value: null` sets null where the schema allows it."
