"""Whether a single schema accepts a value: needed for defaults, which must fit before they are filled in."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
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
        if id(schema) in self._sound and value is schema["default"]:
            return True
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

    @cached_property
    def _sound(self) -> frozenset[int]:
        """The ids of schemas that accept their own default, as far as the fast validator finds that for all of them at once."""
        known = {address: schema for schema in self._documents.every if (address := self._address(schema))}
        properties = {address: {"$ref": address} for address in known}
        values = {address: schema["default"] for address, schema in known.items()}
        try:
            whole = self._validator({"$schema": self._documents.dialect(), "properties": properties})
            refused = {str(error.instance_path[0]) for error in whole.iter_errors(values)}
        except ValueError:  # a number beyond it
            return frozenset()
        return frozenset(id(schema) for address, schema in known.items() if address not in refused)

    def _address(self, schema: dict[str, Any]) -> str | None:
        """The address of a schema with a default in the root's dialect, which is that of nearly all."""
        is_meant = "default" in schema and self._documents.dialect(schema) == self._documents.dialect()
        return self._documents.address(schema) if is_meant else None

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
        return self._validator({"$schema": self._documents.dialect(schema), "$ref": address})

    def _validator(self, schema: dict[str, Any]) -> jsonschema_rs.Validator:
        registry = self._documents.rust_registry
        return jsonschema_rs.validator_for(schema, registry=registry, validate_formats=False, pattern_options=OPTIONS)
