"""The keywords of jsonschema, with the results of the other validator.

jsonschema has its own regular expressions and formats. Here, the keywords that need them call `patterns` and `formats` instead, so
both validators accept the same values. Keywords that look at many keys do so in one pass.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from itertools import chain
from typing import Any, Final

import jsonschema_rs
from jsonschema import FormatChecker
from jsonschema._utils import uniq
from jsonschema.exceptions import ValidationError
from jsonschema.validators import extend, validator_for

from weft.schema import patterns
from weft.schema.explaining import UNDECIDED, UnexpectedKeys
from weft.schema.formats import conforms

FORMATS: Final = FormatChecker(())
_UNIQUE: Final = jsonschema_rs.Draft202012Validator({"uniqueItems": True})


@cache
def validator_class(dialect: str) -> Any:
    """The class of jsonschema for a draft, with the keywords of this module."""
    stock = validator_for({"$schema": dialect})
    keywords = {name: check for name, check in _KEYWORDS.items() if name in stock.VALIDATORS}
    made: Any = extend(stock, keywords)  # type: ignore[no-untyped-call]
    made.evolve = _evolve
    return made


def _evolve(validator: Any, **changes: Any) -> Any:
    """The validator for a part of the schema: jsonschema would use its own class for a part that states its `$schema`."""
    schema = changes.get("schema", validator.schema)
    stated = schema.get("$schema") if isinstance(schema, dict) else None
    kind = validator_class(stated) if isinstance(stated, str) else type(validator)
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
        known = UNDECIDED.get()
        if known is None:
            raise
        known.found.append((schema, pattern, text))
        return known.assumed


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
    others = _undescribed(schema, instance)
    if wanted is False and others:
        yield _unexpected("Additional", others)
    elif validator.is_type(wanted, "object"):
        for name in others:
            yield from validator.descend(instance[name], wanted, path=name)


def _unevaluated_properties(validator: Any, wanted: Any, instance: Any, schema: Any) -> Iterator[ValidationError]:
    if not validator.is_type(instance, "object"):
        return
    speaking = list(_speaking(validator, instance, _less(schema, "unevaluatedProperties")))
    evaluated = {name for below in speaking for name in _keys_of(instance, below)}
    others = tuple(name for name in instance if name not in evaluated)
    if wanted is False and others:
        known = dict.fromkeys(chain(*(below.get("properties", ()) for below in speaking)))
        yield _unexpected("Unevaluated", others, tuple(known))
    else:
        for name in others:
            yield from validator.descend(instance[name], wanted, path=name)


def _unevaluated_items(validator: Any, wanted: Any, instance: Any, schema: Any) -> Iterator[ValidationError]:
    if not validator.is_type(instance, "array"):
        return
    speaking = _speaking(validator, instance, _less(schema, "unevaluatedItems"))
    evaluated = {index for below in speaking for index in _items_of(validator, instance, below)}
    others = tuple(index for index in range(len(instance)) if index not in evaluated)
    if wanted is False and others:
        yield _unexpected("Unevaluated", others)
    else:
        for index in others:
            yield from validator.descend(instance[index], wanted, path=index)


def _unique_items(validator: Any, wanted: Any, instance: Any, _: Any) -> Iterator[ValidationError]:
    if wanted and validator.is_type(instance, "array") and not _is_unique(instance):
        yield ValidationError(f"{instance!r} has non-unique elements")


def _is_unique(items: list[Any]) -> bool:
    """True if no two items are the same. For mappings, jsonschema would compare every pair."""
    try:
        return _UNIQUE.is_valid(items)
    except ValueError:  # a number beyond it
        return uniq(items)


def _type(validator: Any, wanted: Any, instance: Any, schema: Any) -> Iterator[ValidationError]:
    """An error for a value of another type; none if `enum` or `const` in the same schema rejects the value and names the allowed ones."""
    names = (name for name in ("enum", "const") if name in schema and name in validator.VALIDATORS)
    if all(next(validator.VALIDATORS[name](validator, schema[name], instance, schema), None) is None for name in names):
        kind: Any = type(validator)
        yield from _type_of_jsonschema(kind)(validator, wanted, instance, schema)


@cache
def _type_of_jsonschema(kind: Any) -> Any:
    """The keyword `type` as the draft of a class has it."""
    return validator_for(kind.META_SCHEMA).VALIDATORS["type"]


def _unexpected(kind: str, names: tuple[str | int, ...], known: tuple[str, ...] = ()) -> ValidationError:
    return ValidationError(f"{kind} properties are not allowed", cause=UnexpectedKeys(names, known))


def _required(validator: Any, wanted: Any, instance: Any, _: Any) -> Iterator[ValidationError]:
    """An error for each missing key, with its name as data: jsonschema's error has it in the message only."""
    if isinstance(wanted, list) and validator.is_type(instance, "object"):
        for name in (name for name in wanted if name not in instance):
            yield ValidationError(f"{name!r} is a required property", cause=UnexpectedKeys((name,)))


def _undescribed(schema: Any, instance: dict[str, Any]) -> tuple[str, ...]:
    """The keys of a mapping that a schema does not describe; most schemas have no patterns to match."""
    named = schema.get("properties", ())
    others = tuple(name for name in instance if name not in named)
    return (
        tuple(name for name in others if not _is_described(schema, name)) if "patternProperties" in schema else others
    )


def _is_described(schema: Any, name: str) -> bool:
    """True if a schema describes a key by its name or by a pattern."""
    if name in schema.get("properties", ()):
        return True
    return any(_matches(pattern, name, schema) for pattern in schema.get("patternProperties", ()))


def _accepts(validator: Any, schema: Any, instance: Any) -> bool:
    return next(validator.descend(instance, schema), None) is None


def _speaking(validator: Any, instance: Any, schema: Any) -> Iterator[dict[str, Any]]:
    """The schemas that evaluate keys or items of a value: this schema, and those that it applies to the same value.

    By the standard, a schema that rejects the value evaluates nothing, so one wrong type would make all other keys unknown. Here,
    schemas that always apply (`allOf`, `$ref`, `then`), and every alternative if none accepts the value, count as evaluating anyway:
    the rejection is an error of its own, so exactly the same values are rejected.
    """
    if not isinstance(schema, dict):
        return
    yield schema
    if "$ref" in schema:
        resolved = validator._resolver.lookup(schema["$ref"])  # noqa: SLF001
        inside = validator.evolve(schema=resolved.contents, _resolver=resolved.resolver)
        yield from _speaking(inside, instance, resolved.contents)
    for below in _applying(validator, instance, schema):
        yield from _speaking(validator, instance, below)


def _less(schema: dict[str, Any], keyword: str) -> dict[str, Any]:
    return {name: value for name, value in schema.items() if name != keyword}


def _applying(validator: Any, instance: Any, schema: Any) -> Iterator[Any]:
    """The parts of a schema that apply to the value itself."""
    if isinstance(instance, dict):
        yield from (below for name, below in schema.get("dependentSchemas", {}).items() if name in instance)
    yield from schema.get("allOf", ())
    for keyword in ("oneOf", "anyOf"):
        yield from _accepting(validator, instance, schema.get(keyword, ()))
    if "if" in schema:
        fits = _accepts(validator, schema["if"], instance)
        yield from [schema["if"]] if fits else []
        yield schema.get("then" if fits else "else", True)


def _accepting(validator: Any, instance: Any, branches: Sequence[Any]) -> Sequence[Any]:
    """The alternatives that accept a value; all of them if none does."""
    return [below for below in branches if _accepts(validator, below, instance)] or branches


def _keys_of(instance: dict[str, Any], schema: dict[str, Any]) -> Iterable[str]:
    """The keys that one schema evaluates itself; keys with rejected values have their own errors."""
    if any(schema.get(keyword, False) is not False for keyword in ("additionalProperties", "unevaluatedProperties")):
        return instance
    return (name for name in instance if _is_described(schema, name))


def _items_of(validator: Any, instance: list[Any], schema: dict[str, Any]) -> Iterable[int]:
    """The items that one schema evaluates itself, in drafts 2019-09 and 2020-12."""
    tuples = "prefixItems" in validator.VALIDATORS
    first = schema.get("prefixItems" if tuples else "items", ())
    others = ["items", "unevaluatedItems"] if tuples else ["additionalItems", "unevaluatedItems"]
    if not isinstance(first, list | tuple):  # in 2019-09, one schema for all items
        first, others = (), ["items", "unevaluatedItems"]
    if any(schema.get(keyword, False) is not False for keyword in others):
        return range(len(instance))
    found = set(range(min(len(first), len(instance))))
    if tuples and "contains" in schema:
        found |= {index for index, item in enumerate(instance) if _accepts(validator, schema["contains"], item)}
    return found


_KEYWORDS: Final = {
    "additionalProperties": _additional_properties,
    "format": _format,
    "pattern": _pattern,
    "patternProperties": _pattern_properties,
    "required": _required,
    "type": _type,
    "unevaluatedItems": _unevaluated_items,
    "unevaluatedProperties": _unevaluated_properties,
    "uniqueItems": _unique_items,
}
