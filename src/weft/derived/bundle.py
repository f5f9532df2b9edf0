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
_SCHEMAS: Final = (ONE | MANY | NAMED) - {"$defs", "definitions"}
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
        kept = {key: value for key, value in schema.items() if self._kept(key, value, dialect)}
        if "$ref" in kept and _draft(dialect) < _DRAFTS.index("2019"):
            kept = {key: value for key, value in kept.items() if key == "$ref" or key not in _ASSERTIONS}
        result = _in_new_words(rebuild(kept, lambda _, child: self._translate(child, dialect)))
        if "$ref" in result:
            result["$ref"] = self._reference(schema["$ref"])
        if self._change:
            self._change(result, schema)
        self._locations[id(result)] = self._documents.location(schema)
        return result

    @staticmethod
    def _kept(key: str, value: Any, dialect: str) -> bool:
        """Whether a keyword means something in its dialect, to a validator or to a reader."""
        if key == "format":
            drafts = [draft for draft, names in _FORMATS.items() if value in names]
            return not drafts or _draft(dialect) >= _DRAFTS.index(drafts[0])
        if key in _ANNOTATIONS and not isinstance(value, _ANNOTATIONS[key]):
            return False  # older drafts did not say
        if key == "$ref":
            return True
        if key in _ASSERTIONS:
            return _WITH.get(key, key) in validator_for({"$schema": dialect}).VALIDATORS
        if key in _SCHEMAS or key.startswith("x-") or key in _DATA:
            return True
        return key == "$comment" or not (key.startswith("$") or isinstance(value, dict | list))

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


def _in_new_words(schema: dict[str, Any]) -> dict[str, Any]:
    """The same in the keywords of 2020-12: tuples, exclusive bounds, dependencies."""
    if isinstance(schema.get("items"), list):
        schema["prefixItems"] = schema.pop("items")
        if "additionalItems" in schema:
            schema["items"] = schema["additionalItems"]
        if not schema["prefixItems"]:
            del schema["prefixItems"]
    schema.pop("additionalItems", None)
    for bound in ("minimum", "maximum"):
        exclusive = f"exclusive{bound.capitalize()}"
        if isinstance(schema.get(exclusive), bool) and schema.pop(exclusive) and bound in schema:
            schema[exclusive] = schema.pop(bound)
    for name, below in schema.pop("dependencies", {}).items():
        many = isinstance(below, list | str)
        keyword = "dependentRequired" if many else "dependentSchemas"
        schema[keyword] = schema.get(keyword, {}) | {name: [below] if isinstance(below, str) else below}
    return schema
