"""What to remove: the objects of the inventory that are no longer rendered, and nothing else.

An object goes only if it still has the label of this target's ApplySet. A ConfigMap or Secret stays while a pod, or anything that starts
pods, names it: a rollout that hangs must not lose the configuration of the pods that still work. One with a digest in its name stays for some
more deploys, so that a workload can be taken back by hand.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from weft.base.wording import counted
from weft.cluster import live as reading
from weft.cluster.client import Client, Refused
from weft.cluster.manifests import Key
from weft.cluster.order import references
from weft.cluster.ownership import owner_target
from weft.cluster.plans import Action, Step, TargetPlan
from weft.project.entries import Cluster

_CONFIGURATION: Final = (("", "ConfigMap"), ("", "Secret"))
USERS: Final = (
    ("", "Pod"),
    ("apps", "Deployment"),
    ("apps", "StatefulSet"),
    ("apps", "DaemonSet"),
    ("apps", "ReplicaSet"),
    ("batch", "Job"),
    ("batch", "CronJob"),
)
"""What has pods or starts some."""
_DIGEST: Final = re.compile(r"(?P<stem>.+)-(?:[0-9a-f]{6,64}|[bcdfghjklmnpqrstvwxz2456789]{8,10})\Z")
"""A name that ends with a digest: hexadecimal, or in the letters that Kubernetes uses."""


def add_steps(plan: TargetPlan, state: reading.Live, cluster: Cluster) -> None:
    """Add the steps of objects that are no longer rendered."""
    rendered = {step.key for step in plan.steps}
    stems = {_stem(key) for key in rendered} - {None}
    going = (plan.inventory.objects.keys() - rendered) & state.objects.keys()
    users = Users(plan.client, strict=False)
    for key in sorted(going):
        data = state.objects[key]
        if owner_target(data)[0] != plan.inventory.applyset:
            continue  # somebody took it over, or an inventory was edited by hand
        reason = users.of(key) if is_configuration(key) else ""
        left = cluster.generations - plan.inventory.objects[key].unused
        if not reason and is_configuration(key) and _stem(key) in stems and left > 0:
            reason = f"kept for {counted(left, 'more deploy')}"
        plan.steps.append(Step(key, Action.KEEP if reason else Action.REMOVE, live=data, reason=reason))


def _stem(key: Key) -> str | None:
    """The name of an object without the digest at its end; None if it has none."""
    match = _DIGEST.match(key.name)
    return match["stem"] if match else None


class Users:
    """What names ConfigMaps and Secrets in the namespaces of a cluster, read when it is first asked for."""

    def __init__(self, client: Client, *, strict: bool) -> None:
        """Without `strict`, what the user may not list is taken to use nothing: good enough to look at, not to remove."""
        self._client = client
        self._strict = strict
        self._known: dict[str, dict[tuple[str, str], str]] = {}

    def of(self, key: Key) -> str:
        """What uses an object, such as `used by Pod app-1`; empty if nothing does."""
        if key.namespace not in self._known:
            self._known[key.namespace] = dict(self._read(key.namespace))
        return self._known[key.namespace].get((key.kind, key.name), "")

    def _read(self, namespace: str) -> Iterator[tuple[tuple[str, str], str]]:
        for group, kind in reversed(USERS):
            resource = self._client.kinds.preferred.get((group, kind))
            try:
                found = list(self._client.all_of(resource.path(namespace))) if resource else []
            except Refused as error:
                if self._strict or error.missing_right is None:
                    raise
                continue
            for one in found:
                if _is_active(kind, one):
                    for name in references(one.get("spec")):
                        yield name, f"used by {kind} {one['metadata']['name']}"


def _is_active(kind: str, data: Mapping[str, Any]) -> bool:
    """True for what has pods or may start some: neither the past of a Deployment nor what has ended."""
    spec, status = data.get("spec") or {}, data.get("status") or {}
    if kind == "ReplicaSet":
        return bool(spec.get("replicas") or status.get("replicas"))
    if kind == "Job":
        ended = ("Complete", "Failed")
        return not any(
            one.get("type") in ended and one.get("status") == "True" for one in status.get("conditions") or ()
        )
    return not (kind == "Pod" and status.get("phase") in ("Succeeded", "Failed"))


def is_configuration(key: Key) -> bool:
    """True for what pods read: it stays while one does."""
    return key.type in _CONFIGURATION
