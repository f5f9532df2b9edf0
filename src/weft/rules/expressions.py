"""Rules: CEL expressions of `x-kubernetes-validations`, as in Kubernetes CustomResourceDefinitions.

Each rule is compiled once. It is given only the settings that it reads, because handing a whole configuration to CEL costs
more than the rule itself; verdicts are remembered by those values. The list of settings also tells a report where to point.
See https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#validation-rules
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import cel

from weft.base.paths import Path, dotted, get, pointer
from weft.base.problems import Problem, did_you_mean
from weft.rules import functions
from weft.schema.equality import item_key
from weft.schema.node import MISSING, TYPE_WORDS, Catalog, Node, json_type

_LITERAL = re.compile(r"""[rb]?("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')""")
_CHAIN = re.compile(r"(?<![\w.])self(?P<steps>(?:\s*\.\s*[A-Za-z_]\w*(?!\w*\s*\())*)")
_BOUND = re.compile(r"\.\s*(?:all|exists|exists_one|map|filter|optMap|optFlatMap)\(\s*(\w+)\s*,")
_NAMESPACES: Final = (
    "int",
    "uint",
    "double",
    "string",
    "bytes",
    "bool",
    "list",
    "map",
    "null_type",
    "type",
    "optional",
    "math",
    "strings",
    "sets",
    "base64",
    "lists",
)
_ESCAPED = re.compile(r"__(dot|dash|slash|underscores)__")
_ESCAPES: Final = {"dot": ".", "dash": "-", "slash": "/", "underscores": "__"}
_KEYWORD = re.compile(
    r"__(true|false|null|in|as|break|const|continue|else|for|function|if|import|let|loop|package|namespace|return|var|void|while)__"
)
_SIZE = re.compile(rf"(?P<literal>{_LITERAL.pattern})|\bsize(?=\s*\()")
_OPERAND = r"""(?:self(?:\s*\.\s*[A-Za-z_]\w*)+(?!\s*[(\w\[.])|"x*"|-?\d+(?:\.\d+)?|true|false|null)(?![\w.])"""
_COMPARED = re.compile(
    rf"(?:^|&&|\|\||[(?:,!])\s*(?P<one>{_OPERAND})\s*(?:==|!=|<=|>=|<|>)\s*(?P<other>{_OPERAND})\s*(?=$|&&|\|\||[)?:,])"
)
_FIELD = re.compile(r"""\[(?:'(?P<one>(?:[^'\\]|\\.)*)'|"(?P<two>(?:[^"\\]|\\.)*)")\]|\.?(?P<plain>[^.\[\]]+)""")
CEL_ERRORS: Final = (ValueError, TypeError, KeyError, IndexError, RuntimeError, ArithmeticError)


def unescape(name: str) -> str:
    """The property that a CEL identifier stands for, by Kubernetes' escaping (`__dash__`, `__namespace__` …)."""
    keyword = _KEYWORD.fullmatch(name)
    return keyword[1] if keyword else _ESCAPED.sub(lambda match: _ESCAPES[match[1]], name)


def is_transition(source: str) -> bool:
    """Whether a rule compares with the last revision, which a single configuration has not."""
    return re.search(r"\boldSelf\b", _LITERAL.sub('""', source)) is not None


class Expression:
    """A compiled CEL expression over `self`.

    Raises ValueError when it does not compile.

    `reads` are the paths below `self` that it mentions; an empty path means that it may read everything. `unknown` is a
    name that means nothing, with the names that would have been possible. Other `variables` than `self` may be allowed.
    """

    def __init__(self, source: str, *variables: str) -> None:
        self.source = source
        # CEL counts the characters of a text, the library its bytes: `Size` is ours, as long in letters so that columns hold
        self._program = cel.compile(_SIZE.sub(lambda match: match["literal"] or "Size", source))
        bare = _LITERAL.sub('""', source)
        self._aliases = {name: word for word in re.findall(r"\w*__\w+", bare) if (name := unescape(word)) != word}
        chains = {tuple(re.findall(r"\w+", match["steps"])) for match in _CHAIN.finditer(bare)}
        # a shorter chain already brings what is below it
        self._chains = [
            chain for chain in sorted(chains) if not any(chain[:size] in chains for size in range(len(chain)))
        ]
        self.reads: tuple[tuple[str, ...], ...] = tuple(tuple(map(unescape, chain)) for chain in self._chains)
        called = [name for name in self._program.functions() if name.isidentifier() and not name.startswith("_")]
        self._functions = functions.used_by(called)
        self._bare = bare
        known = {"self", *variables, *_NAMESPACES, *(bound for bound in _BOUND.findall(bare))}
        self.unknown = next(((name, KNOWN_FUNCTIONS) for name in called if name not in KNOWN_FUNCTIONS), None) or next(
            ((name, frozenset(("self",))) for name in self._program.variables() if name not in known), None
        )
        self._remembered: dict[str, Any] = {}

    def strange(self, node: Node) -> tuple[str, str | None] | None:
        """A message and a hint when the expression reads a setting below `node` that the schema does not allow."""
        for path in self.reads:
            place = node
            for step in path:
                if not place.knows(step):
                    return f"reads `{dotted(path)}`, and the schema has no `{step}` there", did_you_mean(
                        step, place.properties
                    )
                place = place.child(step)
        return None

    def unlike(self, node: Node) -> str | None:
        """A comparison of a setting with what can never be of its type, which CEL would just call false."""
        for match in _COMPARED.finditer(_LITERAL.sub(lambda found: '"' + "x" * (len(found[0]) - 2) + '"', self.source)):
            one, other = (self._types(node, match[side]) for side in ("one", "other"))
            if one and other and not one & other:
                names = [" or ".join(TYPE_WORDS[kind] for kind in sorted(kinds)) for kinds in (one, other)]
                text = self.source[match.start("one") : match.end("other")]
                return f"compares unlike types in `{text}`: {names[0]} and {names[1]}"
        return None

    def _types(self, node: Node, text: str) -> frozenset[str]:
        """The JSON types that one side of a comparison can have, numbers as one; empty where that is not known."""
        if text[0] in "\"'":
            return frozenset(("string",))
        if text in ("true", "false", "null"):
            return frozenset(("null" if text == "null" else "boolean",))
        if text[0].isdigit() or text[0] == "-":
            return frozenset(("number",))
        path = tuple(map(unescape, re.findall(r"\w+", text)[1:]))
        types = node.at(path).types if path else frozenset[str]()
        return frozenset("number" if kind == "integer" else kind for kind in types)

    def evaluate(self, node: Node, value: Any, **others: Any) -> Any:
        """What the expression says of a value; raises one of CEL's errors when it cannot say."""
        if others:
            variables = {name: self._wrapped(node, other) for name, other in others.items()}
            variables["self"] = self._for_cel(node, value)
            return self._program.execute(functions.context(variables, self._functions))
        picked = self._pick(node, value)
        key = repr(picked)
        if key not in self._remembered:
            if len(self._remembered) > 10_000:
                self._remembered.clear()
            self._remembered[key] = self._program.execute(functions.context({"self": picked}, self._functions))
        return self._remembered[key]

    def _wrapped(self, node: Node, value: Any) -> Any:
        if isinstance(value, cel.OptionalValue):
            return cel.OptionalValue.of(self._for_cel(node, value.value())) if value.has_value() else value
        return self._for_cel(node, value)

    def _pick(self, node: Node, value: Any) -> Any:
        if () in self._chains or not isinstance(value, dict):
            return self._for_cel(node, value)
        picked: dict[str, Any] = {}
        for chain, path in zip(self._chains, self.reads, strict=True):
            below, source, place, here = picked, value, node, path
            for alias, name in zip(chain, path, strict=True):
                if not isinstance(source, dict) or name not in source:
                    break
                source, place, here = source[name], place.child(name), here[1:]
                if here and isinstance(source, dict):
                    below = below.setdefault(alias, {})
                else:
                    below[alias] = self._for_cel(place, source)
        return picked

    def _for_cel(self, node: Node, value: Any) -> Any:
        """The value with escaped property names, and the number types that the schema declares: CEL does not mix int and double."""
        if isinstance(value, dict):
            return {
                self._aliases.get(key, key) if key in node.properties else key: self._for_cel(node.child(key), below)
                for key, below in value.items()
            }
        if isinstance(value, list):
            return [self._for_cel(node.child(index), below) for index, below in enumerate(value)]
        if isinstance(value, int) and not isinstance(value, bool) and node.types == {"number"}:
            return float(value)
        if isinstance(value, float) and value.is_integer() and "integer" in node.types:
            return int(value)
        return value


KNOWN_FUNCTIONS: Final = functions.names()


@dataclass(frozen=True, slots=True)
class Rule:
    """One entry of `x-kubernetes-validations`, compiled."""

    expression: Expression
    message: str
    message_expression: Expression | None
    field: tuple[str, ...]
    location: str
    transition: bool = False
    """Whether it compares with the last revision, `oldSelf`."""
    optional: bool = False
    """Whether `oldSelf` is an optional value, so that the rule also judges what is new."""


class RuleCheck:
    """All rules of a catalog, compiled once. `broken` are the rules that do not compile, as problems."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._rules: dict[int, tuple[Rule, ...]] = {}
        self.broken: list[Problem] = []
        for schema in catalog.schemas_with("x-kubernetes-validations"):
            self._rules[id(schema)] = tuple(self._compile(schema))
        self._reaching = catalog.reaching(self._rules)

    def problems(self, config: Any, below: Path = (), judged: Callable[[Path], bool] | None = None) -> list[Problem]:
        """Every rule at or below a path that the configuration breaks, or that cannot be decided for it.

        Rules that read a setting whose path is not `judged` are passed over.
        """
        return list(self._visit(self._catalog.root.at(below), get(config, below), below, judged or (lambda _: True)))

    def transitions(self, config: Any, previous: Any) -> list[Problem]:
        """Every rule over `oldSelf` that the change from an earlier configuration breaks."""
        return list(self._follow(self._catalog.root, config, previous, ()))

    def _follow(self, node: Node, value: Any, old: Any, path: Path) -> Iterator[Problem]:
        for schema in node.certain:
            for rule in self._rules.get(id(schema), ()):
                if rule.transition and rule.optional:
                    wrapped = cel.OptionalValue.none() if old is MISSING else cel.OptionalValue.of(old)
                    yield from self._judge(rule, node, value, path, oldSelf=wrapped)
                elif rule.transition and old is not MISSING:
                    yield from self._judge(rule, node, value, path, oldSelf=old)
        for step, child, before in _pairs(node, value, old):
            place = node.child(step)
            if any(id(schema) in self._reaching for schema in place.certain):
                yield from self._follow(place, child, before, (*path, step))

    def at(self, path: Path) -> Iterator[tuple[Rule, Path]]:
        """The rules that read the setting at a path, with the path at which each stands."""
        for length in range(len(path) + 1):
            here, below = path[:length], path[length:]
            for schema in self._catalog.root.at(here).certain:
                for rule in self._rules.get(id(schema), ()):
                    if any(read == below[: len(read)] or read[: len(below)] == below for read in rule.expression.reads):
                        yield rule, here

    def _compile(self, schema: dict[str, Any]) -> Iterator[Rule]:
        for index, entry in enumerate(schema["x-kubernetes-validations"]):
            location = self._catalog.documents.location(schema, "x-kubernetes-validations", index)
            transition = is_transition(entry["rule"])
            more = ("oldSelf",) if transition else ()
            what = "rule"
            try:
                expression = Expression(entry["rule"], *more)
                what = "messageExpression"
                message = Expression(entry["messageExpression"], *more) if "messageExpression" in entry else None
            except ValueError as error:
                self._complain(location, f"the {what} does not compile: {first_line(error)}", None)
                continue
            strange = expression.strange(self._catalog.node([schema], [schema]))
            if strange:
                self._complain(location, f"the rule {strange[0]}", strange[1])
                continue
            unlike = expression.unlike(self._catalog.node([schema], [schema]))
            if unlike:
                self._complain(location, f"the rule {unlike}", None)
                continue
            unknown = expression.unknown or (message and message.unknown)
            if unknown:
                name, known = unknown
                hint = "settings are reached through `self`" if "self" in known else did_you_mean(name, known)
                self._complain(location, f"the rule names `{name}`, which CEL does not know", hint)
                continue
            field = tuple(
                match["one"] or match["two"] or match["plain"] for match in _FIELD.finditer(entry.get("fieldPath", ""))
            )
            text = entry.get("message", f"failed rule: {entry['rule']}")
            optional = entry.get("optionalOldSelf") is True
            yield Rule(expression, text, message, field, location, transition, optional)

    def _complain(self, location: str, message: str, hint: str | None) -> None:
        self.broken.append(Problem("rule-invalid", message, schema=location, hint=hint))

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

    def _judge(self, rule: Rule, node: Node, value: Any, path: Path, **old: Any) -> Iterator[Problem]:
        where = pointer((*path, *rule.field))
        try:
            verdict = rule.expression.evaluate(node, value, **old)
        except CEL_ERRORS as error:
            reads = ", ".join(dotted((*path, *read)) for read in rule.expression.reads) or dotted(path)
            message = f"it cannot be decided whether a rule holds ({rule.message}): {why(error)}"
            hint = f"it reads {reads}; guard what may be absent with has()"
            yield Problem("rule-undecided", message, path=where, schema=rule.location, hint=hint)
            return
        if not isinstance(verdict, bool):
            message = f"the rule gives {TYPE_WORDS[json_type(verdict)]}, neither true nor false ({rule.message})"
            yield Problem("rule-undecided", message, path=where, schema=rule.location)
        elif not verdict:
            settings = tuple(pointer((*path, *read)) for read in rule.expression.reads if read and not rule.field)
            message = self._message(rule, node, value, **old)
            yield Problem("rule", message, path=where, schema=rule.location, reads=settings)

    def _message(self, rule: Rule, node: Node, value: Any, **old: Any) -> str:
        if rule.message_expression:
            try:
                text = rule.message_expression.evaluate(node, value, **old)
            except CEL_ERRORS:
                text = None  # Kubernetes falls back to `message` too
            if isinstance(text, str) and text.strip():
                return text
        return rule.message


def _pairs(node: Node, value: Any, old: Any) -> Iterator[tuple[str | int, Any, Any]]:
    """What lies in a value, with what lay there before: keys by their names, items of a map-list by their keys.

    Items of other lists have no identity, so there is no `oldSelf` of theirs, as in Kubernetes.
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


def first_line(error: Exception) -> str:
    """The first line of an error of the CEL library, without its marks."""
    text = str(error).splitlines()[0]
    text = re.sub(r"^Failed to parse expression '.*?': (ERROR: )?", "", text, flags=re.DOTALL)
    text = re.sub(r"<input>:\d+:(\d+): (Syntax error: )?", r"at character \1, ", text)
    return text.partition(" expecting {")[0]


def why(error: Exception) -> str:
    """Why an expression could not be evaluated, in a few words."""
    if isinstance(error, KeyError):
        return f"`{error.args[0]}` is not set" if error.args else "a setting is not set"
    return first_line(error).split(". ")[0]
