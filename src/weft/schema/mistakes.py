"""Mistakes within one schema: against its metaschema, in Weft's own keywords, in its regular expressions."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any, Final

import jsonschema_rs
from jsonschema_specifications import REGISTRY as METASCHEMAS

from weft.base import paths
from weft.base.problems import Severity
from weft.files.shipped import shipped_text
from weft.schema.broken import of_metaschema
from weft.schema.documents import DIALECT
from weft.schema.explaining import explainer
from weft.schema.patterns import Refusal, refusal
from weft.schema.violations import complaints
from weft.schema.walk import MANY, NAMED, ONE

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError

OWN_KEYWORDS: Final = (
    "x-env",
    "x-kubernetes-list-map-keys",
    "x-kubernetes-list-type",
    "x-kubernetes-map-type",
    "x-kubernetes-validations",
    "x-read-by",
    "x-reload",
    "x-renamed-to",
    "x-sensitive",
    "x-unit",
)


_OTHERS: Final = ("example",)
"""Keywords of other standards (OpenAPI) that resemble those of JSON Schema, and are intended."""


@dataclass(frozen=True)
class Mistake:
    """A mistake in a schema; `path` is its path or, with `key`, the path of its key."""

    path: paths.Path
    message: str
    hint: str | None = None
    key: bool = False
    code: str = "schema-invalid"
    severity: Severity = Severity.ERROR


def mistakes(schema: dict[str, Any], dialect: str) -> Iterator[Mistake]:
    """Mistakes that the metaschema of its draft does not find in one schema, without its subschemas.

    They are in Weft's own keywords, in those of other drafts, and in regular expressions.
    """
    own = {keyword: value for keyword, value in schema.items() if keyword.startswith("x-")}
    yield from _misspelled(schema)
    yield from _of_other_drafts(schema, dialect)
    for path, pattern in patterns_of(schema):
        refused = refusal(pattern)
        if refused:
            yield _bad_pattern(path, refused)
    if own and not _keywords().is_valid(own):
        for error in explainer(_keywords_schema(), formats=False).iter_errors(own):
            for code, path, message, hint in complaints(of_metaschema(error)):
                yield Mistake(path, f"not a valid schema: {message}", hint, key=code == "unknown-key")


def _misspelled(keywords: Iterable[str]) -> Iterator[Mistake]:
    """Unknown keywords that resemble known ones: of Weft, errors; of JSON Schema, which allows any keyword, warnings."""
    for keyword in keywords:
        own, standard = _nearly(keyword), _nearly_standard(keyword)
        if own:
            yield Mistake((keyword,), f"`{keyword}` has no effect", f"did you mean `{own}`?", key=True)
        elif standard:
            message, hint = f"`{keyword}` is not a keyword of JSON Schema", f"did you mean `{standard}`?"
            yield Mistake((keyword,), message, hint, key=True, code="unknown-keyword", severity=Severity.WARNING)


def _of_other_drafts(schema: dict[str, Any], dialect: str) -> Iterator[Mistake]:
    """Wrong values of keywords that the draft does not have: its metaschema allows anything there, but Weft follows them."""
    others = {keyword: _shape(keyword, schema[keyword]) for keyword in schema.keys() & unknown_to(dialect)}
    errors = metaschema_errors(others, DIALECT) if others else ()
    found = [(path, message) for error in errors for _, path, message, _ in complaints(of_metaschema(error))]
    for path, message in dict.fromkeys(found):  # each vocabulary of the metaschema says so again
        hint = f"`{path[0]}` is a keyword of JSON Schema; for something else, use another name"
        yield Mistake(path, f"not a valid schema: {message}", hint)


def _shape(keyword: str, value: Any) -> Any:
    """The value of a keyword, with any schema in place of those in it: they are looked at by themselves."""
    if keyword in ONE and isinstance(value, dict):
        return {}
    if keyword in NAMED and isinstance(value, dict):
        return {name: _emptied(below) for name, below in value.items()}
    if keyword in MANY and isinstance(value, list):
        return list(map(_emptied, value))
    return value


def _emptied(schema: Any) -> Any:
    return {} if isinstance(schema, dict) else schema


@cache
def unknown_to(dialect: str) -> frozenset[str]:
    """The keywords of other drafts, newer or older, that Weft follows in this one, too; those that only describe cannot be wrong."""
    family = dialect.rpartition("/")[0]
    every = {uri: frozenset(METASCHEMAS.contents(uri).get("properties", ())) for uri in METASCHEMAS}
    own = [names for uri, names in every.items() if uri.startswith(f"{family}/")]
    newest = [names for uri, names in every.items() if uri.startswith(f"{DIALECT.rpartition('/')[0]}/")]
    describing = next(names for uri, names in every.items() if uri.endswith("2020-12/meta/meta-data"))
    return (frozenset().union(*newest) | ONE | MANY | NAMED) - frozenset().union(*own) - describing - {"$comment"}


@lru_cache(maxsize=4096)  # every schema has the same few keywords
def _nearly(keyword: str) -> str | None:
    """The keyword of Weft that another one resembles without being one."""
    if keyword in OWN_KEYWORDS:
        return None
    spelled = re.sub("(?<=[a-z])(?=[A-Z])|_", "-", keyword).lower()
    return next(iter(difflib.get_close_matches(spelled, OWN_KEYWORDS, n=1, cutoff=0.9)), None)


@lru_cache(maxsize=4096)
def _nearly_standard(keyword: str) -> str | None:
    """The keyword of JSON Schema that another one resembles without being one."""
    known = _standard_keywords()
    if keyword in known.values() or keyword in _OTHERS or keyword.startswith("x-"):
        return None
    close = difflib.get_close_matches(keyword.lower(), known, n=1, cutoff=0.85)
    return known[close[0]] if close else None


@cache
def _standard_keywords() -> dict[str, str]:
    """The keywords of all drafts, by their lower-case form."""
    schemas = [METASCHEMAS.contents(uri) for uri in METASCHEMAS]
    return {name.lower(): name for schema in schemas for name in schema.get("properties", ())}


def patterns_of(schema: dict[str, Any]) -> Iterator[tuple[paths.Path, str]]:
    """The regular expressions of one schema, without its subschemas, with their paths."""
    if isinstance(schema.get("pattern"), str):
        yield ("pattern",), schema["pattern"]
    for pattern in schema.get("patternProperties", ()):
        yield ("patternProperties", pattern), pattern


def _bad_pattern(path: paths.Path, refused: Refusal) -> Mistake:
    key = path[0] == "patternProperties"
    if refused.valid:
        message = f"the pattern cannot be used: {refused.reason}"
        return Mistake(path, message, "use fewer repetitions, or split it", key=key, code="pattern-too-costly")
    message = f"not a valid schema: this is not a regular expression of ECMA 262: {refused.reason}"
    return Mistake(path, f"{message} (character {refused.offset + 1})", key=key)


@cache
def _keywords() -> jsonschema_rs.Draft202012Validator:
    return jsonschema_rs.Draft202012Validator(_keywords_schema())


@cache
def _keywords_schema() -> Any:
    return json.loads(shipped_text("keywords.schema.json"))


def metaschema_errors(contents: dict[str, Any] | bool, dialect: str) -> list[ValidationError]:
    """Why a schema is not valid by the metaschema of its dialect; an empty list if it is."""
    if _meta_valid(contents, dialect):
        return []
    from jsonschema.validators import validator_for

    validator = validator_for({"$schema": dialect})
    return list(validator(validator.META_SCHEMA).iter_errors(contents))


def innermost(error: ValidationError) -> ValidationError:
    """The most helpful error: of several alternatives, the one that lists the possible values."""
    from jsonschema.exceptions import best_match

    choices = (cause for cause in error.context or () if cause.validator == "enum")
    return next(choices, None) or best_match([error]) or error


def _meta_valid(contents: dict[str, Any] | bool, dialect: str) -> bool:
    """The fast check; the errors are only collected if it fails."""
    try:
        return jsonschema_rs.meta.is_valid({**contents, "$schema": dialect} if isinstance(contents, dict) else contents)
    except ValueError:
        return False
