"""The rules of a structural schema that an API server admits: it compiles each with its own types, and estimates what it may cost.

A rule that it would refuse is removed from the schema, and returned with the reason. The costs are those of `costs`, times the number of
values that the place of the rule can have in one object; all rules together have a limit too.
See https://kubernetes.io/docs/reference/using-api/cel/#resource-constraints
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from weft.base.paths import Path
from weft.derived.compatibility.changes import shown
from weft.derived.crd import costs
from weft.derived.crd.declared import REQUEST, Declared, DeclaredShapes, declared
from weft.rules import Expression, Mistake, Old, Request, compiled, is_transition, reads, settings_of, syntax
from weft.rules.validations import KEYWORD

_ONLY_WEFT: Final = ("math.", "base64.", "acyclic")
_BIND: Final = re.compile(r"\bcel\s*\.\s*bind\s*\(")
_MESSAGE: Final = "messageExpression"
_UNTYPED: Final = "it reads a value whose type the API server does not know"
_LIMITS: Final = {"array": "maxItems", "string": "maxLength"}


@dataclass(eq=False)
class Ruled:
    """A rule at a place of a structural schema.

    `values` is the number of values that the place can have in one object; `cost` and `of_message` are what the server
    estimates for its two expressions.
    """

    path: Path
    schema: dict[str, Any]
    entry: dict[str, Any]
    place: Declared | None
    values: int
    cost: int = 0
    of_message: int = 0
    refused: dict[str, str] = field(default_factory=dict)
    """Why the server refuses its `rule`, or its `messageExpression`."""
    too_costly: dict[str, str | None] = field(default_factory=dict)
    """Those of them that it refuses for what they may cost, with what makes them cheaper, if anything does."""

    def refuse(self, name: str, why: str) -> None:
        """Refuse an expression for what it may cost."""
        self.refused[name] = why
        self.too_costly[name] = self._cheaper(name)

    def _cheaper(self, name: str) -> str | None:
        """What makes an expression cheaper: the places that it reads and that have no limit; None if all have one."""
        if name == _MESSAGE and "string(" in self.entry[name]:
            return "for an API server, the `string()` of a number may be of any length: write `'at most %d'.format([number])`"
        reads = dict.fromkeys(settings_of(self.entry[name]))
        found = [one for read in reads for one in _unlimited(_at(self.schema, read), (*self.path, *read))]
        return f"limit {', '.join(dict.fromkeys(found))}" if found else None

    @property
    def requests(self) -> dict[str, Request]:
        """Its expressions, for the compiler."""
        if self.place is None:
            return {}
        old = Old.NONE
        if is_transition(self.entry["rule"]):
            old = Old.OPTIONAL if self.entry.get("optionalOldSelf") is True else Old.VALUE
        gives = {"rule": "bool", _MESSAGE: "string"}
        return {
            name: Request(self.entry[name], self.place, kind, old) for name, kind in gives.items() if name in self.entry
        }


def admitted(schema: dict[str, Any]) -> list[Ruled]:
    """Every rule of a structural schema, checked; those that an API server refuses are removed from it."""
    rules = list(_rules(schema, (), 1))
    requests = [(rule, name, request) for rule in rules for name, request in rule.requests.items()]
    results = compiled([request for *_, request in requests], DeclaredShapes())
    for (rule, name, _), result in zip(requests, results, strict=True):
        _judge(rule, name, result)
    _judge_together(rules)
    for rule in rules:
        _write(rule)
    return rules


def _rules(schema: dict[str, Any], path: Path, values: int | None) -> Iterator[Ruled]:
    """The rules at a place and below; `values` is None if an object may have any number of values there."""
    place = declared(schema) if schema.get(KEYWORD) else None
    count = values if values is not None else _most_of(place)
    for entry in schema.get(KEYWORD, ()):
        rule = Ruled(path, schema, entry, place, count)
        if place is None or any(_is_untyped(schema, read) for read in settings_of(entry["rule"])):
            rule.refused["rule"] = _UNTYPED
        yield rule
    for step, below, factor in _inside(schema):
        inner = None if values is None or factor is None else values * factor
        yield from _rules(below, (*path, step), inner)


def _inside(schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any], int | None]]:
    """The places directly below one, and how many of them one value may have; None for any number."""
    for name, below in schema.get("properties", {}).items():
        yield name, below, 1
    if isinstance(schema.get("additionalProperties"), dict):
        yield "<name>", schema["additionalProperties"], schema.get("maxProperties")
    if "items" in schema:
        yield "[]", schema["items"], schema.get("maxItems")


def _most_of(place: Declared | None) -> int:
    """How many values of a type a request may contain."""
    return REQUEST // (place.least + 1) if place else 1


def _at(schema: dict[str, Any], read: Path) -> dict[str, Any]:
    """The schema of a setting that a rule reads; an empty one if there is none."""
    for step in read:
        below = schema.get("properties", {}).get(step, schema.get("additionalProperties"))
        schema = below if isinstance(below, dict) else {}
    return schema


def _unlimited(schema: dict[str, Any], path: Path) -> Iterator[str]:
    """The places of a list, a map or a text of any size, and of those in them, with the missing keyword."""
    is_map = isinstance(schema.get("additionalProperties"), dict)
    keyword = "maxProperties" if is_map else _LIMITS.get(schema.get("type", ""))
    if keyword and keyword not in schema and not schema.get("enum"):
        yield f"{shown(path) or 'the configuration'} (`{keyword}`)"
    for step, below, _ in _inside(schema) if is_map or "items" in schema else ():
        yield from _unlimited(below, (*path, step))


def _is_untyped(schema: dict[str, Any], read: Path) -> bool:
    """True if a path leads to a value that has no type for the server, although the schema names it."""
    for step in read:
        below = schema.get("properties", {}).get(step, schema.get("additionalProperties"))
        if not isinstance(below, dict):
            return False
        schema = below
        if declared(schema) is None:
            return True
    return False


def _judge(rule: Ruled, name: str, result: Expression | list[Mistake]) -> None:
    if rule.place is None or rule.refused:
        return
    if not isinstance(result, Expression):
        rule.refused[name] = f"an API server reads it differently: it {result[0].message}"
    elif difference := _difference(result):
        rule.refused[name] = difference
    elif name == "rule":
        rule.cost = costs.cost(result.checked(), rule.place) * rule.values
        _limit(rule, name, rule.cost)
    else:
        rule.of_message = costs.cost(result.checked(), rule.place)
        _limit(rule, name, rule.of_message)


def _difference(expression: Expression) -> str | None:
    """Why an API server does not compile what Weft compiles; None if it does."""
    tree = syntax.tree(expression.checked())
    functions = set(reads.called(tree.expr))
    if any(one.startswith(_ONLY_WEFT) for one in functions) or _BIND.search(expression.source):
        return "it calls a function that Kubernetes does not have"
    types = {entry.key: costs.kind_of(entry.value) for entry in tree.types}
    for items in reads.literals(tree.expr, outside="format"):
        if len({types.get(one.id, "dyn") for one in items} - {"dyn"}) > 1:
            return "the items of a list or a map that it spells out are of several types"
    return None


def _limit(rule: Ruled, name: str, cost: int) -> None:
    if cost > costs.RULE:
        times = f"{cost / costs.RULE:.1f}" if cost < 100 * costs.RULE else "more than 100"
        rule.refuse(name, f"it may cost {times} times what an API server allows")


def _judge_together(rules: list[Ruled]) -> None:
    """Refuse the dearest rules, until the others together cost no more than the server allows."""
    total = sum(_of_both(rule) for rule in rules)
    for rule in sorted(rules, key=_of_both, reverse=True):
        if total <= costs.DEFINITION:
            return
        total -= _of_both(rule)
        why = "all rules together may cost more than an API server allows, and this is one of the dearest"
        rule.refuse("rule", why)


def _of_both(rule: Ruled) -> int:
    """The cost that counts in the sum."""
    of_rule = 0 if "rule" in rule.refused else rule.cost
    return of_rule + (0 if rule.refused else rule.of_message)


def _write(rule: Ruled) -> None:
    """Leave what the server admits of a rule in its schema."""
    if "rule" in rule.refused:
        rule.schema[KEYWORD] = [entry for entry in rule.schema[KEYWORD] if entry is not rule.entry]
        if not rule.schema[KEYWORD]:
            del rule.schema[KEYWORD]
        return
    if _MESSAGE in rule.refused:
        del rule.entry[_MESSAGE]
    if not is_transition(rule.entry["rule"]):
        rule.entry.pop("optionalOldSelf", None)
