"""Who owns which field: what Weft sends so that it takes nothing from others by accident.

An API server refuses an apply that changes a field of another manager. Weft knows that from `managedFields` before it asks, and decides for each
such field by weft.yaml: `take` it, `yield` it (leave it out, so the other one keeps it) or `share` it (send the value that is there).
What nothing decides is a conflict, a problem of its own. Objects that kubectl, Helm or Kustomize applied are adopted once: their
fields become Weft's, so what is no longer rendered goes.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from weft.cluster import fields
from weft.cluster.fields import Change
from weft.cluster.manifests import Key
from weft.cluster.names import APPLYSET_PART, MANAGER, TARGET
from weft.project.entries import Cluster
from weft.schema.node import MISSING

TAKE: Final = "take"
YIELD: Final = "yield"
SHARE: Final = "share"
MARKS: Final = (("f:metadata", "f:labels", f"f:{APPLYSET_PART}"), ("f:metadata", "f:annotations", f"f:{TARGET}"))
"""The fields with which Weft marks an object as its own (`dressed`)."""
AUTOSCALER: Final = "HorizontalPodAutoscaler"
_REPLICAS: Final = ("f:spec", "f:replicas")
_OF_KUBERNETES: Final = ("kube-*", "k3s", "k8s", "cloud-controller-manager", "kubelet")
"""Managers of the control plane: what they write belongs to no person."""


@dataclass(frozen=True)
class Settled:
    """An object as it is sent, and what that means for the fields of others.

    `taken` become Weft's against another manager, `conflicts` cannot be sent, `yielded` are left to others; `adopted` are the managers
    whose fields all become Weft's.
    """

    data: Mapping[str, Any] = field(repr=False)
    changes: tuple[Change, ...] = ()
    taken: tuple[Change, ...] = ()
    conflicts: tuple[Change, ...] = ()
    yielded: tuple[Change, ...] = ()
    adopted: tuple[str, ...] = ()

    @property
    def force(self) -> bool:
        """True if the server must give Weft fields of others, all of which Weft takes on purpose."""
        return bool(self.taken or self.adopted) and not self.conflicts


@dataclass(frozen=True)
class Ownership:
    """The decisions of weft.yaml, and the objects whose replicas an autoscaler changes; `take_all` takes what nothing else decides."""

    cluster: Cluster
    scaled: frozenset[Key] = frozenset()
    take_all: bool = False

    def decide(self, key: Key, path: fields.FieldPath) -> str | None:
        """What happens to a field of another manager: take, yield, share, or None for a conflict."""
        name = f"{key.kind}{fields.shown(path)}"
        for glob, decision in self.cluster.ownership.items():
            if name == glob or fnmatch.fnmatchcase(name, glob):  # a field may look like a glob: `ports[port=80]`
                return decision
        if self._is_scaled(key, path):
            return YIELD
        return TAKE if self.take_all else None

    def _is_scaled(self, key: Key, path: fields.FieldPath) -> bool:
        """True if an autoscaler sets a field."""
        return path == _REPLICAS and key in self.scaled

    def adopts(self, manager: str) -> bool:
        """True if the fields of a manager become Weft's."""
        return any(fnmatch.fnmatchcase(manager, glob) for glob in self.cluster.adopt)

    def _adopted(self, live: Mapping[str, Any], owners: Iterable[fields.Manager]) -> tuple[str, ...]:
        """The managers whose fields become Weft's with the first deploy of an object."""
        return () if _is_ours(live) else tuple(dict.fromkeys(one.name for one in owners if self.adopts(one.name)))

    def settle(self, key: Key, data: Mapping[str, Any], live: Mapping[str, Any] | None) -> Settled:
        """What to send for an object that may exist already."""
        if live is None:
            return Settled(data)
        owners = fields.writers(live)
        ours = fields.owned_by(live, MANAGER)
        adopted = self._adopted(live, owners)
        if fields.holds(live, data, ours) and not adopted:
            return Settled(data)
        others = [one for one in owners if one.name not in (MANAGER, *adopted)]
        gone = (ours, *(one.tree for one in owners if one.name in adopted))
        kept = [change for change in _differing(data, live, owners, gone) if not _stays(change, others)]
        return self._decided(key, data, kept, others, adopted)

    def _decided(
        self,
        key: Key,
        data: Mapping[str, Any],
        found: Iterable[Change],
        others: list[fields.Manager],
        adopted: tuple[str, ...],
    ) -> Settled:
        changes, taken, conflicts, yielded = list[Change](), list[Change](), list[Change](), list[Change]()
        for change in found:
            if change.new is MISSING and self._is_scaled(key, change.path):
                # without a value the server would set 1, and the autoscaler begins from there
                data = {**data, "spec": {**(data.get("spec") or {}), "replicas": change.old}}
                continue
            owner = fields.owner_of(others, change.path)
            if change.old is MISSING or change.new is MISSING or owner is None:
                changes.append(change)
                continue
            decision = self.decide(key, change.path)
            if decision in (YIELD, SHARE):
                data = fields.with_value(data, change.path, MISSING if decision == YIELD else change.old)
                yielded.append(change)
            else:
                changes.append(change)
                (taken if decision == TAKE else conflicts).append(change)
        return Settled(data, tuple(changes), tuple(taken), tuple(conflicts), tuple(yielded), adopted)


def scaled_by(objects: Iterable[Mapping[str, Any]]) -> frozenset[Key]:
    """The objects that autoscalers among these scale."""
    found = set()
    for data in objects:
        if data.get("kind") == AUTOSCALER:
            reference = (data.get("spec") or {}).get("scaleTargetRef") or {}
            group = str(reference.get("apiVersion") or "").rpartition("/")[0]
            namespace = str((data.get("metadata") or {}).get("namespace") or "")
            found.add(Key(group, str(reference.get("kind")), namespace, str(reference.get("name"))))
    return frozenset(found)


def dressed(data: Mapping[str, Any], applyset: str, target: str) -> dict[str, Any]:
    """An object with the label and the annotation that say to which target it belongs."""
    metadata = data.get("metadata") or {}
    labels = {**(metadata.get("labels") or {}), APPLYSET_PART: applyset}
    annotations = {**(metadata.get("annotations") or {}), TARGET: target}
    return {**data, "metadata": {**metadata, "labels": labels, "annotations": annotations}}


def owner_target(live: Mapping[str, Any]) -> tuple[str | None, str | None]:
    """The ApplySet and the target that a live object belongs to, if any."""
    metadata = live.get("metadata") or {}
    return (metadata.get("labels") or {}).get(APPLYSET_PART), (metadata.get("annotations") or {}).get(TARGET)


def is_of_kubernetes(manager: str) -> bool:
    """True for a manager of the control plane."""
    return any(fnmatch.fnmatchcase(manager, glob) for glob in _OF_KUBERNETES)


def adoption(live: Mapping[str, Any], adopted: Iterable[str]) -> list[dict[str, Any]]:
    """The JSON patch that makes the fields of managers Weft's, as `kubectl` does when it moves to server-side apply.

    It holds for exactly this state of the object: the server refuses it if somebody changed the object meanwhile.
    """
    names = set(adopted)
    entries = (live.get("metadata") or {}).get("managedFields") or ()
    rest = [one for one in entries if one.get("manager") not in {MANAGER, *names} or one.get("subresource")]
    ours = _as_one_entry([one for one in entries if one not in rest])
    return [
        {"op": "replace", "path": "/metadata/managedFields", "value": [*rest, ours]},
        {"op": "replace", "path": "/metadata/resourceVersion", "value": live["metadata"]["resourceVersion"]},
    ]


def _as_one_entry(moved: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The entry of managedFields with which Weft has the fields of others."""
    tree = fields.merged(one.get("fieldsV1") or {} for one in moved)
    versions = [one["apiVersion"] for one in moved if one.get("apiVersion")]
    ours = {"manager": MANAGER, "operation": "Apply", "fieldsType": "FieldsV1", "fieldsV1": tree}
    ours |= {"apiVersion": versions[-1]} if versions else {}
    ours |= {"time": moved[-1]["time"]} if moved and moved[-1].get("time") else {}
    return ours


def _is_ours(live: Mapping[str, Any]) -> bool:
    """True if Weft has applied an object before."""
    return owner_target(live)[0] is not None


def _differing(
    data: Mapping[str, Any], live: Mapping[str, Any], owners: Iterable[fields.Manager], gone: Iterable[fields.Tree]
) -> list[Change]:
    """What differs in the fields that an object states, and in those that it may state no more."""
    stated = fields.tree_of(data, fields.merged(one.tree for one in owners))
    return fields.differences(live, data, fields.merged((stated, *gone)), tolerant=True)


def _stays(change: Change, others: Iterable[fields.Manager]) -> bool:
    """True if a field that Weft gives up stays, because somebody else declares it too."""
    return change.new is MISSING and any(fields.owns(one.tree, change.path) for one in others)
