"""When an object that was deployed is ready, and what it still waits for.

The rules for workloads are those of kstatus (sigs.k8s.io/cli-utils/pkg/kstatus), which Helm and Flux use too: the controller has seen the
latest generation, and its status says that it is done. Objects without a status, such as ConfigMaps, are ready at once.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from weft.cluster.client import Client, Refused
from weft.cluster.live import fetch
from weft.cluster.manifests import SECRET, Key

_PAUSE: Final = 1.0
_LATE_BINDING: Final = "WaitForFirstConsumer"


@dataclass(frozen=True)
class Status:
    """Whether an object is ready; `waits_for` names the condition that is missing, and `failed` that it will never come."""

    ready: bool
    waits_for: str = ""
    failed: bool = False


READY: Final = Status(True)


def status_of(data: Mapping[str, Any]) -> Status:
    """The status of an object, from the object alone."""
    metadata, status = data.get("metadata") or {}, data.get("status") or {}
    if metadata.get("deletionTimestamp"):
        return Status(False, "the object is being deleted")
    observed, generation = status.get("observedGeneration"), metadata.get("generation")
    if observed is not None and generation is not None and observed < generation:
        return Status(False, f"its controller has seen generation {observed} of {generation}")
    group = str(data.get("apiVersion") or "").rpartition("/")[0]
    rule = _RULES.get((group, str(data.get("kind"))))
    return rule(data) if rule else _by_conditions(data)


def wait(
    client: Client,
    keys: Mapping[Key, str],
    timeout: float,
    *,
    go_on: Callable[[], bool] = lambda: True,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> dict[Key, Status]:
    """Wait until objects are ready, at most for some seconds. Returns those that are not, with what they wait for.

    `keys` come with their apiVersions. `go_on` is asked each time; when it says no, the waiting ends. Raises Refused and CannotRun.
    """
    until = clock() + timeout
    left = dict(keys)
    while True:
        waiting = _waiting(client, left)
        left = {key: left[key] for key in waiting}
        if not left or clock() >= until or not go_on() or any(one.failed for one in waiting.values()):
            return waiting
        sleep(_PAUSE)


def _waiting(client: Client, keys: Mapping[Key, str]) -> dict[Key, Status]:
    """The objects that are not ready, with what they wait for; without those that the user may not read."""
    state = fetch(client, keys)
    waiting: dict[Key, Status] = {}
    for key in keys:
        data = state.objects.get(key)
        if key not in state.unreadable:
            status = Status(False, "the object does not exist") if data is None else _asked(client, key, data)
            waiting |= {} if status.ready else {key: status}
    return waiting


def _asked(client: Client, key: Key, data: Mapping[str, Any]) -> Status:
    """The status of an object, where other objects have a say in it."""
    status = status_of(data)
    if key.kind == "PersistentVolumeClaim" and not status.ready and _binds_late(client, data):
        return READY
    if key.kind == "ExternalSecret" and status.ready:
        return _has_its_secret(client, key, data)
    if key.kind == "RoleBinding" and status.ready:
        return _is_in_force(client, key, data)
    return status


def _by_conditions(data: Mapping[str, Any]) -> Status:
    """The rule for kinds without one of their own: a condition Ready must be true if there is one."""
    for condition in (data.get("status") or {}).get("conditions") or ():
        if condition.get("type") == "Ready" and condition.get("status") != "True":
            return Status(False, _condition("Ready", condition))
        if condition.get("type") == "Stalled" and condition.get("status") == "True":
            return Status(False, _condition("Stalled", condition), failed=True)
    return READY


def _condition(name: str, condition: Mapping[str, Any]) -> str:
    said = ": ".join(filter(None, (condition.get("reason"), condition.get("message"))))
    return f"its condition {name} is {condition.get('status')}" + (f" ({said})" if said else "")


def _find(data: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    conditions = (data.get("status") or {}).get("conditions") or ()
    return next((one for one in conditions if one.get("type") == name), {})


def _deployment(data: Mapping[str, Any]) -> Status:
    status, wanted = data.get("status") or {}, _replicas(data)
    if "observedGeneration" not in status:
        return Status(False, "its controller has not seen it")
    progressing = _find(data, "Progressing")
    if progressing.get("reason") == "ProgressDeadlineExceeded":
        return Status(False, _condition("Progressing", progressing), failed=True)
    updated, total = status.get("updatedReplicas", 0), status.get("replicas", 0)
    available = status.get("availableReplicas", 0)
    failure = _find(data, "ReplicaFailure")
    if updated < wanted:
        why = f", and {_condition('ReplicaFailure', failure)}" if failure.get("status") == "True" else ""
        return Status(False, f"{updated} of {wanted} replicas are updated{why}")
    if total > updated:
        return Status(False, f"{total - updated} old replicas have not ended")
    if available < updated:
        return Status(False, f"{available} of {updated} replicas are available")
    return READY


def _stateful_set(data: Mapping[str, Any]) -> Status:
    status, wanted = data.get("status") or {}, _replicas(data)
    if "observedGeneration" not in status:
        return Status(False, "its controller has not seen it")
    if ((data.get("spec") or {}).get("updateStrategy") or {}).get("type") == "OnDelete":
        return READY
    ready = status.get("readyReplicas", 0)
    if ready < wanted:
        return Status(False, f"{ready} of {wanted} replicas are ready")
    if status.get("currentRevision") != status.get("updateRevision"):
        return Status(False, f"{status.get('updatedReplicas', 0)} of {wanted} replicas are updated")
    return READY


def _daemon_set(data: Mapping[str, Any]) -> Status:
    status = data.get("status") or {}
    if "observedGeneration" not in status:
        return Status(False, "its controller has not seen it")
    wanted = status.get("desiredNumberScheduled", 0)
    for name, what in (("updatedNumberScheduled", "updated"), ("numberAvailable", "available")):
        if status.get(name, 0) < wanted:
            return Status(False, f"{status.get(name, 0)} of {wanted} pods are {what}")
    return READY


def _replica_set(data: Mapping[str, Any]) -> Status:
    available, wanted = (data.get("status") or {}).get("availableReplicas", 0), _replicas(data)
    return READY if available >= wanted else Status(False, f"{available} of {wanted} replicas are available")


def _job(data: Mapping[str, Any]) -> Status:
    failed = _find(data, "Failed")
    if failed.get("status") == "True":
        return Status(False, _condition("Failed", failed), failed=True)
    if (data.get("status") or {}).get("startTime") or (data.get("spec") or {}).get("suspend"):
        return READY
    return Status(False, "it has not started")


def _claim(data: Mapping[str, Any]) -> Status:
    phase = (data.get("status") or {}).get("phase")
    return READY if phase == "Bound" else Status(False, f"it is {phase or 'not yet seen'} and not Bound")


def _budget(data: Mapping[str, Any]) -> Status:
    status = data.get("status") or {}
    if "observedGeneration" not in status:
        return Status(False, "its controller has not seen it")
    healthy, wanted = status.get("currentHealthy", 0), status.get("desiredHealthy", 0)
    return READY if healthy >= wanted else Status(False, f"{healthy} of {wanted} pods are healthy")


def _quota(data: Mapping[str, Any]) -> Status:
    wanted, known = (data.get("spec") or {}).get("hard") or {}, (data.get("status") or {}).get("hard") or {}
    return READY if wanted == known else Status(False, "its controller has not counted what is used")


def _autoscaler(data: Mapping[str, Any]) -> Status:
    able = _find(data, "AbleToScale")
    if able.get("status") == "True":
        return READY
    return Status(False, _condition("AbleToScale", able) if able else "its controller has not seen it")


def _definition(data: Mapping[str, Any]) -> Status:
    names = _find(data, "NamesAccepted")
    if names.get("status") == "False":
        return Status(False, _condition("NamesAccepted", names), failed=True)
    return READY if _find(data, "Established").get("status") == "True" else Status(False, "it is not Established")


def _namespace(data: Mapping[str, Any]) -> Status:
    phase = (data.get("status") or {}).get("phase")
    return READY if phase in (None, "Active") else Status(False, f"it is {phase}")


def _external_secret(data: Mapping[str, Any]) -> Status:
    ready = _find(data, "Ready")
    if ready.get("status") == "True":
        return READY
    return Status(False, _condition("Ready", ready) if ready else "its operator has not seen it")


def _replicas(data: Mapping[str, Any]) -> int:
    wanted = (data.get("spec") or {}).get("replicas")
    return 1 if wanted is None else int(wanted)


_RULES: Final[Mapping[tuple[str, str], Callable[[Mapping[str, Any]], Status]]] = {
    ("apps", "Deployment"): _deployment,
    ("apps", "StatefulSet"): _stateful_set,
    ("apps", "DaemonSet"): _daemon_set,
    ("apps", "ReplicaSet"): _replica_set,
    ("batch", "Job"): _job,
    ("", "PersistentVolumeClaim"): _claim,
    ("", "ResourceQuota"): _quota,
    ("", "Namespace"): _namespace,
    ("policy", "PodDisruptionBudget"): _budget,
    ("autoscaling", "HorizontalPodAutoscaler"): _autoscaler,
    ("external-secrets.io", "ExternalSecret"): _external_secret,
    ("apiextensions.k8s.io", "CustomResourceDefinition"): _definition,
}


def _binds_late(client: Client, data: Mapping[str, Any]) -> bool:
    """True if a claim is bound only when a pod uses it."""
    name = (data.get("spec") or {}).get("storageClassName")
    try:
        found = client.find(f"/apis/storage.k8s.io/v1/storageclasses/{name}") if name else None
    except Refused:
        return True
    return found is not None and found.get("volumeBindingMode") == _LATE_BINDING


def _has_its_secret(client: Client, key: Key, data: Mapping[str, Any]) -> Status:
    name = ((data.get("spec") or {}).get("target") or {}).get("name") or key.name
    secret = Key(SECRET[0], SECRET[1], key.namespace, name)
    state = fetch(client, {secret: "v1"})
    there = secret in state.objects or secret in state.unreadable
    return READY if there else Status(False, f"its Secret {name} does not exist")


def _is_in_force(client: Client, key: Key, data: Mapping[str, Any]) -> Status:
    """Ask the server whether the accounts of a binding have the first right of its role."""
    role = data.get("roleRef") or {}
    if role.get("kind") != "Role":
        return READY
    try:
        found = client.find(f"/apis/rbac.authorization.k8s.io/v1/namespaces/{key.namespace}/roles/{role.get('name')}")
        rules = (found or {}).get("rules") or []
        accounts = [one for one in data.get("subjects") or () if one.get("kind") == "ServiceAccount"]
        for account in accounts if rules else ():
            if not _allowed(client, key.namespace, account, rules[0]):
                return Status(
                    False, f"the account {account.get('name')} does not yet have the rights of {role.get('name')}"
                )
    except Refused:
        return READY  # who may not ask cannot prove it
    return READY


def _allowed(client: Client, namespace: str, account: Mapping[str, Any], rule: Mapping[str, Sequence[str]]) -> bool:
    if not rule.get("resources") or not rule.get("verbs"):
        return True
    resource, _, subresource = rule["resources"][0].partition("/")
    attributes = {
        "namespace": namespace,
        "verb": rule["verbs"][0],
        "group": (rule.get("apiGroups") or [""])[0],
        "resource": resource,
    }
    attributes |= {"subresource": subresource} if subresource else {}
    attributes |= {"name": rule["resourceNames"][0]} if rule.get("resourceNames") else {}
    user = f"system:serviceaccount:{account.get('namespace') or namespace}:{account.get('name')}"
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SubjectAccessReview",
        "spec": {"user": user, "resourceAttributes": attributes},
    }
    answer = client.request("POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", review)
    return bool((answer.data.get("status") or {}).get("allowed"))
