"""Sensitive settings in the schemas for validators: described by what an overlay may contain, which is a reference.

The schema of the value would reject every overlay. So wherever `x-sensitive` applies, rules for plain values are removed, every
type of them becomes a text, and every text must be a reference; rules for mappings and lists remain. What is removed is checked
when the value is resolved.

A schema may describe a secret in one place and ordinary settings in others: `{"$ref": "#/$defs/list", "x-sensitive": true}`. Then
the sensitive place refers to a copy, in a document of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import unquote

from weft.base import paths
from weft.schema.types import TYPE_WORDS
from weft.schema.walk import CONTAINERS, rebuild, subschemas

REFERENCE_PATTERN: Final = r"^ref\+[a-z][a-z0-9.-]*://.+"
_COPIES: Final = "?sensitive"
"""The end of the URI of a document that holds sensitive copies of schemas of another one."""
_ANNOTATIONS: Final = frozenset(("title", "description", "markdownDescription", "default", "deprecated"))
_IN_PLACE: Final = frozenset(("allOf", "anyOf", "dependencies", "dependentSchemas", "else", "oneOf", "then"))
_INSIDE: Final = frozenset[str]().union(*CONTAINERS.values())
_OF_VALUES: Final = frozenset(
    (
        *("const", "enum", "examples", "format", "pattern", "minLength", "maxLength", "contentEncoding"),
        *("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "not", "if"),
        *("contains", "minContains", "maxContains", "uniqueItems"),
    )
)
"""Keywords about values, which a reference does not reveal."""


_NOT_TEXTS: Final = frozenset(("object", "array", "null"))
"""The types of what contains secrets, or is none: every other one becomes a text."""
_REST: Final = {"object": ("additionalProperties", "unevaluatedProperties"), "array": ("items", "unevaluatedItems")}
"""The keyword for all parts that are not described otherwise, and the one that may be there in its place."""


class Protection:
    """One protection of documents, whose schemas have these locations by id.

    `places` are the locations of the protected schemas, including the copies, and of no other: the written ones are not needed
    afterwards, and an object that is gone leaves its id to another one.
    """

    def __init__(self, written: Mapping[int, str], direct: Mapping[str, Any]) -> None:
        self.places: dict[int, str] = {}
        self._written = dict(written)
        self._direct = direct
        self._copies: dict[str, dict[str, str]] = {}
        self._kept: list[Any] = []  # schemas on the way, kept alive so that their ids are not reused

    def joined(self) -> dict[str, Any]:
        """The documents with their sensitive settings protected, followed by the documents of the copies."""
        found = {uri: self._protect(contents) for uri, contents in self._direct.items()}
        copies: dict[str, dict[str, Any]] = {}
        while missing := [
            (uri, fragment, name)
            for uri, names in self._copies.items()
            for fragment, name in names.items()
            if name not in copies.get(uri, ())
        ]:
            for uri, fragment, name in missing:
                copies.setdefault(uri, {})[name] = self._copy(uri, fragment)
        for uri, definitions in copies.items():
            dialect = self._direct[uri]["$schema"]
            found[uri + _COPIES] = {"$schema": dialect, "$defs": definitions}
        return found

    def written(self, uri: str) -> str:
        """The URI of the document in which the schemas of a joined one were written."""
        return uri.removesuffix(_COPIES)

    def _copy(self, uri: str, fragment: str) -> Any:
        contents = self._direct[uri]
        for step in paths.parse_pointer(unquote(fragment)):
            contents = contents[int(step)] if isinstance(contents, list) else contents[step]
        return self._protect(contents, inherited=True)

    def _protect(self, schema: Any, *, inherited: bool = False, whole: bool = True) -> Any:
        """A schema for validators. If it is not the `whole` description of a value, it need not state the type."""
        if not isinstance(schema, dict):
            return schema
        sensitive = inherited or schema.get("x-sensitive") is True
        place = self._written.get(id(schema), "")
        result = self._secret(schema, place, whole) if sensitive else schema
        standard = {path[0] for path, _ in subschemas(result)}
        protected = rebuild(result, lambda path, child: self._part(path, child, place, sensitive))
        protected |= {key: self._loose(value) for key, value in protected.items() if key not in standard}
        self.places[id(protected)] = place
        self._kept.append(result)
        return protected

    def _secret(self, schema: dict[str, Any], place: str, whole: bool) -> dict[str, Any]:
        """A sensitive setting: a reference, or a mapping or list of references."""
        types = _types(schema)
        parts = "$ref" in schema or bool(_IN_PLACE & schema.keys())
        holds = _containers(schema, types)
        if not holds and not parts and (whole or types):
            return _reference(schema)
        result = {key: value for key, value in schema.items() if key not in _OF_VALUES}
        result |= {"x-sensitive": True, "pattern": REFERENCE_PATTERN}
        if types:
            result["type"] = _of_references(types)
        if not parts:
            result |= {keyword: self._placed(_reference({}), place) for keyword in _undescribed(result, holds)}
        if "$ref" in schema:
            result["$ref"] = self._sensitive(schema["$ref"])
        return self._without_conditions(result, place)

    def _without_conditions(self, schema: dict[str, Any], place: str) -> dict[str, Any]:
        """The real value decides which alternative applies, so a reference may belong to any of them."""
        groups = [schema.pop(keyword) for keyword in ("oneOf",) if keyword in schema]
        groups += [[schema.pop(keyword), True] for keyword in ("then", "else") if keyword in schema]
        if groups:
            schema["allOf"] = [*schema.get("allOf", ()), *(self._placed({"anyOf": group}, place) for group in groups)]
        return schema

    def _sensitive(self, ref: str) -> str:
        """A reference to the sensitive copy of a reference's target."""
        uri, _, fragment = ref.partition("#")
        names = self._copies.setdefault(uri, {})
        name = names.setdefault(fragment, str(len(names)))
        return f"{uri}{_COPIES}#/$defs/{name}"

    def _part(self, path: paths.Path, child: Any, place: str, sensitive: bool) -> Any:
        if child is False and path[0] == "properties":
            child = self._placed({"not": {}}, place + paths.pointer(path))  # the same, but its errors have their path
        in_place = path[0] in _IN_PLACE
        return self._protect(child, inherited=sensitive and (in_place or path[0] in _INSIDE), whole=not in_place)

    def _loose(self, value: Any) -> Any:
        """Schemas that are only reachable by reference, such as those in `components`."""
        if isinstance(value, dict):
            is_schema = id(value) in self._written
            return self._protect(value) if is_schema else {key: self._loose(child) for key, child in value.items()}
        return [self._loose(child) for child in value] if isinstance(value, list) else value

    def _placed(self, schema: dict[str, Any], place: str) -> dict[str, Any]:
        self._written[id(schema)] = place
        self._kept.append(schema)
        return schema


def _types(schema: dict[str, Any]) -> list[str]:
    """The types that a schema states."""
    stated = schema.get("type", [])
    return [name for name in ([stated] if isinstance(stated, str) else stated) if name in TYPE_WORDS]


def _containers(schema: dict[str, Any], types: list[str]) -> list[str]:
    """The types with parts, mapping and list, that a schema describes by its types or by keywords about the parts."""
    return [kind for kind, keywords in CONTAINERS.items() if kind in types or keywords & schema.keys()]


def _of_references(types: list[str]) -> list[str]:
    """The types of what contains references in place of values."""
    return list(dict.fromkeys(name if name in _NOT_TEXTS else "string" for name in types))


def _undescribed(schema: dict[str, Any], kinds: list[str]) -> list[str]:
    """The keywords for those parts of a mapping or a list about which a schema says nothing."""
    rest = [_REST[kind] for kind in kinds]
    return [inside for inside, others in rest if schema.get(inside, True) is True and others not in schema]


def _reference(schema: dict[str, Any]) -> dict[str, Any]:
    kept = {key: value for key, value in schema.items() if key.startswith("x-") or key in _ANNOTATIONS}
    return kept | {
        "type": ["string", "null"] if "null" in _types(schema) and len(_types(schema)) > 1 else "string",
        "pattern": REFERENCE_PATTERN,
        "x-sensitive": True,
    }
