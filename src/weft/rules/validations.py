"""The rules of a schema, `x-kubernetes-validations`: compiled once, evaluated at every place of the schema.

See https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#validation-rules
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from weft.base.paths import Path, get, pointer
from weft.base.problems import Problem, did_you_mean
from weft.base.recent import Recent
from weft.rules.compiling import Expression, Old, Request, compiled, is_transition, unchecked
from weft.rules.deciding import Undecided, holds, text
from weft.rules.shapes import Shapes
from weft.schema.catalog import Catalog
from weft.schema.equality import item_key
from weft.schema.node import MISSING, Node
from weft.schema.walk import subschemas

KEYWORD: Final = "x-kubernetes-validations"
_FIELD: Final = re.compile(r"""\[(?:'(?P<one>(?:[^'\\]|\\.)*)'|"(?P<two>(?:[^"\\]|\\.)*)")\]|\.?(?P<plain>[^.\[\]]+)""")


@dataclass(frozen=True, slots=True)
class Rule:
    """One entry of `x-kubernetes-validations`, compiled."""

    expression: Expression
    message: str
    message_expression: Expression | None
    field: tuple[str, ...]
    location: str

    @property
    def transition(self) -> bool:
        """True if it compares with the last revision, `oldSelf`."""
        return self.expression.old is not Old.NONE

    @property
    def optional(self) -> bool:
        """True if `oldSelf` is an optional value, so the rule also applies to new values."""
        return self.expression.old is Old.OPTIONAL


@dataclass(frozen=True, slots=True)
class _Entry:
    """An entry before it is compiled, with its schema."""

    schema: dict[str, Any]
    data: dict[str, Any]
    location: str
    requests: dict[str, Request]


@dataclass(frozen=True, slots=True)
class _Place:
    """The rules of a node that evaluate a value alone, and whether there may be rules below it."""

    rules: tuple[Rule, ...]
    deeper: bool


class RuleCheck:
    """All rules of a catalog, compiled once. `broken` are problems for the rules that do not compile.

    `shown` turns the value at a node into what a message may show. Without `check`, types are not checked: for rules that compiled before.
    """

    def __init__(
        self,
        catalog: Catalog,
        shapes: Shapes | None = None,
        *,
        shown: Callable[[Node, Any], Any] = lambda _, value: value,
        check: bool = True,
    ) -> None:
        self._catalog = catalog
        self._shown = shown
        self._compiled = compiled if check else unchecked
        self.shapes = shapes or Shapes()
        self._rules: dict[int, tuple[Rule, ...]] = {}
        self.expressions: list[Expression] = []
        """Every expression of every rule that compiles."""
        self.broken: list[Problem] = []
        self._compile([entry for schema in catalog.schemas_with(KEYWORD) for entry in self._entries(schema)])
        self._reaching = catalog.reaching(self._rules)
        self._places: dict[Node, _Place] = {}
        self._quiet: defaultdict[Node, Recent[bool]] = defaultdict(Recent)

    def problems(
        self, config: Any, below: Path = (), judged: Callable[[Path], bool] | None = None, *, shared: bool = False
    ) -> list[Problem]:
        """A problem for each rule at or below a path that the configuration breaks, or that cannot be decided.

        Rules that read a setting whose path is not `judged` are skipped. With `shared`, a mapping in which no rule found a problem is not
        looked at again, as long as nobody changes it.
        """
        node, value = self._catalog.root.at(below), get(config, below)
        if shared and judged is None and self._is_quiet(node, value):
            return []
        return list(self._visit(node, value, below, judged or (lambda _: True)))

    def takes(self, node: Node, value: Any) -> bool:
        """True if a value for a node breaks no rule at the node or below, and each can be decided."""
        return next(self._visit(node, value, (), lambda _: True), None) is None

    def transitions(self, config: Any, previous: Any) -> list[Problem]:
        """A problem for each rule with `oldSelf` that the change from an earlier configuration breaks."""
        return list(self._follow(self._catalog.root, config, previous, ()))

    def at(self, path: Path) -> Iterator[tuple[Rule, Path]]:
        """The rules that read the setting at a path, with the path of each."""
        for length in range(len(path) + 1):
            here, below = path[:length], path[length:]
            for schema in self._catalog.root.at(here).certain:
                for rule in self._rules.get(id(schema), ()):
                    if any(read == below[: len(read)] or read[: len(below)] == below for read in rule.expression.reads):
                        yield rule, here

    def _entries(self, schema: dict[str, Any]) -> Iterator[_Entry]:
        node = self._catalog.node([schema], [schema])
        for index, data in enumerate(schema[KEYWORD]):
            old = Old.NONE
            if is_transition(data["rule"]):
                old = Old.OPTIONAL if data.get("optionalOldSelf") is True else Old.VALUE
            requests = {"rule": Request(data["rule"], node, old=old)}
            if "messageExpression" in data:
                requests["messageExpression"] = Request(data["messageExpression"], node, "string", old)
            yield _Entry(schema, data, self._catalog.documents.location(schema, KEYWORD, index), requests)

    def _compile(self, entries: list[_Entry]) -> None:
        results = iter(
            self._compiled([request for entry in entries for request in entry.requests.values()], self.shapes)
        )
        rules: dict[int, list[Rule]] = {id(entry.schema): [] for entry in entries}
        for entry in entries:
            expressions: dict[str, Expression] = {}
            for name in entry.requests:
                made = next(results)
                if isinstance(made, Expression):
                    expressions[name] = made
                else:
                    self.broken += [mistake.problem(name, f"{entry.location}/{name}") for mistake in made]
            self.expressions += expressions.values()
            self.broken += _wrong_field(self._catalog.node([entry.schema], [entry.schema]), entry)
            if len(expressions) == len(entry.requests):
                rules[id(entry.schema)].append(_rule(entry, expressions))
        self._rules = {schema: tuple(found) for schema, found in rules.items()}

    def _is_quiet(self, node: Node, value: Any) -> bool:
        """True if no rule at or below a node finds a problem; remembered for each mapping."""
        if not self._place(node).rules and not self._place(node).deeper:
            return True
        if isinstance(value, dict):
            kept = self._quiet[node]
            known = kept.find(value)
            return kept.keep(value, self._finds_nothing(node, value)) if known is None else known
        return self._finds_nothing(node, value)

    def _finds_nothing(self, node: Node, value: Any) -> bool:
        place = self._place(node)
        if not all(_is_kept(rule, node, value) for rule in place.rules):
            return False
        if not place.deeper:
            return True
        below = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        return all(self._is_quiet(node.child(step), child) for step, child in below)

    def _place(self, node: Node) -> _Place:
        """The rules at a node, and whether there may be rules below it."""
        place = self._places.get(node)
        if place is None:
            every = (rule for schema in node.certain for rule in self._rules.get(id(schema), ()))
            deeper = any(id(below) in self._reaching for schema in node.certain for _, below in subschemas(schema))
            place = self._places[node] = _Place(tuple(rule for rule in every if not rule.transition), deeper)
        return place

    def _visit(self, node: Node, value: Any, path: Path, judged: Callable[[Path], bool]) -> Iterator[Problem]:
        for schema in node.certain:
            for rule in self._rules.get(id(schema), ()):
                if not rule.transition and all(judged((*path, *read)) for read in rule.expression.reads):
                    yield from self._judge(rule, node, value, path)
        below = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        for step, child in below:
            place = node.child(step)
            if any(id(schema) in self._reaching for schema in place.certain):
                yield from self._visit(place, child, (*path, step), judged)

    def _follow(self, node: Node, value: Any, old: Any, path: Path) -> Iterator[Problem]:
        for schema in node.certain:
            for rule in self._rules.get(id(schema), ()):
                if rule.transition and (rule.optional or old is not MISSING):
                    yield from self._judge(rule, node, value, path, old)
        for step, child, before in _pairs(node, value, old):
            place = node.child(step)
            if any(id(schema) in self._reaching for schema in place.certain):
                yield from self._follow(place, child, before, (*path, step))

    def _judge(self, rule: Rule, node: Node, value: Any, path: Path, old: Any = MISSING) -> Iterator[Problem]:
        where = (*path, *rule.field)
        try:
            if holds(rule.expression, node, value, old):
                return
        except Undecided:
            reason = self._reason(rule, node, value, old) or Undecided("it depends on a secret")
            message = f"it cannot be decided whether a rule holds ({rule.message}): {reason}"
            location = f"{rule.location}/rule"
            yield Problem("rule-undecided", message, path=pointer(where), schema=location, hint=reason.hint(path))
            return
        settings = tuple(pointer((*path, *read)) for read in rule.expression.reads if read and not rule.field)
        message = self._message(rule, node, value, old)
        yield Problem("rule", message, path=pointer(where), schema=rule.location, reads=settings)

    def _reason(self, rule: Rule, node: Node, value: Any, old: Any) -> Undecided | None:
        """Why a rule cannot be decided, using only what may be shown; None if it can be decided with that."""
        try:
            holds(rule.expression, node, self._shown(node, value), self._shown(node, old))
        except Undecided as reason:
            return reason
        return None

    def _message(self, rule: Rule, node: Node, value: Any, old: Any) -> str:
        shown, before = self._shown(node, value), self._shown(node, old)
        made = text(rule.message_expression, node, shown, before) if rule.message_expression else None
        return made if made and made.strip() else rule.message


def _is_kept(rule: Rule, node: Node, value: Any) -> bool:
    try:
        return holds(rule.expression, node, value)
    except Undecided:
        return False


def _wrong_field(node: Node, entry: _Entry) -> Iterator[Problem]:
    """The step of an entry's `fieldPath` that leads nowhere: the rule would be reported for no setting."""
    for step in _field(entry):
        if not node.knows(step):
            message = f"`fieldPath` leads to no setting: the schema has no `{step}` there"
            hint = did_you_mean(step, node.properties)
            yield Problem("rule-invalid", message, schema=f"{entry.location}/fieldPath", hint=hint)
            return
        node = node.child(step)


def _field(entry: _Entry) -> tuple[str, ...]:
    """The steps of an entry's `fieldPath`."""
    steps = _FIELD.finditer(entry.data.get("fieldPath", ""))
    return tuple(match["one"] or match["two"] or match["plain"] for match in steps)


def _rule(entry: _Entry, expressions: dict[str, Expression]) -> Rule:
    field = _field(entry)
    message = entry.data.get("message", f"failed rule: {entry.data['rule']}")
    return Rule(expressions["rule"], message, expressions.get("messageExpression"), field, entry.location)


def _pairs(node: Node, value: Any, old: Any) -> Iterator[tuple[str | int, Any, Any]]:
    """The children of a value, with their earlier values: keys by name, items of a map-list by their keys.

    Items of other lists have no identity, and atomic maps change as a whole, so they have no `oldSelf`, as in Kubernetes.
    """
    if isinstance(value, dict):
        before = old if isinstance(old, dict) and not node.atomic_map else {}
        yield from ((key, below, before.get(key, MISSING)) for key, below in value.items())
    elif isinstance(value, list):
        known = (
            {item_key(node, item): item for item in old} if isinstance(old, list) and node.list_type == "map" else {}
        )
        for index, item in enumerate(value):
            yield index, item, known.get(item_key(node, item), MISSING) if known else MISSING
