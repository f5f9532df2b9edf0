"""A structural schema, the only kind that Kubernetes accepts: every place has one type, and there are no references.

The rules are the API server's: it stores objects by the schema, so the schema must define every place, outside of `anyOf`, `oneOf` and
`not`, which may add limits but not describe places. What cannot be expressed is left open with
`x-kubernetes-preserve-unknown-fields` or omitted, and a note names it.
See https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#specifying-a-structural-schema
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from weft.base.paths import Path
from weft.derived.compatibility.changes import shown
from weft.derived.crd.combinators import Untranslatable, validations
from weft.derived.crd.patterns import for_go
from weft.derived.published import published
from weft.rules import RuleCheck, is_transition, settings_of
from weft.rules.validations import KEYWORD
from weft.schema.limits import strictest
from weft.schema.node import MISSING, Node
from weft.schema.types import named
from weft.schema.walk import each_of

_FORMATS: Final = frozenset(
    ("byte", "date", "date-time", "email", "hostname", "ipv4", "ipv6", "password", "uri", "uuid")
)
"""Formats with the same meaning in Kubernetes; `duration` is Go's and not ISO 8601's."""
_TYPED: Final = ("duration",)
"""Formats that have a type of their own in rules, but are not written."""
_OF: Final = {
    "integer": ("minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum", "multipleOf"),
    "number": ("minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum", "multipleOf"),
    "string": ("minLength", "maxLength"),
    "array": ("minItems", "maxItems"),
    "object": ("minProperties", "maxProperties"),
}
_RULE: Final = ("rule", "message", "reason", "fieldPath", "optionalOldSelf")
_FIELD: Final = re.compile(r"""(?:\.[^.\[\]'"]+|\['(?:[^'\\]|\\.)*'\])+""")
_MESSAGE: Final = 2048
"""The maximum length of a message, in characters."""
_ONLY_WEFT: Final = re.compile(r"\bacyclic\s*\(")
_SCALARS: Final = ("boolean", "integer", "number", "string")
_JUNCTORS: Final = ("anyOf", "oneOf", "not", "if")
_LEFT_OUT: Final = ("propertyNames", "dependentRequired", "dependentSchemas", "dependencies")
_OPEN: Final = {"x-kubernetes-preserve-unknown-fields": True}


@dataclass(frozen=True)
class _OtherKeys:
    """The schemas of a mapping for keys that none of them lists.

    `closed` if they are rejected, `stated` if the schemas mention them at all; `schemas` describe any of them, `patterns` those whose name
    matches.
    """

    closed: bool
    stated: bool
    schemas: list[Any]
    patterns: dict[str, Any]

    @classmethod
    def of(cls, node: Node) -> _OtherKeys:
        """The description of a mapping."""
        others = [
            other
            for keyword in ("additionalProperties", "unevaluatedProperties")
            for other in each_of(node.certain, keyword)
        ]
        patterns = {name: part for parts in each_of(node.certain, "patternProperties") for name, part in parts.items()}
        return cls(False in others, bool(others), [part for part in others if isinstance(part, dict)], patterns)


class Structural:
    """One derivation. `notes` list what was lost.

    `closed` counts the mappings that reject unknown keys, `computed` the messages that an expression computes,
    `unlimited` are the places with rules about lists or mappings of any size.
    """

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.closed = 0
        self.computed = 0
        self.unlimited: list[str] = []
        self._untyped: set[Path] = set()
        self._around: list[frozenset[int]] = []
        self._rule_check = cache(RuleCheck)
        self._replaced = 0
        """The number of lists and mappings around that are replaced as a whole: nothing inside has an earlier value."""

    def schema(self, node: Node, path: Path) -> dict[str, Any]:
        """The structural schema of a place."""
        head: dict[str, Any] = {
            key: value for key in ("title", "description") if isinstance(value := node.keyword(key), str)
        }
        types = self._types(node, path)
        # OpenAPI 3.0 has no type `null`, but a flag next to the type
        if "null" in types:
            head["nullable"] = True
            types -= {"null"}
        # the only two types that Kubernetes allows together
        if types == {"integer", "string"}:
            either = {"x-kubernetes-int-or-string": True} | self._bounds(node, "integer") | self._bounds(node, "string")
            either |= self._forms(node, path) | self._values(node)
            return self._judged(node, path, head | either | self._default(node, path))
        if len(types) != 1:
            names = " or ".join(sorted(types)) if types else "any type"
            return head | self._unknown(path, f"may be of {names}")
        # without references, a schema that contains itself has no end, so it is left open where it recurs
        shape = _shape(node)
        if shape and shape in self._around:
            return head | self._unknown(path, "contains itself")
        self._around.append(shape)
        described = self._described(node, types.pop(), path)
        self._around.pop()
        return self._judged(node, path, head | described | self._default(node, path))

    def _types(self, node: Node, path: Path) -> set[str]:
        """The types of a place; a mapping if the schema lists properties without a type."""
        types = set(named(node.certain_types))
        if not path and "object" in types:
            return {"object"}  # the configuration is always a mapping
        if {"object", "string", "array"} <= types and node.certain_properties:
            self._note(path, "its type is not stated: it is treated as a mapping")
            return {"object"}
        return types

    def _described(self, node: Node, kind: str, path: Path) -> dict[str, Any]:
        """The structural schema of a place with one type, without its alternatives."""
        described = {"type": kind} | self._bounds(node, kind)
        if kind == "string":
            described |= self._forms(node, path)
        described |= self._values(node)
        if kind == "object":
            described |= self._object(node, path)
        elif kind == "array":
            described |= self._array(node, path)
        return described

    def _judged(self, node: Node, path: Path, described: dict[str, Any]) -> dict[str, Any]:
        """The schema with its rules and its alternatives, translated for the places that it describes."""
        rules = list(self._rules(node, path))
        together = [*described.pop("allOf", ()), *self._alternatives(node, described, path)]
        described |= {"x-kubernetes-validations": rules} if rules else {}
        return described | ({"allOf": together} if together else {})

    def _unknown(self, path: Path, why: str) -> dict[str, Any]:
        self._note(path, f"{why}, which a structural schema cannot express: anything is allowed there")
        self._untyped.add(path)
        return _OPEN

    def _note(self, path: Path, text: str) -> None:
        self.notes.append(f"{shown(path) or 'the configuration'}: {text}")

    @staticmethod
    def _bounds(node: Node, kind: str) -> dict[str, Any]:
        limits = strictest(node.certain)
        return _with_flags({keyword: limits[keyword] for keyword in _OF.get(kind, ()) if keyword in limits})

    def _forms(self, node: Node, path: Path) -> dict[str, Any]:
        """Patterns and formats; a schema has at most one of each, so further ones go into `allOf`."""
        result: dict[str, Any] = {}
        further: list[dict[str, Any]] = []
        for keyword, (spelled, otherwise) in _SPELLINGS.items():
            usable = []
            for form in dict.fromkeys(each_of(node.certain, keyword)):
                spelling = spelled(form)
                if form in _TYPED:
                    self._untyped.add(path)  # for the API server, it is a text
                if spelling is None:
                    self._note(path, f"the {keyword} `{form}` is omitted, because {otherwise}")
                else:
                    usable.append(spelling)
            if usable:
                result[keyword] = usable[0]
            further += ({keyword: form} for form in usable[1:])
        return result | ({"allOf": further} if further else {})

    @staticmethod
    def _values(node: Node) -> dict[str, Any]:
        listed = next((_listed(schema) for schema in node.certain if {"enum", "const"} & schema.keys()), None)
        if listed is None:
            return {}
        accepted = [value for value in listed if node.accepts(value)] or published(node, listed)
        return {"enum": accepted} if accepted else {}

    def _object(self, node: Node, path: Path) -> dict[str, Any]:
        others = _OtherKeys.of(node)
        self.closed += others.closed
        self._replaced += node.atomic_map
        result = self._listed_keys(node, path, others) if node.properties else self._free_keys(node, path, others)
        self._replaced -= node.atomic_map
        required = dict.fromkeys(
            name for names in each_of(node.certain, "required") if isinstance(names, list) for name in names
        )
        result |= {"required": list(required)} if required else {}
        result |= {"x-kubernetes-map-type": "atomic"} if node.atomic_map else {}
        self._leave_out(node, path, _LEFT_OUT)
        return result

    def _listed_keys(self, node: Node, path: Path, others: _OtherKeys) -> dict[str, Any]:
        """A mapping whose keys are listed; a structural schema cannot describe further keys."""
        properties = {name: self.schema(node.child(name), (*path, name)) for name in node.properties}
        if others.patterns or others.schemas:
            self._note(path, "other keys may have any value, because a structural schema cannot describe both")
        return {"properties": properties} | (_OPEN if others.patterns or not others.closed else {})

    def _free_keys(self, node: Node, path: Path, others: _OtherKeys) -> dict[str, Any]:
        """A mapping whose keys are free; a structural schema has one schema for all their values."""
        if len(others.patterns) == 1 and (others.closed or not others.stated):
            ((pattern, described),) = others.patterns.items()
            values = self.schema(node.catalog.node([described], [described]), (*path, f"<{pattern}>"))
            self._note(path, f"the names of its keys are not checked against `{pattern}`")
            return {"additionalProperties": values}
        if others.patterns:
            self._note(path, "the schema of a key depends on its name: anything is allowed there")
            return {**_OPEN}
        if others.schemas:
            child = node.catalog.node(others.schemas, others.schemas)
            return {"additionalProperties": self.schema(child, (*path, "<name>"))}
        if others.closed:
            return {}
        self._untyped.add(path)  # for rules of an API server, it has no keys
        return {**_OPEN}

    def _array(self, node: Node, path: Path) -> dict[str, Any]:
        replaced = node.list_type != "map"
        self._replaced += replaced
        item = self._item(node, (*path, "[]"))
        self._replaced -= replaced
        result: dict[str, Any] = {"items": item}
        merging = self._merging(node, item, path)
        if merging == "map":
            result["x-kubernetes-list-map-keys"] = list(node.list_keys)
            # the API server requires every such key to be required or to have a default
            needed = [key for key in node.list_keys if "default" not in item["properties"][key]]
            item["required"] = list(dict.fromkeys((*item.get("required", ()), *needed)))
        if merging:
            result["x-kubernetes-list-type"] = merging
        if merging not in ("set", "map") and True in each_of(node.certain, "uniqueItems"):
            self._note(path, "`uniqueItems` is omitted")
        self._leave_out(node, path, ("contains",))
        return result

    def _item(self, node: Node, path: Path) -> dict[str, Any]:
        if any("prefixItems" in schema or isinstance(schema.get("items"), list) for schema in node.certain):
            return {**self._unknown(path, "has items whose schema depends on their position")}
        return self.schema(node.child(0), path)

    def _merging(self, node: Node, item: dict[str, Any], path: Path) -> str | None:
        """The list type, if the API server can merge that way: it must be able to identify items."""
        stated = node.list_type if node.keyword("x-kubernetes-list-type") else None
        if stated == "set" and not _is_plain(item):
            self._note(path, "is not a `set` for the API server, whose sets contain plain values other than null")
            return "atomic"
        known = item.get("properties", {}) if item.get("type") == "object" and not item.get("nullable") else {}
        if stated == "map" and not all(_is_plain(known.get(key, {})) for key in node.list_keys):
            self._note(path, "is not a `map` for the API server, whose items have plain keys and are never null")
            return "atomic"
        return stated

    def _leave_out(self, node: Node, path: Path, keywords: tuple[str, ...]) -> None:
        for keyword in keywords:
            if any(keyword in schema for schema in node.certain):
                self._note(path, f"`{keyword}` is omitted")

    def _default(self, node: Node, path: Path) -> dict[str, Any]:
        """The default; a mapping built from nested defaults is `{}`, which the API server fills.

        It checks defaults against the rules before it fills them, so one with rules is written in full.
        """
        if node.sensitive or node.default is MISSING or node.default is None:
            return {}
        ruled = any(KEYWORD in schema for _, below, _ in node.walk(node.default) for schema in below.certain)
        if ruled and not self._rule_check(node.catalog).takes(node, node.default):
            self._note(path, "the default is omitted, because it breaks a rule")
            return {}
        if ruled or (node.own_default is MISSING and not node.accepts({})):
            return {"default": node.default}
        return {"default": {} if node.own_default is MISSING else node.own_default}

    def _rules(self, node: Node, path: Path) -> Iterator[dict[str, Any]]:
        if any("x-kubernetes-validations" in one for one in node.possible):
            self._note(path, "rules that apply only in some alternatives are omitted")
        for entry in [entry for rules in each_of(node.certain, "x-kubernetes-validations") for entry in rules]:
            why = self._impossible(entry, path)
            if why:
                self._note(path, f"a rule is omitted, because it {why}: {' '.join(entry['rule'].split())}")
                continue
            rule = {key: entry[key] for key in _RULE if key in entry}
            self.computed += "messageExpression" in entry
            if any(_is_unlimited(node.at(read)) for read in settings_of(entry["rule"])):
                self.unlimited.append(shown(path) or "the configuration")
            if not _FIELD.fullmatch(rule.get("fieldPath", ".a")):
                self._note(
                    path,
                    f"the `fieldPath` {rule.pop('fieldPath')} is omitted: it must start with `.`, and name no item",
                )
            message = " ".join(rule.pop("message", "").split())
            yield rule | ({"message": message[:_MESSAGE]} if message else {})

    def _impossible(self, entry: dict[str, Any], path: Path) -> str | None:
        if _ONLY_WEFT.search(entry["rule"]):
            return "calls a function that Kubernetes does not have"
        if self._replaced and is_transition(entry["rule"]):
            return "compares with an earlier value inside a list or mapping that is replaced as a whole"
        for read in settings_of(entry["rule"]):
            way = (*path, *read)
            if any(way[:size] in self._untyped for size in range(len(path), len(way) + 1)):
                return "reads a value whose type the API server does not know"
            if any(_is_item(one, way) for one in self._untyped):
                return "reads a list or mapping of values whose type the API server does not know"
        return None

    def _alternatives(self, node: Node, outer: dict[str, Any], path: Path) -> Iterator[dict[str, Any]]:
        """Alternatives, as far as they only limit what the structural schema already describes."""
        for schema, keyword in ((schema, word) for schema in node.certain for word in _JUNCTORS if word in schema):
            try:
                yield from validations(node.catalog.documents, schema, keyword, outer)
            except Untranslatable as error:
                self._note(path, f"`{keyword}` is omitted, because {error}")


def _shape(node: Node) -> frozenset[int]:
    """The schemas that describe the children of a place, by id: a place inside one of the same shape contains itself."""
    return frozenset(
        id(schema) for schema in (*node.certain, *node.possible) if {"properties", "items"} & schema.keys()
    )


def _is_unlimited(node: Node) -> bool:
    """True if a value is a list or a free mapping that may have any size."""
    limits = strictest(node.certain)
    kinds = node.certain_types & {"array", "object"}
    free = "array" in kinds or ("object" in kinds and not node.properties)
    return free and not limits.keys() & {"maxItems", "maxProperties"}


def _is_item(path: Path, around: Path) -> bool:
    """True if a path leads to the items of a list or mapping, or to the items of these."""
    inside = path[len(around) :]
    return path[: len(around)] == around and bool(inside) and all(str(step)[:1] in ("[", "<") for step in inside)


def _is_plain(schema: dict[str, Any]) -> bool:
    """True if a structural schema describes a plain value other than null."""
    plain = schema.get("type") in _SCALARS or "x-kubernetes-int-or-string" in schema
    return plain and not schema.get("nullable")


def _listed(schema: dict[str, Any]) -> list[Any]:
    values: list[Any] = schema["enum"] if "enum" in schema else [schema["const"]]
    return values


_SPELLINGS: Final[dict[str, tuple[Callable[[str], str | None], str]]] = {
    "pattern": (for_go, "Go's regular expressions do not support all of it"),
    "format": (lambda name: name if name in _FORMATS else None, "Kubernetes does not support it"),
}
"""How Kubernetes writes a pattern or a format (None if it has none), and why that may be."""


def _with_flags(limits: dict[str, Any]) -> dict[str, Any]:
    """Exclusive limits as in OpenAPI 3.0: a flag next to the limit."""
    for bound, exclusive in (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")):
        if exclusive in limits:
            limits |= {bound: limits[exclusive], exclusive: True}
    return limits
