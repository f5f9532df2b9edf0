"""What is wrong in a schema by itself: by its metaschema, by the rules of Weft's own keywords, in its regular expressions."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import jsonschema_rs
from jsonschema.exceptions import ValidationError, best_match
from jsonschema.validators import validator_for

from weft.base import paths
from weft.files.shipped import shipped_text

OWN_KEYWORDS: Final = (
    "x-env",
    "x-kubernetes-list-map-keys",
    "x-kubernetes-list-type",
    "x-kubernetes-map-type",
    "x-kubernetes-validations",
    "x-renamed-to",
    "x-sensitive",
    "x-unit",
)


@dataclass(frozen=True)
class Mistake:
    """Something wrong in a schema that its metaschema does not see; `path` leads to it, or with `key` to its key."""

    path: paths.Path
    message: str
    hint: str | None = None
    key: bool = False


def mistakes(schema: dict[str, Any]) -> Iterator[Mistake]:
    """What is wrong with Weft's own keywords and with the regular expressions of one schema, without those below it."""
    own = {keyword: value for keyword, value in schema.items() if keyword.startswith("x-")}
    yield from _misspelled(own)
    for path, pattern in _patterns(schema):
        if not _compiles(pattern):
            yield Mistake(path, "not a valid schema: this is no regular expression")
    for error in _keywords().iter_errors(own) if own else ():
        yield Mistake(tuple(error.instance_path), f"not a valid schema: {error.message}")


def _misspelled(keywords: Iterable[str]) -> Iterator[Mistake]:
    """Keywords that nobody reads, but that are nearly Weft's."""
    for keyword in keywords:
        meant = difflib.get_close_matches(keyword, OWN_KEYWORDS, n=1, cutoff=0.9)
        if meant and keyword not in OWN_KEYWORDS:
            yield Mistake((keyword,), f"`{keyword}` would do nothing", f"did you mean `{meant[0]}`?", key=True)


def _patterns(schema: dict[str, Any]) -> Iterator[tuple[paths.Path, str]]:
    if isinstance(schema.get("pattern"), str):
        yield ("pattern",), schema["pattern"]
    for pattern in schema.get("patternProperties", ()):
        yield ("patternProperties", pattern), pattern


@cache
def _compiles(pattern: str) -> bool:
    """Whether one of the two validators knows the regular expression."""
    try:
        re.compile(pattern)
    except re.error:
        try:
            jsonschema_rs.validator_for({"pattern": pattern})
        except ValueError:
            return False
    return True


@cache
def _keywords() -> jsonschema_rs.Draft202012Validator:
    return jsonschema_rs.Draft202012Validator(json.loads(shipped_text("keywords.schema.json")))


def metaschema_errors(contents: dict[str, Any] | bool, dialect: str) -> list[ValidationError]:
    """Why a schema is not valid by the metaschema of its dialect; an empty list when it is."""
    if _meta_valid(contents, dialect):
        return []
    validator = validator_for({"$schema": dialect})
    return list(validator(validator.META_SCHEMA).iter_errors(contents))


def innermost(error: ValidationError) -> ValidationError:
    """The error that says best what is wrong: of several alternatives, the one that lists the possible values."""
    choices = (cause for cause in error.context or () if cause.validator == "enum")
    return next(choices, None) or best_match([error]) or error


def _meta_valid(contents: dict[str, Any] | bool, dialect: str) -> bool:
    """The quick answer; the errors are only looked for when it is no."""
    try:
        return jsonschema_rs.meta.is_valid({**contents, "$schema": dialect} if isinstance(contents, dict) else contents)
    except ValueError:
        return False
