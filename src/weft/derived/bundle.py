"""The bundle: all schema files as one of draft 2020-12, without references to others, that judges as they do.

What an older draft does not know does nothing there, so it is left out; what it says in other words is said in those of
2020-12. Two things cannot be said: that `1.0` is no integer (draft 4), and that `contains` leaves items unevaluated (2019-09).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import PurePosixPath
from typing import Any, Final
from urllib.parse import unquote

from jsonschema.validators import validator_for

from weft.base import paths
from weft.schema.documents import DIALECT, Documents
from weft.schema.walk import MANY, NAMED, ONE, rebuild

_ASSERTIONS: Final = frozenset(validator_for({"$schema": DIALECT}).VALIDATORS) | {
    "additionalItems",
    "dependencies",
    "else",
    "maxContains",
    "minContains",
    "then",
}
_WITH: Final = {"then": "if", "else": "if", "minContains": "dependentRequired", "maxContains": "dependentRequired"}
"""Keywords that jsonschema judges with another one, or that came into JSON Schema together with it."""
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
_KEPT: Final = (ONE | MANY | NAMED | _DATA | {"$ref", "$comment"}) - {"$defs", "definitions"}
_FORMATS: Final = {
    "6": ("json-pointer", "uri-reference", "uri-template"),
    "7": ("date", "idn-email", "idn-hostname", "iri", "iri-reference", "relative-json-pointer", "time"),
    "2019": ("duration", "uuid"),
}
"""The draft that brought each format: before, it was an unknown word."""
_DRAFTS: Final = ("4", "6", "7", "2019", "2020")


def bundle(documents: Documents) -> dict[str, Any]:
    """The schema documents as one schema; every `$ref` in it is `#` or `#/$defs/NAME`."""
    return Bundle(documents).schema


class Bundle:
    """A bundle and where its parts come from.

    `schema` is the whole. `location(part)` is the `file#/pointer` of a part of it, by identity; None for a part that has no
    place of its own. `change` is called with each translated schema and the one it was made from, and may alter the former.
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
        while len(definitions) < len(self._names):  # every definition may name further ones
            for ref, name in list(self._names.items()):
                if name not in definitions:
                    document = documents.joined[ref.partition("#")[0]]
                    definitions[name] = self._translate(documents.schema(ref), documents.dialect(document))
        self.schema: dict[str, Any] = {"$schema": DIALECT}
        # a boolean schema, in words that leave room for `$schema`
        self.schema |= body if isinstance(body, dict) else {} if body else {"not": {}}
        self._locations[id(self.schema)] = self._locations.pop(id(body), "")
        if definitions:
            self.schema["$defs"] = {name: definitions[name] for name in sorted(definitions)}

    def location(self, part: Any) -> str | None:
        """The `file#/pointer` that a part of the bundle was made from."""
        return self._locations.get(id(part)) or None

    def _translate(self, schema: Any, dialect: str) -> Any:
        if not isinstance(schema, dict):
            return schema
        result = _in_new_words(rebuild(_meaningful(schema, dialect), lambda _, child: self._translate(child, dialect)))
        if "$ref" in result:
            result["$ref"] = self._reference(schema["$ref"])
        if self._change:
            self._change(result, schema)
        self._locations[id(result)] = self._documents.location(schema)
        return result

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


def _draft(dialect: str) -> int:
    """The position of a dialect in the order of the drafts."""
    return next(index for index, draft in enumerate(_DRAFTS) if f"draft-0{draft}" in dialect or f"/{draft}-" in dialect)


def _meaningful(schema: dict[str, Any], dialect: str) -> dict[str, Any]:
    """The keywords that mean something in a dialect; before 2019-09, a `$ref` hid all its neighbours from validators."""
    kept = {key: value for key, value in schema.items() if _means_something(key, value, dialect)}
    if "$ref" in kept and _draft(dialect) < _DRAFTS.index("2019"):
        return {key: value for key, value in kept.items() if key == "$ref" or key not in _ASSERTIONS}
    return kept


def _means_something(key: str, value: Any, dialect: str) -> bool:
    """Whether a keyword means something in its dialect, to a validator or to a reader."""
    if key == "format":
        return _draft(dialect) >= _first_draft(value)
    if key in _ANNOTATIONS and not isinstance(value, _ANNOTATIONS[key]):
        return False  # older drafts did not say
    if key in _ASSERTIONS and key != "$ref":
        return _WITH.get(key, key) in validator_for({"$schema": dialect}).VALIDATORS
    if key in _KEPT or key.startswith("x-"):
        return True
    return not (key.startswith("$") or isinstance(value, dict | list))  # a remark that only a reader may know


def _first_draft(format_: Any) -> int:
    """The position of the draft that brought a format."""
    return next((_DRAFTS.index(draft) for draft, names in _FORMATS.items() if format_ in names), 0)


def _in_new_words(schema: dict[str, Any]) -> dict[str, Any]:
    """The same in the keywords of 2020-12; the schema itself is changed."""
    for modernize in (_tuples, _exclusive_bounds, _dependencies):
        modernize(schema)
    return schema


def _tuples(schema: dict[str, Any]) -> None:
    """A list of `items` became `prefixItems`, and what follows them `items`."""
    if isinstance(schema.get("items"), list):
        schema["prefixItems"] = schema.pop("items")
        if "additionalItems" in schema:
            schema["items"] = schema["additionalItems"]
        if not schema["prefixItems"]:
            del schema["prefixItems"]
    schema.pop("additionalItems", None)


def _exclusive_bounds(schema: dict[str, Any]) -> None:
    """A flag beside a bound became a bound of its own."""
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
