"""Schema files: read, checked, and followed through every `$ref`, without ever asking the network."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, unquote, urljoin, urlsplit

import jsonschema_rs
from jsonschema.exceptions import best_match
from jsonschema.validators import validator_for
from jsonschema_specifications import REGISTRY as METASCHEMAS
from referencing import Registry, Resource, Specification
from referencing.exceptions import Unresolvable
from referencing.jsonschema import specification_with

from weft.base import paths
from weft.base.problems import Place, Problem, WeftError, did_you_mean
from weft.files import datafile, yaml12
from weft.files.shipped import shipped_text
from weft.schema.documents import DIALECT, Document, Documents, circles, join
from weft.schema.walk import REFERENCES, subschemas

OUR_KEYWORDS: Final = (
    "x-env",
    "x-kubernetes-list-map-keys",
    "x-kubernetes-list-type",
    "x-kubernetes-map-type",
    "x-kubernetes-validations",
    "x-renamed-to",
    "x-sensitive",
    "x-unit",
)
_READ_ONLY: Final = frozenset(("title", "description", "$comment", "examples", "default"))
_POINTER_SAFE: Final = "/~!$&'()*+,;=:@"
_DRAFT = re.compile(r"json-schema\.org/(?:draft[-/](?:0?(?P<old>[467])|(?P<new>2019-09|2020-12)))/schema#?\Z")


def load_documents(root: Path, base: Path) -> Documents:
    """Read the schema file `root` and all that it refers to; names in reports are relative to `base`.

    Raises WeftError with every problem of every file: unreadable, not a schema, a reference to nowhere, to the network,
    or in a circle, a keyword of ours used wrongly.
    """
    loader = _Loader(base)
    start = loader.open(root)
    if loader.problems:
        raise WeftError(*loader.problems)
    documents = join(start.uri, loader.by_uri, loader.references, loader.schemas)
    for schema in circles(documents):
        loader.complain_of_circle(documents.location(schema))
    if loader.problems:
        raise WeftError(*loader.problems)
    return documents


class _Loader:
    """The state of one `load_documents`."""

    def __init__(self, base: Path) -> None:
        self.base = base
        self.problems: list[Problem] = []
        self.by_uri: dict[str, Document] = {}
        self.targets: dict[int, tuple[Document, str]] = {}
        self.references: dict[tuple[int, str], str | bool] = {}
        self.schemas: set[int] = set()
        self.registry: Registry[Any] = METASCHEMAS.combine(Registry(retrieve=self._retrieve))  # type: ignore[call-arg]

    def open(self, path: Path, dialect: str = DIALECT) -> Document:
        """Read a file, check it, and follow its references."""
        path = path.resolve()
        uri = path.as_uri()
        if uri in self.by_uri:
            return self.by_uri[uri]
        name = _relative(path, self.base)
        contents = self._read(path, name)
        return self._add(name, uri, contents, dialect, path)

    def _add(self, name: str, uri: str, contents: Any, dialect: str, path: Path | None) -> Document:
        if isinstance(contents, dict) and isinstance(contents.get("$schema"), str):
            dialect = _known_dialect(contents["$schema"]) or contents["$schema"]
        document = Document(name, uri, dialect, contents, path)
        self.by_uri[uri] = document
        if not _known_dialect(dialect):
            message = f"`{dialect}` is no JSON Schema draft that Weft knows"
            hint = "use one of the drafts 4, 6, 7, 2019-09, 2020-12"
            self._complain(document, ("$schema",), "schema-invalid", message, hint)
            return document
        if path and not self._check(document, contents, ()):
            return document
        self._index(document)
        specification = specification_with(dialect)
        resource = specification.create_resource(contents)
        base = urljoin(uri, resource.id() or "")
        if path:
            self.registry = self.registry.with_resources([(uri, resource), (base, resource)]).crawl()
        self._follow(document, contents, self.registry.resolver(base), specification, ())
        return document

    def _read(self, path: Path, name: str) -> Any:
        try:
            return datafile.read(path)
        except yaml12.YamlError as error:
            self.problems.append(
                Problem(error.code, error.message, place=Place(name, error.line, error.column), hint=error.hint)
            )
        except OSError as error:
            self.problems.append(
                Problem("unreadable", f"the schema cannot be read: {error.strerror}", place=Place(name))
            )
        return True

    def _check(self, document: Document, contents: Any, path: paths.Path) -> bool:
        """Whether what stands at a path of a document is a valid schema; if not, the reasons become problems."""
        if not isinstance(contents, dict | bool):
            self._complain(document, path, "schema-invalid", "a schema is an object")
            return False
        validator = validator_for({"$schema": document.dialect})
        valid = _meta_valid(contents, document.dialect)
        errors = list(validator(validator.META_SCHEMA).iter_errors(contents)) if not valid else []
        if path:  # where no keyword looks, nobody has ever checked what is only to be read
            errors = [error for error in errors if not _READ_ONLY.intersection(map(str, error.absolute_path))]
        for error in errors:
            enums = [below for below in error.context or () if below.validator == "enum"]
            worst = (enums or [best_match([error]) or error])[0]
            message = f"not a valid schema: {worst.message}"
            self._complain(document, (*path, *worst.absolute_path), "schema-invalid", message)
        return not errors

    def _index(self, document: Document) -> None:
        stack: list[tuple[Any, str]] = [(document.contents, "")]
        while stack:
            value, where = stack.pop()
            if isinstance(value, dict | list):
                self.targets[id(value)] = (document, where)
                pairs = value.items() if isinstance(value, dict) else enumerate(value)
                stack += [(child, where + paths.pointer((step,))) for step, child in pairs]

    def _follow(
        self, document: Document, schema: Any, resolver: Any, specification: Specification[Any], path: paths.Path
    ) -> None:
        if not isinstance(schema, dict) or id(schema) in self.schemas:
            return
        self.schemas.add(id(schema))
        ours = {keyword: value for keyword, value in schema.items() if keyword.startswith("x-")}
        for keyword in ours:
            meant = difflib.get_close_matches(keyword, OUR_KEYWORDS, n=1, cutoff=0.9)
            if meant and keyword not in OUR_KEYWORDS:
                hint = f"did you mean `{meant[0]}`?"
                self._complain(
                    document, (*path, keyword), "schema-invalid", f"`{keyword}` would do nothing", hint, key=True
                )
        for where, pattern in _patterns(schema):
            if not _compiles(pattern):
                message = "not a valid schema: this is no regular expression"
                self._complain(document, (*path, *where), "schema-invalid", message)
        for error in _keywords().iter_errors(ours) if ours else ():
            self._complain(
                document, (*path, *error.instance_path), "schema-invalid", f"not a valid schema: {error.message}"
            )
        for keyword in REFERENCES:
            if isinstance(schema.get(keyword), str):
                self._resolve(document, schema, keyword, resolver, path)
        for step, child in subschemas(schema):
            if isinstance(child, dict):
                resource = specification.create_resource(child)
                below = resolver.in_subresource(resource) if resource.id() else resolver
                self._follow(document, child, below, specification, (*path, *step))

    def _resolve(
        self, document: Document, schema: dict[str, Any], keyword: str, resolver: Any, path: paths.Path
    ) -> None:
        ref = schema[keyword]
        before = len(self.problems)
        if document.path is None and keyword != "$ref":
            ref = document.dialect  # within a metaschema, a dynamic reference means the whole of it
        try:
            resolved = resolver.lookup(ref)
            contents = resolved.contents
        except (Unresolvable, LookupError, ValueError) as error:
            if len(self.problems) > before:
                return  # the file that it stands in is broken, and was complained about
            self._complain(document, (*path, keyword), *self._explain_ref(ref, resolver, error))
            return
        if isinstance(contents, bool):
            self.references[id(schema), keyword] = contents
            return
        if id(contents) not in self.targets and self.problems:
            return  # the file that it stands in is broken, and was complained about
        if not isinstance(contents, dict):
            self._complain(document, (*path, keyword), "schema-invalid", f"`{ref}` names something that is no schema")
            return
        if id(contents) not in self.targets:  # a metaschema, which referencing brings along
            for uri in METASCHEMAS:
                metaschema = METASCHEMAS.contents(uri)
                self._index(Document(uri, uri, metaschema["$schema"], metaschema, None))
        target, where = self.targets[id(contents)]
        if target.uri not in self.by_uri:
            self._add(target.name, target.uri, target.contents, target.dialect, None)
        self.references[id(schema), keyword] = f"{target.uri}#{quote(where, safe=_POINTER_SAFE)}"
        if id(contents) not in self.schemas and id(contents) != id(target.contents):
            # a schema that is kept where no keyword looks, such as `#/components/…`
            way = paths.parse_pointer(where)
            if target.path and not self._check(target, contents, way):
                self.schemas.add(id(contents))  # one complaint is enough
            else:
                self._follow(target, contents, resolved.resolver, specification_with(target.dialect), way)

    def _explain_ref(self, ref: str, resolver: Any, error: Exception) -> tuple[str, str, str | None]:
        reason = error
        while reason.__cause__ is not None and not isinstance(reason, _NotHere):
            reason = reason.__cause__  # type: ignore[assignment]
        if isinstance(reason, _NotHere) and urlsplit(reason.uri).scheme not in ("file", ""):
            return (
                "schema-ref-network",
                f"`{ref}` is not among the schema files, and schemas are never fetched from the network",
                "save it beside the other schemas (its `$id` is enough to be found) and refer to it by a relative path",
            )
        if isinstance(reason, _NotHere):
            folder = Path(unquote(urlsplit(reason.uri).path)).parent
            names = [file.name for file in sorted(folder.glob("*.*"))] if folder.is_dir() else []
            return (
                "schema-ref-nowhere",
                f"`{ref}` names a file that is not there",
                did_you_mean(Path(ref.partition("#")[0]).name, names),
            )
        parent, _, last = ref.rpartition("/")
        try:
            siblings = list(resolver.lookup(parent).contents)
        except (Unresolvable, LookupError, ValueError, TypeError):
            siblings = []
        return (
            "schema-ref-nowhere",
            f"`{ref}` names nothing in its schema",
            did_you_mean(last, [str(name) for name in siblings]),
        )

    def _retrieve(self, uri: str) -> Resource[Any]:
        parts = urlsplit(uri)
        path = Path(unquote(parts.path)) if parts.scheme == "file" else None
        if path is None or not path.is_file():
            path = self._with_id(uri)
        if path is None:
            raise _NotHere(uri)
        document = self.open(path)
        return specification_with(document.dialect).create_resource(document.contents)

    def _with_id(self, uri: str) -> Path | None:
        """The local file of a schema that is known by its `$id`, or that lies beside one as its own address does."""
        for document in list(self.by_uri.values()):
            own = _id(document.contents)
            if own and document.path and uri.startswith(own.rpartition("/")[0] + "/"):
                beside = document.path.parent / uri[len(own.rpartition("/")[0]) + 1 :]
                if beside.is_file():
                    return beside
        folder = next(iter(self.by_uri.values())).path
        for path in sorted(folder.parent.rglob("*.json")) if folder else ():
            try:
                own = _id(json.loads(path.read_bytes()))
            except (ValueError, OSError, RecursionError):
                continue
            if own and urljoin(path.resolve().as_uri(), own).rstrip("#") == uri.rstrip("#"):
                return path
        return None

    def complain_of_circle(self, location: str) -> None:
        """Note that a schema leads back to itself."""
        document = next(one for one in self.by_uri.values() if location.startswith(f"{one.name}#"))
        fragment = location.removeprefix(f"{document.name}#")
        message = "this schema refers to itself without ever reaching a value"
        hint = "remove one `$ref` of the circle"
        self._complain(document, paths.parse_pointer(fragment), "schema-ref-cycle", message, hint)

    def _complain(
        self,
        document: Document,
        path: paths.Path,
        code: str,
        message: str,
        hint: str | None = None,
        *,
        key: bool = False,
    ) -> None:
        found = None
        if document.path:
            text = document.path.read_text("utf-8-sig", "replace")
            found = yaml12.position(text, [str(step) for step in path], key=key)
        place = Place(document.name, *(found or ()))
        where = f"{document.name}#{paths.pointer(path)}"
        self.problems.append(Problem(code, message, place=place, schema=where, hint=hint))


def _patterns(schema: dict[str, Any]) -> Iterator[tuple[paths.Path, str]]:
    if isinstance(schema.get("pattern"), str):
        yield ("pattern",), schema["pattern"]
    for pattern in schema.get("patternProperties", ()):
        yield ("patternProperties", pattern), pattern


@cache
def _compiles(pattern: str) -> bool:
    """Whether one of the two validators knows the regular expression."""
    try:
        re.compile(pattern)
    except re.error:
        try:
            jsonschema_rs.validator_for({"pattern": pattern})
        except ValueError:
            return False
    return True


class _NotHere(LookupError):
    def __init__(self, uri: str) -> None:
        super().__init__(uri)
        self.uri = uri


@cache
def _keywords() -> jsonschema_rs.Draft202012Validator:
    return jsonschema_rs.Draft202012Validator(json.loads(shipped_text("keywords.schema.json")))


def _known_dialect(uri: str) -> str | None:
    """The canonical URI of a draft, however it is spelled; None for a dialect that Weft does not know."""
    if uri.rstrip("#") in ("http://json-schema.org/schema", "https://json-schema.org/schema"):
        return DIALECT  # the address of the latest draft
    match = _DRAFT.search(uri)
    if match is None:
        return None
    if match["new"]:
        return f"https://json-schema.org/draft/{match['new']}/schema"
    return f"http://json-schema.org/draft-0{match['old']}/schema#"


def _meta_valid(contents: dict[str, Any] | bool, dialect: str) -> bool:
    try:
        return jsonschema_rs.meta.is_valid({**contents, "$schema": dialect} if isinstance(contents, dict) else contents)
    except ValueError:
        return False


def _id(contents: Any) -> str | None:
    if not isinstance(contents, dict):
        return None
    value = contents.get("$id", contents.get("id"))
    return value if isinstance(value, str) and not value.startswith("#") else None


def _relative(path: Path, base: Path) -> str:
    try:
        return path.relative_to(base.resolve()).as_posix()
    except ValueError:
        return path.as_posix()
