"""Schema files: read, checked, and followed through every `$ref`, without network access."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, unquote, urljoin, urlsplit

from jsonschema_specifications import REGISTRY as METASCHEMAS
from referencing import Registry, Resource, Specification
from referencing.exceptions import Unresolvable
from referencing.jsonschema import specification_with

from weft.base import paths
from weft.base.overlay import Source
from weft.base.problems import Problem, Severity, WeftError, did_you_mean
from weft.files import datafile, yaml12
from weft.files.locator import locate
from weft.files.reading import ALLOW, OutsideError, ProjectFiles, unreadable
from weft.schema.broken import of_metaschema
from weft.schema.costs import Excess, too_costly
from weft.schema.documents import DIALECT, POINTER_SAFE, Document, Documents, circles, join, known_dialect
from weft.schema.mistakes import innermost, metaschema_errors, mistakes, unknown_to
from weft.schema.violations import complaints
from weft.schema.walk import REFERENCES, subschemas

_NETWORK: Final = "schema-ref-network"
_READ_ONLY: Final = frozenset(("title", "description", "$comment", "examples", "default"))


def load_documents(root: Path, files: ProjectFiles, *, open_network: bool = False) -> Documents:
    """Read the schema file `root` and everything it refers to among `files`; names in reports are relative to their folder.

    With `open_network`, a reference to the network allows anything, and is a warning.

    Raises WeftError with every problem of every file: unreadable, not a schema, a reference to nowhere, to the network,
    or in a circle, misuse of a keyword of Weft.
    """
    loader = _Loader(files, open_network)
    start = loader.open(root)
    if loader.problems:
        raise WeftError(*loader.problems)
    found = loader.by_uri, loader.references, loader.schemas, loader.warnings, loader.remote
    documents = join(start.uri, *found, searched=loader.searched)
    for schema in circles(documents):
        loader.complain_of_circle(documents.location(schema))
    for schema, excess in () if loader.problems else too_costly(documents):
        loader.complain_of_costs(documents.location(schema), excess)
    if loader.problems:
        raise WeftError(*loader.problems)
    return documents


class _Loader:
    """The state of one `load_documents` call."""

    def __init__(self, files: ProjectFiles, open_network: bool) -> None:
        self.files = files
        self.open_network = open_network
        self.problems: list[Problem] = []
        self.complaints: set[Problem] = set()
        self.warnings: list[Problem] = []
        self.remote: list[Problem] = []
        self.by_uri: dict[str, Document] = {}
        self.targets: dict[int, tuple[Document, str]] = {}
        self.references: dict[tuple[int, str], str | bool] = {}
        self.schemas: set[int] = set()
        self.waiting: list[tuple[_Spot, dict[str, Any]]] = []
        self.searched = False
        # the registry calls `_retrieve` for missing documents, which opens files and never the network
        self.registry: Registry[Any] = METASCHEMAS.combine(Registry(retrieve=self._retrieve))  # type: ignore[call-arg]

    def open(self, path: Path, dialect: str = DIALECT) -> Document:
        """Read a file, check it, and follow its references."""
        asked, path = path, path.resolve()
        self.searched = self.searched or asked != path
        uri = path.as_uri()
        if uri in self.by_uri:
            return self.by_uri[uri]
        name = _relative(path, self.files.folder)
        contents = self._read(path, name)
        return self._add(name, uri, contents, dialect, path)

    def _add(self, name: str, uri: str, contents: Any, dialect: str, path: Path | None) -> Document:
        if isinstance(contents, dict) and isinstance(contents.get("$schema"), str):
            dialect = known_dialect(contents["$schema"]) or contents["$schema"]
        document = Document(name, uri, dialect, contents, path)
        self.by_uri[uri] = document
        if not self._is_known(dialect, document, ()):
            return document
        if path and not self._check(document, contents, ()):
            return document
        self._index(document)
        specification = specification_with(dialect)
        resource = specification.create_resource(contents)
        base = urljoin(uri, resource.id() or "")
        if path:
            self.registry = self.registry.with_resources([(uri, resource), (base, resource)]).crawl()
        self._follow(_Spot(document, (), self.registry.resolver(base), specification), contents)
        return document

    def _is_known(self, dialect: str, document: Document, path: paths.Path) -> bool:
        """True for a draft that Weft supports. Otherwise, adds a problem of the schema at a path."""
        if known_dialect(dialect):
            return True
        message = f"`{dialect}` is not a JSON Schema draft that Weft supports"
        hint = "use one of the drafts 4, 6, 7, 2019-09, 2020-12"
        self._complain(document, (*path, "$schema"), "schema-invalid", message, hint)
        return False

    def _read(self, path: Path, name: str) -> Any:
        try:
            return datafile.parse_named(self.files.read(path), path.name)
        except yaml12.YamlError as error:
            self.problems.append(error.problem(name))
        except OSError as error:
            self.problems.append(unreadable(error, name, "the schema"))
        return True

    def _check(self, document: Document, contents: Any, path: paths.Path) -> bool:
        """True if the value at a path of a document is a valid schema. Otherwise, adds problems with the reasons."""
        if not isinstance(contents, dict | bool):
            self._complain(document, path, "schema-invalid", "a schema must be an object")
            return False
        errors = metaschema_errors(contents, document.dialect)
        if path:  # no keyword reaches this place, so nothing has checked it yet
            errors = [error for error in errors if not _READ_ONLY.intersection(map(str, error.absolute_path))]
        for error in map(innermost, errors):
            for _, where, message, hint in complaints(of_metaschema(error)):
                self._complain(document, (*path, *where), "schema-invalid", f"not a valid schema: {message}", hint)
        return not errors

    def _index(self, document: Document) -> None:
        stack: list[tuple[Any, str]] = [(document.contents, "")]
        while stack:
            value, where = stack.pop()
            if isinstance(value, dict | list):
                self.targets[id(value)] = (document, where)
                pairs = value.items() if isinstance(value, dict) else enumerate(value)
                stack += [(child, where + paths.pointer((step,))) for step, child in pairs]

    def _follow(self, spot: _Spot, schema: Any) -> None:
        """Register a schema and everything that it refers to, report mistakes, and resolve the references."""
        others, self.waiting = self.waiting, []
        self._wait(spot, schema)
        while self.waiting:  # a chain of references may be longer than Python calls functions in each other
            self._look_at(*self.waiting.pop())
        self.waiting = others

    def _wait(self, spot: _Spot, schema: Any) -> None:
        if isinstance(schema, dict) and id(schema) not in self.schemas:
            self.schemas.add(id(schema))
            self.waiting.append((spot, schema))

    def _report_mistakes(self, spot: _Spot, schema: dict[str, Any]) -> None:
        for mistake in mistakes(schema, spot.document.dialect):
            path = (*spot.path, *mistake.path)
            problem = _problem(spot.document, path, mistake.code, mistake.message, mistake.hint, key=mistake.key)
            wrong = mistake.severity is Severity.ERROR
            (self.problems if wrong else self.warnings).append(replace(problem, severity=mistake.severity))

    def _look_at(self, spot: _Spot, schema: dict[str, Any]) -> None:
        self._report_mistakes(spot, schema)
        if spot.path and isinstance(schema.get("$schema"), str):
            self._is_known(schema["$schema"], spot.document, spot.path)
        for keyword in REFERENCES:
            if isinstance(schema.get(keyword), str):
                self._resolve(spot, schema, keyword)
        foreign = unknown_to(spot.document.dialect)
        for steps, child in reversed([*subschemas(schema)]):
            if not isinstance(child, dict):
                continue
            inside = spot.inside(child, steps)
            if steps[0] not in foreign or self._check(spot.document, child, inside.path):
                self._wait(inside, child)

    def _resolve(self, spot: _Spot, schema: dict[str, Any], keyword: str) -> None:
        # within a metaschema, a dynamic reference refers to the whole metaschema
        within = spot.document.path is None and keyword != "$ref"
        ref = spot.document.dialect if within else schema[keyword]
        path = (*spot.path, keyword)
        # resolving a reference may open its file, and report the mistakes in it
        before = len(self.problems)
        try:
            resolved = spot.resolver.lookup(ref)
            contents = resolved.contents
        except (Unresolvable, LookupError, ValueError) as error:
            if len(self.problems) == before:  # otherwise its file is broken, and already reported
                self._report_unresolved(spot, schema, keyword, self._explain_ref(ref, spot, error))
            return
        if isinstance(contents, bool):
            self.references[id(schema), keyword] = contents
        elif id(contents) not in self.targets and self.problems:
            pass  # its file is broken, and already reported
        elif not isinstance(contents, dict):
            self._complain(spot.document, path, "schema-invalid", f"`{ref}` refers to something that is not a schema")
        else:
            target, where = self._target(contents)
            self.references[id(schema), keyword] = f"{target.uri}#{quote(where, safe=POINTER_SAFE)}"
            self._follow_stray(target, where, contents, resolved.resolver)

    def _report_unresolved(
        self, spot: _Spot, schema: dict[str, Any], keyword: str, explained: tuple[str, str, str | None]
    ) -> None:
        """Report a reference that leads nowhere; one into the network is only a warning if that may stay open."""
        path, (code, message, hint) = (*spot.path, keyword), explained
        if self.open_network and code == _NETWORK:
            self.references[id(schema), keyword] = True
            problem = _problem(spot.document, path, code, message, hint)
            self.remote.append(replace(problem, severity=Severity.WARNING))
        else:
            self._complain(spot.document, path, code, message, hint)

    def _target(self, contents: dict[str, Any]) -> tuple[Document, str]:
        """The document that contains a referenced schema, and the pointer to it."""
        if id(contents) not in self.targets:  # a metaschema, which `referencing` ships
            for uri in METASCHEMAS:
                metaschema = METASCHEMAS.contents(uri)
                self._index(Document(uri, uri, metaschema["$schema"], metaschema, None))
        target, where = self.targets[id(contents)]
        if target.uri not in self.by_uri:
            self._add(target.name, target.uri, target.contents, target.dialect, None)
        return target, where

    def _follow_stray(self, target: Document, where: str, contents: dict[str, Any], resolver: Any) -> None:
        """Follow a schema that is only reachable by reference, such as `#/components/…`."""
        if id(contents) in self.schemas or contents is target.contents:
            return
        path = paths.parse_pointer(where)
        if target.path and not self._check(target, contents, path):
            self.schemas.add(id(contents))  # one report is enough
        else:
            self._wait(_Spot(target, path, resolver, specification_with(target.dialect)), contents)

    def _explain_ref(self, ref: str, spot: _Spot, error: Exception) -> tuple[str, str, str | None]:
        reason = error
        while reason.__cause__ is not None and not isinstance(reason, _NotHere | OutsideError):
            reason = reason.__cause__  # type: ignore[assignment]
        if isinstance(reason, OutsideError):
            return "outside-project", f"`{ref}` refers to a file outside of the project, {reason.filename}", ALLOW
        if isinstance(reason, _NotHere) and urlsplit(reason.uri).scheme not in ("file", ""):
            return (
                _NETWORK,
                f"`{ref}` is not among the schema files, and schemas are never fetched from the network",
                "save it next to the other schemas (its `$id` is enough to be found) and refer to it by a relative path",
            )
        if isinstance(reason, _NotHere):
            hint = self._similar_file(ref, Path(unquote(urlsplit(reason.uri).path)), spot.document)
            return "schema-ref-nowhere", f"`{ref}` refers to a file that does not exist", hint
        return "schema-ref-nowhere", f"`{ref}` does not exist in its schema", _similar_ref(ref, spot.resolver)

    def _similar_file(self, ref: str, missing: Path, document: Document) -> str | None:
        """A hint with the file next to a missing one that has the most similar name, other than the one that refers to it."""
        names = {name for name in self.files.names_near(missing) if "." in name} - {
            document.path and document.path.name
        }
        return did_you_mean(Path(ref.partition("#")[0]).name, sorted(filter(None, names)))

    def _retrieve(self, uri: str) -> Resource[Any]:
        parts = urlsplit(uri)
        path = Path(unquote(parts.path)) if parts.scheme == "file" else None
        outside: OutsideError | None = None
        try:
            found = path if path and self.files.has(path) else None
        except OutsideError as error:
            found, outside = None, error  # an address such as `/schemas/n` may still be the `$id` of a file
        path = found or self._with_id(uri)
        if path is None:
            raise outside or _NotHere(uri)
        document = self.open(path)
        return specification_with(document.dialect).create_resource(document.contents)

    def _with_id(self, uri: str) -> Path | None:
        """The local file of a schema found by its `$id`, or next to another schema as its address suggests."""
        self.searched = True
        return next(chain(self._beside(uri), self._with_own_id(uri)), None)

    def _beside(self, uri: str) -> Iterator[Path]:
        for document in list(self.by_uri.values()):
            folder = f"{(_id(document.contents) or '').rpartition('/')[0]}/"
            if document.path and _id(document.contents) and uri.startswith(folder):
                file = document.path.parent / uri.removeprefix(folder)
                if self.files.has(file):
                    yield file

    def _with_own_id(self, uri: str) -> Iterator[Path]:
        root = next(iter(self.by_uri.values())).path
        for path in self.files.matching(root.parent, "*.json") if root else ():
            try:
                own = _id(json.loads(self.files.read(path)))
            except (ValueError, OSError, RecursionError):
                continue
            if own and urljoin(path.resolve().as_uri(), own).rstrip("#") == uri.rstrip("#"):
                yield path

    def complain_of_circle(self, location: str) -> None:
        """Report that a schema refers to itself."""
        message = "this schema refers to itself without ever reaching a value"
        self._complain(*self._written(location), "schema-ref-cycle", message, "remove one `$ref` of the circle")

    def complain_of_costs(self, location: str, excess: Excess) -> None:
        """Report that validating with a schema would take too long."""
        self._complain(*self._written(location), "schema-too-costly", excess.message, excess.hint)

    def _written(self, location: str) -> tuple[Document, paths.Path]:
        """The document and the path of a schema by its location."""
        document = next(one for one in self.by_uri.values() if location.startswith(f"{one.name}#"))
        return document, paths.parse_pointer(location.removeprefix(f"{document.name}#"))

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
        problem = _problem(document, path, code, message, hint, key=key)
        if problem not in self.complaints:  # the parts of a metaschema refer to each other, and report it again
            self.complaints.add(problem)
            self.problems.append(problem)


def _problem(
    document: Document, path: paths.Path, code: str, message: str, hint: str | None, *, key: bool = False
) -> Problem:
    place = locate(Source(document.name, path=document.path), path, key=key)
    return Problem(code, message, place=place, schema=f"{document.name}#{paths.pointer(path)}", hint=hint)


@dataclass(frozen=True)
class _Spot:
    """The location of a schema, and how its references are resolved."""

    document: Document
    path: paths.Path
    resolver: Any
    specification: Specification[Any]

    def inside(self, child: dict[str, Any], steps: paths.Path) -> _Spot:
        """The spot of a subschema; its own `$id` changes the base of references."""
        resource = self.specification.create_resource(child)
        resolver = self.resolver.in_subresource(resource) if resource.id() else self.resolver
        return replace(self, path=(*self.path, *steps), resolver=resolver)


class _NotHere(LookupError):
    def __init__(self, uri: str) -> None:
        super().__init__(uri)
        self.uri = uri


def _id(contents: Any) -> str | None:
    if not isinstance(contents, dict):
        return None
    value = contents.get("$id", contents.get("id"))
    return value if isinstance(value, str) and not value.startswith("#") else None


def _similar_ref(ref: str, resolver: Any) -> str | None:
    """A hint with the name next to the place where a reference leads that is most similar to its last step."""
    parent, _, last = ref.rpartition("/")
    try:
        siblings = list(resolver.lookup(parent).contents)
    except (Unresolvable, LookupError, ValueError, TypeError):
        return None
    return did_you_mean(last, [str(name) for name in siblings])


def _relative(path: Path, base: Path) -> str:
    try:
        return path.relative_to(base.resolve()).as_posix()
    except ValueError:
        return path.as_posix()
