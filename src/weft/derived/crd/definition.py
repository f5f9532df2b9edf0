"""A CustomResourceDefinition whose `spec` is the configuration, so that the API server itself holds types and rules.

Its schema must be structural: one type a place, no references, no schemas within `oneOf` and the like that say more than
limits. What cannot be said is left to `x-kubernetes-preserve-unknown-fields` or left out, and a note names it.
See https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#specifying-a-structural-schema
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from weft.base.paths import Path
from weft.base.problems import Problem, UsageError
from weft.derived.compatibility.changes import shown
from weft.derived.crd.combinators import Untranslatable, validations
from weft.rules import settings_of
from weft.schema.limits import strictest
from weft.schema.node import MISSING, Node
from weft.schema.types import named

_GROUP = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)+\Z")
_KIND = re.compile(r"[A-Z][A-Za-z0-9]{0,62}\Z")
_PLURAL = re.compile(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?\Z")
_VERSION = re.compile(r"v[1-9][0-9]*((alpha|beta)[1-9][0-9]*)?\Z")
_NOT_GO = re.compile(r"\(\?(?:[=!]|<[=!]|>)|\\[1-9]|\\u|\\[zZG]|\(\?P=|[*+?}]\+")
_FORMATS: Final = frozenset(
    ("byte", "date", "date-time", "email", "hostname", "ipv4", "ipv6", "password", "uri", "uuid")
)
"""Formats that mean the same there; `duration` is Go's and not ISO 8601's."""
_OF: Final = {
    "integer": ("minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum", "multipleOf"),
    "number": ("minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum", "multipleOf"),
    "string": ("minLength", "maxLength"),
    "array": ("minItems", "maxItems"),
    "object": ("minProperties", "maxProperties"),
}
_RULE: Final = ("rule", "message", "messageExpression", "reason", "fieldPath", "optionalOldSelf")
_OURS: Final = re.compile(r"\bacyclic\s*\(")
_SCALARS: Final = ("boolean", "integer", "number", "string")
_JUNCTORS: Final = ("anyOf", "oneOf", "not", "if")


def definition(
    root: Node, *, group: str, kind: str, plural: str | None, version: str
) -> tuple[dict[str, Any], list[str]]:
    """The CustomResourceDefinition, and a note for everything that it cannot hold.

    Raises UsageError for a group, kind, plural or version that Kubernetes would refuse.
    """
    plural = plural or _plural(kind.lower())
    for pattern, value, what in (
        (_GROUP, group, "group is a domain such as `config.example.com`"),
        (_KIND, kind, "kind is in CamelCase, such as `AppConfig`"),
        (_PLURAL, plural, "plural is in lower case, such as `appconfigs`"),
        (_VERSION, version, "version is `v1`, `v1beta2` or the like"),
    ):
        if not pattern.match(value):
            raise UsageError(Problem("bad-name", f"`{value}` is not possible: a {what}"))
    made = Structural()
    spec = made.schema(root, ())
    if spec.get("type") != "object":
        spec = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    if made.closed:
        made.notes.append(f"unknown keys are dropped by the API server rather than refused ({made.closed} mappings)")
    names = {"kind": kind, "listKind": f"{kind}List", "plural": plural, "singular": kind.lower()}
    whole = {"type": "object", "properties": {"spec": spec}, "required": ["spec"]}
    one = {"name": version, "served": True, "storage": True, "schema": {"openAPIV3Schema": whole}}
    body = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {"group": group, "names": names, "scope": "Namespaced", "versions": [one]},
    }
    return body, made.notes


def _plural(name: str) -> str:
    if re.search(r"(s|x|z|ch|sh)\Z", name):
        return name + "es"
    return name[:-1] + "ies" if re.search(r"[^aeiou]y\Z", name) else name + "s"


class Structural:
    """One derivation. `notes` say what was lost, `closed` counts the mappings that refuse unknown keys."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.closed = 0
        self._free: set[Path] = set()
        self._open: list[frozenset[int]] = []

    def schema(self, node: Node, path: Path) -> dict[str, Any]:
        """The structural schema of a place."""
        result: dict[str, Any] = {
            key: value for key in ("title", "description") if isinstance(value := node.keyword(key), str)
        }
        types = set(named(node.certain_types))
        if not path and "object" in types:
            types = {"object"}  # what a project configures is always a mapping
        elif {"object", "string", "array"} <= types and node.certain_properties:
            types = {"object"}
            self._note(path, "its type is not stated: it is taken for a mapping")
        if "null" in types:
            result["nullable"] = True
            types -= {"null"}
        if types == {"integer", "string"}:
            return result | {"x-kubernetes-int-or-string": True} | self._default(node)
        if len(types) != 1:
            names = " or ".join(sorted(types)) if types else "any type"
            return result | self._unknown(path, f"may be of {names}")
        (kind,) = types
        shape = frozenset(id(one) for one in (*node.certain, *node.possible) if {"properties", "items"} & one.keys())
        if shape and shape in self._open:
            return result | self._unknown(path, "contains itself")
        self._open.append(shape)
        result |= {"type": kind} | self._limits(node, kind, path) | self._values(node)
        if kind == "object":
            result |= self._object(node, path)
        elif kind == "array":
            result |= self._array(node, path)
        self._open.pop()
        result |= self._default(node)
        rules = [*result.pop("x-kubernetes-validations", ()), *self._rules(node, path)]
        junctors = [*result.pop("allOf", ()), *self._junctors(node, result, path)]
        result |= {"x-kubernetes-validations": rules} if rules else {}
        return result | ({"allOf": junctors} if junctors else {})

    def _unknown(self, path: Path, why: str) -> dict[str, Any]:
        self._note(path, f"{why}, which a structural schema cannot say: anything is allowed there")
        self._free.add(path)
        return {"x-kubernetes-preserve-unknown-fields": True}

    def _note(self, path: Path, text: str) -> None:
        self.notes.append(f"{shown(path) or 'the configuration'}: {text}")

    def _limits(self, node: Node, kind: str, path: Path) -> dict[str, Any]:
        limits = strictest(node.certain)
        result = _with_flags({keyword: limits[keyword] for keyword in _OF.get(kind, ()) if keyword in limits})
        if kind != "string":
            return result
        patterns = list(dict.fromkeys(one["pattern"] for one in node.certain if "pattern" in one))
        for pattern in [pattern for pattern in patterns if _NOT_GO.search(pattern)]:
            self._note(path, f"the pattern `{pattern}` is left out, as Go's regular expressions do not know all of it")
            patterns.remove(pattern)
        formats = list(dict.fromkeys(one["format"] for one in node.certain if "format" in one))
        for unknown in [name for name in formats if name not in _FORMATS]:
            self._note(path, f"the format `{unknown}` is left out, as Kubernetes does not know it")
            formats.remove(unknown)
        more: list[dict[str, Any]] = [
            *({"pattern": pattern} for pattern in patterns[1:]),
            *({"format": name} for name in formats[1:]),
        ]
        result |= {"pattern": patterns[0]} if patterns else {}
        result |= {"format": formats[0]} if formats else {}
        return result | ({"allOf": more} if more else {})

    @staticmethod
    def _values(node: Node) -> dict[str, Any]:
        found = [
            one["enum"] if "enum" in one else [one["const"]] for one in node.certain if {"enum", "const"} & one.keys()
        ]
        if not found:
            return {}
        return {"enum": [value for value in found[0] if node.accepts(value)] or found[0]}

    def _object(self, node: Node, path: Path) -> dict[str, Any]:
        result: dict[str, Any] = {}
        others = [one["additionalProperties"] for one in node.certain if "additionalProperties" in one]
        others += [one["unevaluatedProperties"] for one in node.certain if "unevaluatedProperties" in one]
        closed = False in others
        self.closed += closed
        schemas = [one for one in others if isinstance(one, dict)]
        patterns = {key: below for one in node.certain for key, below in one.get("patternProperties", {}).items()}
        if node.properties:
            result["properties"] = {name: self.schema(node.child(name), (*path, name)) for name in node.properties}
            if patterns or schemas:
                self._note(path, "keys beside the listed ones are of any kind, as a structural schema has either")
            if patterns or not closed:
                result["x-kubernetes-preserve-unknown-fields"] = True
        elif len(patterns) == 1 and (closed or not others):
            ((pattern, below),) = patterns.items()
            child = node.catalog.node([below], [below])
            result["additionalProperties"] = self.schema(child, (*path, f"<{pattern}>"))
            self._note(path, f"the names of its keys are not held to `{pattern}`")
        elif schemas and not patterns:
            child = node.catalog.node(schemas, schemas)
            result["additionalProperties"] = self.schema(child, (*path, "<name>"))
        elif patterns or not closed:
            if patterns:
                self._note(path, "its keys are of several kinds by their names: anything is allowed there")
            result["x-kubernetes-preserve-unknown-fields"] = True
        required = {
            name: None for one in node.certain for name in one.get("required", ()) if isinstance(one["required"], list)
        }
        result |= {"required": list(required)} if required else {}
        result |= {"x-kubernetes-map-type": "atomic"} if node.atomic_map else {}
        for keyword in ("propertyNames", "dependentRequired", "dependentSchemas", "dependencies"):
            if any(keyword in one for one in node.certain):
                self._note(path, f"`{keyword}` is left out")
        return result

    def _array(self, node: Node, path: Path) -> dict[str, Any]:
        tuples = any("prefixItems" in one or isinstance(one.get("items"), list) for one in node.certain)
        item = (
            self._unknown((*path, "[]"), "has items of several kinds by their place")
            if tuples
            else self.schema(node.child(0), (*path, "[]"))
        )
        result: dict[str, Any] = {"items": item}
        kind = node.list_type if node.keyword("x-kubernetes-list-type") else None
        if kind == "set" and item.get("type") not in _SCALARS:
            self._note(path, "is no `set` for the API server, whose sets hold plain values")
            kind = "atomic"
        if kind == "map" and (
            item.get("type") != "object" or not set(node.list_keys) <= item.get("properties", {}).keys()
        ):
            self._note(path, "is no `map` for the API server, which must know the keys of the items")
            kind = "atomic"
        if kind == "map":
            result["x-kubernetes-list-map-keys"] = list(node.list_keys)
            needed = [key for key in node.list_keys if "default" not in item["properties"][key]]
            item["required"] = list(dict.fromkeys((*item.get("required", ()), *needed)))
        if kind:
            result["x-kubernetes-list-type"] = kind
        if kind not in ("set", "map") and any(one.get("uniqueItems") is True for one in node.certain):
            self._note(path, "`uniqueItems` is left out")
        if any("contains" in one for one in node.certain):
            self._note(path, "`contains` is left out")
        return result

    @staticmethod
    def _default(node: Node) -> dict[str, Any]:
        """The default; a mapping made of the defaults in it is `{}`, which the API server fills."""
        if node.sensitive or node.default is MISSING or node.default is None:
            return {}
        if node.own_default is not MISSING:
            return {"default": node.own_default}
        return {"default": {} if node.accepts({}) else node.default}

    def _rules(self, node: Node, path: Path) -> Iterator[dict[str, Any]]:
        if any("x-kubernetes-validations" in one for one in node.possible):
            self._note(path, "rules that hold only in some alternatives are left out")
        for entry in [entry for one in node.certain for entry in one.get("x-kubernetes-validations", ())]:
            why = self._impossible(entry, path)
            if why:
                self._note(path, f"a rule is left out, as it {why}: {' '.join(entry['rule'].split())}")
                continue
            rule = {key: entry[key] for key in _RULE if key in entry}
            if "message" in rule:
                rule["message"] = " ".join(rule["message"].split())
            yield rule

    def _impossible(self, entry: dict[str, Any], path: Path) -> str | None:
        if _OURS.search(entry["rule"]):
            return "calls a function that Kubernetes does not have"
        for read in settings_of(entry["rule"]):
            way = (*path, *read)
            if any(way[:size] in self._free for size in range(len(path), len(way) + 1)):
                return "reads what the API server does not know the type of"
        return None

    def _junctors(self, node: Node, outer: dict[str, Any], path: Path) -> Iterator[dict[str, Any]]:
        """Alternatives, as far as they only limit what the structural schema already describes."""
        for one in node.certain:
            for keyword in _JUNCTORS:
                if keyword not in one:
                    continue
                try:
                    yield from validations(node.catalog.documents, one, keyword, outer)
                except Untranslatable as error:
                    self._note(path, f"`{keyword}` is left out, as {error}")


def _with_flags(limits: dict[str, Any]) -> dict[str, Any]:
    """Exclusive limits as OpenAPI 3.0 says them: a flag beside the limit."""
    for bound, exclusive in (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")):
        if exclusive in limits:
            limits |= {bound: limits[exclusive], exclusive: True}
    return limits
