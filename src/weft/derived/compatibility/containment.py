"""Schema containment: whether the new schema accepts every value that the old one accepts.

The result is the list of reasons why it may not: empty if containment is proved. Both schemas are bundles: draft 2020-12, with
internal references only. The result is conservative: a reason may turn out to be harmless (inclusion of regular expressions is not
decided), but without a reason, every value that was valid before is valid after.

How it works: both schemas are walked together. At each place there are several old schemas, all of which apply (`olds`), and one new
schema that must follow from them. A keyword of the new schema follows if one of the old schemas implies it; `anyOf` and similar
keywords follow if the same walk proves one of their branches, so the walk must be able to forget the assumptions of a failed attempt.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from weft.base.paths import Path
from weft.derived.compatibility import keywords
from weft.derived.compatibility.sameness import DECIDING, RULES, Sameness, identity
from weft.derived.compatibility.sides import (
    APPLICATORS,
    Schema,
    Schemas,
    Side,
    item_schema,
    property_schemas,
    refuses_everything,
    unnamed,
)
from weft.schema.types import stated_types
from weft.schema.walk import each_named, each_of

_ENOUGH: Final = 100_000
"""The number of compared pairs after which the rest counts as different."""
_NEVER: Final = 10**9
_TEXT: Final = {"type": "string"}
ANYTHING: Final = "<name>"
ITEMS: Final = "[]"

_Pair = tuple[tuple[int, ...], int]


@dataclass(frozen=True, eq=False)
class Finding:
    """A value that the old schema allows and the new one may reject.

    `before` and `after` are the values of the keyword (None if absent), `old` and `new` the schemas that have it.
    """

    code: str
    path: Path
    keyword: str
    before: Any
    after: Any
    old: Schema
    new: Schema


class Implication:
    """The comparison of two bundles, from `old` to `new`."""

    def __init__(self, old: dict[str, Any], new: dict[str, Any]) -> None:
        # both sides are conservative: a format rejects nothing in the old schema, but something in the new one
        self.old = Side(old, formats=False)
        self.new = Side(new, formats=True)
        self._compared: dict[_Pair, list[Finding]] = {}
        # the order in which pairs were compared, so a failed attempt can be forgotten from its start
        self._trail: list[_Pair] = []
        # a number of steps rather than a time: the same schemas always get the same answer
        self._left = _ENOUGH

    def findings(self) -> list[Finding]:
        """Every reason why a value that was valid before may be invalid after."""
        if self.old.schema == self.new.schema:
            return []
        return list(dict.fromkeys(self._all((self.old.schema,), self.new.schema, ())))

    def same(self, old: Schema, new: Schema) -> bool:
        """True if two schemas are equivalent, ignoring annotations and names of definitions."""
        return Sameness(self.old, self.new).holds(old, new)

    def _all(self, olds: Schemas, new: Schema, path: Path) -> Iterator[Finding]:
        """The reasons why `new` may reject values that all of `olds` allow."""
        olds = self.old.flat(olds)
        if any(map(refuses_everything, olds)):
            return  # no value reaches this place
        for part in self.new.flat((new,)):
            yield from self._once(olds, part, path)

    def _once(self, olds: Schemas, new: Schema, path: Path) -> list[Finding]:
        """The findings for one pair, which is compared only once.

        A pair that occurs again while it is being compared, in a schema that contains itself, has no findings: a value is finite, so every
        finding appears in an outer round.
        """
        pair = (tuple(sorted(map(id, olds))), id(new))
        if pair not in self._compared:
            self._compared[pair] = []
            self._trail.append(pair)
            self._left -= 1
            exhausted = self._left <= 0
            self._compared[pair] = (
                [self._finding("size", path, "", olds, new)] if exhausted else [*self._pair(olds, new, path)]
            )
        return self._compared[pair]

    def _proves(self, olds: Schemas, new: Schema) -> bool:
        """True if `new` certainly allows what `olds` allow. The assumptions of a failed attempt are forgotten."""
        mark = len(self._trail)
        proved = self._left > 0 and not list(self._all(olds, new, ()))
        if not proved:
            for pair in self._trail[mark:]:
                del self._compared[pair]
            del self._trail[mark:]
        return proved

    def _pair(self, olds: Schemas, new: Schema, path: Path) -> Iterator[Finding]:
        if refuses_everything(new):
            yield self._finding("removed", path, "", olds, new)
            return
        yield from self._rules(olds, new, path)
        if not (DECIDING - {"$ref", "allOf"}) & new.keys() or any(self.same(old, new) for old in olds):
            return
        # a small set of values is tried directly, which is exact; otherwise the keywords are compared
        values = self.old.values(olds)
        if values is None:
            yield from self._by_type(olds, new, path)
        elif not all(self.new.accepts(new, value) for value in values):
            after = new.get("enum", [new["const"]] if "const" in new else None)
            yield Finding("values", path, "enum", values, after, _holder(olds, "enum"), new)
        else:
            yield from self._rules_inside(values, olds, new, path)

    def _rules(self, olds: Schemas, new: Schema, path: Path) -> Iterator[Finding]:
        before = {identity(rule) for rules in each_of(olds, RULES) for rule in rules}
        for rule in new.get(RULES, ()):
            if identity(rule) not in before:
                yield Finding("rule", path, RULES, None, rule["rule"], None, new)

    def _rules_inside(self, values: list[Any], olds: Schemas, new: Schema, path: Path) -> Iterator[Finding]:
        """The rules for parts of listed values, which only the schema of the parts knows."""
        if not any(isinstance(value, dict | list) for value in values):
            return
        before = {identity(rule) for schema in self.old.below(olds) for rule in schema.get(RULES, ())}
        for schema in self.new.below((new,)):
            for rule in schema.get(RULES, ()) if schema is not new else ():
                if identity(rule) not in before:
                    yield Finding("rule", path, RULES, None, rule["rule"], None, schema)

    def _by_type(self, olds: Schemas, new: Schema, path: Path) -> Iterator[Finding]:
        before, after = self.old.types.of(*olds), stated_types(new)
        if before - after:
            yield self._finding("type", path, "type", olds, new)
        types = before & after
        yield from self._bounds(olds, new, path, types)
        if "object" in types:
            yield from self._object(olds, new, path)
        if "array" in types:
            yield from self._items(olds, new, path)
            yield from self._contains(olds, new, path)
        if types:
            yield from self._composed(olds, new, path)

    def _bounds(self, olds: Schemas, new: Schema, path: Path, types: frozenset[str]) -> Iterator[Finding]:
        for keyword in sorted(new.keys() & keywords.PLAIN):
            matters = keywords.TYPES.get(keyword, types) & types
            if matters and not keywords.implied(keyword, olds, new[keyword]):
                yield self._finding(keywords.CODES.get(keyword, "bound"), path, keyword, olds, new)

    def _object(self, olds: Schemas, new: Schema, path: Path) -> Iterator[Finding]:
        for compare in (self._required, self._dependent, self._names, self._properties, self._patterns, self._others):
            yield from compare(olds, new, path)

    def _required(self, olds: Schemas, new: Schema, path: Path) -> Iterator[Finding]:
        required = {name for names in each_of(olds, "required") for name in names}
        for name in new.get("required", ()):
            if name not in required:
                yield Finding("required", (*path, name), "required", False, True, None, new)
        for name, needs in new.get("dependentRequired", {}).items():
            needed = {need for before in each_named(olds, "dependentRequired", name) for need in before}
            for need in set(needs) - needed - required:
                yield Finding("required", (*path, need), "dependentRequired", None, name, None, new)

    def _dependent(self, olds: Schemas, new: Schema, path: Path) -> Iterator[Finding]:
        for name, described in new.get("dependentSchemas", {}).items():
            yield from self._all((*olds, *each_named(olds, "dependentSchemas", name)), described, path)

    def _names(self, olds: Schemas, new: Schema, path: Path) -> Iterator[Finding]:
        names = each_of(olds, "propertyNames")
        if "propertyNames" in new and not self._proves((*names, _TEXT), new["propertyNames"]):
            yield self._finding("names", path, "propertyNames", olds, new)

    def _properties(self, olds: Schemas, new: Schema, path: Path) -> Iterator[Finding]:
        for name in dict.fromkeys(name for names in each_of((*olds, new), "properties") for name in names):
            before = tuple(schema for old in olds for schema in property_schemas(old, name, sure=True))
            for after in property_schemas(new, name, sure=False):
                yield from self._all(before, after, (*path, name))

    def _patterns(self, olds: Schemas, new: Schema, path: Path) -> Iterator[Finding]:
        """The properties that the new schema describes by a pattern.

        They follow from the same pattern in the old schemas. Otherwise, they follow from the old schemas for all other properties, if no
        pattern there can override them.
        """
        others = tuple(unnamed(old) for old in olds if not old.get("patternProperties"))
        for pattern, described in new.get("patternProperties", {}).items():
            alike = tuple(each_named(olds, "patternProperties", pattern))
            yield from self._all(alike or others, described, (*path, f"<{pattern}>"))

    def _others(self, olds: Schemas, new: Schema, path: Path) -> Iterator[Finding]:
        """All other properties, and with them those that only the old schemas describe by a pattern."""
        described = unnamed(new)
        if described is True:
            return
        patterns = dict.fromkeys(pattern for stated in each_of(olds, "patternProperties") for pattern in stated)
        for pattern in patterns.keys() - new.get("patternProperties", {}).keys():
            before = tuple(each_named(olds, "patternProperties", pattern))
            yield from self._all(before, described, (*path, f"<{pattern}>"))
        yield from self._all(tuple(map(unnamed, olds)), described, (*path, ANYTHING))

    def _items(self, olds: Schemas, new: Schema, path: Path) -> Iterator[Finding]:
        # all items beyond the longest tuple have the same schema: one index represents them
        longest = max(len(schema.get("prefixItems", ())) for schema in (*olds, new))
        most = min(each_of(olds, "maxItems"), default=longest + 1)
        for index in range(min(longest + 1, int(most))):
            before = tuple(item_schema(old, index) for old in olds)
            yield from self._all(before, item_schema(new, index), (*path, index if index < longest else ITEMS))

    def _contains(self, olds: Schemas, new: Schema, path: Path) -> Iterator[Finding]:
        demands = "contains" in new and (new.get("minContains") != 0 or "maxContains" in new)
        if demands and not any(self._contains_as_many(old, new) for old in olds):
            yield self._finding("composed", path, "contains", olds, new)

    def _contains_as_many(self, old: dict[str, Any], new: dict[str, Any]) -> bool:
        enough = old.get("minContains", 1) >= new.get("minContains", 1)
        not_too_many = old.get("maxContains", _NEVER) <= new.get("maxContains", _NEVER)
        return enough and not_too_many and "contains" in old and self.same(old["contains"], new["contains"])

    def _composed(self, olds: Schemas, new: Schema, path: Path) -> Iterator[Finding]:
        proofs = (("anyOf", self._proves_any_of), ("oneOf", self._proves_one_of), ("not", self._proves_not))
        for keyword, proved in proofs:
            if keyword in new and not proved(olds, new[keyword]):
                yield self._finding("composed", path, keyword, olds, new)
        if "if" in new:
            yield from self._conditional(olds, new, path)
        for keyword in ("unevaluatedProperties", "unevaluatedItems"):
            # it depends on all its neighbors, which must be the same
            if new.get(keyword, True) is not True and APPLICATORS & new.keys():
                yield self._finding("composed", path, keyword, olds, new)

    def _conditional(self, olds: Schemas, new: Schema, path: Path) -> Iterator[Finding]:
        """`then` and `else`, each as if it always applied, compared with the old schema under the same condition."""
        alike: dict[str, Any] = next((old for old in olds if "if" in old and self.same(old["if"], new["if"])), {})
        for keyword in ("then", "else"):
            if keyword in new:
                yield from self._all((*olds, alike.get(keyword, True)), new[keyword], path)

    def _proves_not(self, olds: Schemas, new: Schema) -> bool:
        """True if some old `not` rejects at least as much: then its subschema contains the new one."""
        return any(self._reversed(new, refused) for refused in each_of(olds, "not"))

    def _reversed(self, new: Schema, old: Schema) -> bool:
        back = Implication(self.new.schema, self.old.schema)
        back._left = self._left // 10
        return back._proves((new,), old)

    def _proves_any_of(self, olds: Schemas, branches: list[Schema]) -> bool:
        """True if one of the branches always allows what `olds` allow: directly, or in each of their own cases."""

        def one_allows(assumed: Schemas) -> bool:
            return any(self._proves(assumed, branch) for branch in branches)

        alternatives = (old[word] for old in olds for word in ("anyOf", "oneOf") if word in old)
        return one_allows(olds) or any(all(one_allows((*olds, case)) for case in cases) for cases in alternatives)

    def _proves_one_of(self, olds: Schemas, branches: list[Schema]) -> bool:
        """True if exactly one branch always applies: the old branches are the same, or the new ones have disjoint types."""
        if any(self._pairs_off(old.get("oneOf", ()), branches) for old in olds):
            return True
        kinds = [self.new.types.of(branch) for branch in branches]
        exclusive = len(frozenset[str]().union(*kinds)) == sum(map(len, kinds))
        return exclusive and self._proves_any_of(olds, branches)

    def _pairs_off(self, before: list[Schema], branches: list[Schema]) -> bool:
        """True if each new branch is equivalent to a different old one."""
        if len(before) != len(branches):
            return False
        partners = {
            next((index for index, old in enumerate(before) if self.same(old, branch)), None) for branch in branches
        }
        return None not in partners and len(partners) == len(branches)

    def _finding(self, code: str, path: Path, keyword: str, olds: Schemas, new: Schema) -> Finding:
        old = _holder(olds, keyword)
        before, after = (schema.get(keyword) if isinstance(schema, dict) else None for schema in (old, new))
        return Finding(code, path, keyword, before, after, old, new)


def _holder(olds: Schemas, keyword: str) -> Schema:
    """The schema that has a keyword, or else the first one, to show next to a finding."""
    return next((old for old in olds if isinstance(old, dict) and keyword in old), olds[0] if olds else None)
