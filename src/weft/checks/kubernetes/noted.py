"""What is kept of an object until all outputs come together: plain data, which may be written as JSON and read again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from weft.base.paths import Path

if TYPE_CHECKING:
    from weft.checks import Finished

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


Entry = list[Any]
"""Objects of one kind as JSON data: apiVersion, kind, namespace, path in the document, number of the first document, names."""


class Noted(NamedTuple):
    """An object of an output: what identifies it in its cluster, and its place among the documents of the output."""

    api_version: str
    kind: str
    name: str
    namespace: str | None
    document: int
    path: Path

    @property
    def identity(self) -> tuple[str, ...]:
        """What only one object of a manifest has."""
        return self.api_version, self.kind, str(self.namespace), self.name

    def __str__(self) -> str:
        return f"{self.kind}/{self.name}" + (f" in the namespace {self.namespace}" if self.namespace else "")


def as_data(objects: Iterable[Noted]) -> list[Entry]:
    """Objects as entries: the documents of one kind that follow each other share an entry, which lists their names."""
    entries: list[Entry] = []
    for one in objects:
        alike = [one.api_version, one.kind, one.namespace, list(one.path)]
        last = entries[-1] if entries and not one.path else None
        if last and last[:4] == alike and last[4] + len(last[5]) == one.document:
            last[5].append(one.name)
        else:
            entries.append([*alike, one.document, [one.name]])
    return entries


def from_data(entry: Entry, number: int) -> Noted:
    """One of the objects of an entry again."""
    api_version, kind, namespace, path, first, names = entry
    return Noted(api_version, kind, names[number], namespace, first + number, tuple(path))


def keys(entry: Entry, output: Finished) -> Iterator[tuple[str | None, ...]]:
    """What only one object of a run has, for each of an entry. The version of an API is left out: all versions are views of one object."""
    api_version, kind, namespace, _, _, names = entry
    group = api_version.rpartition("/")[0]
    within = f"in {namespace}" if namespace else "" if kind in _OF_THE_CLUSTER else f"of {output.target}"
    return ((output.home.cluster, group, kind, within, name) for name in names)
