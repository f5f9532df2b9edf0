"""The schema of overlays: the root schema made partial, for every editor.

An overlay may leave everything out, remove values with null and use the merge operators; unknown keys are still refused. One
file, without references to others, in the keywords that draft-07 and 2020-12 share. What only sometimes applies (`oneOf`,
`then` …) gives completion and hover here, and never a refusal: its condition may lie in another layer.
"""

from __future__ import annotations

import re
from typing import Any, Final

from weft.model import LIST_OPERATORS, PATCH
from weft.paths import get, has
from weft.schema.documents import REFERENCE_PATTERN
from weft.schema.node import MISSING, Catalog, Node, json_type

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
_LIMITS: Final = (
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "minLength",
    "maxLength",
    "pattern",
    "format",
)


def overlay_schema(root: Node, title: str) -> dict[str, Any]:
    """The derived schema of a configuration's overlays."""
    made = _Derivation()
    body = made.body(root)
    head = {
        "$schema": DRAFT,
        "title": f"Overlay of {title}",
        "description": "A partial configuration: only what this layer changes.",
    }
    properties = {"$schema": {"type": "string", "description": "The schema of this file, for editors that read JSON."}}
    body["properties"] = properties | {
        name: below for name, below in body.get("properties", {}).items() if name != PATCH
    }
    return {
        **body,
        **head,
        "type": "object",
        "definitions": {name: made.definitions[name] for name in sorted(made.definitions)},
    }


class _Derivation:
    """One run: a node with structure becomes a definition, so that a schema that contains itself ends."""

    def __init__(self) -> None:
        self.definitions: dict[str, Any] = {}
        self._names: dict[Node, str] = {}

    def describe(self, node: Node) -> dict[str, Any]:
        """The overlay schema of a node, or a reference to it when it is large."""
        if not self._has_structure(node):
            return self.body(node)
        if node not in self._names:
            self._names[node] = self._free_name(node)
            self.definitions[self._names[node]] = {}
            self.definitions[self._names[node]] = self.body(node)
        return {"$ref": f"#/definitions/{self._names[node]}"}

    def body(self, node: Node) -> dict[str, Any]:
        """The overlay schema of a node."""
        result: dict[str, Any] = {
            name: value for name, kind in _ANNOTATIONS.items() if isinstance(value := node.keyword(name), kind)
        }
        if node.own_default is not MISSING:
            result["default"] = node.own_default
        if node.sensitive and not node.properties:
            return result | {"type": ["string", "null"], "pattern": REFERENCE_PATTERN, "examples": ["ref+env://NAME"]}
        types = _types(node)
        if types is None:
            return result | self._mapping(node) | self._list(node, operators=False)
        values = self._values(node)
        if values is not None:
            result["enum"] = values
        if types == {"array"}:
            return result | {"type": ["array", "object", "null"]} | self._list(node, operators=True)
        result["type"] = sorted(types | {"null"} | ({"object"} if "array" in types or "null" in types else set()))
        for name in _LIMITS:
            found = [schema[name] for schema in node.certain if name in schema]
            if len(found) == 1 and not isinstance(found[0], bool):
                result[name] = found[0]
            elif found == [True]:  # draft 4: the bound itself is excluded
                bound = name.removeprefix("exclusive").lower()
                result[name] = result.pop(bound, None) or node.keyword(bound)
        if "null" in types and "object" not in types:
            result |= {"properties": {"$value": {}}, "additionalProperties": False}
        return (
            result
            | (self._mapping(node) if "object" in types else {})
            | (self._list(node, operators=False) if "array" in types else {})
        )

    def _mapping(self, node: Node) -> dict[str, Any]:
        properties = {name: self.describe(node.child(name)) for name in node.properties}
        if not properties and not any(
            key in schema for schema in node.certain for key in ("additionalProperties", "patternProperties")
        ):
            return {}
        result: dict[str, Any] = {
            "properties": properties | {PATCH: {"enum": ["replace", "delete"], "description": _PATCH_TEXT}}
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
        item = self.describe(node.child(0)) if simple and any("items" in schema for schema in node.certain) else {}
        if not item and not operators:
            return {}
        result: dict[str, Any] = {"items": item} if item else {}
        if operators:
            many = {"type": "array", **({"items": item} if item else {})}
            result["properties"] = {
                name: {**many, "description": text} for name, text in zip(LIST_OPERATORS, _LIST_TEXTS, strict=True)
            }
            result["properties"]["$value"] = {"description": _VALUE_TEXT}
            result["additionalProperties"] = False
        return result

    def _values(self, node: Node) -> list[Any] | None:
        found = [
            schema["enum"] if "enum" in schema else [schema["const"]]
            for schema in node.certain
            if "enum" in schema or "const" in schema
        ]
        if len(found) != 1:
            return None
        return [*found[0], *([] if None in found[0] else [None])]

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


def _types(node: Node) -> frozenset[str] | None:
    """The JSON types that a value can have, by the schemas that always apply; None when they allow any."""
    stated = [kinds for schema in node.certain if (kinds := _kinds(node.catalog, schema)) is not None]
    return frozenset.intersection(*stated) if stated else None


def _kinds(catalog: Catalog, schema: Any) -> frozenset[str] | None:
    """The JSON types that one schema can accept; None when it does not say."""
    if not isinstance(schema, dict):
        return None
    stated: list[frozenset[str]] = []
    if "type" in schema:
        named = [schema["type"]] if isinstance(schema["type"], str) else schema["type"]
        stated.append(frozenset((*named, *(["integer"] if "number" in named else []))))
    if "enum" in schema or "const" in schema:
        stated.append(frozenset(map(json_type, schema.get("enum", [schema.get("const")]))))
    certain = [*schema.get("allOf", ()), *([catalog.documents.schema(schema["$ref"])] if "$ref" in schema else [])]
    stated += [below for child in certain if (below := _kinds(catalog, child)) is not None]
    for keyword in ("anyOf", "oneOf"):
        branches = [_kinds(catalog, child) for child in schema.get(keyword, ())]
        known = [branch for branch in branches if branch is not None]
        if branches and len(known) == len(branches):
            stated.append(frozenset[str]().union(*known))
    return frozenset.intersection(*stated) if stated else None


def _of(node: Node, keyword: str, *steps: str) -> Node:
    """The node of the values that `patternProperties` or `additionalProperties` describe."""
    found = [get(schema, (keyword, *steps)) for schema in node.certain if has(schema, (keyword, *steps))]
    return node.catalog.node(found, found)


_PATCH_TEXT: Final = (
    "`replace`: take this mapping whole, merge nothing from below. `delete`: remove this item of a list."
)
_LIST_TEXTS: Final = (
    "Add these items after those of the lower layers.",
    "Add these items before those of the lower layers.",
    "Take this list whole, whatever the lower layers hold.",
)
_VALUE_TEXT: Final = "Take this value exactly as it is written; `$value: null` sets null where the schema allows it."
