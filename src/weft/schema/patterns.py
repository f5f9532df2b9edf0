"""The one engine of regular expressions: it decides which values match a `pattern` and which keys match `patternProperties`.

It is the engine of jsonschema-rs, called through a validator of one keyword, so both validators and all other code that reads a
schema agree. An expression without lookaround and backreference takes linear time. Others may try `BACKTRACK_LIMIT` ways to
match; reaching that limit raises `TooCostly` and never counts as "does not match".
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import jsonschema_rs

from weft.schema.ecma import PatternError, translate

BACKTRACK_LIMIT: Final = 100_000
"""The number of ways that an expression with lookaround or backreference may try; they take about 4 ms."""
OPTIONS: Final = jsonschema_rs.FancyRegexOptions(backtrack_limit=BACKTRACK_LIMIT, size_limit=100_000_000)
"""Options that make a validator of jsonschema-rs agree with `matches`; large enough for `.{1,65535}`."""

CHEAPER: Final = "rewrite it so that a text matches in one way only, or without lookaround and backreference"
"""The hint for an expression that is too costly."""


class TooCostly(Exception):
    """A regular expression reached the limit of ways to match a text, so the result is unknown."""

    def __init__(self, pattern: str, text: str) -> None:
        super().__init__(pattern)
        self.pattern, self.text = pattern, text


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why an expression cannot be used, and the position (from 0) at which that shows.

    One that is `valid` in ECMA 262 is only too large for the engine, or uses a feature that the engine lacks.
    """

    reason: str
    offset: int
    valid: bool


@dataclass(frozen=True, slots=True)
class _Compiled:
    matcher: jsonschema_rs.Validator
    text: str
    backtracks: bool


def matches(pattern: str, text: str) -> bool:
    """True if a regular expression matches somewhere in a text. Raises TooCostly, or PatternError for an invalid one."""
    compiled = _compiled(pattern)
    if compiled.matcher.is_valid(_sayable(text)):
        return True
    if compiled.backtracks and _reached_limit(compiled, text):
        raise TooCostly(pattern, text)
    return False


def refusal(pattern: str) -> Refusal | None:
    """Why an expression cannot be used; None if it can."""
    try:
        translate(pattern)
    except PatternError as error:
        return Refusal(error.reason, error.offset, valid=False)
    try:
        _compiled(pattern)
    except PatternError as error:
        return Refusal(error.reason, error.offset, valid=True)
    return None


def is_valid(pattern: str) -> bool:
    """True if a text is a usable regular expression."""
    return refusal(pattern) is None


def backtracks(pattern: str) -> bool:
    """True if an expression may take more than linear time: it has a lookaround or a backreference."""
    return _compiled(pattern).backtracks


def for_engine(pattern: str) -> str:
    """The expression in the syntax that makes a validator of jsonschema-rs agree with `matches`."""
    return _compiled(pattern).text


def _reached_limit(compiled: _Compiled, text: str) -> bool:
    kinds = (error.kind for error in compiled.matcher.iter_errors(_sayable(text)))
    return not any(isinstance(kind, jsonschema_rs.ValidationErrorKind.Pattern) for kind in kinds)


def _sayable(text: str) -> str:
    """The text without halves of surrogate pairs, which the engine does not accept."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


@lru_cache(maxsize=4096)
def _compiled(pattern: str) -> _Compiled:
    """Raises PatternError if this is not a regular expression, or if the engine cannot run it."""
    translation = translate(pattern)
    # an expression that the engine reads unchanged keeps its spelling, so the engine finds its shortcuts for simple ones
    spellings = [translation.text] if translation.backtracks else [pattern, translation.text]
    for spelling in spellings:
        try:
            matcher = jsonschema_rs.validator_for({"pattern": spelling}, pattern_options=OPTIONS)
        except ValueError:
            continue
        return _Compiled(matcher, spelling, translation.backtracks)
    raise PatternError("it is too large, or names a property of characters that the engine does not know", 0)
