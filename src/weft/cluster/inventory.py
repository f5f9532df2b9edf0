"""The inventory of a target: what it has in its cluster, so that what is no longer rendered can be removed.

It is a ConfigMap in the target's namespace and the parent of an ApplySet, so `kubectl` can show what belongs to it. It is written as
*pending*, with the objects from before and those to come, before the first change of a deploy: whatever happens to that deploy, the
next one knows every object that may exist. The label of the ApplySet on each object has the last word: an inventory that names an object
without it, because somebody edited it, removes nothing.

For Secrets it holds digests of values and references (`secret_data`), never a value.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from weft.base.problems import CannotRun, Problem
from weft.cluster.client import APPLY, Client, Refused
from weft.cluster.manifests import Key, key_of_text
from weft.cluster.names import (
    APPLYSET_ID,
    APPLYSET_KINDS,
    APPLYSET_NAMESPACES,
    APPLYSET_TOOLING,
    MANAGER,
    NAME,
    PROJECT,
    ROLE,
    TARGET,
    applyset_id,
    name_of,
    slug,
)
from weft.version import __version__

_FIELD: Final = "inventory.json"
_VERSION: Final = 1


@dataclass(frozen=True)
class Entry:
    """What an inventory says about one object.

    `digest` is that of the object as rendered; `references` and `values` are digests of a Secret's values; `unused` counts the deploys
    since the object is no longer rendered.
    """

    digest: str = ""
    references: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, str] = field(default_factory=dict)
    unused: int = 0

    def as_dict(self) -> dict[str, Any]:
        """The entry as JSON data, without what is empty."""
        stated = {
            "digest": self.digest,
            "references": dict(self.references),
            "values": dict(self.values),
            "unused": self.unused,
        }
        return {key: value for key, value in stated.items() if value}


@dataclass(frozen=True)
class Inventory:
    """The objects of a target in its cluster; `revision` is the last one deployed, and 0 before the first deploy.

    `pinned` is the revision that a rollback went back to. `version` is the resourceVersion that it was read with, None if there is none.
    """

    target: str
    namespace: str
    project: str
    objects: Mapping[Key, Entry] = field(default_factory=dict)
    revision: int = 0
    pending: bool = False
    pinned: int | None = None
    version: str | None = None

    @property
    def name(self) -> str:
        """The name of the ConfigMap."""
        return name_of(self.target, "inventory")

    @property
    def applyset(self) -> str:
        """The value of the label on its objects."""
        return applyset_id(self.name, self.namespace)

    def as_object(self) -> dict[str, Any]:
        """The ConfigMap."""
        kinds = sorted({f"{key.kind}.{key.group}" if key.group else key.kind for key in self.objects})
        others = sorted({key.namespace for key in self.objects} - {self.namespace, ""})
        content = {
            "version": _VERSION,
            "revision": self.revision,
            "pending": self.pending,
            "pinned": self.pinned,
            "objects": {key.text(): entry.as_dict() for key, entry in sorted(self.objects.items())},
        }
        annotations = {
            APPLYSET_TOOLING: f"weft/{__version__}",
            APPLYSET_KINDS: ",".join(kinds),
            TARGET: self.target,
            PROJECT: self.project,
        } | ({APPLYSET_NAMESPACES: ",".join(others)} if others else {})
        return {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {
                "name": self.name,
                "namespace": self.namespace,
                "labels": {APPLYSET_ID: self.applyset, ROLE: "inventory", NAME: slug(self.target)},
                "annotations": annotations,
            },
            "data": {_FIELD: json.dumps(content, separators=(",", ":"))},
        }

    def with_pending(self, coming: Iterable[Key]) -> Inventory:
        """The inventory before the first change: with what will be there."""
        return replace(self, objects={**dict.fromkeys(coming, Entry()), **self.objects}, pending=True)


def path_of(namespace: str, name: str = "") -> str:
    """The path of ConfigMaps."""
    return f"/api/v1/namespaces/{namespace}/configmaps" + (f"/{name}" if name else "")


def read(client: Client, target: str, namespace: str, project: str) -> Inventory:
    """The inventory of a target, empty before its first deploy.

    Raises CannotRun if somebody edited it so that it cannot be read, or if it belongs to another project; Refused.
    """
    empty = Inventory(target, namespace, project)
    found = client.find(path_of(namespace, empty.name))
    return empty if found is None else from_object(found, empty)


def from_object(data: Mapping[str, Any], empty: Inventory) -> Inventory:
    """The inventory that a ConfigMap holds. Raises CannotRun."""
    metadata = data.get("metadata") or {}
    owner = (metadata.get("annotations") or {}).get(PROJECT)
    where = f"ConfigMap {empty.namespace}/{empty.name}"
    if owner not in (None, empty.project):
        message = f"{where} is the inventory of the project `{owner}`: two projects cannot have the same target in one namespace"
        raise CannotRun(Problem("cluster-inventory", message, targets=(empty.target,)))
    try:
        content = json.loads((data.get("data") or {})[_FIELD])
        objects = {_key(text): Entry(**entry) for text, entry in content["objects"].items()}
        return replace(
            empty,
            objects=objects,
            revision=int(content["revision"]),
            pending=bool(content["pending"]),
            pinned=None if content["pinned"] is None else int(content["pinned"]),
            version=metadata.get("resourceVersion"),
        )
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        message = f"{where} was changed by somebody and cannot be read ({type(error).__name__})"
        hint = "`weft deploy --rebuild-inventory` makes it again from the labels of the objects"
        raise CannotRun(Problem("cluster-inventory", message, targets=(empty.target,), hint=hint)) from None


def pin_problem(inventory: Inventory) -> Problem:
    """The problem of a target that somebody rolled back."""
    message = f"{inventory.target} is pinned to revision {inventory.pinned}, to which somebody rolled it back"
    hint = "deploy with `--unpin` when the sources are right again"
    return Problem("cluster-pinned", message, targets=(inventory.target,), hint=hint)


def write(client: Client, inventory: Inventory) -> Inventory:
    """Write an inventory, and give it with its new resourceVersion. Raises Refused."""
    parameters = {"fieldManager": MANAGER, "force": "true"}
    answer = client.request(
        "PATCH",
        path_of(inventory.namespace, inventory.name),
        inventory.as_object(),
        parameters=parameters,
        content=APPLY,
    )
    return replace(inventory, version=answer.data["metadata"]["resourceVersion"])


def rebuilt(client: Client, target: str, namespace: str, project: str) -> Inventory:
    """An inventory made from the labels of the objects that exist. Raises Refused."""
    empty = Inventory(target, namespace, project)
    found: dict[Key, Entry] = {}
    for resource in client.kinds.preferred.values():
        if "list" not in resource.verbs or "patch" not in resource.verbs:
            continue
        try:
            for one in client.all_of(resource.path(), labelSelector=f"applyset.kubernetes.io/part-of={empty.applyset}"):
                metadata = one["metadata"]
                key = Key(resource.group, resource.kind, metadata.get("namespace") or "", metadata["name"])
                found[key] = Entry()
        except Refused as error:
            if error.status not in (403, 404, 405):
                raise
    return replace(empty, objects=found, pending=True)


def _key(text: str) -> Key:
    key = key_of_text(text)
    if key is None:
        raise ValueError(text)
    return key
