"""Validate: what is wrong with a merged configuration, as problems and never as an exception.

`jsonschema-rs` screens, because it is a hundred times faster; only what it refuses is explained with `jsonschema`, whose
errors know the schema they come from.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Collection, Iterator
from functools import cache
from importlib import resources
from typing import Any

import jsonschema_rs
from jsonschema.exceptions import ValidationError
from jsonschema.validators import validator_for

from weft.base.paths import Path, dotted, get, pointer
from weft.base.problems import Problem
from weft.files.shipped import shipped
from weft.schema.loader import load_documents
from weft.schema.node import Catalog
from weft.schema.violations import Broken, complaints
from weft.secrets.references import literal_secret


class SchemaCheck:
    """The schemas of a catalog, compiled once, ready to judge configurations."""

    def __init__(self, catalog: Catalog) -> None:
        documents = catalog.documents
        self._catalog = catalog
        schema = {"$schema": documents.dialect(), "$ref": documents.root}
        validator = validator_for(schema)
        self._explain = validator(schema, registry=documents.registry(), format_checker=validator.FORMAT_CHECKER)
        self._screen: Any = self._explain
        # a regular expression that only Python knows makes the slower library judge alone
        with contextlib.suppress(ValueError):
            self._screen = jsonschema_rs.validator_for(
                schema, registry=documents.rust_registry(), validate_formats=True
            )

    def accepts(self, config: Any) -> bool:
        """Whether the configuration is surely valid; False may also mean that only `problems` can tell."""
        try:
            return bool(self._screen.is_valid(config))
        except (ValueError, re.error):
            return False  # a number or an expression beyond it; the other library may not mind

    def problems(self, config: Any) -> list[Problem]:
        """Every way in which the configuration breaks the schema; paths are JSON pointers into it."""
        if self.accepts(config):
            return []
        try:
            found = list(
                dict.fromkeys(
                    problem for error in self._explain.iter_errors(config) for problem in self._told(error, config)
                )
            )
        except re.error:
            found = []  # a regular expression that only Rust knows
        return [*found, *self._second_opinion(config, found)]

    def _told(self, error: ValidationError, config: Any) -> Iterator[Problem]:
        schema = error.schema if isinstance(error.schema, dict) else {}
        steps = (error.validator,) if error.validator else ()
        location = self._catalog.documents.location(error.schema, *steps)
        if schema.get("x-sensitive") is True and error.validator in ("type", "pattern"):
            yield literal_secret(tuple(error.absolute_path), location)
            return
        if error.validator in ("anyOf", "oneOf") and error.context:
            branch = _best_branch(error)
            if branch:
                for below in branch:
                    yield from self._told(below, config)
                return
        path = tuple(error.absolute_path)
        own = schema.get("errorMessage")
        own = own.get(error.validator) if isinstance(own, dict) else own
        names_a_key = isinstance(error.instance, str) and isinstance(get(config, path), dict)
        broken = Broken(
            "propertyNames" if names_a_key else str(error.validator or ""),
            error.validator_value,
            error.instance,
            schema,
            path,
            self._is_hidden(path, error.instance),
            error.message,
            str(error.validator or ""),
            tuple(error.context or ()),
        )
        for code, where, message, hint in complaints(broken):
            if isinstance(own, str):
                yield Problem(code, f"{dotted(where)}: {own}", path=pointer(where), schema=location)
            else:
                yield Problem(code, message, path=pointer(where), schema=location, hint=hint)

    def _second_opinion(self, config: Any, known: Collection[Problem]) -> Iterator[Problem]:
        """What only jsonschema-rs refuses: it knows more formats and another dialect of regular expressions."""
        if self._screen is self._explain:
            return
        told = {problem.path for problem in known}
        for error in self._screen.iter_errors(config):
            path = tuple(error.instance_path)
            keyword = str(error.schema_path[-1]) if error.schema_path else ""
            if pointer(path) in told or (known and keyword != "format"):
                continue
            location = error.absolute_keyword_location or self._catalog.documents.root
            wanted, around = self._schema(location), self._schema(location.rpartition("/")[0])
            hidden = self._is_hidden(path, get(config, path))
            schema = around if isinstance(around, dict) else {}
            broken = Broken(keyword, wanted, get(config, path), schema, path, hidden, error.message, keyword, ())
            for code, where, message, hint in complaints(broken):
                yield Problem(code, message, path=pointer(where), schema=self._located(location), hint=hint)

    def _is_hidden(self, path: Path, value: Any) -> bool:
        """Whether a value must not be quoted: it is sensitive, or stands where a mapping with a sensitive setting belongs."""
        holding, node = self._catalog.holding_secrets, self._catalog.root.at(path)
        return isinstance(value, dict | list) or any(
            id(schema) in holding for schema in (*node.certain, *node.possible)
        )

    def _schema(self, location: str) -> Any:
        try:
            return self._catalog.documents.schema(location)
        except LookupError:
            return None  # the library names a keyword of a newer draft for that of an older one

    def _located(self, uri: str) -> str:
        file, _, fragment = uri.partition("#")
        return f"{self._catalog.documents.names.get(file, file)}#{fragment}"


@cache
def check_of(name: str) -> SchemaCheck:
    """A schema that ships with Weft, such as the one of weft.yaml, ready to judge files."""
    with resources.as_file(shipped(name)) as path:
        return SchemaCheck(Catalog(load_documents(path, path.parent)))


def _best_branch(error: ValidationError) -> list[ValidationError]:
    """The alternative that was most likely meant: of the right type, with the right fixed values, with the fewest errors.

    An empty list when no alternative stands out, because all of them expect another type.
    """
    branches: dict[Any, list[ValidationError]] = {}
    for below in error.context or ():
        branches.setdefault(below.relative_schema_path[0], []).append(below)

    def misses(errors: list[ValidationError]) -> tuple[bool, bool, int]:
        kind = any(below.validator == "type" and not below.relative_path for below in errors)
        fixed = any(below.validator in ("const", "enum") and len(below.relative_path) <= 1 for below in errors)
        return kind, fixed, len(errors)

    best = min(branches.values(), key=misses)
    only_required = all(below.validator == "required" and not below.relative_path for below in error.context or ())
    only_fixed = len(best) == 1 and best[0].validator in ("const", "enum") and not best[0].relative_path
    return [] if misses(best)[0] or only_fixed or only_required else best
