"""The schema bundle: all schemas as one self-contained file of draft 2020-12 that accepts the same values.

A secret that a schema spells out, in a default, an example or a list of values, is left out.

Keywords that an older draft does not know have no effect there, so they are omitted; older spellings are converted to those of
2020-12. Two things cannot be expressed: that `1.0` is not an integer (draft 4), and that `contains` leaves items unevaluated (2019-09).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache, cached_property
from pathlib import PurePosixPath
from typing import Any, Final
from urllib.parse import unquote

from weft.base import paths
from weft.schema.catalog import Catalog
from weft.schema.documents import DIALECT, Documents
from weft.schema.node import Node
from weft.schema.published import published, reveals
from weft.schema.walk import MANY, NAMED, ONE, rebuild

_OF_OTHERS: Final = frozenset(("additionalItems", "dependencies", "else", "maxContains", "minContains", "then"))
"""Assertions of older drafts, and those that jsonschema evaluates together with another one."""
_WITH: Final = {"then": "if", "else": "if", "minContains": "dependentRequired", "maxContains": "dependentRequired"}
"""Keywords that jsonschema evaluates together with another one, or that were introduced together with it."""
_DATA: Final = frozenset(
    (
        "const",
        "default",
        "defaultSnippets",
        "dependentRequired",
        "enum",
        "enumDescriptions",
        "errorMessage",
        "examples",
        "markdownEnumDescriptions",
        "required",
        "type",
    )
)
"""Keywords whose values are lists or mappings of data."""
_ANNOTATIONS: Final = {"deprecated": bool, "examples": list, "readOnly": bool, "writeOnly": bool}
_VALUES: Final = frozenset(("const", "default", "enum", "examples"))
"""Keywords that may contain values of a setting."""
_KEPT: Final = (ONE | MANY | NAMED | _DATA | {"$ref", "$comment"}) - {"$defs", "definitions"}
_FORMATS: Final = {
    "6": ("json-pointer", "uri-reference", "uri-template"),
    "7": ("date", "idn-email", "idn-hostname", "iri", "iri-reference", "relative-json-pointer", "time"),
    "2019": ("duration", "uuid"),
}
"""The draft that introduced each format: before, the name was unknown."""
_FOR_PEOPLE: Final = frozenset(
    ("$comment", "description", "examples", "markdownDescription", "markdownEnumDescriptions", "title")
)
"""Keywords that no program needs: they are most of the text."""
_FOR_EDITORS: Final = frozenset(("defaultSnippets", "enumDescriptions", "errorMessage", "patternErrorMessage"))
_DRAFTS: Final = ("4", "6", "7", "2019", "2020")


def bundled(documents: Documents) -> dict[str, Any]:
    """The schema documents as one schema; every `$ref` in it is `#` or `#/$defs/NAME`."""
    return BundledSchema(documents).schema


def bundled_for_programs(catalog: Catalog) -> dict[str, Any]:
    """The schemas as one schema, without what only people read, and for values that may come without the sensitive ones."""

    def change(result: dict[str, Any], schema: dict[str, Any]) -> None:
        for keyword in (_FOR_PEOPLE | _FOR_EDITORS) & result.keys():
            del result[keyword]
        if "required" in result:
            node = catalog.node([schema], [schema])
            result["required"] = [name for name in result["required"] if not node.child(name).hidden]

    return BundledSchema(catalog.documents, change).schema


class BundledSchema:
    """A schema bundle and the origin of its parts.

    `schema` is the whole of it. `location(part)` is the `file#/pointer` of a part of it, by identity; None for a part without a location
    of its own. `change` is called with each translated schema and its original, and may alter the former.
    """

    def __init__(
        self, documents: Documents, change: Callable[[dict[str, Any], dict[str, Any]], None] | None = None
    ) -> None:
        self._documents = documents
        self._change = change
        self._names: dict[str, str] = {}
        self._locations: dict[int, str] = {}
        root = documents.joined[documents.root]
        body = self._translate(root, documents.dialect())
        definitions: dict[str, Any] = {}
        while len(definitions) < len(self._names):  # every definition may refer to further ones
            for ref, name in list(self._names.items()):
                if name not in definitions:
                    document = documents.joined[ref.partition("#")[0]]
                    definitions[name] = self._translate(documents.schema(ref), documents.dialect(document))
        self.schema: dict[str, Any] = {"$schema": DIALECT}
        # a boolean schema, written so that `$schema` can be added
        self.schema |= body if isinstance(body, dict) else {} if body else {"not": {}}
        self._locations[id(self.schema)] = self._locations.pop(id(body), "")
        if definitions:
            self.schema["$defs"] = {name: definitions[name] for name in sorted(definitions)}

    def location(self, part: Any) -> str | None:
        """The `file#/pointer` of the original of a part of the bundle."""
        return self._locations.get(id(part)) or None

    def _translate(self, schema: Any, dialect: str) -> Any:
        if not isinstance(schema, dict):
            return schema
        result = _in_new_words(rebuild(_meaningful(schema, dialect), lambda _, child: self._translate(child, dialect)))
        if "$ref" in result:
            result["$ref"] = self._reference(schema["$ref"])
        self._hide_secrets(result, schema)
        if self._change:
            self._change(result, schema)
        self._locations[id(result)] = self._documents.location(schema)
        return result

    @cached_property
    def _catalog(self) -> Catalog:
        return Catalog(self._documents)

    def _hide_secrets(self, result: dict[str, Any], schema: dict[str, Any]) -> None:
        """Remove the values of a schema that contain a secret. A listed one is never valid: a secret must be a reference."""
        if _VALUES & result.keys() and id(schema) in self._catalog.holding_secrets:
            _remove_secrets(result, self._catalog.node([schema], [schema]))

    def _reference(self, ref: str) -> str:
        uri, _, fragment = ref.partition("#")
        if uri == self._documents.root and not fragment:
            return "#"
        key = f"{uri}#{fragment}"
        if key not in self._names:
            steps = paths.parse_pointer(unquote(fragment))
            stem = PurePosixPath(self._documents.names[uri]).name.partition(".")[0]
            wanted = re.sub(r"[^A-Za-z0-9_-]+", "-", str(steps[-1]) if steps else stem).strip("-") or "schema"
            taken = set(self._names.values())
            several = (f"{wanted}-{number}" for number in range(2, len(taken) + 3))
            self._names[key] = next(name for name in (wanted, *several) if name not in taken)
        return f"#/$defs/{self._names[key]}"


def _remove_secrets(result: dict[str, Any], node: Node) -> None:
    """Remove the values that reveal a secret from the keywords of a place."""
    if "default" in result and reveals(node, result["default"]):
        del result["default"]
    if "examples" in result:
        result["examples"] = published(node, result["examples"])
    if "const" in result and not _is_allowed(node, result["const"]):
        result |= {"enum": [result.pop("const")]}
    if "enum" in result:
        result["enum"] = [one for one in result["enum"] if _is_allowed(node, one)]


def _is_allowed(node: Node, listed: Any) -> bool:
    """True if a value that a schema lists reveals no secret, or is valid: then it is a reference to one."""
    return not reveals(node, listed) or node.accepts(listed)


def _draft(dialect: str) -> int:
    """The position of a dialect in the order of the drafts."""
    return next(index for index, draft in enumerate(_DRAFTS) if f"draft-0{draft}" in dialect or f"/{draft}-" in dialect)


def _meaningful(schema: dict[str, Any], dialect: str) -> dict[str, Any]:
    """The keywords that have an effect in a dialect; before 2019-09, a `$ref` hid all other keywords from validators."""
    kept = {key: value for key, value in schema.items() if _means_something(key, value, dialect)}
    if "$ref" in kept and _draft(dialect) < _DRAFTS.index("2019"):
        return {key: value for key, value in kept.items() if key == "$ref" or not _is_assertion(key)}
    return kept


def _is_assertion(key: str) -> bool:
    return key in _OF_OTHERS or key in _assertions(DIALECT)


@cache
def _assertions(dialect: str) -> frozenset[str]:
    """The keywords that jsonschema evaluates in a dialect."""
    from jsonschema.validators import validator_for

    return frozenset(validator_for({"$schema": dialect}).VALIDATORS)


def _means_something(key: str, value: Any, dialect: str) -> bool:
    """True if a keyword has a meaning in its dialect, for a validator or a reader."""
    if key == "format":
        return _draft(dialect) >= _first_draft(value)
    if key in _ANNOTATIONS and not isinstance(value, _ANNOTATIONS[key]):
        return False  # older drafts did not define it
    if key != "$ref" and _is_assertion(key):
        return _WITH.get(key, key) in _assertions(dialect)
    if key in _KEPT or key.startswith("x-"):
        return True
    return not (key.startswith("$") or isinstance(value, dict | list))  # a remark for readers only


def _first_draft(format_: Any) -> int:
    """The position of the draft that introduced a format."""
    return next((_DRAFTS.index(draft) for draft, names in _FORMATS.items() if format_ in names), 0)


def _in_new_words(schema: dict[str, Any]) -> dict[str, Any]:
    """The same in the keywords of 2020-12; the schema itself is changed."""
    for modernize in (_tuples, _exclusive_bounds, _dependencies):
        modernize(schema)
    return schema


def _tuples(schema: dict[str, Any]) -> None:
    """A list of `items` became `prefixItems`, and `additionalItems` became `items`."""
    if isinstance(schema.get("items"), list):
        schema["prefixItems"] = schema.pop("items")
        if "additionalItems" in schema:
            schema["items"] = schema["additionalItems"]
        if not schema["prefixItems"]:
            del schema["prefixItems"]
    schema.pop("additionalItems", None)


def _exclusive_bounds(schema: dict[str, Any]) -> None:
    """A flag next to a bound became a separate bound."""
    for bound in ("minimum", "maximum"):
        exclusive = f"exclusive{bound.capitalize()}"
        if isinstance(schema.get(exclusive), bool) and schema.pop(exclusive) and bound in schema:
            schema[exclusive] = schema.pop(bound)


def _dependencies(schema: dict[str, Any]) -> None:
    """One keyword became two: one for names, one for schemas."""
    for name, dependency in schema.pop("dependencies", {}).items():
        keyword = "dependentRequired" if isinstance(dependency, list | str) else "dependentSchemas"
        needed = [dependency] if isinstance(dependency, str) else dependency
        schema[keyword] = schema.get(keyword, {}) | {name: needed}
