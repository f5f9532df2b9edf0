"""What to say when a value breaks a JSON Schema keyword: one small function a keyword, found by the keyword's name."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from jsonschema.exceptions import ValidationError

from weft.base.paths import Path, dotted
from weft.base.problems import choices, did_you_mean
from weft.schema.types import TYPE_WORDS, json_type

Found = tuple[str, Path, str, str | None]
"""Code, path, message and hint of one finding."""

_BOUNDS: Final = ("minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum")
_SHOWN: Final = 60
_COMPARED: Final = 20_000
"""How many pairs of words are compared in one configuration to say which was meant; that takes half a second."""
_SWITCHES: Final = {"yes": "true", "on": "true", "y": "true", "no": "false", "off": "false", "n": "false"}
"""What YAML 1.1 took for truth values."""


@dataclass(frozen=True, slots=True)
class Broken:
    """A keyword that a value breaks, as the message functions see it; a `hidden` value must not be quoted.

    `unexpected` are the keys that may not be there, where the keyword is about these.
    """

    keyword: str
    wanted: Any
    value: Any = field(repr=False)
    schema: Mapping[str, Any]
    path: Path
    hidden: bool
    message: str
    rule: str
    context: tuple[ValidationError, ...]
    unexpected: tuple[str, ...] = ()
    suggest: Callable[[str, list[str]], str | None] = did_you_mean

    @property
    def name(self) -> str:
        """The setting, as people write it."""
        return dotted(self.path) or "the configuration"

    @property
    def shown(self) -> str:
        """The value, shortened, or what kind of value it is."""
        if self.hidden:
            return TYPE_WORDS[json_type(self.value)]
        text = json.dumps(self.value, ensure_ascii=False)
        return f"`{text}`" if len(text) <= _SHOWN else f"`{text[:_SHOWN]}…`"


class Suggestions:
    """`did_you_mean` for the problems of one configuration: of thousands only the first are worth the comparisons."""

    def __init__(self) -> None:
        self._left = _COMPARED

    def __call__(self, word: str, candidates: list[str]) -> str | None:
        """A hint naming the candidate most like a word, while there is time for it."""
        self._left -= len(candidates)
        return did_you_mean(word, candidates) if self._left >= 0 else None


def complaints(broken: Broken) -> Iterator[Found]:
    """Every finding of one broken keyword: an object with two unknown keys has two."""
    yield from _MESSAGES.get(broken.keyword, _other)(broken)


def _type(broken: Broken) -> Iterator[Found]:
    wanted = [broken.wanted] if isinstance(broken.wanted, str) else broken.wanted
    names = " or ".join(TYPE_WORDS.get(name, name) for name in wanted)
    hint = None
    if isinstance(broken.value, str) and not broken.hidden and {"integer", "number", "boolean"} & set(wanted):
        hint = "remove the quotes" if re.fullmatch(r"-?\d+(\.\d+)?|true|false", broken.value) else None
        switch = _SWITCHES.get(broken.value.lower())
        hint = f"write `{switch}`: in YAML 1.2 `{broken.value}` is a text" if switch else hint
    elif wanted == ["string"] and not broken.hidden:
        hint = "put it in quotes"
    yield "wrong-type", broken.path, f"{broken.name} must be {names}, not {broken.shown}", hint


def _required(broken: Broken) -> Iterator[Found]:
    # the library reports each missing key by itself, without naming it in its data: all of them are named each time
    for name in (name for name in broken.wanted if name not in broken.value):
        yield (
            "missing-required",
            (*broken.path, name),
            f"{dotted((*broken.path, name))} is required, and nothing sets it",
            None,
        )


def _additional(broken: Broken) -> Iterator[Found]:
    known = list(broken.schema.get("properties", ()))
    some = f"there are {choices(known)}" if known else None
    for name in broken.unexpected:
        yield _unknown(broken, name, broken.suggest(name, known) or some)


def _unknown(broken: Broken, name: str, hint: str | None = None) -> Found:
    where = f"in {dotted(broken.path)}" if broken.path else "at the top level"
    return "unknown-key", (*broken.path, name), f"there is no setting `{name}` {where}", hint


def _unevaluated(broken: Broken) -> Iterator[Found]:
    for name in broken.unexpected:
        yield _unknown(broken, name)


def _enum(broken: Broken) -> Iterator[Found]:
    allowed = [value if isinstance(value, str) else json.dumps(value) for value in broken.wanted]
    hint = broken.suggest(broken.value, allowed) if isinstance(broken.value, str) and not broken.hidden else None
    yield ("not-allowed", broken.path, f"{broken.name} must be one of {choices(allowed)}, not {broken.shown}", hint)


def _const(broken: Broken) -> Iterator[Found]:
    wanted = json.dumps(broken.wanted, ensure_ascii=False)
    yield "not-allowed", broken.path, f"{broken.name} must be `{wanted}`, not {broken.shown}", None


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
    examples = [value for value in broken.schema.get("examples", ()) if isinstance(value, str)]
    own = broken.schema.get("patternErrorMessage")
    message = own if isinstance(own, str) else f"must match {broken.wanted}"
    hint = f"for example `{examples[0]}`" if examples else None
    yield "wrong-format", broken.path, f"{broken.name} {message}, not {broken.shown}", hint


def _format(broken: Broken) -> Iterator[Found]:
    yield (
        "wrong-format",
        broken.path,
        f"{broken.name} must be of the format {broken.wanted}, not {broken.shown}",
        None,
    )


def _alternatives(broken: Broken) -> Iterator[Found]:
    wanted: dict[str, None] = {}
    for below in broken.context:
        value: Any = below.validator_value
        if below.validator == "type":
            wanted.update(
                dict.fromkeys(TYPE_WORDS.get(name, name) for name in ([value] if isinstance(value, str) else value))
            )
        elif below.validator in ("const", "enum"):
            values = value if below.validator == "enum" else [value]
            wanted.update(dict.fromkeys(f"`{json.dumps(value)}`" for value in values))
    branches = broken.wanted if isinstance(broken.wanted, list) else []
    keys = [name for branch in branches if isinstance(branch, dict) for name in branch.get("required", ())]
    if not broken.context and keys and all(set(branch) == {"required"} for branch in branches):
        yield "ambiguous", broken.path, f"{broken.name} takes only one of {choices(keys)}", None
        return
    choice = _required_choice(broken)
    if choice:
        yield "missing-required", broken.path, f"{broken.name} needs one of {choices(choice)}", None
    elif not broken.context:
        yield (
            "ambiguous",
            broken.path,
            f"{broken.name} fits more than one of the alternatives, where one is allowed",
            None,
        )
    elif wanted:
        yield ("wrong-type", broken.path, f"{broken.name} must be {' or '.join(wanted)}, not {broken.shown}", None)
    else:
        yield "schema", broken.path, f"{broken.name} fits none of the alternatives", None


def _required_choice(broken: Broken) -> list[str]:
    """The keys of which one is needed, where that is all that keeps each alternative from fitting."""
    only = all(below.validator == "required" and not below.relative_path for below in broken.context)
    wanted: list[Any] = [below.validator_value for below in broken.context] if only else []
    return list(dict.fromkeys(name for names in wanted for name in names)) if len(wanted) > 1 else []


def _unique(broken: Broken) -> Iterator[Found]:
    yield "not-unique", broken.path, f"{broken.name} must not hold an item twice", None


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
    message = f"`{broken.value}` cannot be a key here, by the rule {broken.rule}: {json.dumps(broken.wanted)}"
    yield "bad-key", (*broken.path, str(broken.value)), message, None


def _other(broken: Broken) -> Iterator[Found]:
    if not broken.keyword or (broken.keyword == "not" and broken.wanted == {}):
        yield "unknown-key", broken.path, f"nothing may be set at {broken.name}", None
    else:
        rule = json.dumps(broken.wanted, ensure_ascii=False)
        rule = rule if len(rule) <= _SHOWN else f"{rule[:_SHOWN]}…"
        yield "schema", broken.path, f"{broken.name} breaks the rule {broken.keyword}: {rule}", None


_MESSAGES: Final[dict[str, Callable[[Broken], Iterator[Found]]]] = {
    "type": _type,
    "required": _required,
    "additionalProperties": _additional,
    "unevaluatedProperties": _unevaluated,
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
}
