"""The check `kubernetes`: every object is one that an API server would take.

Types and fields are held against the strict schemas that `kubernetes-validate` bundles, compiled once a kind; names, labels,
data keys and sizes by the rules of the API, which those schemas do not hold. Kinds of other groups (custom resources) have
no bundled schema; of them only the metadata is checked.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import resources
from importlib.util import find_spec
from typing import Any, Final

import jsonschema_rs
import yaml

from weft import yaml11
from weft.paths import dotted
from weft.problems import Place, Problem, Severity

if find_spec("kubernetes_validate") is None:  # its schemas are read as files, the package itself is not needed
    raise ImportError("the Kubernetes schemas are not installed", name="kubernetes-validate")

VERSION: Final = "1.33.0"
"""The Kubernetes version whose schemas are used."""
MAX_ANNOTATIONS: Final = 256 * 1024
"""How many bytes the annotations of an object may have (apimachinery TotalAnnotationSizeLimitB)."""
MAX_DATA: Final = 1024 * 1024
"""How many bytes the data of a ConfigMap or Secret may have (api/core/v1 MaxSecretSize)."""

# k8s.io/apimachinery/pkg/util/validation
_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?\Z")
_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*\Z")
_PATH_SEGMENT = re.compile(r"(?!\.{1,2}\Z)[^/%]+\Z")
_DATA_KEY = re.compile(r"(?!\.\.)(?!\.\Z)[-._a-zA-Z0-9]{1,253}\Z")
_VALUE = re.compile(r"(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?\Z")
_SERVICE = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?\Z")
_NAMES: Final = {"Namespace": (_LABEL, 63), "Service": (_SERVICE, 63)}
_FREE_NAMES: Final = frozenset(("ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding"))
_NAME = "lower-case letters, digits, `-` and `.`, starting and ending with a letter or digit"


def check(text: str) -> Iterator[Problem]:
    """What is wrong with the objects of a manifest."""
    try:
        documents = list(yaml.load_all(text, Loader=yaml11.Loader))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        reason = getattr(error, "problem", None) or getattr(error, "reason", error)
        yield _problem(
            f"the manifest is not YAML: {reason}", Place("", mark.line + 1, mark.column + 1) if mark else None
        )
        return
    seen: dict[tuple[Any, ...], None] = {}
    for document in documents:
        if document is None:
            continue
        if (
            not isinstance(document, dict)
            or not isinstance(document.get("kind"), str)
            or not isinstance(document.get("apiVersion"), str)
        ):
            yield _problem("a document of the manifest is no Kubernetes object: it has no `apiVersion` and `kind`")
            continue
        metadata = document.get("metadata")
        metadata = metadata if isinstance(metadata, dict) else {}
        name = f"{document['kind']}/{metadata.get('name', '?')}"
        key = (document["apiVersion"], document["kind"], str(metadata.get("namespace")), str(metadata.get("name")))
        if key in seen:
            yield _problem(f"{name} stands twice in the manifest")
        seen[key] = None
        for message in (*_schema(document), *_metadata(document["kind"], metadata), *_data(document)):
            yield _problem(f"{name}: {message}")
        if _validator(document["apiVersion"], document["kind"]) is None:
            message = f"{name}: there is no schema of {document['apiVersion']} {document['kind']}; only its metadata was checked"
            yield Problem("kubernetes-unknown-kind", message, severity=Severity.NOTE)


def _schema(document: dict[str, Any]) -> Iterator[str]:
    validator = _validator(document["apiVersion"], document["kind"])
    if validator is None:
        return
    secret = document["kind"] == "Secret"
    try:
        for error in validator.iter_errors(document):
            where = dotted(error.instance_path) or "the object"
            message = (
                f"breaks `{error.schema_path[-1]}`"
                if secret and error.instance_path[:1] != ["metadata"]
                else error.message
            )
            yield f"{where}: {message}"
    except ValueError as error:
        yield f"a key is no text ({error}); put it in quotes"


def _metadata(kind: str, metadata: Mapping[str, Any]) -> Iterator[str]:
    name = metadata.get("name")
    if name is None and "generateName" not in metadata:
        yield "metadata.name is missing"
    elif isinstance(name, str):
        if kind in _FREE_NAMES:
            valid, limit = bool(_PATH_SEGMENT.match(name)), 253
        else:
            pattern, limit = _NAMES.get(kind, (_SUBDOMAIN, 253))
            valid = bool(pattern.match(name))
        if not valid:
            yield f"metadata.name `{name}` is not valid: use {_NAME}"
        elif len(name) > limit:
            yield f"metadata.name has {len(name)} characters, {limit} are allowed"
    namespace = metadata.get("namespace")
    if isinstance(namespace, str) and not (_LABEL.match(namespace) and len(namespace) <= 63):
        yield f"metadata.namespace `{namespace}` is not valid: use at most 63 of lower-case letters, digits and `-`"
    annotations = metadata.get("annotations")
    if isinstance(annotations, dict):
        size = sum(len(f"{key}{value}".encode()) for key, value in annotations.items())
        if size > MAX_ANNOTATIONS:
            yield f"metadata.annotations have {size:,} bytes, {MAX_ANNOTATIONS:,} are allowed"
    for field in ("labels", "annotations"):
        entries = metadata.get(field)
        for key, value in entries.items() if isinstance(entries, dict) else ():
            if not _is_qualified(str(key)):
                yield f"metadata.{field} has the invalid key `{key}`: use `name` or `domain/name`, the name with at most 63 characters"
            if field == "labels" and isinstance(value, str) and not (_VALUE.match(value) and len(value) <= 63):
                yield f"label {key} has the invalid value `{value}`: use at most 63 letters, digits, `-`, `_` and `.`"


def _data(document: Mapping[str, Any]) -> Iterator[str]:
    if document["kind"] not in ("ConfigMap", "Secret"):
        return
    size = 0
    owner: dict[str, str] = {}
    for field in ("data", "binaryData", "stringData"):
        entries = document.get(field)
        for key, value in entries.items() if isinstance(entries, dict) else ():
            if not isinstance(key, str) or not _DATA_KEY.match(key):
                yield f"{field} has the invalid key `{key}`: use letters, digits, `-`, `_` and `.`"
            if document["kind"] == "ConfigMap" and key in owner:
                yield f"`{key}` stands in {owner[key]} and in {field}"
            owner[str(key)] = field
            size += len(str(key)) + (len(value.encode()) if isinstance(value, str) else 0)
    if size > MAX_DATA:
        yield f"its data has {size:,} bytes, {MAX_DATA:,} are allowed; split it"


def _is_qualified(key: str) -> bool:
    prefix, slash, name = key.rpartition("/")
    good_prefix = not slash or bool(_SUBDOMAIN.match(prefix) and len(prefix) <= 253)
    return good_prefix and 0 < len(name) <= 63 and _VALUE.match(name) is not None


def _problem(message: str, place: Place | None = None) -> Problem:
    return Problem("kubernetes", message, place=place)


@cache
def _validator(api_version: str, kind: str) -> jsonschema_rs.Validator | None:
    """The compiled schema of a kind, or None when Kubernetes itself has no such kind."""
    group, slash, version = api_version.rpartition("/")
    prefix = f"{group.partition('.')[0]}-" if slash else ""
    if slash and "." in group and not group.endswith(".k8s.io"):
        return None
    folder = resources.files("kubernetes_validate").joinpath(f"kubernetes-json-schema/v{VERSION}-local-strict")
    file = folder.joinpath(f"{kind.lower()}-{prefix}{version}.json")
    if not file.is_file():
        return None
    return jsonschema_rs.validator_for(json.loads(file.read_text("utf-8")), registry=_definitions())


@cache
def _definitions() -> jsonschema_rs.Registry:
    file = resources.files("kubernetes_validate").joinpath(
        f"kubernetes-json-schema/v{VERSION}-local-strict/_definitions.json"
    )
    definitions = json.loads(file.read_text("utf-8"))
    return jsonschema_rs.Registry([(definitions["$id"], definitions)])
