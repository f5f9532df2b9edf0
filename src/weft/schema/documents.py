"""Schema documents for validators: every `$ref` is an absolute pointer to its target.

Ids and relative references are removed; every `$ref` is the file's URI with a JSON pointer. A sensitive setting is described by
what an overlay may contain: a reference. Both validators get the same documents.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, unquote

import jsonschema_rs

from weft.base import paths
from weft.base.problems import Problem
from weft.schema.patterns import for_engine
from weft.schema.protection import Protection
from weft.schema.walk import REFERENCES, in_place, subschemas

if TYPE_CHECKING:
    from referencing import Registry

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
POINTER_SAFE: Final = "/~!$&'()*+,;=:@"
"""The characters that need no escape in the pointer of a reference."""
_IDS: Final = frozenset(("$id", "id", "$anchor", "$dynamicAnchor", "$recursiveAnchor"))
_DRAFT: Final = re.compile(r"json-schema\.org/(?:draft[-/](?:0?(?P<old>[467])|(?P<new>2019-09|2020-12)))/schema#?\Z")

References = Mapping[tuple[int, str], str | bool]
"""The target of each reference, by schema id and keyword: a URI with a pointer, or a boolean schema."""


def known_dialect(uri: str) -> str | None:
    """The canonical URI of a draft, in any spelling; None for a dialect that Weft does not support."""
    if uri.rstrip("#") in ("http://json-schema.org/schema", "https://json-schema.org/schema"):
        return DIALECT  # the address of the latest draft
    match = _DRAFT.search(uri)
    if match is None:
        return None
    if match["new"]:
        return f"https://json-schema.org/draft/{match['new']}/schema"
    return f"http://json-schema.org/draft-0{match['old']}/schema#"


@dataclass(frozen=True, slots=True)
class Document:
    """One schema file as written; `name` is its name in reports."""

    name: str
    uri: str
    dialect: str
    contents: Any
    path: Path | None


@dataclass(frozen=True)
class Documents:
    """All schema files that are reachable from a root.

    `root` is the URI of the root schema. `joined` maps URIs to the documents for validators. `schema(ref)` gives the schema of a
    joined `$ref`, `location(schema)` the location of a joined schema (`schemas/app.schema.json#/properties/port`).
    `warnings` are about probable mistakes, `remote` about references to the network that were left open. `searched` is true if a
    file was found by its `$id` or through a link: another one could take its place while it stays as it is.
    """

    root: str
    joined: dict[str, Any]
    names: dict[str, str]
    files: tuple[Path, ...]
    warnings: tuple[Problem, ...] = ()
    remote: tuple[Problem, ...] = ()
    searched: bool = False
    _places: dict[int, str] = field(repr=False, default_factory=dict)
    dialects: dict[str, str] = field(repr=False, default_factory=dict)
    """The dialect of each file, by its name."""

    @cached_property
    def every(self) -> tuple[dict[str, Any], ...]:
        """Every schema of every document."""
        found = []
        stack = list(self.joined.values())
        while stack:
            schema = stack.pop()
            if isinstance(schema, dict):
                found.append(schema)
                stack += [child for _, child in subschemas(schema)]
        return tuple(found)

    def schema(self, ref: str) -> Any:
        """The joined schema of an absolute reference."""
        uri, _, fragment = ref.partition("#")
        return get_fragment(self.joined[uri], fragment)

    def location(self, schema: Any, *steps: str | int) -> str:
        """`file#/pointer` of a joined schema, or of something below it."""
        return self._places.get(id(schema), self.names[self.root] + "#") + paths.pointer(steps)

    def place(self, schema: Any) -> str | None:
        """`file#/pointer` of a joined schema; None for anything else."""
        return self._places.get(id(schema))

    def address(self, schema: Any) -> str | None:
        """An absolute reference to a joined schema; None if the schema is not part of a document."""
        name, _, where = self._places.get(id(schema), "").partition("#")
        uri = next((uri for uri, known in self.names.items() if known == name), "")
        try:
            return (
                f"{uri}#{quote(where, safe=POINTER_SAFE)}" if get_fragment(self.joined[uri], where) is schema else None
            )
        except LookupError:
            return None

    def dialect(self, schema: Any = None) -> str:
        """The dialect of the file that contains a joined schema; the root's dialect without a schema."""
        place = self.location(schema)
        return next(dialect for name, dialect in self.dialects.items() if place.startswith(f"{name}#"))

    @cached_property
    def registry(self) -> Registry[Any]:
        """The joined documents for `jsonschema`."""
        from referencing import Registry, Resource
        from referencing.jsonschema import DRAFT202012

        pairs = [
            (uri, Resource.from_contents(doc, default_specification=DRAFT202012)) for uri, doc in self.joined.items()
        ]
        return Registry().with_resources(pairs)

    @cached_property
    def rust_registry(self) -> jsonschema_rs.Registry:
        """The joined documents for `jsonschema-rs`, with regular expressions in the engine's syntax."""
        return jsonschema_rs.Registry([(uri, self._respelled(contents)) for uri, contents in self.joined.items()])

    def _respelled(self, value: Any) -> Any:
        """A part of a document with its regular expressions in the engine's syntax; the same object if none changes."""
        if isinstance(value, list):
            items = [self._respelled(item) for item in value]
            return value if all(map(operator.is_, items, value)) else items
        if not isinstance(value, dict):
            return value
        changed = {key: self._respelled(below) for key, below in value.items()}
        if id(value) in self._places:
            changed |= _respelled_here(changed)
        return value if all(changed[key] is below for key, below in value.items()) else changed


def _respelled_here(schema: dict[str, Any]) -> dict[str, Any]:
    """The keywords of one schema that must change for the engine."""
    changed: dict[str, Any] = {}
    if isinstance(schema.get("pattern"), str) and for_engine(schema["pattern"]) != schema["pattern"]:
        changed["pattern"] = for_engine(schema["pattern"])
    named = schema.get("patternProperties", {})
    if any(for_engine(pattern) != pattern for pattern in named):
        changed["patternProperties"] = {for_engine(pattern): below for pattern, below in named.items()}
    return changed


def get_fragment(contents: Any, fragment: str) -> Any:
    """The value at a `#/pointer` of a document. Raises LookupError or similar if it does not exist."""
    for step in paths.parse_pointer(unquote(fragment)):
        contents = contents[int(step)] if isinstance(contents, list) else contents[step]
    return contents


def join(
    root: str,
    written: Mapping[str, Document],
    references: References,
    schemas: Collection[int],
    warnings: Iterable[Problem] = (),
    remote: Iterable[Problem] = (),
    *,
    searched: bool = False,
) -> Documents:
    """The written documents, by their URIs, joined by their references; `schemas` are the ids of all schemas in them.

    `warnings` are probable mistakes in them, `remote` the references to the network that were left open; `searched` is that of `Documents`.
    """
    run = _Join(references, schemas)
    direct: dict[str, Any] = {}
    for document in written.values():
        contents = run.direct(document.contents, document.name, "")
        if isinstance(contents, dict):
            contents |= {"$schema": document.dialect}
        direct[document.uri] = contents
    protection = Protection(run.places, direct)
    joined = protection.joined()
    if len({document.dialect for document in written.values()}) > 1:
        _state_dialects(joined, written, references)
    files = tuple(document.path for document in written.values() if document.path)
    names = {uri: written[protection.written(uri)].name for uri in joined}
    dialects = {document.name: document.dialect for document in written.values()}
    return Documents(root, joined, names, files, tuple(warnings), tuple(remote), searched, protection.places, dialects)


def self_contained(contents: Any, path: Path) -> Documents:
    """The documents of one schema that refers to nothing but itself, by pointers, such as a bundle. It must have been checked before.

    Raises ValueError or LookupError for any other schema.
    """
    uri = path.as_uri()
    references: dict[tuple[int, str], str | bool] = {}
    schemas: set[int] = set()
    stack = [contents]
    while stack:
        schema = stack.pop()
        if isinstance(schema, bool) or id(schema) in schemas:
            continue
        if not isinstance(schema, dict) or _IDS & schema.keys():
            raise ValueError("it is not a schema that refers to itself only")
        schemas.add(id(schema))
        for keyword in schema.keys() & REFERENCES:
            ref = schema[keyword]
            target = get_fragment(contents, ref[ref.index("#", 0, 1) + 1 :])
            references[id(schema), keyword] = target if isinstance(target, bool) else f"{uri}{ref}"
            stack.append(target)
        stack += [child for _, child in subschemas(schema)]
    stated = contents.get("$schema", DIALECT) if isinstance(contents, dict) else DIALECT
    dialect = known_dialect(stated)
    if dialect is None:
        raise ValueError("its draft is unknown")
    documents = join(uri, {uri: Document(path.name, uri, dialect, contents, path)}, references, schemas)
    if next(circles(documents), None) is not None:
        raise ValueError("it refers to itself without ever reaching a value")
    return documents


def _state_dialects(joined: Mapping[str, Any], written: Mapping[str, Document], references: References) -> None:
    """State the dialect of every referenced schema: a validator that comes from another file would use its own."""
    for target in references.values():
        if isinstance(target, str):
            uri, _, fragment = target.partition("#")
            get_fragment(joined[uri], fragment).setdefault("$schema", written[uri].dialect)


def circles(documents: Documents) -> Iterator[dict[str, Any]]:
    """Schemas that refer to themselves without descending into a value: validation would never end."""
    done: set[int] = set()
    for start in documents.every:
        way, on_the_way = [(start, asked(documents, start))], {id(start)}
        while way:  # a chain of references may be longer than Python calls functions in each other
            schema, below = way[-1]
            child = next(below, None) if id(schema) not in done else None
            if child is None:
                way.pop()
                on_the_way.discard(id(schema))
                done.add(id(schema))
            elif id(child) in on_the_way and id(child) not in done:
                done.add(id(child))
                yield child
            elif id(child) not in done:
                way.append((child, asked(documents, child)))
                on_the_way.add(id(child))


def asked(documents: Documents, schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The schemas that a schema asks about its own value."""
    found = [child for child, _ in in_place(schema)]
    found += [schema[keyword] for keyword in ("not", "if") if keyword in schema]
    found += [documents.schema(schema["$ref"])] if "$ref" in schema else []
    return (child for child in found if isinstance(child, dict))


class _Join:
    """The state of one `join`; `places` are the locations of the new schemas."""

    def __init__(self, references: References, schemas: Collection[int]) -> None:
        self._references = references
        self._schemas = schemas
        self.places: dict[int, str] = {}

    def direct(self, value: Any, name: str, where: str) -> Any:
        """A copy of a part of a document, with absolute references and without ids."""
        if isinstance(value, list):
            return [self.direct(child, name, f"{where}/{index}") for index, child in enumerate(value)]
        if not isinstance(value, dict):
            return value
        result = {key: self.direct(child, name, where + paths.pointer((key,))) for key, child in value.items()}
        if id(value) in self._schemas:
            self._point(result, id(value))
            self.places[id(result)] = f"{name}#{where}"
        return result

    def _point(self, result: dict[str, Any], written: int) -> None:
        """Remove the ids from the copy of a schema, and make its references absolute."""
        for keyword in _IDS & result.keys():
            if isinstance(result[keyword], str | bool):
                del result[keyword]
        if isinstance(result.get("$schema"), str):
            result["$schema"] = known_dialect(result["$schema"])  # as validators spell it
        for keyword in REFERENCES:
            target = self._references.get((written, keyword))
            if isinstance(target, bool):
                del result[keyword]
                result["allOf"] = [*result.get("allOf", ()), target]
            elif target is not None:
                del result[keyword]
                result["$ref"] = target
