"""Validate: what is wrong with a merged configuration, as problems and never as an exception.

`jsonschema-rs` screens, because it is a hundred times faster; only what it refuses is explained with `jsonschema`, whose
errors know the schema they come from.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from itertools import islice
from typing import Any, Final

import jsonschema_rs
from jsonschema.exceptions import ValidationError

from weft.base.paths import Path, dotted, get, pointer
from weft.base.problems import Problem
from weft.files.shipped import shipped
from weft.schema import patterns
from weft.schema.explaining import Undecided, UnexpectedKeys, assuming, explainer
from weft.schema.formats import OWN
from weft.schema.loader import load_documents
from weft.schema.node import Catalog, Node
from weft.schema.violations import Broken, Suggestions, complaints
from weft.secrets.masking import Mask, is_concealed
from weft.secrets.references import literal_secret

_FEW: Final = 100
"""How many errors of jsonschema-rs are looked at; each holds a copy of the value that it is about."""


@dataclass(frozen=True, slots=True)
class _Judged:
    """A configuration while the problems with it are put into words."""

    config: Any = field(repr=False)
    mask: Mask
    suggest: Suggestions

    def hides(self, node: Node, value: Any) -> bool:
        """Whether a value must not be quoted: it is long, or a secret may be in it."""
        return isinstance(value, dict | list) or node.holds_secrets or self.mask.hides(node, value)


class SchemaCheck:
    """The schemas of a catalog, compiled once, ready to judge configurations."""

    def __init__(self, catalog: Catalog) -> None:
        documents = catalog.documents
        self._catalog = catalog
        schema = {"$schema": documents.dialect(), "$ref": documents.root}
        self._explain = explainer(schema, documents.dialect(), documents.registry(), formats=True)
        self._screen = jsonschema_rs.validator_for(
            schema,
            registry=documents.rust_registry,
            validate_formats=True,
            formats=dict(OWN),
            pattern_options=patterns.OPTIONS,
        )

    @property
    def names(self) -> frozenset[str]:
        """The names of all settings."""
        return self._catalog.names

    def accepts(self, config: Any) -> bool:
        """Whether the configuration is surely valid; False may also mean that only `problems` can tell."""
        try:
            return self._screen.is_valid(config)
        except ValueError:
            return False  # a number beyond it; the other library may not mind

    def problems(self, config: Any) -> list[Problem]:
        """Every way in which the configuration breaks the schema; paths are JSON pointers into it."""
        if self.accepts(config):
            return []
        with assuming(True) as undecided:
            found = dict.fromkeys(self._explained(config))
        if undecided.found:  # what holds only if the expression matches, or only if it does not, is not known
            with assuming(False):
                either = set(self._explained(config))
            found = {problem: None for problem in found if problem in either}
            found |= dict.fromkeys(self._too_costly(config, undecided))
        return list(found or self._second_opinion(config))

    def _explained(self, config: Any) -> Iterator[Problem]:
        judged = _Judged(config, Mask(self._catalog.root, [config]), Suggestions())
        for error in self._explain.iter_errors(config):
            yield from self._told(error, judged)

    def _too_costly(self, config: Any, undecided: Undecided) -> Iterator[Problem]:
        for schema, pattern, text in undecided.found:
            named = pattern in schema.get("patternProperties", ())
            location = self._catalog.documents.location(
                schema, *(("patternProperties", pattern) if named else ("pattern",))
            )
            for path in self._described_by(schema, list(_places_of(config, text))):
                message = (
                    f"{dotted(path)}: nobody can tell whether the text matches, as the pattern is too costly to match"
                )
                yield Problem("pattern-too-costly", message, path=pointer(path), schema=location, hint=patterns.CHEAPER)

    def _described_by(self, schema: Any, paths: list[Path]) -> list[Path]:
        """Those of some paths of which a schema speaks, themselves or as keys; all where it only tests, as below `not`."""
        root = self._catalog.root

        def speaks(path: Path) -> bool:
            nodes = root.at(path), root.at(path[:-1])
            return any(schema is known for node in nodes for known in (*node.certain, *node.possible))

        return list(filter(speaks, paths)) or paths

    def _told(self, error: ValidationError, judged: _Judged) -> Iterator[Problem]:
        schema = error.schema if isinstance(error.schema, dict) else {}
        # `false` as a property is judged as `not: {}`, see `documents`, and nobody wrote that keyword
        steps = (error.validator,) if error.validator and schema != {"not": {}} else ()
        location = self._catalog.documents.location(error.schema, *steps)
        path = tuple(error.absolute_path)
        node = self._catalog.root.at(path)
        stated = schema.get("x-sensitive") is True and error.validator in ("type", "pattern")
        if stated or (node.sensitive and is_concealed(node, error.instance)):
            yield literal_secret(path, location)
            return
        if error.validator in ("anyOf", "oneOf") and error.context:
            branch = _best_branch(error)
            if branch:
                for below in branch:
                    yield from self._told(below, judged)
                return
        own = schema.get("errorMessage")
        own = own.get(error.validator) if isinstance(own, dict) else own
        names_a_key = isinstance(error.instance, str) and isinstance(get(judged.config, path), dict)
        broken = Broken(
            "propertyNames" if names_a_key else str(error.validator or ""),
            error.validator_value,
            error.instance,
            schema,
            path,
            judged.hides(node, error.instance),
            error.message,
            str(error.validator or ""),
            tuple(error.context or ()),
            error.cause.names if isinstance(error.cause, UnexpectedKeys) else (),
            judged.suggest,
        )
        for code, where, message, hint in complaints(broken):
            if isinstance(own, str):
                yield Problem(code, f"{dotted(where)}: {own}", path=pointer(where), schema=location)
            else:
                yield Problem(code, message, path=pointer(where), schema=location, hint=hint)

    def _second_opinion(self, config: Any) -> Iterator[Problem]:
        """What jsonschema-rs says of a configuration that only it refuses, so that no refusal goes unexplained."""
        judged = _Judged(config, Mask(self._catalog.root, [config]), Suggestions())
        for error in islice(self._screen.iter_errors(config), _FEW):
            path = tuple(error.instance_path)
            keyword = str(error.schema_path[-1]) if error.schema_path else ""
            location = error.absolute_keyword_location or self._catalog.documents.root
            wanted, around = self._schema(location), self._schema(location.rpartition("/")[0])
            value = get(config, path)
            hidden = judged.hides(self._catalog.root.at(path), value)
            schema = around if isinstance(around, dict) else {}
            names = tuple(getattr(error.kind, "unexpected", ()))
            broken = Broken(keyword, wanted, value, schema, path, hidden, error.message, keyword, (), names)
            for code, where, message, hint in complaints(broken):
                yield Problem(code, message, path=pointer(where), schema=self._located(location), hint=hint)

    def _schema(self, location: str) -> Any:
        try:
            return self._catalog.documents.schema(location)
        except LookupError:
            return None  # the library names a keyword of a newer draft for that of an older one

    def _located(self, uri: str) -> str:
        file, _, fragment = uri.partition("#")
        return f"{self._catalog.documents.names.get(file, file)}#{fragment}"


def _places_of(value: Any, text: str, path: Path = ()) -> Iterator[Path]:
    """Where a text stands in a configuration, as a value or as a key."""
    if value == text:
        yield path
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, below in pairs:
        if step == text:
            yield (*path, step)
        yield from _places_of(below, text, (*path, step))


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
