"""The validator that explains: jsonschema, which knows where each error comes from, with the answers of the other one.

jsonschema has regular expressions and formats of its own. Here the keywords that need them ask `patterns` and `formats`
instead, so that both validators accept the same values, and those that look at many keys do so in one pass.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final

import jsonschema_rs
from jsonschema import FormatChecker
from jsonschema._utils import uniq
from jsonschema.exceptions import ValidationError
from jsonschema.validators import extend, validator_for
from referencing import Registry

from weft.schema import patterns
from weft.schema.documents import DIALECT
from weft.schema.formats import conforms

_FORMATS: Final = FormatChecker(())
_UNIQUE: Final = jsonschema_rs.Draft202012Validator({"uniqueItems": True})


class UnexpectedKeys(Exception):
    """The cause of an error about keys that may not be there: their names."""

    def __init__(self, names: tuple[str, ...]) -> None:
        super().__init__(*names)
        self.names = names


@dataclass
class Undecided:
    """What is `assumed` of expressions that are too costly to match, and where that was needed, by schema, pattern and text."""

    assumed: bool
    found: list[tuple[Any, str, str]] = field(default_factory=list)


_UNDECIDED: ContextVar[Undecided | None] = ContextVar("_UNDECIDED", default=None)


@contextmanager
def assuming(answer: bool) -> Iterator[Undecided]:
    """Within it, an expression that is too costly to match is taken to match, or not to; without it, `TooCostly` is raised."""
    undecided = Undecided(answer)
    token = _UNDECIDED.set(undecided)
    try:
        yield undecided
    finally:
        _UNDECIDED.reset(token)


def explainer(schema: Any, dialect: str = DIALECT, registry: Registry[Any] | None = None, *, formats: bool) -> Any:
    """A validator of jsonschema for a schema whose references `registry` resolves; without `formats` they say nothing."""
    known = registry if registry is not None else Registry()
    return _validator_class(dialect)(schema, registry=known, format_checker=_FORMATS if formats else None)


@cache
def _validator_class(dialect: str) -> Any:
    """The class of jsonschema for a draft, with the keywords of this module."""
    stock = validator_for({"$schema": dialect})
    keywords = {name: check for name, check in _KEYWORDS.items() if name in stock.VALIDATORS}
    made: Any = extend(stock, keywords)  # type: ignore[no-untyped-call]
    made.evolve = _evolve
    return made


def _evolve(validator: Any, **changes: Any) -> Any:
    """The validator for a part of the schema: jsonschema would take its own class where a part states its `$schema`."""
    schema = changes.get("schema", validator.schema)
    stated = schema.get("$schema") if isinstance(schema, dict) else None
    kind = _validator_class(stated) if isinstance(stated, str) else type(validator)
    return kind(
        schema,
        registry=validator._registry,  # noqa: SLF001
        format_checker=validator.format_checker,
        _resolver=changes.get("_resolver", validator._resolver),  # noqa: SLF001
    )


def _matches(pattern: str, text: str, schema: Any) -> bool:
    try:
        return patterns.matches(pattern, text)
    except patterns.TooCostly:
        undecided = _UNDECIDED.get()
        if undecided is None:
            raise
        undecided.found.append((schema, pattern, text))
        return undecided.assumed


def _pattern(validator: Any, pattern: str, instance: Any, schema: Any) -> Iterator[ValidationError]:
    if validator.is_type(instance, "string") and not _matches(pattern, instance, schema):
        yield ValidationError(f"{instance!r} does not match {pattern!r}")


def _format(validator: Any, name: str, instance: Any, _: Any) -> Iterator[ValidationError]:
    if validator.format_checker is None:
        return
    dialect = validator.ID_OF(validator.META_SCHEMA)
    if not conforms(dialect, name, instance):
        yield ValidationError(f"{instance!r} is not a {name!r}")


def _pattern_properties(validator: Any, wanted: Any, instance: Any, schema: Any) -> Iterator[ValidationError]:
    for pattern, below in wanted.items() if validator.is_type(instance, "object") else ():
        for name, value in instance.items():
            if _matches(pattern, name, schema):
                yield from validator.descend(value, below, path=name, schema_path=pattern)


def _additional_properties(validator: Any, wanted: Any, instance: Any, schema: Any) -> Iterator[ValidationError]:
    if not validator.is_type(instance, "object"):
        return
    others = tuple(name for name in instance if not _is_described(schema, name))
    if wanted is False and others:
        yield _unexpected("Additional", others)
    elif validator.is_type(wanted, "object"):
        for name in others:
            yield from validator.descend(instance[name], wanted, path=name)


def _unevaluated_properties(validator: Any, wanted: Any, instance: Any, schema: Any) -> Iterator[ValidationError]:
    if not validator.is_type(instance, "object"):
        return
    evaluated = set(_evaluated(validator, instance, schema))
    others = tuple(name for name in instance if name not in evaluated)
    if wanted is False and others:
        yield _unexpected("Unevaluated", others)
    else:
        for name in others:
            yield from validator.descend(instance[name], wanted, path=name)


def _unique_items(validator: Any, wanted: Any, instance: Any, _: Any) -> Iterator[ValidationError]:
    if wanted and validator.is_type(instance, "array") and not _is_unique(instance):
        yield ValidationError(f"{instance!r} has non-unique elements")


def _is_unique(items: list[Any]) -> bool:
    """Whether no two items are the same; jsonschema compares each with each where they are mappings."""
    try:
        return _UNIQUE.is_valid(items)
    except ValueError:  # a number beyond it
        return uniq(items)


def _unexpected(kind: str, names: tuple[str, ...]) -> ValidationError:
    return ValidationError(f"{kind} properties are not allowed", cause=UnexpectedKeys(names))


def _required(validator: Any, wanted: Any, instance: Any, _: Any) -> Iterator[ValidationError]:
    """An error for each key that is missing, which knows its name: that of jsonschema has it in its message only."""
    if isinstance(wanted, list) and validator.is_type(instance, "object"):
        for name in (name for name in wanted if name not in instance):
            yield ValidationError(f"{name!r} is a required property", cause=UnexpectedKeys((name,)))


def _is_described(schema: Any, name: str) -> bool:
    """Whether a schema speaks of a key by its name or by a pattern."""
    if name in schema.get("properties", ()):
        return True
    return any(_matches(pattern, name, schema) for pattern in schema.get("patternProperties", ()))


def _accepts(validator: Any, schema: Any, instance: Any) -> bool:
    return next(validator.descend(instance, schema), None) is None


def _evaluated(validator: Any, instance: Any, schema: Any) -> Iterator[str]:
    """The keys that a schema evaluates, itself or through those which apply in place and accept the value."""
    if not isinstance(schema, dict):
        return
    yield from (name for name in instance if _is_described(schema, name))
    for keyword in ("additionalProperties", "unevaluatedProperties"):
        if keyword in schema:
            yield from (name for name in instance if _accepts(validator, schema[keyword], instance[name]))
    if "$ref" in schema:
        resolved = validator._resolver.lookup(schema["$ref"])  # noqa: SLF001
        inside = validator.evolve(schema=resolved.contents, _resolver=resolved.resolver)
        yield from _evaluated(inside, instance, resolved.contents)
    for below in _applying(validator, instance, schema):
        yield from _evaluated(validator, instance, below)


def _applying(validator: Any, instance: Any, schema: Any) -> Iterable[Any]:
    """The parts of a schema that apply to the value itself."""
    yield from (below for name, below in schema.get("dependentSchemas", {}).items() if name in instance)
    for keyword in ("allOf", "oneOf", "anyOf"):
        yield from (below for below in schema.get(keyword, ()) if _accepts(validator, below, instance))
    if "if" in schema:
        fits = _accepts(validator, schema["if"], instance)
        yield from [schema["if"]] if fits else []
        yield schema.get("then" if fits else "else", True)


_KEYWORDS: Final = {
    "additionalProperties": _additional_properties,
    "format": _format,
    "pattern": _pattern,
    "patternProperties": _pattern_properties,
    "required": _required,
    "unevaluatedProperties": _unevaluated_properties,
    "uniqueItems": _unique_items,
}
