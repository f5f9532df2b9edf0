"""Whether a single schema accepts a value: needed for defaults, which must fit before they are filled in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

import jsonschema_rs

from weft.schema.documents import Documents
from weft.schema.explaining import explainer
from weft.schema.patterns import OPTIONS, TooCostly

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError

_OFTEN: Final = 3
"""The number of checks with the slow validator before the fast one is compiled for a schema."""


class Acceptance:
    """The schemas of joined documents, each on its own, without formats."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents
        self._quick: dict[int, tuple[int, jsonschema_rs.Validator | None]] = {}

    def accepts(self, schema: dict[str, Any], value: Any) -> bool:
        """True if a schema accepts a value; False if an expression is too costly to match."""
        quick = self._quick_validator(schema)
        if quick is not None:
            try:
                return quick.is_valid(value)
            except ValueError:
                pass  # a number beyond it
        try:
            return self._explains(schema, value)
        except TooCostly:
            return False

    def errors(self, schema: dict[str, Any], value: Any) -> Iterator[ValidationError]:
        """Why a schema does not accept a value. Raises TooCostly if an expression is too costly to match."""
        dialect = self._documents.dialect(schema)
        yield from explainer(schema, dialect, self._documents.registry, formats=False).iter_errors(value)

    def _explains(self, schema: dict[str, Any], value: Any) -> bool:
        dialect = self._documents.dialect(schema)
        return bool(explainer(schema, dialect, self._documents.registry, formats=False).is_valid(value))

    def _quick_validator(self, schema: dict[str, Any]) -> jsonschema_rs.Validator | None:
        """The fast validator for one schema; compiling it only pays off for a schema that is used often."""
        asked, validator = self._quick.get(id(schema), (0, None))
        if asked == _OFTEN:
            address = self._documents.address(schema)
            validator = self._compiled(schema, address) if address else None
        if asked <= _OFTEN:
            self._quick[id(schema)] = asked + 1, validator
        return validator

    def _compiled(self, schema: dict[str, Any], address: str) -> jsonschema_rs.Validator:
        root = {"$schema": self._documents.dialect(schema), "$ref": address}
        registry = self._documents.rust_registry
        return jsonschema_rs.validator_for(root, registry=registry, validate_formats=False, pattern_options=OPTIONS)
