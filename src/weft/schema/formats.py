"""The one implementation of `format`: that of jsonschema-rs, draft by draft, with Weft's own check of regular expressions.

A format that a draft does not define has no effect. docs/reference/schemas.md lists them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Final

import jsonschema_rs

from weft.schema.patterns import is_valid

OWN: Final[Mapping[str, Callable[[str], bool]]] = {"regex": is_valid}
"""The formats that make a validator of jsonschema-rs agree with `conforms`."""


def conforms(dialect: str, name: str, value: Any) -> bool:
    """True if a value has a format, in the draft with this address. Only texts are checked."""
    return not isinstance(value, str) or _checker(dialect, name).is_valid(value)


@lru_cache(maxsize=256)
def _checker(dialect: str, name: str) -> jsonschema_rs.Validator:
    schema = {"$schema": dialect, "format": name}
    return jsonschema_rs.validator_for(schema, validate_formats=True, formats=dict(OWN))
