"""The check `kubernetes`: every object is one that an API server would accept.

Types and fields are checked with the strict schemas that `kubernetes-validate` bundles, compiled once per kind; names, labels, data keys
and sizes with the rules of the API, which those schemas do not contain. Kinds of other groups (custom resources) have no bundled
schema; only their metadata is checked.

An object that two outputs contain is found where all outputs come together. Outputs may be for several clusters: `kubernetes.cluster` in
weft.yaml names the setting that says which. An object without a namespace gets one when it is applied, so it is compared only
with those of its own target.

Start reading at `complaints`. `documents` takes a manifest apart, `shapes` knows documents that need no second look, `rules` and
`schemas` are what objects must be like, and `noted` is what is kept of each.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final

import jsonschema_rs
import yaml

from weft.base.paths import Path, dotted
from weft.base.problems import Place, Problem, Severity, did_you_mean
from weft.checks.kubernetes import rules
from weft.checks.kubernetes.documents import apart, stands_alone
from weft.checks.kubernetes.noted import Entry, Noted, as_data, from_data, keys
from weft.checks.kubernetes.schemas import VERSION, is_builtin, kinds, validator
from weft.checks.kubernetes.shapes import Cut, Shapes, cut
from weft.files import yaml11

if TYPE_CHECKING:
    from weft.checks import Finished

if find_spec("kubernetes_validate") is None:  # its schemas are read as files, the package itself is not needed
    raise ImportError("the Kubernetes schemas are not installed", name="kubernetes-validate")

CODES: Final = ("kubernetes-unknown-kind", "object-twice", "other-namespace")
_SHAPES: Final = Shapes()
"""The shapes that were right in this process: what is right depends on nothing but the text and its namespace."""
_TREES: Final = 4
"""The number of outputs that are kept parsed while places are looked up in them."""

Complaint = tuple[Path, str]
"""The path of a problem in an object, and its message."""


def check(output: Finished) -> Iterator[Problem]:
    """The problems of the objects of a manifest."""
    objects: list[Noted] = []
    yield from complaints(output.text, output.home.namespace, objects.append)
    output.notes.extend(as_data(objects))


def together(outputs: Sequence[Finished]) -> Iterator[tuple[Finished, Problem]]:
    """Objects that two outputs contain: whichever is applied last would win."""
    first: dict[tuple[str | None, ...], tuple[Finished, Entry, int]] = {}
    # only outputs with a problem are parsed again, and each once
    documents = lru_cache(_TREES)(yaml11.Documents)
    for output in outputs:
        for entry in output.notes:
            for number, key in enumerate(keys(entry, output)):
                known = first.setdefault(key, (output, entry, number))
                if known[0] is not output:  # `check` reports those of one output
                    yield output, _twice(documents, output, from_data(entry, number), known[0], from_data(*known[1:]))


def _twice(
    documents: Callable[[str], yaml11.Documents], output: Finished, noted: Noted, other: Finished, same: Noted
) -> Problem:
    """The problem of an object that another output contains, too."""
    where = _place(documents, same, other)
    message = f"{noted} is also in {where.file}:{where.line}: one of the two would overwrite the other"
    hint = "render it for one target only, or give the two different names"
    if other.target != output.target and output.home.cluster is None:
        hint += "; if their targets are of different clusters, name the setting that says so in `kubernetes.cluster` of weft.yaml"
    place = _place(documents, noted, output)
    return Problem("object-twice", message, place=place, related=(where,), hint=hint)


def _place(documents: Callable[[str], yaml11.Documents], noted: Noted, output: Finished) -> Place:
    """The place of an object's name in its output."""
    found = documents(output.text).find(noted.document, (*noted.path, "metadata", "name"))
    return Place(output.path, *(found or ()))


def complaints(
    text: str, namespace: str | None = None, note: Callable[[Noted], None] = lambda _: None
) -> Iterator[Problem]:
    """The problems of the objects of a manifest, given as text, whose objects belong into a namespace; `note` is called with every object.

    A document of a shape that was right before, with another name and other data, is not parsed again.
    """
    found = _by_document(text, namespace) or _as_a_whole(text, namespace)
    yield from found.problems
    for noted in found.notes:
        note(noted)


class _Found:
    """What is found in a manifest whose objects belong into a namespace."""

    def __init__(self, namespace: str | None) -> None:
        self.problems: list[Problem] = []
        self.notes: list[Noted] = []
        self._namespace = namespace
        self._seen: set[tuple[str, ...]] = set()

    def add(self, documents: yaml11.Documents, number: int, line: int) -> None:
        """Add the objects of documents, the first of which has this number; so many lines precede them. Raises yaml.YAMLError."""
        for index, document in enumerate(documents.data):
            for path, thing in _objects(document):
                noted = _noted(thing, number + index, path)
                if noted is not None:
                    self.notes.append(noted)
                for where, problem in _of_object(thing, noted, self._seen, self._namespace):
                    found = documents.find(index, (*path, *where))
                    place = Place("", found[0] + line, found[1]) if found else Place("")
                    self.problems.append(replace(problem, place=place))

    def add_right(self, noted: Noted) -> bool:
        """Add an object that is right by itself; False if it is not here, next to the others and in the namespace."""
        is_elsewhere = self._namespace and noted.namespace and noted.namespace != self._namespace
        if is_elsewhere or noted.identity in self._seen:
            return False
        self._seen.add(noted.identity)
        self.notes.append(noted)
        return True


def _as_a_whole(text: str, namespace: str | None) -> _Found:
    """What is found in a manifest as one text."""
    found = _Found(namespace)
    try:
        found.add(yaml11.Documents(text), 0, 0)
    except yaml.YAMLError as error:
        found.problems.append(_not_yaml(error))
    return found


def _by_document(text: str, namespace: str | None) -> _Found | None:
    """What is found in the documents of a manifest, each taken by itself; None if it must be read as a whole."""
    found = _Found(namespace)
    line, texts = apart(text)
    known = True
    for number, one in enumerate(texts):
        parts = cut(one)
        right = _SHAPES.noted(parts, number) if parts else None
        if right is None or not found.add_right(right):
            if known and not all(map(stands_alone, texts)):
                return None
            known = False
            if not _add_alone(found, one, parts, number, line):
                return None
        line += one.count("\n") + 1
    return found


def _add_alone(found: _Found, text: str, parts: Cut | None, number: int, line: int) -> bool:
    """Add a document to what is found, and remember its shape if it is right; False if it may be another one in its manifest."""
    documents = yaml11.Documents(text)
    problems, notes = len(found.problems), len(found.notes)
    try:
        if len(documents.roots) != 1:
            return False
        found.add(documents, number, line)
    except yaml.YAMLError:
        return False
    added = found.notes[notes:]
    if parts and len(found.problems) == problems and [noted.path for noted in added] == [()]:
        _SHAPES.learn(parts, documents.roots[0], added[0])
    return True


def _not_yaml(error: yaml.YAMLError) -> Problem:
    mark = getattr(error, "problem_mark", None)
    reason = getattr(error, "problem", None) or getattr(error, "reason", error)
    place = Place("", mark.line + 1, mark.column + 1) if mark else None
    return Problem("kubernetes", f"the manifest is not YAML: {reason}", place=place)


def _of_object(
    thing: Any, noted: Noted | None, seen: set[tuple[str, ...]], namespace: str | None
) -> Iterator[tuple[Path, Problem]]:
    """The problems of one object, with their paths in it."""
    for where, message in _complaints(thing, seen):
        yield where, Problem("kubernetes", message)
    for problem in _unknown_kind(thing):
        yield ("kind",), problem
    if namespace and noted is not None and noted.namespace and noted.namespace != namespace:
        message = f"{noted.kind}/{noted.name} is in the namespace `{noted.namespace}`, its target in `{namespace}`"
        hint = "write the namespace of the target, which `kubernetes.namespace` of weft.yaml names"
        yield ("metadata", "namespace"), Problem("other-namespace", message, hint=hint)


def _noted(thing: Any, number: int, path: Path) -> Noted | None:
    """What identifies an object; None if it is none, or has no name of its own."""
    metadata = thing.get("metadata") if _is_object(thing) else None
    name = metadata.get("name") if isinstance(metadata, dict) else None
    if not isinstance(name, str):
        return None
    namespace = metadata.get("namespace") if isinstance(metadata, dict) else None
    return Noted(
        thing["apiVersion"], thing["kind"], name, namespace if isinstance(namespace, str) else None, number, path
    )


def _objects(document: Any) -> Iterator[tuple[Path, Any]]:
    """The objects of a document: itself, or the items of a `List`."""
    if isinstance(document, dict) and document.get("kind") == "List" and document.get("apiVersion") == "v1":
        items = document.get("items")
        yield from ((("items", index), item) for index, item in enumerate(items if isinstance(items, list) else ()))
    elif document is not None:
        yield (), document


def _complaints(thing: Any, seen: set[tuple[str, ...]]) -> Iterator[Complaint]:
    """The problems of one object; `seen` are the names of those before it."""
    if not _is_object(thing):
        yield (), "a document of the manifest is not a Kubernetes object: it has no `apiVersion` and `kind`"
        return
    kind = thing["kind"]
    metadata = thing.get("metadata")
    metadata = metadata if isinstance(metadata, dict) else {}
    name = f"{kind}/{metadata.get('name') or metadata.get('generateName', '?')}"
    if isinstance(metadata.get("name"), str):
        key = (thing["apiVersion"], kind, str(metadata.get("namespace")), metadata["name"])
        if key in seen:
            yield ("metadata", "name"), f"{name} appears twice in the manifest"
        seen.add(key)
    for path, message in (*_schema(thing), *_metadata(kind, metadata), *_data(thing)):
        yield path, f"{name}: {message}"


def _is_object(thing: Any) -> bool:
    return isinstance(thing, dict) and all(isinstance(thing.get(key), str) for key in ("kind", "apiVersion"))


def _unknown_kind(thing: Any) -> Iterator[Problem]:
    if not _is_object(thing) or validator(thing["apiVersion"], thing["kind"]) is not None:
        return
    api, kind = thing["apiVersion"], thing["kind"]
    if is_builtin(api):
        message = f"Kubernetes {VERSION} has no kind `{kind}` in {api}"
        hint = did_you_mean(kind, kinds().get(api, ())) or did_you_mean(
            f"{api} {kind}", (f"{version} {name}" for version, names in kinds().items() for name in names)
        )
        yield Problem("kubernetes-unknown-kind", message, Severity.WARNING, hint=hint)
    else:
        message = f"there is no schema of {api} {kind}; only the metadata of such objects is checked"
        yield Problem("kubernetes-unknown-kind", message, Severity.NOTE)


def _schema(document: dict[str, Any]) -> Iterator[Complaint]:
    compiled = validator(document["apiVersion"], document["kind"])
    if compiled is None:
        return
    try:
        for error in compiled.iter_errors(document):
            yield from _broken(error, secret=document["kind"] == "Secret")
    except ValueError as error:
        yield (
            (),
            f"it contains a value that JSON cannot represent ({error}): put keys that are numbers or booleans in quotes",
        )


def _broken(error: jsonschema_rs.ValidationError, *, secret: bool) -> Iterator[Complaint]:
    """The messages of one error of the schema; only the metadata of a Secret is quoted."""
    path = tuple(error.instance_path)
    unknown = getattr(error.kind, "unexpected", ())
    if unknown:
        yield from (((*path, name), f"there is no field {dotted((*path, name))}") for name in unknown)
        return
    where = dotted(path) or "the object"
    if secret and path[:1] != ("metadata",):
        yield path, f"{where}: breaks `{error.schema_path[-1]}`"
        return
    wants_text = "string" in getattr(error.kind, "types", ())
    unquoted = wants_text and not isinstance(error.instance, str | dict | list)
    yield path, f"{where}: {error.message}{'; put it in quotes' if unquoted else ''}"


def _metadata(kind: str, metadata: Mapping[str, Any]) -> Iterator[Complaint]:
    yield from _name(kind, metadata)
    yield from _namespace(metadata.get("namespace"))
    yield from _annotations(metadata.get("annotations"))
    yield from _labels(metadata.get("labels"))
    yield from _keys("annotations", metadata.get("annotations"))


def _name(kind: str, metadata: Mapping[str, Any]) -> Iterator[Complaint]:
    name, generated = metadata.get("name"), metadata.get("generateName")
    if name is None and generated is None:
        yield ("metadata",), "metadata.name is missing"
    # the API server appends letters and digits to a `generateName`
    field, text, ending = ("name", name, "") if name is not None else ("generateName", generated, "x")
    if isinstance(text, str):
        for complaint in rules.bad_name(kind, text + ending, text):
            yield ("metadata", field), f"metadata.{field} {complaint}"


def _namespace(namespace: Any) -> Iterator[Complaint]:
    if isinstance(namespace, str) and not rules.is_namespace(namespace):
        message = f"metadata.namespace `{namespace}` is not valid: use at most 63 of lower-case letters, digits and `-`"
        yield ("metadata", "namespace"), message


def _annotations(annotations: Any) -> Iterator[Complaint]:
    if isinstance(annotations, dict):
        size = sum(len(f"{key}{value}".encode()) for key, value in annotations.items())
        if size > rules.MAX_ANNOTATIONS:
            message = f"metadata.annotations have {size:,} bytes, {rules.MAX_ANNOTATIONS:,} are allowed"
            yield ("metadata", "annotations"), message


def _labels(labels: Any) -> Iterator[Complaint]:
    for key, value in labels.items() if isinstance(labels, dict) else ():
        yield from _key("labels", str(key))
        if isinstance(value, str) and not rules.is_label(value):
            message = f"label {key} has the invalid value `{value}`: use at most 63 letters, digits, `-`, `_` and `.`"
            yield ("metadata", "labels", str(key)), message


def _keys(field: str, entries: Any) -> Iterator[Complaint]:
    for key in entries if isinstance(entries, dict) else ():
        yield from _key(field, str(key))


def _key(field: str, key: str) -> Iterator[Complaint]:
    if not rules.is_qualified(key):
        message = f"metadata.{field} has the invalid key `{key}`: use `name` or `domain/name`, the name with at most 63 characters"
        yield ("metadata", field, key), message


def _data(document: Mapping[str, Any]) -> Iterator[Complaint]:
    """The problems of the data of a ConfigMap or Secret: its keys, its encoding, its size."""
    kind = document["kind"]
    if kind not in ("ConfigMap", "Secret"):
        return
    size = 0
    owner: dict[str, str] = {}
    for field, key, value in _entries(document):
        for complaint in _entry(kind, field, key, value, owner):
            yield (field, str(key)), complaint
        owner[str(key)] = field
        size += len(str(key)) + (len(value.encode()) if isinstance(value, str) else 0)
    if size > rules.MAX_DATA:
        yield (), f"its data has {size:,} bytes, {rules.MAX_DATA:,} are allowed; split it"


def _entries(document: Mapping[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    """Field, key and value of all data."""
    for field in ("data", "binaryData", "stringData"):
        entries = document.get(field)
        yield from ((field, key, value) for key, value in (entries.items() if isinstance(entries, dict) else ()))


def _entry(kind: str, field: str, key: Any, value: Any, owner: Mapping[str, str]) -> Iterator[str]:
    """The problems of one entry of the data; `owner` has the field of each earlier key."""
    if not isinstance(key, str) or not rules.is_data_key(key):
        yield f"{field} has the invalid key `{key}`: use letters, digits, `-`, `_` and `.`"
    if kind == "ConfigMap" and key in owner:
        yield f"`{key}` is in both {owner[key]} and {field}"
    encoded = field == "binaryData" or (field == "data" and kind == "Secret")
    if encoded and isinstance(value, str) and not rules.is_base64(value):
        yield f"{field}.{key} is not base64{'; put plain texts into `stringData`' if kind == 'Secret' else ''}"
