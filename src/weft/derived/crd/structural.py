"""A structural schema, the only kind that Kubernetes accepts: every place has one type, and there are no references.

The rules are the API server's: it stores objects by the schema, so the schema must define every place, outside of `anyOf`, `oneOf` and
`not`, which may add limits but not describe places. What cannot be expressed is left open with
`x-kubernetes-preserve-unknown-fields` or omitted, and a note names it. The rules are written as they are: `admission` removes those that
the API server would refuse.
See https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#specifying-a-structural-schema
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any, Final

from weft.base.paths import Path
from weft.derived.crd.combinators import DEPENDENT, Untranslatable, is_remark, validations
from weft.derived.crd.expressions import key_rules, unique_rule
from weft.derived.crd.keywords import SPELLINGS, OtherKeys, bounds, is_plain, listed
from weft.derived.crd.notes import Note, omitted_rule
from weft.rules import RuleCheck, is_transition
from weft.rules.validations import KEYWORD
from weft.schema.node import MISSING, Node
from weft.schema.published import published, reveals
from weft.schema.types import named
from weft.schema.walk import each_of

_RULE: Final = ("rule", "message", "messageExpression", "reason", "fieldPath", "optionalOldSelf")
_FIELD: Final = re.compile(r"""(?:\.[^.\[\]'"]+|\['(?:[^'\\]|\\.)*'\])+""")
_MESSAGE: Final = 2048
"""The maximum length of a message, in characters."""
_JUNCTORS: Final = ("anyOf", "oneOf", "not", "if", *DEPENDENT)
_OPEN: Final = {"x-kubernetes-preserve-unknown-fields": True}
_PROTECTED: Final = "it contains a secret"
_NO_NULL: Final = "an API server has no default `null`"


class Structural:
    """One derivation. `notes` list what was lost; `closed` counts the mappings that reject unknown keys.

    Keywords that a structural schema does not have become rules. `stands_for` has the note for each of these, by the id of the rule, in
    case that an API server refuses it.
    """

    def __init__(self) -> None:
        self.notes: list[Note] = []
        self.closed = 0
        self.stands_for: dict[int, Note] = {}
        self.locations: dict[int, str] = {}
        """Where the schemas have each rule, by its id."""
        self._instead: dict[Path, list[dict[str, Any]]] = {}
        self._around: list[frozenset[int]] = []
        self._rule_check = cache(RuleCheck)
        self._needed: set[Path] = set()
        """The places that must have a value, because their default is omitted."""
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
            either = {"x-kubernetes-int-or-string": True} | bounds(node, "integer") | bounds(node, "string")
            either |= self._forms(node, path) | self._values(node, path)
            return self._judged(node, path, head | either | self._default(node, path))
        if len(types) != 1:
            names = " or ".join(sorted(types)) if types else "any type"
            return head | self._unknown(node, path, "type", f"a place has one type there, and this may be of {names}")
        # without references, a schema that contains itself has no end, so it is left open where it recurs
        shape = _shape(node)
        if shape and shape in self._around:
            return head | self._unknown(node, path, "$ref", "it has no references, and this contains itself")
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
            self._note(node, path, "type", "the `type` is not stated: it is treated as a mapping", "properties")
            return {"object"}
        return types

    def _described(self, node: Node, kind: str, path: Path) -> dict[str, Any]:
        """The structural schema of a place with one type, without its alternatives."""
        described = {"type": kind} | bounds(node, kind)
        if kind == "string":
            described |= self._forms(node, path)
        described |= self._values(node, path)
        if kind == "object":
            described |= self._object(node, path)
        elif kind == "array":
            described |= self._array(node, path)
        return described

    def _judged(self, node: Node, path: Path, described: dict[str, Any]) -> dict[str, Any]:
        """The schema with its rules and its alternatives, translated for the places that it describes."""
        rules = list(self._rules(node, path))
        together = [*described.pop("allOf", ()), *self._alternatives(node, described, path)]
        described |= {KEYWORD: rules} if rules else {}
        return described | ({"allOf": together} if together else {})

    def _unknown(self, node: Node, path: Path, keyword: str, why: str) -> dict[str, Any]:
        """The schema of a place where anything is allowed."""
        if any(not is_remark(word) for schema in node.certain for word in schema):
            text = f"`{keyword}` is omitted, because a structural schema cannot express it ({why}): anything is allowed there"
            self._note(node, path, keyword, text)
        for entry, location in self._entries(node):
            self._omit_rule(path, entry, location, "it is about a value whose type the API server does not know")
        return _OPEN | self._default(node, path, whole=True)

    def _note(self, node: Node, path: Path, keyword: str, text: str, stated: str | None = None) -> None:
        """A note about a keyword, placed where the schemas have it, or another one that stands for it."""
        schema = next((schema for schema in node.certain if (stated or keyword) in schema), None)
        where = node.catalog.documents.location(schema, stated or keyword) if schema is not None else node.place or None
        self.notes.append(Note(path, keyword, text, where))

    def _omit_rule(self, path: Path, entry: dict[str, Any], location: str, why: str) -> None:
        self.notes.append(Note(path, KEYWORD, omitted_rule(entry["rule"], why), location))

    def _forms(self, node: Node, path: Path) -> dict[str, Any]:
        """Patterns and formats; a schema has at most one of each, so further ones go into `allOf`."""
        result: dict[str, Any] = {}
        further: list[dict[str, Any]] = []
        for keyword, (spelled, otherwise) in SPELLINGS.items():
            usable = []
            for form in dict.fromkeys(each_of(node.certain, keyword)):
                spelling = spelled(form)
                if spelling is None:
                    self._note(node, path, keyword, f"the `{keyword}` `{form}` is omitted, because {otherwise}")
                else:
                    usable.append(spelling)
            if usable:
                result[keyword] = usable[0]
            further += ({keyword: form} for form in usable[1:])
        return result | ({"allOf": further} if further else {})

    def _values(self, node: Node, path: Path) -> dict[str, Any]:
        listing = next((schema for schema in node.certain if {"enum", "const"} & schema.keys()), None)
        if listing is None:
            return {}
        values = listed(listing)
        accepted = [value for value in values if node.accepts(value)] or published(node, values)
        if not accepted:
            keyword = "enum" if "enum" in listing else "const"
            self._note(node, path, keyword, f"`{keyword}` is omitted, because it lists secrets")
        return {"enum": accepted} if accepted else {}

    def _object(self, node: Node, path: Path) -> dict[str, Any]:
        others = OtherKeys.of(node)
        self.closed += others.closed
        self._replaced += node.atomic_map
        result = self._listed_keys(node, path, others) if node.properties else self._free_keys(node, path, others)
        self._replaced -= node.atomic_map
        required = dict.fromkeys(
            name for names in each_of(node.certain, "required") if isinstance(names, list) for name in names
        )
        required |= dict.fromkeys(name for name in node.properties if (*path, name) in self._needed)
        result |= {"required": list(required)} if required else {}
        result |= {"x-kubernetes-map-type": "atomic"} if node.atomic_map else {}
        self._about_keys(node, path, others)
        return result

    def _about_keys(self, node: Node, path: Path, others: OtherKeys) -> None:
        """Rules for what `propertyNames` says about the names of keys, and a pattern that all of them match."""
        for names in each_of(node.certain, "propertyNames"):
            self._replace(node, path, "propertyNames", key_rules(node, names))
        if not node.properties and others.closed and len(others.patterns) == 1:
            self._replace(node, path, "patternProperties", key_rules(node, {"pattern": next(iter(others.patterns))}))

    def _replace(self, node: Node, path: Path, keyword: str, rule: dict[str, Any] | None) -> None:
        """Write a rule instead of a keyword, or a note if there is none."""
        text = f"`{keyword}` is omitted, because a structural schema has no such keyword"
        if rule is None:
            self._note(node, path, keyword, text)
        if not rule:
            return
        self._instead.setdefault(path, []).append(rule)
        self._note(node, path, keyword, text)
        self.stands_for[id(rule)] = self.notes.pop()

    def _listed_keys(self, node: Node, path: Path, others: OtherKeys) -> dict[str, Any]:
        """A mapping whose keys are listed; a structural schema cannot describe further keys."""
        properties = {name: self.schema(node.child(name), (*path, name)) for name in node.properties}
        for name in self._harmful_defaults(node, properties):
            properties[name] = {key: value for key, value in properties[name].items() if key != "default"}
            self._omit_default(node.child(name), (*path, name), "an API server would fill it in where it is not valid")
        for keyword, stated in (("patternProperties", others.patterns), ("additionalProperties", others.schemas)):
            if stated:
                text = f"`{keyword}` is omitted, because a structural schema describes either listed keys or free ones: other keys may have any value"
                self._note(node, path, keyword, text)
        return {"properties": properties} | (_OPEN if others.patterns or not others.closed else {})

    @staticmethod
    def _harmful_defaults(node: Node, properties: dict[str, Any]) -> list[str]:
        """The properties whose default makes a valid mapping invalid; Weft leaves it out there, and an API server does not."""
        filled = [name for name, below in properties.items() if "default" in below]
        if not filled or not node.accepts({}):
            return []
        return [name for name in filled if not node.accepts({name: node.child(name).default})]

    def _free_keys(self, node: Node, path: Path, others: OtherKeys) -> dict[str, Any]:
        """A mapping whose keys are free; a structural schema has one schema for all their values."""
        if len(others.patterns) == 1 and others.closed:
            ((pattern, described),) = others.patterns.items()
            values = self.schema(node.catalog.node([described], [described]), (*path, f"<{pattern}>"))
            return {"additionalProperties": values}
        if others.patterns:
            text = "`patternProperties` is omitted, because a structural schema has one schema for all free keys: anything is allowed there"
            self._note(node, path, "patternProperties", text)
            return {**_OPEN}
        if others.schemas:
            child = node.catalog.node(others.schemas, others.schemas)
            return {"additionalProperties": self.schema(child, (*path, "<name>"))}
        return {} if others.closed else {**_OPEN}

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
        if merging != "set" and True in each_of(node.certain, "uniqueItems"):
            self._replace(node, path, "uniqueItems", unique_rule())
        if any("contains" in schema for schema in node.certain):
            self._replace(node, path, "contains", None)
        return result

    def _item(self, node: Node, path: Path) -> dict[str, Any]:
        for keyword in ("prefixItems", "items"):
            if any(isinstance(schema.get(keyword), list) for schema in node.certain):
                return self._unknown(node, path, keyword, "all items have one schema there")
        return self.schema(node.child(0), path)

    def _merging(self, node: Node, item: dict[str, Any], path: Path) -> str | None:
        """The list type, if the API server can merge that way: it must be able to identify items."""
        stated = node.list_type if node.keyword("x-kubernetes-list-type") else None
        known = item.get("properties", {}) if item.get("type") == "object" and not item.get("nullable") else {}
        if stated == "set" and not is_plain(item):
            why = "whose sets contain plain values other than null"
        elif stated == "map" and not all(is_plain(known.get(key, {})) for key in node.list_keys):
            why = "whose items of a map have plain keys and are never null"
        else:
            return stated
        keyword = "x-kubernetes-list-type"
        self._note(node, path, keyword, f"`{keyword}` is not `{stated}` but `atomic` for the API server, {why}")
        return "atomic"

    def _default(self, node: Node, path: Path, *, whole: bool = False) -> dict[str, Any]:
        """The default; a mapping built from nested defaults is `{}`, which the API server fills, unless `whole`.

        It checks defaults before it fills them, so one with rules, or that is valid with others only, is written in full. One that breaks a rule is refused by
        both, unless a configuration has another value: the server insists on one.
        """
        if node.default is MISSING:
            return {}
        if node.default is None or node.sensitive:
            self._omit_default(node, path, _NO_NULL if node.default is None else _PROTECTED)
            return {}
        ruled = _has_rules(node, node.default)
        if ruled and not self._rule_check(node.catalog).takes(node, node.default):
            self._omit_default(node, path, "it breaks a rule: a value is required")
            self._needed.add(path)
            return {}
        written = {} if node.own_default is MISSING else node.own_default
        if not (whole or ruled) and node.accepts(written):
            return {"default": written}
        if reveals(node, node.default):
            self._omit_default(node, path, _PROTECTED)
            return {}
        return {"default": node.default}

    def _omit_default(self, node: Node, path: Path, why: str) -> None:
        self._note(node, path, "default", f"the `default` is omitted, because {why}")

    @staticmethod
    def _entries(node: Node) -> Iterator[tuple[dict[str, Any], str]]:
        """The rules of a place, and where the schemas have them."""
        for schema in node.certain:
            for index, entry in enumerate(schema.get(KEYWORD, ())):
                yield entry, node.catalog.documents.location(schema, KEYWORD, index)

    def _rules(self, node: Node, path: Path) -> Iterator[dict[str, Any]]:
        if any(KEYWORD in schema for schema in node.possible):
            text = f"rules of `{KEYWORD}` that apply only in some alternatives are omitted, because a structural schema has rules for places only"
            self._note(node, path, KEYWORD, text)
        for entry, location in self._entries(node):
            if self._replaced and is_transition(entry["rule"]):
                why = "compares with an earlier value inside a list or mapping that is replaced as a whole"
                self._omit_rule(path, entry, location, f"it {why}")
                continue
            rule: dict[str, Any] = {key: entry[key] for key in _RULE if key in entry}
            if not _FIELD.fullmatch(rule.get("fieldPath", ".a")):
                text = f"the `fieldPath` {rule.pop('fieldPath')} is omitted, because it must start with `.`, and name no item"
                self._note(node, path, "fieldPath", text, KEYWORD)
            message = " ".join(rule.pop("message", "").split())
            rule |= {"message": message[:_MESSAGE]} if message else {}
            self.locations[id(rule)] = location
            yield rule
        yield from self._instead.pop(path, ())

    def _alternatives(self, node: Node, outer: dict[str, Any], path: Path) -> Iterator[dict[str, Any]]:
        """Alternatives, as far as they only limit what the structural schema already describes."""
        for schema, keyword in ((schema, word) for schema in node.certain for word in _JUNCTORS if word in schema):
            try:
                yield from validations(node.catalog.documents, schema, keyword, outer)
            except Untranslatable as error:
                text = f"`{keyword}` is omitted, because {error}"
                self.notes.append(Note(path, keyword, text, node.catalog.documents.location(schema, keyword)))


def _has_rules(node: Node, value: Any) -> bool:
    """True if a value, or anything inside it, must satisfy a rule."""
    return any(KEYWORD in schema for _, below, _ in node.walk(value) for schema in below.certain)


def _shape(node: Node) -> frozenset[int]:
    """The schemas that describe the children of a place, by id: a place inside one of the same shape contains itself."""
    return frozenset(
        id(schema) for schema in (*node.certain, *node.possible) if {"properties", "items"} & schema.keys()
    )
