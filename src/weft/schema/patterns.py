"""The one engine of regular expressions: which values a `pattern` takes, and which keys a `patternProperties` names.

It is that of jsonschema-rs, asked through a validator of one keyword, so that both validators and everything else that looks
at a schema agree. An expression without lookaround and backreference takes linear time. The others may try `BACKTRACK_LIMIT`
ways to match; reaching that limit is an answer of its own, `TooCostly`, and never "does not match".
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import jsonschema_rs

from weft.schema.ecma import PatternError, translate

BACKTRACK_LIMIT: Final = 100_000
"""How many ways an expression with lookaround or backreference may try; they take some 4 ms."""
OPTIONS: Final = jsonschema_rs.FancyRegexOptions(backtrack_limit=BACKTRACK_LIMIT, size_limit=100_000_000)
"""How a validator of jsonschema-rs has to be made to agree with `matches`; room enough for `.{1,65535}`."""

CHEAPER: Final = "rewrite it so that a text matches in one way only, or without lookaround and backreference"
"""What to do about an expression that is too costly."""


class TooCostly(Exception):
    """A regular expression reached the limit of ways to match a text: nobody knows whether it does."""

    def __init__(self, pattern: str, text: str) -> None:
        super().__init__(pattern)
        self.pattern, self.text = pattern, text


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why an expression cannot be used, and at which of its characters (from 0) that shows.

    One that is `valid` in ECMA 262 is only too large for the engine, or uses what the engine does not have.
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
    """Whether a regular expression matches somewhere in a text; raises TooCostly, or PatternError for what is none."""
    compiled = _compiled(pattern)
    if compiled.matcher.is_valid(_sayable(text)):
        return True
    if compiled.backtracks and _reached_limit(compiled, text):
        raise TooCostly(pattern, text)
    return False


def refusal(pattern: str) -> Refusal | None:
    """Why an expression cannot be used; None for one that can."""
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
    """Whether a text is a regular expression that can be used."""
    return refusal(pattern) is None


def backtracks(pattern: str) -> bool:
    """Whether an expression may take more than linear time: it looks around, or back at what a group matched."""
    return _compiled(pattern).backtracks


def for_engine(pattern: str) -> str:
    """The expression in the spelling that a validator of jsonschema-rs needs to agree with `matches`."""
    return _compiled(pattern).text


def _reached_limit(compiled: _Compiled, text: str) -> bool:
    kinds = (error.kind for error in compiled.matcher.iter_errors(_sayable(text)))
    return not any(isinstance(kind, jsonschema_rs.ValidationErrorKind.Pattern) for kind in kinds)


def _sayable(text: str) -> str:
    """The text without halves of surrogate pairs, which the engine cannot be given."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


@lru_cache(maxsize=4096)
def _compiled(pattern: str) -> _Compiled:
    """Raises PatternError for what is no regular expression, or beyond the engine."""
    translation = translate(pattern)
    # what the engine reads as it is keeps its spelling: the engine then finds its shortcuts for simple expressions
    spellings = [translation.text] if translation.backtracks else [pattern, translation.text]
    for spelling in spellings:
        try:
            matcher = jsonschema_rs.validator_for({"pattern": spelling}, pattern_options=OPTIONS)
        except ValueError:
            continue
        return _Compiled(matcher, spelling, translation.backtracks)
    raise PatternError("it is too large, or names a property of characters that the engine does not know", 0)
