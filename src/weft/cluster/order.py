"""The order of a deploy: what others name comes first, so nothing starts without what it needs.

The order follows the references between objects, not a list of kinds: a Deployment comes after the ConfigMaps, Secrets, accounts and
claims that it names, an Ingress after its Services, a binding after its role. Three rules go beyond references: namespaces and CRDs
come before everything, quotas after what they would block, and a network policy that allows less than before after everything else.

A network policy or a quota that allows less in one place and more in another is written twice (`limits`): first so that it allows what
it did and what it will, and at the end as it is rendered.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from weft.cluster import limits
from weft.cluster.manifests import CRD, NAMESPACE, Key

_BY_NAME: Final[Mapping[str, tuple[str, str]]] = {
    "configMap": ("ConfigMap", "name"),
    "configMapRef": ("ConfigMap", "name"),
    "configMapKeyRef": ("ConfigMap", "name"),
    "secret": ("Secret", "secretName"),
    "secretRef": ("Secret", "name"),
    "secretKeyRef": ("Secret", "name"),
    "secretName": ("Secret", ""),
    "imagePullSecrets": ("Secret", "name"),
    "serviceAccountName": ("ServiceAccount", ""),
    "persistentVolumeClaim": ("PersistentVolumeClaim", "claimName"),
    "service": ("Service", "name"),
    "serviceName": ("Service", ""),
    "backendRefs": ("Service", "name"),
    "parentRefs": ("Gateway", "name"),
    "storageClassName": ("StorageClass", ""),
    "priorityClassName": ("PriorityClass", ""),
    "ingressClassName": ("IngressClass", ""),
    "secretStoreRef": ("SecretStore", "name"),
}
"""Fields that name an object: its kind, unless the reference states one, and where its name is (directly in the field if empty)."""
_SECRETS: Final = frozenset(("secret", "configMap"))
_LATE: Final = 1
_LATEST: Final = 2


def is_first(key: Key) -> bool:
    """True for what must exist before anything else can be tried: namespaces and CRDs."""
    return key.type in (NAMESPACE, CRD)


def levels(objects: Mapping[Key, tuple[Mapping[str, Any], Mapping[str, Any] | None]]) -> list[list[Key]]:
    """The objects in groups: each group only names objects of groups before it. Each object comes as rendered and as it exists.

    Objects that name each other in a circle are in one group.
    """
    names = {(key.kind, key.namespace, key.name): key for key in objects}
    needs = {key: set(_named(key, data, names)) - {key} for key, (data, _) in objects.items()}
    found: list[list[Key]] = []
    for phase in range(_LATEST + 1):
        left = {key for key, (data, live) in objects.items() if _phase(key, data, live) == phase}
        while left:
            ready = [key for key in sorted(left) if not needs[key] & left] or sorted(left)
            found.append(ready)
            left -= set(ready)
    return found


def references(data: Any) -> Iterator[tuple[str, str]]:
    """The kinds and names of objects that an object refers to."""
    if isinstance(data, list):
        for item in data:
            yield from references(item)
    if not isinstance(data, dict):
        return
    kind, name = data.get("kind"), data.get("name")
    if isinstance(kind, str) and isinstance(name, str) and "metadata" not in data:
        yield kind, name
    for field, below in data.items():
        if field in _BY_NAME:
            yield from _of_field(field, below)
        yield from references(below)


def _of_field(field: str, value: Any) -> Iterator[tuple[str, str]]:
    kind, inside = _BY_NAME[field]
    for one in value if isinstance(value, list) else [value]:
        if isinstance(one, str) and not inside:
            yield kind, one
        elif isinstance(one, dict):
            names = [one.get(inside), one.get("name")] if field in _SECRETS else [one.get(inside)]
            yield from ((str(one.get("kind") or kind), name) for name in names if isinstance(name, str))


def _named(key: Key, data: Mapping[str, Any], names: Mapping[tuple[str, str, str], Key]) -> Iterator[Key]:
    below = {field: value for field, value in data.items() if field not in ("metadata", "status")}
    for kind, name in references({**below, "kind": None}):
        found = names.get((kind, key.namespace, name)) or names.get((kind, "", name))
        if found is not None:
            yield found


def _phase(key: Key, data: Mapping[str, Any], live: Mapping[str, Any] | None) -> int:
    if key.type not in (limits.QUOTA, limits.POLICY) or not limits.narrows(key, data, live):
        return 0
    return _LATE if key.type == limits.QUOTA else _LATEST


def reversed_order(groups: Sequence[Sequence[Key]]) -> Iterator[Sequence[Key]]:
    """The objects in the order of their removal: who names others goes first."""
    yield from reversed(groups)
