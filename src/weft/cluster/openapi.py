"""What a server's own schemas say about objects that it cannot try yet, because their namespace or kind does not exist.

A server publishes a document of OpenAPI 3 for each group and version of its API (https://kubernetes.io/docs/concepts/overview/kubernetes-api/#openapi-v3),
and a CRD of the plan has the schema of the kind that it brings. An object is held against them for unknown fields and wrong types, which a
server with strict validation refuses. Whatever else it refuses is known when it tries the object, before anything else of the target is written.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from weft.base.paths import Path, dotted
from weft.base.problems import Problem, did_you_mean
from weft.cluster.client import Client, Refused
from weft.cluster.manifests import Manifest
from weft.schema.types import ANY_TYPE, json_type

_INDEX: Final = "/openapi/v3"
_CORE: Final = "v1"
_METADATA: Final = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"
_REFERENCE: Final = "#/components/schemas/"
_KIND: Final = "x-kubernetes-group-version-kind"
_OPEN: Final = "x-kubernetes-preserve-unknown-fields"
_EMBEDDED: Final = "x-kubernetes-embedded-resource"
_EITHER: Final = "x-kubernetes-int-or-string"

Schemas = Mapping[str, Any]
"""The schemas of a document by their names."""
Mistake = tuple[Path, str, str | None]
"""The path of a mistake, its message without any value, and a hint."""


class Documents:
    """The OpenAPI documents of a server, each fetched when it is first needed."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._places: Mapping[str, Any] | None = None
        self._known: dict[str, Schemas] = {}

    def problems(self, manifest: Manifest, definition: Mapping[str, Any] | None = None) -> Iterator[Problem]:
        """The unknown fields and wrong types of an object; `definition` is the CRD of the plan that brings its kind."""
        if definition is None:
            schemas = self._of(manifest.api_version)
            schema = _of_kind(schemas, manifest)
        else:
            schemas = self._of(_CORE)  # which has the schema of `metadata`
            schema = _of_definition(definition, manifest)
            if schema is None:
                message = f"the CRD of this plan has no {manifest.key.kind} of {manifest.api_version}"
                yield manifest.problem("cluster-missing-kind", message, ("apiVersion",))
        for path, message, hint in mistakes(schema or {}, manifest.data, schemas):
            yield manifest.problem("cluster-refused", f"{manifest.key}: {dotted(path)}: {message}", path, hint)

    def _of(self, api_version: str) -> Schemas:
        """The schemas of a group and version; none if the server has no document, or the user may not read it."""
        if api_version not in self._known:
            root = "apis" if "/" in api_version else "api"
            self._known[api_version] = self._fetched(f"{root}/{api_version}")
        return self._known[api_version]

    def _fetched(self, name: str) -> Schemas:
        try:
            if self._places is None:
                self._places = self._client.get(_INDEX).get("paths") or {}
            place = self._places.get(name)
            document = self._client.get(place["serverRelativeURL"]) if place else {}
        except Refused:
            return {}
        return (document.get("components") or {}).get("schemas") or {}


def _of_kind(schemas: Schemas, manifest: Manifest) -> Mapping[str, Any] | None:
    group, _, version = manifest.api_version.rpartition("/")
    wanted = {"group": group, "version": version, "kind": manifest.key.kind}
    return next((one for one in schemas.values() if wanted in one.get(_KIND, ())), None)


def _of_definition(definition: Mapping[str, Any], manifest: Manifest) -> Mapping[str, Any] | None:
    """The schema of a CRD for the version of an object, with what every object has."""
    version = manifest.api_version.rpartition("/")[2]
    for one in definition["spec"].get("versions") or ():
        if one.get("name") == version:
            schema = (one.get("schema") or {}).get("openAPIV3Schema") or {}
            return {**schema, _EMBEDDED: True}
    return None


def mistakes(schema: Mapping[str, Any], value: Any, schemas: Schemas, path: Path = ()) -> Iterator[Mistake]:
    """The unknown fields and wrong types of a value; `schemas` are those that references name."""
    full = _resolved(schema, schemas)
    if value is None:
        return  # the same as nothing
    types, found = _types(full), json_type(value)
    if types and found not in types and not (found == "integer" and "number" in types):
        yield path, f"expected {' or '.join(types)}, found {found}", None
    elif isinstance(value, dict):
        yield from _in_mapping(full, value, schemas, path)
    elif isinstance(value, list) and "items" in full:
        for number, item in enumerate(value):
            yield from mistakes(full["items"], item, schemas, (*path, number))


def _in_mapping(schema: Mapping[str, Any], value: Mapping[str, Any], schemas: Schemas, path: Path) -> Iterator[Mistake]:
    known = dict(schema.get("properties") or {})
    if schema.get(_EMBEDDED):
        known |= {"apiVersion": {"type": "string"}, "kind": {"type": "string"}, "metadata": schemas.get(_METADATA, {})}
    others = schema.get("additionalProperties")
    is_open = not known or bool(others) or bool(schema.get(_OPEN))
    for key, below in value.items():
        if key in known:
            yield from mistakes(known[key], below, schemas, (*path, key))
        elif isinstance(others, Mapping):
            yield from mistakes(others, below, schemas, (*path, key))
        elif not is_open:
            yield (*path, key), "the server knows no such field", did_you_mean(key, known)


def _resolved(schema: Mapping[str, Any], schemas: Schemas) -> Mapping[str, Any]:
    """A schema with what it refers to: the documents have references alone, or in an `allOf` with a description next to it."""
    full = dict(schema)
    parts: Sequence[Mapping[str, Any]] = [full] if "$ref" in full else full.pop("allOf", ())
    for part in parts:
        name = str(part.get("$ref", "")).removeprefix(_REFERENCE)
        full = {**_resolved(schemas.get(name, {}), schemas), **full} if name else full
    return full


def _types(schema: Mapping[str, Any]) -> list[str]:
    """The types that a schema allows; none if it allows anything."""
    if schema.get(_EITHER):
        return ["integer", "string"]
    if "type" in schema:
        return [schema["type"]] if schema["type"] in ANY_TYPE else []
    found = [one.get("type") for one in schema.get("oneOf") or ()]
    return [str(name) for name in found] if all(name in ANY_TYPE for name in found) else []
