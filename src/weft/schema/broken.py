"""A keyword that a value breaks, with everything that its message needs; `violations` writes the message."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from weft.base.paths import Path, dotted, get
from weft.base.problems import Suggestions
from weft.schema.explaining import UnexpectedKeys, explainer
from weft.schema.rewriting import hint_for
from weft.schema.types import TYPE_WORDS, json_type
from weft.schema.walk import subschemas

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError

_SHOWN: Final = 60


def _nothing(_: Any) -> bool:
    return False


def _nowhere(_: Path, name: str) -> None:
    """No hint for a key."""


@dataclass(frozen=True, slots=True)
class Broken:
    """A keyword that a value breaks, for the message functions. A `hidden` value must not be quoted.

    `unexpected` are the keys or items that are not allowed, if the keyword is about these, and `known` the allowed keys. `fits`
    tells whether another value would be accepted here, and `elsewhere` gives a hint for a key that is not allowed in a group. With
    `of_key`, the value is a key of the mapping.
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
    unexpected: tuple[str | int, ...] = ()
    known: tuple[str, ...] = ()
    fits: Callable[[Any], bool] = _nothing
    of_key: bool = False
    suggest: Suggestions = field(default_factory=Suggestions)
    elsewhere: Callable[[Path, str], str | None] = _nowhere

    @property
    def name(self) -> str:
        """The name of the setting, or of the key that breaks the rule."""
        where = dotted(self.path) or "the configuration"
        return f"the key `{self.value}` of {where}" if self.of_key else where

    @property
    def instead(self) -> str | None:
        """A hint with a spelling of the value that would be accepted."""
        return None if self.hidden or self.of_key else hint_for(self.value, self.fits)

    @property
    def shown(self) -> str:
        """The value, shortened, or its type."""
        if self.hidden:
            return TYPE_WORDS[json_type(self.value)]
        text = json.dumps(self.value, ensure_ascii=False)
        return f"`{text}`" if len(text) <= _SHOWN else f"`{text[:_SHOWN]}…`"


def broken_by(
    error: ValidationError,
    judged: Any,
    at: Path = (),
    *,
    hidden: bool,
    fits: Callable[[Any], bool] = _nothing,
    suggest: Suggestions | None = None,
    elsewhere: Callable[[Path, str], str | None] = _nowhere,
) -> Broken:
    """The keyword of a validator's error about `judged`, the value at the path `at` of the configuration."""
    inside = tuple(error.absolute_path)
    names_a_key = isinstance(error.instance, str) and isinstance(get(judged, inside), dict)
    unexpected = error.cause if isinstance(error.cause, UnexpectedKeys) else UnexpectedKeys(())
    return Broken(
        "propertyNames" if names_a_key else str(error.validator or ""),
        error.validator_value,
        error.instance,
        error.schema if isinstance(error.schema, dict) else {},
        (*at, *inside),
        hidden,
        error.message,
        str(error.validator or ""),
        tuple(error.context or ()),
        unexpected.names,
        unexpected.known,
        fits,
        suggest=suggest or Suggestions(),
        elsewhere=elsewhere,
    )


def of_metaschema(error: ValidationError) -> Broken:
    """A keyword of a metaschema that a schema breaks; only that part of the metaschema determines what would fit."""
    schema: Any = error.schema
    refers = _refers(schema)

    def fits(value: Any) -> bool:
        from referencing.exceptions import Unresolvable

        if refers:
            return False  # `#` would mean the part, and not the metaschema
        try:
            return bool(explainer(schema, formats=False).is_valid(value))
        except Unresolvable:
            return False

    unexpected = error.cause if isinstance(error.cause, UnexpectedKeys) else UnexpectedKeys(())
    return Broken(
        str(error.validator),
        error.validator_value,
        error.instance,
        schema if isinstance(schema, dict) else {},
        tuple(error.absolute_path),
        False,
        error.message,
        str(error.validator),
        tuple(error.context or ()),
        unexpected.names,
        unexpected.known,
        fits=fits,
    )


def _refers(schema: Any) -> bool:
    """Whether a schema has a reference, or one of those in it has."""
    if not isinstance(schema, dict):
        return False
    return "$ref" in schema or any(_refers(child) for _, child in subschemas(schema))
