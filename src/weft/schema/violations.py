"""The message for a value that breaks a JSON Schema keyword: one small function per keyword, found by its name."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING, Any, Final

from weft.base.paths import Path, dotted
from weft.base.problems import choices
from weft.base.wording import counted
from weft.schema.broken import Broken
from weft.schema.described import all_of, described, short
from weft.schema.rewriting import written
from weft.schema.types import TYPE_WORDS

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError

Found = tuple[str, Path, str, str | None]
"""Code, path, message and hint of one finding."""

_BOUNDS: Final = ("minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum")
_EXAMPLES: Final = {
    "date": "2026-11-27",
    "date-time": "2026-11-27T08:30:00Z",
    "duration": "PT30S",
    "email": "someone@example.com",
    "hostname": "db.example.com",
    "ipv4": "10.0.0.1",
    "ipv6": "fd00::1",
    "time": "08:30:00Z",
    "uri": "https://example.com/path",
    "uuid": "123e4567-e89b-42d3-a456-426614174000",
}
"""An example of each format that people often get wrong."""


def complaints(broken: Broken) -> Iterator[Found]:
    """Every finding of one broken keyword: an object with two unknown keys has two."""
    yield from _MESSAGES.get(broken.keyword, _other)(broken)


def _type(broken: Broken) -> Iterator[Found]:
    wanted = [broken.wanted] if isinstance(broken.wanted, str) else broken.wanted
    names = " or ".join(TYPE_WORDS.get(name, name) for name in wanted)
    yield "wrong-type", broken.path, f"{broken.name} must be {names}, not {broken.shown}", broken.instead


def _required(broken: Broken) -> Iterator[Found]:
    for name in broken.unexpected or [name for name in broken.wanted if name not in broken.value]:
        yield (
            "missing-required",
            (*broken.path, name),
            f"{dotted((*broken.path, name))} is required, and nothing sets it",
            None,
        )


def _additional(broken: Broken) -> Iterator[Found]:
    known = list(broken.known or broken.schema.get("properties", ()))
    some = f"choose from {choices(known)}" if known else None
    for name in map(str, broken.unexpected):
        where = f"in {dotted(broken.path)}" if broken.path else "at the top level"
        hint = broken.suggest(name, known) or broken.elsewhere(broken.path, name) or some
        yield "unknown-key", (*broken.path, name), f"there is no setting `{name}` {where}", hint


def _enum(broken: Broken) -> Iterator[Found]:
    allowed = {written(value): value for value in broken.wanted}
    hint = broken.instead
    if hint is None and isinstance(broken.value, str) and not broken.hidden:
        hint = broken.suggest(broken.value, [*allowed], lambda text: broken.of_key or broken.fits(allowed[text]))
    yield "not-allowed", broken.path, f"{broken.name} must be one of {choices(allowed)}, not {broken.shown}", hint


def _const(broken: Broken) -> Iterator[Found]:
    wanted = json.dumps(broken.wanted, ensure_ascii=False)
    yield "not-allowed", broken.path, f"{broken.name} must be `{wanted}`, not {broken.shown}", broken.instead


def _bound(words: str) -> Callable[[Broken], Iterator[Found]]:
    def tell(broken: Broken) -> Iterator[Found]:
        exclusive = f"exclusive{broken.keyword.capitalize()}"
        strict = broken.schema.get(exclusive) is True  # draft 4 makes the bound itself exclusive
        how = {"exclusiveMinimum": "more than", "exclusiveMaximum": "less than"}[exclusive] if strict else words
        unit = f" {broken.schema['x-unit']}" if isinstance(broken.schema.get("x-unit"), str) else ""
        limits = [
            f"{name} {broken.schema[name]}" for name in _BOUNDS if not isinstance(broken.schema.get(name, True), bool)
        ]
        hint = f"allowed: {', '.join(limits)}{unit}" if len(limits) > 1 and not strict else None
        yield (
            "out-of-range",
            broken.path,
            f"{broken.name} must be {how} {broken.wanted}{unit}, not {broken.shown}",
            hint,
        )

    return tell


def _size(words: str) -> Callable[[Broken], Iterator[Found]]:
    def tell(broken: Broken) -> Iterator[Found]:
        count = len(broken.value)
        if broken.wanted == 1 and count == 0:
            yield "wrong-size", broken.path, f"{broken.name} must not be empty", None
            return
        text = words.format(limit=broken.wanted)
        yield "wrong-size", broken.path, f"{broken.name} must have {text}, not {count}", None

    return tell


def _pattern(broken: Broken) -> Iterator[Found]:
    examples = [value for value in broken.schema.get("examples", ()) if isinstance(value, str) and broken.fits(value)]
    own = broken.schema.get("patternErrorMessage")
    message = own if isinstance(own, str) else f"must match {broken.wanted}"
    hint = f"for example `{written(examples[0])}`" if examples else None
    yield "wrong-format", broken.path, f"{broken.name} {message}, not {broken.shown}", hint


def _format(broken: Broken) -> Iterator[Found]:
    example = _EXAMPLES.get(broken.wanted)
    hint = f"for example `{written(example)}`" if example and broken.fits(example) else None
    yield (
        "wrong-format",
        broken.path,
        f"{broken.name} must be of the format {broken.wanted}, not {broken.shown}",
        hint,
    )


def _alternatives(broken: Broken) -> Iterator[Found]:
    if not broken.context:
        yield from _ambiguous(broken)
        return
    choice, wanted = _required_choice(broken), list(_wanted_by(broken.context))
    if choice:
        yield "missing-required", broken.path, f"{broken.name} needs one of {choices(choice)}", None
    elif wanted:
        message = f"{broken.name} must be {' or '.join(wanted)}, not {broken.shown}"
        yield "wrong-type", broken.path, message, broken.instead
    else:
        yield "schema", broken.path, f"{broken.name} fits none of the alternatives", None


def _wanted_by(errors: Iterable[ValidationError]) -> Iterator[str]:
    """The types and the fixed values that alternatives expect, as messages name them, each once."""
    wanted: dict[str, None] = {}
    for error in errors:
        value: Any = error.validator_value
        if error.validator == "type":
            names = [value] if isinstance(value, str) else value
            wanted.update(dict.fromkeys(TYPE_WORDS.get(name, name) for name in names))
        elif error.validator in ("const", "enum"):
            values = value if error.validator == "enum" else [value]
            wanted.update(dict.fromkeys(f"`{json.dumps(value, ensure_ascii=False)}`" for value in values))
    return iter(wanted)


def _ambiguous(broken: Broken) -> Iterator[Found]:
    """A value that several alternatives accept although only one may: the keys that belong to one alternative each, if known."""
    telling = _telling_keys(broken.wanted if isinstance(broken.wanted, list) else [])
    given = [name for name in telling if isinstance(broken.value, dict) and name in broken.value]
    if len(given) > 1:
        yield "ambiguous", broken.path, f"{broken.name} takes only one of {choices(telling)}", None
    else:
        message = f"{broken.name} fits more than one of the alternatives, but exactly one is allowed"
        yield "ambiguous", broken.path, message, None


def _telling_keys(branches: list[Any]) -> list[str]:
    """The keys that some alternatives require, but not all."""
    required = [branch.get("required", ()) if isinstance(branch, dict) else () for branch in branches]
    shared = set[str].intersection(*map(set, required)) if required else set[str]()
    return [name for name in dict.fromkeys(chain(*required)) if name not in shared]


def _required_choice(broken: Broken) -> list[str]:
    """The keys of which one is needed, if nothing else keeps the alternatives from fitting."""
    only = all(below.validator == "required" and not below.relative_path for below in broken.context)
    wanted: list[Any] = [below.validator_value for below in broken.context] if only else []
    return list(dict.fromkeys(name for names in wanted for name in names)) if len(wanted) > 1 else []


def _unique(broken: Broken) -> Iterator[Found]:
    yield "not-unique", broken.path, f"{broken.name} must not contain an item twice", None


def _dependent(broken: Broken) -> Iterator[Found]:
    rules = broken.wanted
    for name, needed in rules.items():
        absent = (
            [other for other in needed if other not in broken.value]
            if isinstance(needed, list) and name in broken.value
            else []
        )
        for other in absent:
            yield (
                "missing-required",
                (*broken.path, other),
                f"{dotted((*broken.path, other))} is required when {dotted((*broken.path, name))} is set",
                None,
            )


def _property_name(broken: Broken) -> Iterator[Found]:
    """A key with a name that is not allowed: the message of the rule for keys."""
    path = (*broken.path, str(broken.value))
    keyword = "" if broken.rule == "propertyNames" else broken.rule  # which does not explain why
    for _, _, message, hint in _MESSAGES.get(keyword, _other)(replace(broken, keyword=keyword, of_key=True)):
        yield "bad-key", path, message.removesuffix(f", not {broken.shown}"), hint


def _too_many_items(broken: Broken) -> Iterator[Found]:
    """Items that no schema describes: the end of a list that is too long, or single items."""
    count, indexes = len(broken.value), broken.unexpected
    described = broken.schema.get("prefixItems", broken.schema.get("items"))
    first = len(described) if isinstance(described, list) else 0
    if indexes:
        first = min(index for index in indexes if isinstance(index, int))
    if indexes and count - first != len(indexes):
        for index in indexes:
            where = (*broken.path, index)
            yield "unknown-key", where, f"nothing may be set at {dotted(where)}", None
    elif first == 0:
        yield "wrong-size", broken.path, f"{broken.name} must be empty, and has {counted(count, 'item')}", None
    else:
        yield "wrong-size", broken.path, f"{broken.name} must have at most {counted(first, 'item')}, not {count}", None


def _contains(broken: Broken) -> Iterator[Found]:
    keyword = "maxContains" if broken.keyword == "maxContains" else "minContains"
    number = broken.schema.get(keyword, 1)
    some = described(broken.schema.get("contains"), plural=number != 1)
    bound = "most" if keyword == "maxContains" else "least"
    yield "wrong-size", broken.path, f"{broken.name} must have at {bound} {counted(number, 'item')} {some}", None


def _not(broken: Broken) -> Iterator[Found]:
    if broken.wanted == {} or broken.wanted is True:
        yield "unknown-key", broken.path, f"nothing may be set at {broken.name}", None
        return
    names = broken.wanted.get("required") if isinstance(broken.wanted, dict) else None
    if names and broken.wanted.keys() <= {"required", "type"}:
        where = (*broken.path, names[0]) if len(names) == 1 else broken.path
        together = " together" if len(names) > 1 else ""
        yield "schema", where, f"{broken.name} must not have {all_of(names)}{together}", None
    else:
        what = described(broken.wanted)
        what = what.removeprefix("that is ") if what.startswith("that is ") else f"one {what}"
        yield "schema", broken.path, f"{broken.name} must not be {what}", None


def _other(broken: Broken) -> Iterator[Found]:
    if not broken.keyword:
        yield "unknown-key", broken.path, f"nothing may be set at {broken.name}", None
    else:
        rule = short(broken.wanted)
        yield "schema", broken.path, f"{broken.name} breaks the rule {broken.keyword}: {rule}", None


_MESSAGES: Final[dict[str, Callable[[Broken], Iterator[Found]]]] = {
    "type": _type,
    "required": _required,
    "additionalProperties": _additional,
    "unevaluatedProperties": _additional,
    "enum": _enum,
    "const": _const,
    "minimum": _bound("at least"),
    "maximum": _bound("at most"),
    "exclusiveMinimum": _bound("more than"),
    "exclusiveMaximum": _bound("less than"),
    "multipleOf": _bound("a multiple of"),
    "minLength": _size("at least {limit} characters"),
    "maxLength": _size("at most {limit} characters"),
    "minItems": _size("at least {limit} items"),
    "maxItems": _size("at most {limit} items"),
    "minProperties": _size("at least {limit} keys"),
    "maxProperties": _size("at most {limit} keys"),
    "pattern": _pattern,
    "format": _format,
    "anyOf": _alternatives,
    "oneOf": _alternatives,
    "dependentRequired": _dependent,
    "dependencies": _dependent,
    "propertyNames": _property_name,
    "uniqueItems": _unique,
    "items": _too_many_items,
    "additionalItems": _too_many_items,
    "unevaluatedItems": _too_many_items,
    "contains": _contains,
    "minContains": _contains,
    "maxContains": _contains,
    "not": _not,
}
