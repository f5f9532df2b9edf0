"""Whether everything that one schema allows is allowed by another, and if not, or if nobody can tell, why.

Both are bundles: draft 2020-12, references only within. What is found missing here may now and then be harmless (whether one
regular expression includes another is not tried), but where nothing is found, every value valid before is valid after.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from jsonschema import Draft202012Validator

from weft.base.paths import Path
from weft.derived.compatibility import keywords
from weft.schema.types import AcceptedTypes, stated_types
from weft.schema.walk import MANY, NAMED, ONE

_ENOUGH: Final = 100_000
"""After how many pairs of schemas the rest is taken for different."""
ANYTHING: Final = "<name>"
ITEMS: Final = "[]"
_COMPARED: Final = (ONE | MANY | NAMED | keywords.PLAIN | {"$ref", "x-kubernetes-validations"}) - {
    "$defs",
    "additionalItems",
    "contentSchema",
    "definitions",
    "dependencies",
}
"""The keywords that decide what is valid."""

Schema = Any
Schemas = tuple[Any, ...]


@dataclass(frozen=True, eq=False)
class Finding:
    """Something that the earlier schema allows and the later one may refuse.

    `before` and `after` are what the keyword said (None for nothing), `old` and `new` the schemas that said it.
    """

    code: str
    path: Path
    keyword: str
    before: Any
    after: Any
    old: Schema
    new: Schema


class Side:
    """One of the two schemas: its references resolved, its values judged."""

    def __init__(self, schema: dict[str, Any], *, formats: bool) -> None:
        self.schema = schema
        checker = Draft202012Validator.FORMAT_CHECKER if formats else None
        self.types = AcceptedTypes(self.resolve)
        self._validator: Any = Draft202012Validator(schema, format_checker=checker)

    def resolve(self, ref: str) -> Schema:
        """The schema that a `$ref` names."""
        return self.schema if ref == "#" else self.schema["$defs"][ref.removeprefix("#/$defs/")]

    def flat(self, schemas: Iterable[Schema]) -> Schemas:
        """The schemas with those that they refer to and that `allOf` adds; `True` says nothing and is left out."""
        found: dict[int, Schema] = {}
        stack = [*schemas][::-1]
        while stack:
            schema = stack.pop()
            if schema is True or id(schema) in found:
                continue
            found[id(schema)] = schema
            if isinstance(schema, dict):
                stack += reversed(schema.get("allOf", ()))
                stack += [self.resolve(schema["$ref"])] if "$ref" in schema else []
        return tuple(found.values())

    def accepts(self, schema: Schema, value: Any) -> bool:
        """Whether a part of the schema accepts a value; an odd regular expression accepts nothing."""
        try:
            return bool(self._validator.evolve(schema=schema).is_valid(value))
        except re.error:
            return False


class Implication:
    """The comparison of two bundles, from `old` to `new`."""

    def __init__(self, old: dict[str, Any], new: dict[str, Any]) -> None:
        self.old = Side(old, formats=False)
        self.new = Side(new, formats=True)
        self._known: dict[tuple[Any, ...], list[Finding]] = {}
        self._trail: list[tuple[Any, ...]] = []
        self._left = _ENOUGH

    def findings(self) -> list[Finding]:
        """Every reason why a value that is valid before may not be so after."""
        return (
            []
            if self.old.schema == self.new.schema
            else list(dict.fromkeys(self._all((self.old.schema,), self.new.schema, ())))
        )

    def same(self, old: Schema, new: Schema) -> bool:
        """Whether two schemas say the same, whatever annotations and names of definitions they have."""
        return self._same(old, new, set())

    def _all(self, olds: Schemas, new: Schema, path: Path) -> Iterator[Finding]:
        """Why what all of `olds` allow may be refused by `new`."""
        olds = self.old.flat(olds)
        if any(old is False or (isinstance(old, dict) and old.get("not") in (True, {})) for old in olds):
            return  # no value gets here
        for one in self.new.flat((new,)):
            key = (tuple(sorted(map(id, olds))), id(one))
            if key not in self._known:
                self._known[key] = []  # while it is looked at: values end, so a circle proves nothing false
                self._trail.append(key)
                self._left -= 1
                self._known[key] = (
                    [*self._one(olds, one, path)] if self._left > 0 else [self._found("size", path, "", olds, one)]
                )
            yield from self._known[key]

    def _one(self, olds: Schemas, new: Schema, path: Path) -> Iterator[Finding]:
        if new is False or new.get("not") in (True, {}):
            yield self._found("removed", path, "", olds, new)
            return
        yield from self._rules(olds, new, path)
        if not (_COMPARED - {"$ref", "allOf"}) & new.keys():
            return
        if any(self._same(old, new, set()) for old in olds):
            return
        values = self._values(olds)
        if values is not None:
            gone = [value for value in values if not self.new.accepts(new, value)]
            if gone:
                after = new.get("enum", [new["const"]] if "const" in new else None)
                yield Finding("values", path, "enum", values, after, self._saying(olds, "enum"), new)
            return
        types = self.old.types.of(*olds)
        allowed = stated_types(new)
        if types - allowed:
            yield self._found("type", path, "type", olds, new)
        types &= allowed
        for keyword in sorted(new.keys() & keywords.PLAIN):
            told = keywords.TYPES.get(keyword, types) & types and not keywords.implied(keyword, olds, new[keyword])
            if told and keyword != "type":
                yield self._found(keywords.CODES.get(keyword, "bound"), path, keyword, olds, new)
        if "object" in types:
            yield from self._object(olds, new, path)
        if "array" in types:
            yield from self._array(olds, new, path)
        if types:
            yield from self._composed(olds, new, path)

    def _rules(self, olds: Schemas, new: Schema, path: Path) -> Iterator[Finding]:
        known = {rule["rule"] for old in olds for rule in old.get("x-kubernetes-validations", ())}
        for rule in new.get("x-kubernetes-validations", ()):
            if rule["rule"] not in known:
                yield Finding("rule", path, "x-kubernetes-validations", None, rule["rule"], None, new)

    def _object(self, olds: Schemas, new: Schema, path: Path) -> Iterator[Finding]:
        required = {name for old in olds for name in old.get("required", ())}
        for name in new.get("required", ()):
            if name not in required:
                yield Finding("required", (*path, name), "required", False, True, None, new)
        for name, needs in new.get("dependentRequired", {}).items():
            known = {need for old in olds for need in old.get("dependentRequired", {}).get(name, ())}
            for need in set(needs) - known - required:
                yield Finding("required", (*path, need), "dependentRequired", None, name, None, new)
        for name, below in new.get("dependentSchemas", {}).items():
            then = [old["dependentSchemas"][name] for old in olds if name in old.get("dependentSchemas", ())]
            yield from self._all((*olds, *then), below, path)
        if "propertyNames" in new:
            names = [old["propertyNames"] for old in olds if "propertyNames" in old]
            if not self._proves((*names, _TEXT), new["propertyNames"]):
                yield self._found("names", path, "propertyNames", olds, new)
        named = {name: None for schema in (*olds, new) for name in schema.get("properties", ())}
        for name in named:
            before = tuple(below for old in olds for below in _property(old, name, sure=True))
            for below in _property(new, name, sure=False):
                yield from self._all(before, below, (*path, name))
        yield from self._unnamed(olds, new, path)

    def _unnamed(self, olds: Schemas, new: Schema, path: Path) -> Iterator[Finding]:
        """The properties that no schema names: by the patterns, then all others."""
        old_patterns = {pattern: None for old in olds for pattern in old.get("patternProperties", ())}
        rest = [_rest(old) for old in olds]
        without_patterns = [_rest(old) for old in olds if not old.get("patternProperties")]
        patterns = new.get("patternProperties", {})
        for pattern, below in patterns.items():
            same = [old["patternProperties"][pattern] for old in olds if pattern in old.get("patternProperties", ())]
            yield from self._all(tuple(same or without_patterns), below, (*path, f"<{pattern}>"))
        others = _rest(new)
        if others is not True:
            for pattern in old_patterns.keys() - patterns.keys():
                of = [old["patternProperties"][pattern] for old in olds if pattern in old.get("patternProperties", ())]
                yield from self._all(tuple(of), others, (*path, f"<{pattern}>"))
            yield from self._all(tuple(rest), others, (*path, ANYTHING))

    def _array(self, olds: Schemas, new: Schema, path: Path) -> Iterator[Finding]:
        longest = max(len(schema.get("prefixItems", ())) for schema in (*olds, new))
        most = min((old["maxItems"] for old in olds if "maxItems" in old), default=longest + 1)
        for index in range(min(longest + 1, int(most))):
            for below in _item(new, index):
                before = tuple(found for old in olds for found in _item(old, index))
                yield from self._all(before, below, (*path, index if index < longest else ITEMS))
        if "contains" in new:
            for old in olds:
                bounds = [
                    (old.get("minContains", 1) >= new.get("minContains", 1)),
                    old.get("maxContains", _NEVER) <= new.get("maxContains", _NEVER),
                ]
                if all(bounds) and "contains" in old and self.same(old["contains"], new["contains"]):
                    return
            if new.get("minContains") != 0 or "maxContains" in new:
                yield self._found("composed", path, "contains", olds, new)

    def _composed(self, olds: Schemas, new: Schema, path: Path) -> Iterator[Finding]:
        if "anyOf" in new and not self._any(olds, new["anyOf"], "anyOf"):
            yield self._found("composed", path, "anyOf", olds, new)
        if "oneOf" in new and not self._one_of(olds, new["oneOf"]):
            yield self._found("composed", path, "oneOf", olds, new)
        if "not" in new and not any("not" in old and self._reversed(new["not"], old["not"]) for old in olds):
            yield self._found("composed", path, "not", olds, new)
        if "if" in new:
            like: dict[str, Any] = next((old for old in olds if "if" in old and self.same(old["if"], new["if"])), {})
            for keyword in ("then", "else"):
                if keyword in new:
                    yield from self._all((*olds, like.get(keyword, True)), new[keyword], path)
        for keyword in ("unevaluatedProperties", "unevaluatedItems"):
            if (
                new.get(keyword, True) is not True and _APPLICATORS & new.keys()
            ):  # it depends on all its neighbours, which must be the same
                yield self._found("composed", path, keyword, olds, new)

    def _reversed(self, new: Schema, old: Schema) -> bool:
        """Whether `new` implies `old`: a narrower `not` refuses less."""
        back = Implication(self.new.schema, self.old.schema)
        back._left = self._left // 10
        return back._proves((new,), old)

    def _any(self, olds: Schemas, branches: list[Schema], keyword: str) -> bool:
        """Whether what `olds` allow is always allowed by one of the branches."""
        if any(self._proves(olds, branch) for branch in branches):
            return True
        return any(
            all(any(self._proves((*olds, branch), one) for one in branches) for branch in old[word])
            for old in olds
            for word in (keyword, "oneOf")
            if word in old
        )

    def _one_of(self, olds: Schemas, branches: list[Schema]) -> bool:
        for old in olds:
            before = old.get("oneOf", ())
            if len(before) == len(branches) and all(
                any(self.same(one, branch) for one in before) for branch in branches
            ):
                distinct = [[self.same(one, branch) for one in before].index(True) for branch in branches]
                if len(set(distinct)) == len(branches):
                    return True
        kinds = [self.new.types.of(branch) for branch in branches]
        if len(frozenset().union(*kinds)) < sum(map(len, kinds)):
            return False
        return self._any(olds, branches, "anyOf")  # of different types: never more than one applies

    def _proves(self, olds: Schemas, new: Schema) -> bool:
        """Whether `new` surely allows what `olds` allow; what a failed attempt assumed is forgotten."""
        mark = len(self._trail)
        proved = self._left > 0 and not list(self._all(olds, new, ()))
        if not proved:
            for key in self._trail[mark:]:
                del self._known[key]
            del self._trail[mark:]
        return proved

    def _values(self, olds: Schemas) -> list[Any] | None:
        """All values that `olds` allow, if they are few and listed."""
        listed = next(
            (old["enum"] if "enum" in old else [old["const"]] for old in olds if {"enum", "const"} & old.keys()), None
        )
        if listed is None:
            types = self.old.types.of(*olds)
            if not types <= {"boolean", "null"}:
                return None
            listed = [*([False, True] if "boolean" in types else []), *([None] if "null" in types else [])]
        return [value for value in listed if all(self.old.accepts(old, value) for old in olds)]

    @staticmethod
    def _saying(olds: Schemas, keyword: str) -> Schema:
        return next((old for old in olds if isinstance(old, dict) and keyword in old), olds[0] if olds else None)

    def _found(self, code: str, path: Path, keyword: str, olds: Schemas, new: Schema) -> Finding:
        old = self._saying(olds, keyword)
        before = old.get(keyword) if isinstance(old, dict) else None
        return Finding(code, path, keyword, before, new.get(keyword) if isinstance(new, dict) else None, old, new)

    def _same(self, old: Schema, new: Schema, assumed: set[tuple[int, int]]) -> bool:
        if (id(old), id(new)) in assumed:
            return True
        assumed.add((id(old), id(new)))
        if not isinstance(old, dict) or not isinstance(new, dict):
            return old is new
        words = _COMPARED & (old.keys() | new.keys())
        if "x-kubernetes-validations" not in new:
            words -= {"x-kubernetes-validations"}
        return all(
            word in old and word in new and self._same_word(word, old[word], new[word], assumed) for word in words
        )

    def _same_word(self, word: str, old: Any, new: Any, assumed: set[tuple[int, int]]) -> bool:
        if word == "$ref":
            return self._same(self.old.resolve(old), self.new.resolve(new), assumed)
        if word == "x-kubernetes-validations":
            return {rule["rule"] for rule in old} >= {rule["rule"] for rule in new}
        if word in keywords.PLAIN:
            return keywords.equal(word, old, new)
        if isinstance(old, list):
            return (
                isinstance(new, list)
                and len(old) == len(new)
                and all(self._same(one, other, assumed) for one, other in zip(old, new, strict=True))
            )
        if word in NAMED:
            return old.keys() == new.keys() and all(self._same(old[name], new[name], assumed) for name in old)
        return self._same(old, new, assumed)


_NEVER: Final = 10**9
_TEXT: Final = {"type": "string"}
_APPLICATORS: Final = frozenset(("$ref", "allOf", "anyOf", "dependentSchemas", "if", "not", "oneOf"))


def _rest(schema: dict[str, Any]) -> Schema:
    """What a schema says of properties that it does not name."""
    alone = not _APPLICATORS & schema.keys()
    return schema.get("additionalProperties", schema.get("unevaluatedProperties", True) if alone else True)


def _property(schema: dict[str, Any], name: str, *, sure: bool) -> list[Schema]:
    """All that a schema says of a property by its name: for `sure`, or perhaps."""
    found = [schema["properties"][name]] if name in schema.get("properties", ()) else []
    decided = True
    for pattern, below in schema.get("patternProperties", {}).items():
        try:
            matches = re.search(pattern, name) is not None
        except re.error:  # of another dialect
            decided, matches = False, not sure
        found += [below] if matches else []
    if name not in schema.get("properties", ()) and (not found or not decided) and (decided or not sure):
        found.append(_rest(schema))
    return found


def _item(schema: dict[str, Any], index: int) -> list[Schema]:
    """What a schema says of the item at an index."""
    first = schema.get("prefixItems", ())
    if index < len(first):
        return [first[index]]
    alone = not _APPLICATORS & schema.keys() and "contains" not in schema
    return [schema.get("items", schema.get("unevaluatedItems", True) if alone else True)]
