"""Compiling expressions, the one place where it is done: rules, their messages, conditions and policies all come from here.

Expressions are judged in batches, as one environment serves a whole batch: it knows the messages of all places at which
expressions stand, and each expression is bound to the one of its place.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum
from functools import cache, cached_property, lru_cache, partial
from typing import TYPE_CHECKING, Any, Final

from weft.base.paths import Path
from weft.rules import reads, syntax
from weft.rules.descriptor import Descriptor
from weft.rules.environment import judging, parsing, running
from weft.rules.mistakes import INVALID, Explainer, Mistake, type_words
from weft.rules.shapes import Shapes
from weft.schema.node import Node

if TYPE_CHECKING:
    from cel_expr_python.cel import Env

_IDENTIFIER: Final = re.compile(r"[A-Za-z_]\w*")
_BRACKETS: Final = re.compile(
    r"""[rbRB]*(?:\"\"\".*?\"\"\"|'''.*?'''|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')|//[^\n]*|[()\[\]{},]""", re.DOTALL
)
_CLOSED: Final = {")": "(", "]": "[", "}": "{"}


class Old(Enum):
    """What an expression knows of the value before."""

    NONE = "none"
    VALUE = "value"
    OPTIONAL = "optional"


@dataclass(frozen=True)
class Request:
    """An expression to be compiled: where `self` stands, and the type that it gives (`bool`, `string`)."""

    source: str
    node: Node
    gives: str = "bool"
    old: Old = Old.NONE


@dataclass(eq=False)
class Expression:
    """A compiled expression. `remembered` holds what it said of the values that it read."""

    source: str
    shapes: Shapes
    old: Old = Old.NONE
    checked: Callable[[], bytes] = bytes
    remembered: dict[Any, Any] = field(default_factory=dict)

    @cached_property
    def program(self) -> Any:
        """What runs."""
        if self.old is not Old.OPTIONAL:
            return runnable(self.source)
        # an optional value cannot be handed over: it is made from a mapping that holds it or nothing
        optional = "has(oldSelf.value) ? optional.of(oldSelf.value) : optional.none()"
        return runnable(f"cel.bind(oldSelf, {optional}, (\n{self.source}\n))")

    @cached_property
    def chains(self) -> tuple[reads.Chain, ...]:
        """The chains of steps from `self` that it mentions."""
        return reads.chains(syntax.tree(parsed(self.source)))

    @cached_property
    def reads(self) -> tuple[Path, ...]:
        """The settings below `self` that it reads; an empty path means that it may read everything."""
        return reads.settings(self.chains)

    @cached_property
    def dynamic(self) -> bool:
        """Whether it reads something whose type the schema does not say, so that its types are not judged whole."""
        tree = syntax.tree(self.checked())
        kinds = {entry.key for entry in tree.types if entry.value.HasField("dyn")}
        return any(node in kinds for node in reads.selections(tree.expr))


@lru_cache(maxsize=4096)
def parsed(source: str) -> bytes:
    """The syntax tree of an expression that is known to be well formed."""
    return bytes(parsing().compile(source, disable_check=True).serialize())


def runnable(source: str) -> Any:
    """A program of an expression that is known to be well formed."""
    return running().deserialize(reads.by_own_names(parsed(source)))


def is_transition(source: str) -> bool:
    """Whether an expression compares with the value before. One that is not well formed does not."""
    if "oldSelf" not in source:
        return False
    try:
        tree = syntax.tree(parsed(source))
    except RuntimeError:
        return False
    return any(chain.old for chain in reads.chains(tree))


def settings_of(source: str) -> tuple[Path, ...]:
    """The settings below `self` that an expression reads, whatever its types."""
    return reads.settings(reads.chains(syntax.tree(parsed(source))))


def compiled(requests: Sequence[Request], shapes: Shapes) -> list[Expression | list[Mistake]]:
    """Each expression, or what is wrong with it."""
    return _Batch(requests, shapes).results() if requests else []


class _Batch:
    """Expressions that are judged in one environment."""

    def __init__(self, requests: Sequence[Request], shapes: Shapes) -> None:
        self._requests = requests
        self._shapes = shapes
        names = {name for request in requests for name in _IDENTIFIER.findall(request.source)}
        self._descriptor = Descriptor(shapes, names)
        self._variables: dict[Node, str] = {}
        for request in requests:
            self._variables.setdefault(request.node, f"place{len(self._variables)}")

    def results(self) -> list[Expression | list[Mistake]]:
        """Each expression, or its mistakes."""
        types = {name: self._descriptor.type(node) for node, name in self._variables.items()}
        environment = judging(self._descriptor.pool(), types)
        return [self._result(environment, request) for request in self._requests]

    def _result(self, environment: Env, request: Request) -> Expression | list[Mistake]:
        explain = Explainer(request.source, self._descriptor, partial(_tree, request.source), 1)
        unbalanced = _unbalanced(request.source)
        try:
            checked = environment.compile(self._bound(request)) if not unbalanced else None
        except RuntimeError as error:
            if "Syntax error" not in str(error):
                return explain.mistakes(error)
            checked = None
        if checked is None:  # the brackets around it would be part of what is said
            return self._malformed(environment, request)
        given = checked.return_type().name()
        if given.lower() not in (request.gives, "dyn"):
            wanted = {"bool": "neither true nor false", "string": "not a text"}[request.gives]
            return [Mistake(INVALID, f"gives {type_words(_plain(given))}, {wanted}", 1, 1)]
        return list(_bad_texts(request.source)) or Expression(
            request.source, self._shapes, request.old, checked.serialize
        )

    def _malformed(self, environment: Env, request: Request) -> list[Mistake]:
        explain = Explainer(request.source, self._descriptor, partial(_tree, request.source), 0)
        try:
            environment.compile(request.source, disable_check=True)
        except RuntimeError as error:
            return explain.mistakes(error)[:1]
        return [Mistake(INVALID, "does not compile: its brackets are not balanced", 1, 1)]

    def _bound(self, request: Request) -> str:
        """The expression with `self` bound to the variable of its place; it starts at the second line."""
        name = self._variables[request.node]
        if request.old is Old.NONE:
            return f"cel.bind(self, {name},\n{request.source}\n)"
        before = f"optional.of({name})" if request.old is Old.OPTIONAL else name
        return f"cel.bind(oldSelf, {before}, cel.bind(self, {name},\n{request.source}\n))"


_TEXTS: Final = {
    "duration": ("duration(self)", "a duration, such as 1h30m"),
    "timestamp": ("timestamp(self)", "a point in time, such as 2026-01-31T12:00:00Z"),
    "matches": ("''.matches(self)", "a regular expression"),
    "find": ("''.find(self)", "a regular expression"),
    "findAll": ("''.findAll(self)", "a regular expression"),
}
"""Functions that take some texts only: how one is tried, and what it has to be."""


def _bad_texts(source: str) -> Iterator[Mistake]:
    """Texts that are written out and that a function can never take, which an API server refuses too."""
    if not any(f"{name}(" in source for name in _TEXTS):
        return
    tree = _tree(source)
    places = syntax.positions(tree)
    for function, text, node in reads.texts_given(tree.expr, _TEXTS):
        trial, wanted = _TEXTS[function]
        if _trial(trial).eval(data={"self": text}).type().name() == "ERROR":
            before = source[: places[node]]
            line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
            yield Mistake(INVALID, f"gives `{text}` to `{function}`, which is not {wanted}", line, column)


@cache
def _trial(source: str) -> Any:
    return runnable(source)


def _tree(source: str) -> Any:
    return syntax.tree(parsed(source))


def _plain(name: str) -> str:
    """A type as the checker's messages write it: the package prints `LIST<STRING>`."""
    known = name if "." in name else name.lower()
    return known.replace("<", "(").replace(">", ")")


def _unbalanced(source: str) -> bool:
    """Whether brackets put around an expression would not hold it together."""
    opened: list[str] = []
    for match in _BRACKETS.finditer(source):
        mark = match[0]
        if mark in ("(", "[", "{"):
            opened.append(mark)
        elif mark in _CLOSED:
            if not opened or opened.pop() != _CLOSED[mark]:
                return True
        elif mark == "," and not opened:
            return True
    return bool(opened)
