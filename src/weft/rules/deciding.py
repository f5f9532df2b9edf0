"""Deciding, the only module that runs expressions and translates CEL's errors into messages."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from weft.base.paths import Path, dotted
from weft.rules.compiling import Expression, Old
from weft.rules.mistakes import type_words
from weft.rules.reads import Chain
from weft.rules.shapes import Unreadable
from weft.schema.node import MISSING, Node
from weft.schema.types import TYPE_WORDS, json_type

_REMEMBERED: Final = 10_000
_ERROR: Final = "ERROR"
_NULL: Final = "NULL"


class Undecided(Exception):
    """Raised if an expression has no result for a value. Its text is the reason."""

    def __init__(self, reason: str, advice: str | None = None, setting: Path | None = None) -> None:
        super().__init__(reason)
        self._advice = advice
        self._setting = setting

    def hint(self, path: Path = ()) -> str | None:
        """The hint for an expression at a path: a missing setting is named by its full path."""
        if self._setting is None:
            return self._advice
        return f"it reads {dotted((*path, *self._setting))}; guard settings that may be absent with has()"


def holds(expression: Expression, node: Node, value: Any, old: Any = MISSING) -> bool:
    """True if an expression is true for the value at a node and the earlier value.

    Raises Undecided if it is neither true nor false.
    """
    verdict = _evaluate(expression, node, value, old)
    if isinstance(verdict, bool):
        return verdict
    if isinstance(verdict, Undecided):
        raise verdict.with_traceback(None)
    raise Undecided(f"it gives {TYPE_WORDS.get(json_type(verdict), 'something')}, neither true nor false")


def text(expression: Expression, node: Node, value: Any, old: Any = MISSING) -> str | None:
    """The text that an expression gives; None if it gives none, as on an API server."""
    given = _evaluate(expression, node, value, old)
    return given if isinstance(given, str) else None


def _evaluate(expression: Expression, node: Node, value: Any, old: Any) -> Any:
    """The result of an expression, or Undecided with the reason; cached by the values that it reads."""
    picked = [_found(chain, value) for chain in expression.chains_of_self]
    before = [_found(chain, old) for chain in expression.chains_of_old]
    key = node, repr((picked, before))
    known = expression.remembered
    if key not in known:
        if len(known) >= _REMEMBERED:
            known.clear()
        known[key] = _run(expression, node, value, old)
    return known[key]


def _run(expression: Expression, node: Node, value: Any, old: Any) -> Any:
    convert = expression.shapes.value
    try:
        variables = {"self": _handed(expression, node, value, convert, of_old=False)}
        if expression.old is not Old.NONE:
            before = {} if old is MISSING else _handed(expression, node, old, convert, of_old=True)
            if expression.old is Old.OPTIONAL:
                before = {} if old is MISSING else {"value": before}
            variables["oldSelf"] = before
    except Unreadable as error:
        return Undecided(str(error))
    try:
        result = expression.program.eval(data=variables)
    except RuntimeError as error:  # errors that the package does not report are raised, and are not a verdict either
        return _stopped(str(error))
    kind = result.type().name()
    if kind == _ERROR:
        return _undecided(result.plain_value(), expression, value)
    # the package gives null away without counting the reference
    return None if kind == _NULL else result.plain_value()


def _found(chain: Chain, value: Any) -> Any:
    """The part of a value that a chain reads, unchanged."""
    for key, _ in chain.steps:
        if not isinstance(value, dict) or key not in value:
            return MISSING
        value = value[key]
    return isinstance(value, dict | list) or value if chain.presence else value


def _handed(
    expression: Expression, node: Node, value: Any, convert: Callable[[Node, Any], Any], *, of_old: bool
) -> Any:
    """The part of a value that an expression reads, as CEL values: converting a whole configuration costs far more."""
    chains = expression.chains_of_old if of_old else expression.chains_of_self
    if not isinstance(value, dict) or any(not chain.steps for chain in chains):
        return convert(node, value)
    handed: dict[str, Any] = {}
    for chain in chains:
        _hand_over(chain, node, value, handed, convert)
    return handed


def _hand_over(
    chain: Chain, node: Node, value: Any, handed: dict[str, Any], convert: Callable[[Node, Any], Any]
) -> None:
    for index, (key, _) in enumerate(chain.steps):
        if not isinstance(value, dict) or key not in value:
            return
        value, node = value[key], node.child(key)
        last = index == len(chain.steps) - 1
        if isinstance(value, dict) and not (last and not chain.presence):
            handed = handed.setdefault(key, {})
        elif last and chain.presence:
            handed.setdefault(key, [] if isinstance(value, list) else convert(node, value))
        else:
            handed[key] = convert(node, value)
            return


_STEPS: Final = 10_000
"""The number of items that all macros of an expression together may visit: a fixed limit of the package."""


def _stopped(error: str) -> Undecided:
    """Why the package gave up."""
    if "Iteration budget exceeded" in error:
        reason = f"it takes more than {_STEPS} steps: an expression may visit at most that many items of lists and maps"
        return Undecided(
            reason, "compare fewer items with each other; a list of type `set` or `map` contains no item twice"
        )
    return Undecided(f"it cannot be run: {error}")


_MISSING_KEY: Final = re.compile(r'(?:Key not found in map|no such key) ?: "?(.*?)"?$')
_OVERLOADS: Final = re.compile(r"No matching overloads found : (.*)\((.*)\)$")
_STATUS: Final = re.compile(r"^[A-Z_]+: ")
_RUNTIME: Final = {"int64": "int", "uint64": "uint", "null_type": "null_type"}


_PLAIN_WORDS: Final = tuple(
    (re.compile(pattern), words)
    for pattern, words in (
        ("divide by zero$", "it divides by zero"),
        ("modulus by zero$", "it divides by zero"),
        ("(integer|int|uint|unsigned integer) overflow$", "it computes a whole number beyond 64 bits"),
        ("Applying SELECT to non-message type", "it reads a setting inside something that is not a mapping"),
        ("No matching overloads found : <iter_range>", "it iterates over something that is neither a list nor a map"),
        ("'.*' not supported between instances of", "it orders values of several types"),
        ("Exceeds the limit .* for integer string conversion|int too big", "it reads a number that is too large"),
        (r"\[<class 'decimal\.", "it computes a quantity that is too large or too precise"),
        ("No value with name", "it uses an unknown name"),
    )
)
"""Errors of the package and of Python, and their messages for people."""


def _undecided(error: str, expression: Expression, value: Any) -> Undecided:
    text = _STATUS.sub("", error)
    missing = _MISSING_KEY.search(text)
    if missing:
        return _absent(missing[1], expression, value)
    overloads = _OVERLOADS.search(text)
    if overloads:
        name = overloads[1].replace("_", "").replace("@", "") if not overloads[1].isidentifier() else overloads[1]
        kinds = [type_words(_RUNTIME.get(kind, kind)) for kind in overloads[2].split(", ")]
        return Undecided(f"`{name}` does not work on {' and '.join(kinds)}")
    index = re.match(r"Index error: index=(-?\d+) size=(\d+)", text)
    if index:
        return Undecided(f"it reads item {index[1]} of a list of {index[2]}", "compare the index with size() first")
    return Undecided(next((words for pattern, words in _PLAIN_WORDS if pattern.match(text)), text))


def _absent(key: str, expression: Expression, value: Any) -> Undecided:
    """A missing key: a setting, or the key of a map that the expression computes or contains."""
    for chain in expression.chains:
        if not chain.old and (absent := _first_absent(chain, value)) and key in absent[-1]:
            return Undecided(f"`{absent[-1][0]}` is not set", setting=tuple(name for name, _ in absent))
    return Undecided(f"a map has no key `{key}`", f"add the key, or test `'{key}' in` the map first")


def _first_absent(chain: Chain, value: Any) -> tuple[tuple[str, str], ...] | None:
    """The start of a chain up to the first missing step."""
    for index, (key, _) in enumerate(chain.steps):
        if not isinstance(value, Mapping) or key not in value:
            return chain.steps[: index + 1]
        value = value[key]
    return None
