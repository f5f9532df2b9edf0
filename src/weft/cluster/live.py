"""The objects that exist: read with as few requests as possible, and with the rights that the user has."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from weft.base.problems import Problem
from weft.cluster.client import ROLES, Client, Refused, Resource
from weft.cluster.manifests import Key

_FEW: Final = 1
"""So many objects of a kind and namespace are read one by one."""


@dataclass
class Live:
    """Objects of a cluster by their keys. `unknown` are those of kinds that the server does not know, `unreadable` those that the user may not read."""

    objects: dict[Key, dict[str, Any]] = field(default_factory=dict)
    unknown: set[Key] = field(default_factory=set)
    unreadable: set[Key] = field(default_factory=set)
    namespaces: set[str] = field(default_factory=set)


def fetch(client: Client, keys: Mapping[Key, str]) -> Live:
    """The objects with these keys, if they exist; each key comes with the apiVersion in which it is wanted, or an empty text.

    Raises CannotRun when nobody answers, and Refused for what is neither missing nor forbidden.
    """
    found = Live()
    groups: defaultdict[tuple[Resource, str], list[Key]] = defaultdict(list)
    for key, api_version in keys.items():
        resource = client.kinds.find(api_version, key.kind) if api_version else client.kinds.preferred.get(key.type)
        if resource is None:
            found.unknown.add(key)
        else:
            groups[resource, key.namespace].append(key)
    jobs = list(groups.items())
    for (_, wanted), objects in zip(jobs, client.each(lambda job: _read(client, *job[0], job[1]), jobs), strict=True):
        if objects is None:
            found.unreadable.update(wanted)
        else:
            found.objects |= objects
    return found


def existing_namespaces(client: Client, names: Iterable[str]) -> dict[str, str]:
    """Those of some namespaces that exist, each with its phase: Active or Terminating.

    One that the user may not read is taken to exist; whatever is done in it will tell.
    """
    wanted = sorted(set(names))
    found = client.each(lambda name: _namespace(client, name), wanted)
    return {name: phase for name, phase in zip(wanted, found, strict=True) if phase}


def _namespace(client: Client, name: str) -> str | None:
    try:
        data = client.find(f"/api/v1/namespaces/{name}")
    except Refused as error:
        if error.status == 403:
            return "Active"
        raise
    return None if data is None else str((data.get("status") or {}).get("phase") or "Active")


def _read(client: Client, resource: Resource, namespace: str, wanted: list[Key]) -> dict[Key, dict[str, Any]] | None:
    """The objects of one kind in one namespace; None if the user may not read them."""
    try:
        if len(wanted) > _FEW and "list" in resource.verbs:
            return _listed(client, resource, namespace, set(wanted))
    except Refused as error:
        if error.status != 403:
            raise
    found = {}
    for key in wanted:
        try:
            data = client.find(resource.path(namespace, key.name))
        except Refused as error:
            if error.status == 403:
                return None
            raise
        if data is not None:
            found[key] = data
    return found


def _listed(client: Client, resource: Resource, namespace: str, wanted: set[Key]) -> dict[Key, dict[str, Any]]:
    found = {}
    for one in client.all_of(resource.path(namespace)):
        key = Key(resource.group, resource.kind, namespace, one["metadata"]["name"])
        if key in wanted:
            # items of a list do not state what they are
            found[key] = {"apiVersion": resource.api_version, "kind": resource.kind, **one}
    return found


def missing_right(client: Client, verb: str, key: Key, target: str) -> Problem:
    """The problem of a right that the user of the context does not have."""
    resource = client.kinds.preferred.get(key.type)
    what = resource.plural if resource else key.kind
    what += f".{key.group}" if key.group else ""
    where = f" in the namespace {key.namespace}" if key.namespace else ""
    message = f"the user of the context `{client.context}` may not {verb} {what}{where}"
    return Problem("cluster-rights", message, targets=(target,), hint=ROLES)
