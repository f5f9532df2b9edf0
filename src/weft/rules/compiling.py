"""Compiling expressions, the only module that does it: for rules, their messages, conditions and policies.

Expressions are checked in batches, because one environment serves a whole batch: it has the messages of all places with
expressions, and each expression is bound to the message of its place.
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
from weft.rules.shapes import Place, Shapes

if TYPE_CHECKING:
    from cel_expr_python.cel import Env

_IDENTIFIER: Final = re.compile(r"[A-Za-z_]\w*")
_BRACKETS: Final = re.compile(
    r"""[rbRB]*(?:\"\"\".*?\"\"\"|'''.*?'''|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')|//[^\n]*|[()\[\]{},]""", re.DOTALL
)
_CLOSED: Final = {")": "(", "]": "[", "}": "{"}


class Old(Enum):
    """What an expression knows about the earlier value."""

    NONE = "none"
    VALUE = "value"
    OPTIONAL = "optional"


@dataclass(frozen=True)
class Request:
    """An expression to compile: the place of `self`, and the type of the result (`bool`, `string`)."""

    source: str
    node: Place
    gives: str = "bool"
    old: Old = Old.NONE


@dataclass(eq=False)
class Expression:
    """A compiled expression. `remembered` holds its results by the values that it read."""

    source: str
    shapes: Shapes
    old: Old = Old.NONE
    checked: Callable[[], bytes] = bytes
    remembered: dict[Any, Any] = field(default_factory=dict)

    @cached_property
    def program(self) -> Any:
        """The program that runs."""
        if self.old is not Old.OPTIONAL:
            return runnable(self.source)
        # an optional value cannot be handed over: it is built from a mapping that contains it or is empty
        optional = "has(oldSelf.value) ? optional.of(oldSelf.value) : optional.none()"
        return runnable(f"cel.bind(oldSelf, {optional}, (\n{self.source}\n))")

    @cached_property
    def chains(self) -> tuple[reads.Chain, ...]:
        """The chains of steps from `self` that it mentions."""
        return reads.chains(syntax.tree(parsed(self.source)))

    @cached_property
    def chains_of_self(self) -> tuple[reads.Chain, ...]:
        """Those that do not start at `oldSelf`."""
        return tuple(chain for chain in self.chains if not chain.old)

    @cached_property
    def chains_of_old(self) -> tuple[reads.Chain, ...]:
        """Those that start at `oldSelf`."""
        return tuple(chain for chain in self.chains if chain.old)

    @cached_property
    def reads(self) -> tuple[Path, ...]:
        """The settings below `self` that it reads; an empty path means that it may read everything."""
        return reads.settings(self.chains)

    @cached_property
    def dynamic(self) -> bool:
        """True if it reads something without a type in the schema, so its types cannot be checked completely."""
        tree = syntax.tree(self.checked())
        kinds = {entry.key for entry in tree.types if entry.value.HasField("dyn")}
        return any(node in kinds for node in reads.selections(tree.expr))


@lru_cache(maxsize=4096)
def parsed(source: str) -> bytes:
    """The syntax tree of an expression that is well formed."""
    return bytes(parsing().compile(source, disable_check=True).serialize())


def runnable(source: str) -> Any:
    """The program of an expression that is well formed."""
    tree = parsed(source)
    return running().deserialize(
        reads.by_own_names(tree) if "__" in source else tree
    )  # no other name is written differently


def is_transition(source: str) -> bool:
    """True if an expression compares with the earlier value. False if it is not well formed."""
    return "oldSelf" in source and any(chain.old for chain in _chains(source))


def settings_of(source: str) -> tuple[Path, ...]:
    """The settings below `self` that an expression reads, without checking types. There are none if it is not well formed."""
    return reads.settings(_chains(source))


def _chains(source: str) -> tuple[reads.Chain, ...]:
    try:
        tree = syntax.tree(parsed(source))
    except RuntimeError:
        return ()
    return reads.chains(tree)


def compiled(requests: Sequence[Request], shapes: Shapes) -> list[Expression | list[Mistake]]:
    """Each compiled expression, or its mistakes."""
    return _Batch(requests, shapes).results() if requests else []


def unchecked(requests: Sequence[Request], shapes: Shapes) -> list[Expression]:
    """Each expression of requests that were compiled before, without checking types: CEL's checker is not even imported.

    Raises RuntimeError if one is not well formed.
    """
    for request in requests:
        parsed(request.source)
    return [Expression(request.source, shapes, request.old) for request in requests]


class _Batch:
    """Expressions that are checked in one environment."""

    def __init__(self, requests: Sequence[Request], shapes: Shapes) -> None:
        self._requests = requests
        self._shapes = shapes
        names = {name for request in requests for name in _IDENTIFIER.findall(request.source)}
        self._descriptor = Descriptor(shapes, names)
        self._variables: dict[Place, str] = {}
        for request in requests:
            self._variables.setdefault(request.node, f"place{len(self._variables)}")

    def results(self) -> list[Expression | list[Mistake]]:
        """Each compiled expression, or its mistakes."""
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
        if checked is None:  # the brackets around it would be part of the message
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
"""Functions that take some texts only: how one is tried, and what it must be."""


def _bad_texts(source: str) -> Iterator[Mistake]:
    """Literal texts that a function can never accept; an API server rejects them too."""
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
    """A type in the notation of the checker's messages: the package prints `LIST<STRING>`."""
    known = name if "." in name else name.lower()
    return known.replace("<", "(").replace(">", ")")


def _unbalanced(source: str) -> bool:
    """True if brackets around an expression would not enclose all of it."""
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
