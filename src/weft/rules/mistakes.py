"""Why an expression does not compile, in plain English: the messages of CEL's checker, combined with the schema."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from weft.base import codes
from weft.base.paths import dotted
from weft.base.problems import Problem, did_you_mean
from weft.rules import reads, syntax
from weft.rules.descriptor import Descriptor
from weft.rules.functions import ELSEWHERE, FUNCTIONS, OPAQUE, split_types
from weft.rules.names import escape, unescape
from weft.rules.shapes import Place
from weft.schema.node import Node


@dataclass(frozen=True, slots=True)
class Mistake:
    """One mistake in an expression; `line` and `column` count from 1 inside it."""

    code: str
    message: str
    line: int
    column: int
    hint: str | None = None

    def problem(self, subject: str, location: str | None = None) -> Problem:
        """The mistake as a problem of a `rule`, a `condition` …, at a place of a schema or a rule pack."""
        message = f"the {subject} {self.message} ({self.line}:{self.column} in the expression)"
        return Problem(self.code, message, schema=location, hint=self.hint, within=(self.line, self.column))


INVALID: Final = "rule-invalid"
UNSUPPORTED: Final = "unsupported-function"

_REPORTED: Final = re.compile(
    r"ERROR: <input>:(\d+):(-?\d+): (.*?)(?=\n \| |\nERROR: <input>:|\s*\[INVALID_ARGUMENT\]\s*\Z|\Z)", re.DOTALL
)
_NATIVE: Final = (
    "abs",
    "all",
    "bind",
    "bool",
    "bytes",
    "ceil",
    "charAt",
    "contains",
    "decode",
    "distinct",
    "double",
    "duration",
    "dyn",
    "encode",
    "endsWith",
    "equivalent",
    "exists",
    "existsOne",
    "exists_one",
    "filter",
    "flatten",
    "floor",
    "format",
    "getDate",
    "getDayOfMonth",
    "getDayOfWeek",
    "getDayOfYear",
    "getFullYear",
    "getHours",
    "getMilliseconds",
    "getMinutes",
    "getMonth",
    "getSeconds",
    "greatest",
    "has",
    "hasValue",
    "int",
    "intersects",
    "isFinite",
    "isInf",
    "isNaN",
    "join",
    "least",
    "lowerAscii",
    "map",
    "matches",
    "none",
    "of",
    "ofNonZeroValue",
    "optFlatMap",
    "optMap",
    "or",
    "orValue",
    "quote",
    "range",
    "replace",
    "reverse",
    "round",
    "sign",
    "size",
    "slice",
    "sort",
    "sortBy",
    "split",
    "sqrt",
    "startsWith",
    "string",
    "substring",
    "timestamp",
    "transformList",
    "transformMap",
    "transformMapEntry",
    "trim",
    "trunc",
    "type",
    "uint",
    "upperAscii",
    "value",
)
FUNCTION_NAMES: Final = frozenset((*_NATIVE, *(function.name.rpartition(".")[2] for function in FUNCTIONS)))
"""Every function that an expression may call, without its namespace (`greatest` for `math.greatest`)."""

_SPELLINGS: Final = {
    "and": "&&",
    "or": "||",
    "not": "!",
    "is": "==",
    "=": "==",
    "=<": "<=",
    "=>": ">=",
    "&": "&&",
    "|": "||",
    "any": "exists",
    "count": "size",
    "every": "all",
    "len": "size",
    "length": "size",
    "none": "null",
    "nil": "null",
    "true": "true",
    "false": "false",
}
"""How CEL writes what other languages write so, in small letters."""
_OPERATORS: Final = {"@in": "in", "_[_]": "[…]", "_?_:_": "? :", "-_": "-", "!_": "!"}
_COMPARING: Final = ("==", "!=", "<", "<=", ">", ">=", "in")
_WORDS: Final = {
    "bool": "true or false",
    "bytes": "bytes",
    "double": "a number",
    "duration": "a duration",
    "dyn": "anything",
    "int": "a whole number",
    "null_type": "null",
    "string": "a text",
    "timestamp": "a point in time",
    "type": "a type",
    "uint": "an unsigned whole number",
    "google.protobuf.Duration": "a duration",
    "google.protobuf.Timestamp": "a point in time",
    **OPAQUE,
}
_MANY: Final = {
    "bool": "truth values",
    "double": "numbers",
    "int": "whole numbers",
    "string": "texts",
    "dyn": "anything",
    "timestamp": "points in time",
    "duration": "durations",
}


def type_words(name: str) -> str:
    """A type of the checker as messages name it: `a list of texts`."""
    outer, _, inner = name.rstrip(")").partition("(") if name.endswith(")") else (name, "", "")
    if outer == "list":
        return f"a list of {_MANY.get(inner, 'mappings' if inner.startswith(('weft.', 'map')) else 'lists')}"
    if outer == "wrapper":
        return f"{_WORDS.get(inner, inner)} or null"
    if outer == "map" or outer.startswith("weft."):
        return "a mapping"
    return "an optional value" if outer == "optional_type" else _WORDS.get(outer, outer)


class Explainer:
    """Turns the checker's messages about one expression into mistakes. `shift` lines precede the expression."""

    def __init__(self, source: str, descriptor: Descriptor, tree: Callable[[], Any], shift: int) -> None:
        self._lines = source.split("\n")
        self._descriptor = descriptor
        self._tree = tree
        self._shift = shift

    def mistakes(self, error: Exception) -> list[Mistake]:
        """Every mistake, but only the first at each place, and none that follows from another."""
        found: dict[tuple[int, int], Mistake] = {}
        for line, column, text in _REPORTED.findall(str(error)):
            row, offset = int(line) - self._shift, max(int(column), 1)
            for mistake in self._read(row, offset, " ".join(text.split())):
                found.setdefault((mistake.line, mistake.column), mistake)
        explaining = [mistake for mistake in found.values() if codes.find(mistake.code).explains_others]
        return explaining[:1] or list(found.values())

    def _read(self, line: int, column: int, text: str) -> Iterator[Mistake]:
        for pattern, explain in self._EXPLAINED:
            match = re.match(pattern, text)
            if match:
                yield from explain(self, line, column, match)
                return
        if "*error*" not in text:  # it follows from another mistake
            yield Mistake(INVALID, f"does not compile: {text}", line, column)

    def _syntax(self, line: int, column: int, match: re.Match[str]) -> Iterator[Mistake]:
        text = re.sub(r" expecting .*", "", match[1])
        text = re.sub(r"^token recognition error at: '([=<>&|]+).*", r"unexpected '\1'", text)
        text = re.sub(
            r"^(mismatched input|extraneous input|no viable alternative at input|token recognition error at:) ",
            "unexpected ",
            text,
        )
        word = re.fullmatch(r"unexpected '\.?(\w+)'", text)
        reserved = escape(word[1]) if word else None
        hint = f"a setting of that name is `self.{reserved}`" if word and reserved != word[1] else None
        found = re.search(r"(\w+)\s+$", self._lines[line - 1][: column - 1]) if text == "unexpected 'self'" else None
        found = found or re.fullmatch(r"unexpected '([^']+)'", text)
        hint = (_spelled(found[1]) if found else None) or hint
        text = "it ends too early" if text == "unexpected '<EOF>'" else text.replace("'<EOF>'", "the end")
        yield Mistake(INVALID, f"does not compile: {text}", line, column, hint)

    def _field(self, line: int, column: int, match: re.Match[str]) -> Iterator[Mistake]:
        field, node = match[1], self._descriptor.node(match[2])
        name = unescape(field)
        line, column, way = self._selected(line, column, field)
        hint = _meant(field, node.properties if node else ()) or _other_level(name, way, node)
        shown = (
            f"`{dotted(way)}`, and the schema has no `{name}` there"
            if way
            else f"`{name}`, and the schema has no such setting"
        )
        yield Mistake(INVALID, f"reads {shown}", line, column, hint)

    def _selected(self, line: int, column: int, field: str) -> tuple[int, int, tuple[str, ...] | None]:
        """The position of a field's name, and its path if it is below `self`."""
        tree = self._tree()
        offset = sum(len(text) + 1 for text in self._lines[: line - 1]) + column - 1
        ids = {node for node, position in syntax.positions(tree).items() if position == offset}
        chain = reads.chain_at(tree, ids) if ids else None
        text = self._lines[line - 1]
        name = re.compile(rf"\.\s*\??\s*({re.escape(field)})(?!\w)").search(text, column - 1)
        if chain is None and name and ids:
            chain = reads.chain_ending(tree, field)
        return line, name.start(1) + 1 if name else column, chain.path if chain else None

    def _overload(self, line: int, column: int, match: re.Match[str]) -> Iterator[Mistake]:
        kinds = split_types(match[2])
        if "*error*" in match[2]:
            return
        operator = _OPERATORS.get(match[1]) or match[1].strip("_") if "_" in match[1] or match[1] == "@in" else None
        words = [type_words(kind) for kind in kinds]
        if operator in _COMPARING:
            hint = _cast(kinds) if operator in ("==", "!=") else None
            yield Mistake(
                INVALID, f"compares unlike types with `{operator}`: {' and '.join(words)}", line, column, hint
            )
        elif operator == "? :":
            what = f"`? :` needs true or false before it, and two values of one type: it has {', '.join(words)}"
            yield Mistake(INVALID, f"does not compile: {what}", line, column)
        elif operator:
            yield Mistake(
                INVALID, f"does not compile: `{operator}` does not work on {' and '.join(words)}", line, column
            )
        else:
            hint = _signatures(match[1])
            start = self._word_before(line, column, match[1])
            yield Mistake(INVALID, f"calls `{match[1]}` with {_listed(words)}", line, start, hint)

    def _undeclared(self, line: int, column: int, match: re.Match[str]) -> Iterator[Mistake]:
        name, text = match[1], self._lines[line - 1]
        rest = text[column - 1 :]
        if rest.startswith("(") or re.match(rf"{re.escape(name)}\s*\.?\w*\(", rest):
            start = self._word_before(line, column, name) if rest.startswith("(") else column
            yield self._call(line, start, name)
        elif name in ELSEWHERE:
            yield Mistake(UNSUPPORTED, f"uses `{name}`, which only an API server has", line, column)
        elif name == "oldSelf" or name.startswith("oldSelf."):
            hint = "rules of schemas alone compare with an earlier configuration"
            yield Mistake(
                INVALID,
                "uses `oldSelf`, but sees one configuration only",
                line,
                self._start_of(line, column, name),
                hint,
            )
        else:
            first, start = name.partition(".")[0], self._start_of(line, column, name)
            hint = _spelled(first) or "settings are reached through `self`"
            yield Mistake(INVALID, f"names `{first}`, which CEL does not know", line, start, hint)

    def _call(self, line: int, column: int, name: str) -> Mistake:
        if name in ELSEWHERE:
            return Mistake(UNSUPPORTED, f"calls `{name}`, which only an API server has", line, column)
        if name in FUNCTION_NAMES:
            return Mistake(INVALID, f"calls `{name}` in a way that CEL does not know", line, column, _signatures(name))
        hint = _spelled(name) or did_you_mean(name, FUNCTION_NAMES) or "docs/reference/rules.md lists the functions"
        return Mistake(UNSUPPORTED, f"calls `{name}`, which is not a function of CEL", line, column, hint)

    def _reserved(self, line: int, column: int, match: re.Match[str]) -> Iterator[Mistake]:
        hint = f"a setting of that name is `self.{escape(match[1])}`"
        yield Mistake(INVALID, f"does not compile: `{match[1]}` is a reserved word of CEL", line, column, hint)

    def _select(self, line: int, column: int, match: re.Match[str]) -> Iterator[Mistake]:
        if match[1] != "*error*":
            yield Mistake(INVALID, f"reads a setting inside {type_words(match[1])}", line, column + 1)

    def _range(self, line: int, column: int, match: re.Match[str]) -> Iterator[Mistake]:
        if match[1] != "*error*":
            what = type_words(match[1])
            hint = (
                "only the keys of mappings without fixed settings can be iterated over" if what == "a mapping" else None
            )
            yield Mistake(INVALID, f"iterates over {what}, which is not a list", line, column, hint)

    def _word_before(self, line: int, column: int, name: str) -> int:
        """The column of a function's name, for which the checker reports the opening bracket."""
        word = name.rpartition(".")[2]
        start = self._lines[line - 1].rfind(word, 0, column - 1)
        return start + 1 if start >= 0 else column

    def _start_of(self, line: int, column: int, name: str) -> int:
        """The column of a name; for a name with dots, the checker reports the last dot."""
        start = self._lines[line - 1].rfind(name, 0, column + len(name))
        return start + 1 if "." in name and start >= 0 else column

    _EXPLAINED: Final = (
        (r"Syntax error: (.*)", _syntax),
        (r"undefined field '([^']*)' not found in struct '([^']*)'", _field),
        (r"found no matching overload for '([^']*)' applied to '\((.*)\)'", _overload),
        (r"undeclared reference to '([^']*)'", _undeclared),
        (r"reserved identifier: (\w+)", _reserved),
        (r"expression of type '([^']*)' cannot be the operand of a select", _select),
        (r"expression of type '([^']*)' cannot be the range", _range),
    )


def _meant(field: str, properties: tuple[str, ...]) -> str | None:
    """The probably intended setting; its name may need escaping, or was cut at a `-`."""
    names = {name: alias for name in properties if (alias := escape(name))}
    cut = next(
        (alias for name, alias in names.items() if alias != name and re.match(rf"{re.escape(field)}(?!\w)", name)), None
    )
    return f"write `{cut}`" if cut else did_you_mean(field, names.values())


def _spelled(word: str) -> str | None:
    """A hint for an operator or a word of another language."""
    spelling = _SPELLINGS.get(word.lower())
    return f"CEL writes `{spelling}`" if spelling else None


def _other_level(name: str, way: tuple[str, ...] | None, node: Place | None) -> str | None:
    """A hint if a rule of a part reads a setting of the whole configuration from `self`."""
    if not isinstance(node, Node) or way != (name,) or name not in node.catalog.root.properties:
        return None
    return f"`self` is the value that {node.place} describes; a rule that reads `{name}` belongs in the root schema"


def _listed(words: list[str]) -> str:
    return ", ".join(words) if words else "nothing"


def _cast(kinds: list[str]) -> str | None:
    """The hint for a comparison of numbers of two types."""
    if set(kinds) == {"int", "double"}:
        return "write both as whole numbers, or one as `double(…)`"
    return None


def _signatures(name: str) -> str | None:
    found = [
        function.signature for function in FUNCTIONS if function.name.rpartition(".")[2] == name.rpartition(".")[2]
    ]
    return f"it is called as {', '.join(f'`{one}`' for one in found[:3])}" if found else None
