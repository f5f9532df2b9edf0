"""The check `kubernetes`: every object is one that an API server would accept.

Types and fields are checked with the strict schemas that `kubernetes-validate` bundles, compiled once per kind; names, labels, data keys
and sizes with the rules of the API, which those schemas do not contain. Kinds of other groups (custom resources) have no bundled
schema; only their metadata is checked.

An object that two outputs contain is found where all outputs come together. Outputs may be for several clusters: `kubernetes.cluster` in
weft.yaml names the setting that says which. An object without a namespace gets one when it is applied, so it is compared only
with those of its own target.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final

import jsonschema_rs
import yaml

from weft.base.paths import Path, dotted
from weft.base.problems import Place, Problem, Severity, did_you_mean
from weft.checks.kubernetes.schemas import VERSION, is_builtin, kinds, validator
from weft.files import yaml11

if TYPE_CHECKING:
    from weft.checks import Finished

if find_spec("kubernetes_validate") is None:  # its schemas are read as files, the package itself is not needed
    raise ImportError("the Kubernetes schemas are not installed", name="kubernetes-validate")

CODES: Final = ("kubernetes-unknown-kind", "object-twice", "other-namespace")
MAX_ANNOTATIONS: Final = 256 * 1024
"""The maximum size of an object's annotations in bytes (apimachinery TotalAnnotationSizeLimitB)."""
MAX_DATA: Final = 1024 * 1024
"""The maximum size of the data of a ConfigMap or Secret in bytes (api/core/v1 MaxSecretSize)."""

# k8s.io/apimachinery/pkg/util/validation
_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?\Z")
_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*\Z")
_PATH_SEGMENT = re.compile(r"(?!\.{1,2}\Z)[^/%]+\Z")
_DATA_KEY = re.compile(r"(?!\.\.)(?!\.\Z)[-._a-zA-Z0-9]{1,253}\Z")
_VALUE = re.compile(r"(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?\Z")
_SERVICE = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?\Z")
_NAMES: Final = {"Namespace": (_LABEL, 63), "Service": (_SERVICE, 63)}
_OF_THE_CLUSTER: Final = frozenset(
    (
        "APIService",
        "ClusterExternalSecret",
        "ClusterRole",
        "ClusterRoleBinding",
        "ClusterSecretStore",
        "CustomResourceDefinition",
        "GatewayClass",
        "IngressClass",
        "MutatingWebhookConfiguration",
        "Namespace",
        "Node",
        "PersistentVolume",
        "PriorityClass",
        "RuntimeClass",
        "StorageClass",
        "ValidatingAdmissionPolicy",
        "ValidatingAdmissionPolicyBinding",
        "ValidatingWebhookConfiguration",
    )
)
"""Kinds whose objects are in no namespace. Schemas do not tell them from others."""
_FREE_NAMES: Final = frozenset(("ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding"))
_NAME = "lower-case letters, digits, `-` and `.`, starting and ending with a letter or digit"


Complaint = tuple[Path, str]
"""The path of a problem in an object, and its message."""


@dataclass(frozen=True, slots=True)
class _Noted:
    """An object of an output: what identifies it in its cluster, and its place among the documents of the output."""

    api_version: str
    kind: str
    name: str
    namespace: str | None
    document: int
    path: Path

    def key(self, output: Finished) -> tuple[str | None, ...]:
        """What only one object of a run has. The version of an API is left out: all versions are views of one object."""
        group = self.api_version.rpartition("/")[0]
        within = (
            f"in {self.namespace}" if self.namespace else "" if self.kind in _OF_THE_CLUSTER else f"of {output.target}"
        )
        return output.home.cluster, group, self.kind, within, self.name

    def place(self, output: Finished) -> Place:
        """The place of its name."""
        found = yaml11.Documents(output.text).find(self.document, (*self.path, "metadata", "name"))
        return Place(output.path, *(found or ()))

    def __str__(self) -> str:
        return f"{self.kind}/{self.name}" + (f" in the namespace {self.namespace}" if self.namespace else "")


def check(output: Finished) -> Iterator[Problem]:
    """The problems of the objects of a manifest."""
    yield from complaints(output.text, output.home.namespace, output.notes.append)


def together(outputs: Sequence[Finished]) -> Iterator[tuple[Finished, Problem]]:
    """Objects that two outputs contain: whichever is applied last would win."""
    first: dict[tuple[str | None, ...], tuple[Finished, _Noted]] = {}
    for output in outputs:
        for noted in output.notes:
            other, same = first.setdefault(noted.key(output), (output, noted))
            if other is not output:  # `check` reports those of one output
                where = same.place(other)
                message = f"{noted} is also in {where.file}:{where.line}: one of the two would overwrite the other"
                hint = "render it for one target only, or give the two different names"
                if other.target != output.target and output.home.cluster is None:
                    hint += "; if their targets are of different clusters, name the setting that says so in `kubernetes.cluster` of weft.yaml"
                yield output, Problem("object-twice", message, place=noted.place(output), related=(where,), hint=hint)


def complaints(
    text: str, namespace: str | None = None, note: Callable[[_Noted], None] = lambda _: None
) -> Iterator[Problem]:
    """The problems of the objects of a manifest, given as text, whose objects belong into a namespace; `note` is called with every object."""
    try:
        documents = yaml11.Documents(text)
        every = documents.data
    except yaml.YAMLError as error:
        yield _not_yaml(error)
        return
    seen: set[tuple[str, ...]] = set()
    for number, document in enumerate(every):
        for path, thing in _objects(document):
            noted = _noted(thing, number, path)
            if noted is not None:
                note(noted)
            for where, problem in _of_object(thing, noted, seen, namespace):
                place = Place("", *(documents.find(number, (*path, *where)) or ()))
                yield replace(problem, place=place)


def _not_yaml(error: yaml.YAMLError) -> Problem:
    mark = getattr(error, "problem_mark", None)
    reason = getattr(error, "problem", None) or getattr(error, "reason", error)
    place = Place("", mark.line + 1, mark.column + 1) if mark else None
    return Problem("kubernetes", f"the manifest is not YAML: {reason}", place=place)


def _of_object(
    thing: Any, noted: _Noted | None, seen: set[tuple[str, ...]], namespace: str | None
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


def _noted(thing: Any, number: int, path: Path) -> _Noted | None:
    """What identifies an object; None if it is none, or has no name of its own."""
    metadata = thing.get("metadata") if _is_object(thing) else None
    name = metadata.get("name") if isinstance(metadata, dict) else None
    if not isinstance(name, str):
        return None
    namespace = metadata.get("namespace") if isinstance(metadata, dict) else None
    return _Noted(
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
        for complaint in _bad_name(kind, text + ending, text):
            yield ("metadata", field), f"metadata.{field} {complaint}"


def _namespace(namespace: Any) -> Iterator[Complaint]:
    if isinstance(namespace, str) and not (_LABEL.match(namespace) and len(namespace) <= 63):
        message = f"metadata.namespace `{namespace}` is not valid: use at most 63 of lower-case letters, digits and `-`"
        yield ("metadata", "namespace"), message


def _annotations(annotations: Any) -> Iterator[Complaint]:
    if isinstance(annotations, dict):
        size = sum(len(f"{key}{value}".encode()) for key, value in annotations.items())
        if size > MAX_ANNOTATIONS:
            message = f"metadata.annotations have {size:,} bytes, {MAX_ANNOTATIONS:,} are allowed"
            yield ("metadata", "annotations"), message


def _labels(labels: Any) -> Iterator[Complaint]:
    for key, value in labels.items() if isinstance(labels, dict) else ():
        yield from _key("labels", str(key))
        if isinstance(value, str) and not (_VALUE.match(value) and len(value) <= 63):
            message = f"label {key} has the invalid value `{value}`: use at most 63 letters, digits, `-`, `_` and `.`"
            yield ("metadata", "labels", str(key)), message


def _keys(field: str, entries: Any) -> Iterator[Complaint]:
    for key in entries if isinstance(entries, dict) else ():
        yield from _key(field, str(key))


def _key(field: str, key: str) -> Iterator[Complaint]:
    if not _is_qualified(key):
        message = f"metadata.{field} has the invalid key `{key}`: use `name` or `domain/name`, the name with at most 63 characters"
        yield ("metadata", field, key), message


def _bad_name(kind: str, whole: str, text: str) -> Iterator[str]:
    if kind in _FREE_NAMES:
        valid, limit = bool(_PATH_SEGMENT.match(whole)), 253
    else:
        pattern, limit = _NAMES.get(kind, (_SUBDOMAIN, 253))
        valid = bool(pattern.match(whole))
    if not valid:
        yield f"`{text}` is not valid: use {_NAME}"
    elif len(text) > limit:
        yield f"has {len(text)} characters, {limit} are allowed"


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
    if size > MAX_DATA:
        yield (), f"its data has {size:,} bytes, {MAX_DATA:,} are allowed; split it"


def _entries(document: Mapping[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    """Field, key and value of all data."""
    for field in ("data", "binaryData", "stringData"):
        entries = document.get(field)
        yield from ((field, key, value) for key, value in (entries.items() if isinstance(entries, dict) else ()))


def _entry(kind: str, field: str, key: Any, value: Any, owner: Mapping[str, str]) -> Iterator[str]:
    """The problems of one entry of the data; `owner` has the field of each earlier key."""
    if not isinstance(key, str) or not _DATA_KEY.match(key):
        yield f"{field} has the invalid key `{key}`: use letters, digits, `-`, `_` and `.`"
    if kind == "ConfigMap" and key in owner:
        yield f"`{key}` is in both {owner[key]} and {field}"
    encoded = field == "binaryData" or (field == "data" and kind == "Secret")
    if encoded and isinstance(value, str) and not _is_base64(value):
        yield f"{field}.{key} is not base64{'; put plain texts into `stringData`' if kind == 'Secret' else ''}"


def _is_base64(text: str) -> bool:
    try:
        base64.b64decode(re.sub(r"[\r\n]", "", text), validate=True)
    except ValueError:
        return False
    return True


def _is_qualified(key: str) -> bool:
    prefix, slash, name = key.rpartition("/")
    good_prefix = not slash or bool(_SUBDOMAIN.match(prefix) and len(prefix) <= 253)
    return good_prefix and 0 < len(name) <= 63 and _VALUE.match(name) is not None
