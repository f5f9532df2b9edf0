"""The objects that exist: read with as few requests as possible, and with the rights that the user has."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Final, Self

from weft.base.problems import Problem
from weft.cluster.client import AT_ONCE, ROLES, Client, Refused, Resource
from weft.cluster.manifests import Key

_FEW: Final = 1
"""So many objects of a kind and namespace are read one by one."""


@dataclass
class Live:
    """Objects of a cluster by their keys.

    `unknown` are those of kinds that the server does not know, `unreadable` those that the user may not read.
    """

    objects: dict[Key, dict[str, Any]] = field(default_factory=dict)
    unknown: set[Key] = field(default_factory=set)
    unreadable: set[Key] = field(default_factory=set)


class Reading:
    """Reads objects in the background: each kind in each namespace on its own.

    Each key comes with the apiVersion in which it is wanted, or an empty text. `read` waits for some of them, while the others are still
    read. Use it in `with`.
    """

    def __init__(self, client: Client, keys: Mapping[Key, str]) -> None:
        self.found = Live()
        self._pool = ThreadPoolExecutor(AT_ONCE)
        groups: defaultdict[tuple[Resource, str], list[Key]] = defaultdict(list)
        for key, api_version in keys.items():
            resource = client.kinds.find(api_version, key.kind) if api_version else client.kinds.preferred.get(key.type)
            if resource is None:
                self.found.unknown.add(key)
            else:
                groups[resource, key.namespace].append(key)
        self._pending: dict[Key, tuple[Future[dict[Key, dict[str, Any]] | None], list[Key]]] = {}
        for (resource, namespace), wanted in groups.items():
            reading = self._pool.submit(_read, client, resource, namespace, wanted)
            self._pending |= dict.fromkeys(wanted, (reading, wanted))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(cancel_futures=True)

    def read(self, keys: Iterable[Key]) -> Live:
        """What was found so far, in which all objects with these keys are that exist.

        Raises CannotRun when nobody answers, and Refused for what is neither missing nor forbidden.
        """
        for key in keys:
            reading, together = self._pending.pop(key, (None, ()))
            objects = reading.result() if reading is not None else {}
            if objects is None:
                self.found.unreadable.update(together)
            else:
                self.found.objects |= objects
            for other in together:
                self._pending.pop(other, None)
        return self.found


def fetch(client: Client, keys: Mapping[Key, str]) -> Live:
    """The objects with these keys, if they exist. Raises as `Reading.read` does."""
    with Reading(client, keys) as reading:
        return reading.read(keys)


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
