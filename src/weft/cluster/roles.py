"""RBAC on configuration: the roles that people and CI need for a target, made from what the target deploys.

    viewer      plan without the server, drift, history; no Secrets
    approver    a viewer who may also pause and abort a rollout
    deployer    plan with the server, deploy, drift with healing, rollback, rollout

Each right is one that a command uses; tests run every command with a role, and with each right less. Bindings are not made: who has a role is
not configuration of the target.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from weft.cluster.client import Client
from weft.cluster.manifests import CRD, NAMESPACE, Manifest
from weft.cluster.names import CLUSTER, CLUSTER_NAMESPACE, NAME, ROLE, ROLLOUT, TARGET, name_of, slug

VIEWER: Final = "viewer"
APPROVER: Final = "approver"
DEPLOYER: Final = "deployer"
_READ: Final = ("get", "list", "watch")
_WRITE: Final = ("create", "patch", "delete")
_OWN: Final = ("", "configmaps")
_LEASES: Final = ("coordination.k8s.io", "leases")
_USERS: Final = (
    ("", "pods"),
    ("apps", "daemonsets"),
    ("apps", "deployments"),
    ("apps", "replicasets"),
    ("apps", "statefulsets"),
    ("batch", "cronjobs"),
    ("batch", "jobs"),
)
"""What may use a ConfigMap or Secret that will be removed."""

Rights = dict[tuple[str, str], set[str]]
"""The verbs for each group and resource."""


def roles(client: Client, target: str, namespace: str, manifests: Sequence[Manifest]) -> list[dict[str, Any]]:
    """The Roles and ClusterRoles of a target, as objects to apply."""
    found = []
    for role in (VIEWER, APPROVER, DEPLOYER):
        rights = _rights(client, namespace, manifests, role)
        for where in sorted(rights):
            rules = _rules(rights[where]) + (_granted(manifests, where) if role == DEPLOYER else [])
            if role == APPROVER and where == namespace:
                rules.append(_rule("", "configmaps", ["patch"], [ROLLOUT]))
            found.append(_role(target, role, where, rules))
        rules = _of_cluster(client, manifests, role)
        found.append(_role(target, role, "", rules))
        found.append(_role(target, role, CLUSTER_NAMESPACE, [_rule("", "configmaps", ["get"], [CLUSTER])]))
    return found


def _rights(client: Client, namespace: str, manifests: Iterable[Manifest], role: str) -> dict[str, Rights]:
    """The rights in each namespace."""
    found: defaultdict[str, Rights] = defaultdict(lambda: defaultdict(set))
    for manifest in manifests:
        resource = client.kinds.find(manifest.api_version, manifest.key.kind)
        if resource is None or not manifest.key.namespace:
            continue
        found[manifest.key.namespace][resource.group, resource.plural].update(_verbs(manifest, role))
    own = found[namespace]
    if role == DEPLOYER:
        own[_OWN].update(_READ[:2], _WRITE)
        own["", "secrets"].update(("get", "create"))
        own[_LEASES].update(("get", "create", "update"))
        for where, kind in itertools.product(list(found), _USERS):
            found[where][kind].add("list")
    else:
        own[_OWN].update(_READ)
    return {where: {kind: verbs for kind, verbs in rights.items() if verbs} for where, rights in found.items()}


def _verbs(manifest: Manifest, role: str) -> Iterable[str]:
    """What a role may do with an object in a namespace: nobody but who deploys a Secret reads it."""
    if role == DEPLOYER:
        return (*_READ[:2], *_WRITE)
    return () if manifest.is_secret else _READ


def _of_cluster(client: Client, manifests: Iterable[Manifest], role: str) -> list[dict[str, Any]]:
    """The rights for what is in no namespace."""
    rights: Rights = defaultdict(set)
    rights["", "namespaces"].add("get")
    for manifest in manifests:
        resource = client.kinds.find(manifest.api_version, manifest.key.kind)
        if resource is None or manifest.key.namespace:
            continue
        verbs = rights[resource.group, resource.plural]
        verbs.update(_READ[:2] if role == DEPLOYER else _READ)
        if role == DEPLOYER:
            verbs.update(("create", "patch") if manifest.key.type in (NAMESPACE, CRD) else _WRITE)
    return _rules(rights)


def _granted(manifests: Iterable[Manifest], namespace: str) -> list[dict[str, Any]]:
    """The rules of the roles that a target deploys: nobody may grant what they do not have."""
    return [
        {key: rule[key] for key in ("apiGroups", "resources", "verbs", "resourceNames") if key in rule}
        for manifest in manifests
        if manifest.key.kind == "Role" and manifest.key.namespace == namespace
        for rule in manifest.data.get("rules") or ()
    ]


def _rules(rights: Mapping[tuple[str, str], set[str]]) -> list[dict[str, Any]]:
    return [_rule(group, resource, sorted(verbs)) for (group, resource), verbs in sorted(rights.items())]


def _rule(group: str, resource: str, verbs: Sequence[str], names: Sequence[str] = ()) -> dict[str, Any]:
    rule: dict[str, Any] = {"apiGroups": [group], "resources": [resource], "verbs": list(verbs)}
    return rule | ({"resourceNames": list(names)} if names else {})


def _role(target: str, role: str, namespace: str, rules: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    metadata: dict[str, Any] = {"name": name_of(target, role)}
    metadata |= {"namespace": namespace} if namespace else {}
    metadata |= {"labels": {ROLE: role, NAME: slug(target)}, "annotations": {TARGET: target}}
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "Role" if namespace else "ClusterRole",
        "metadata": metadata,
        "rules": list(rules),
    }


def documents(objects: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """The objects as YAML documents."""
    from weft.files.formats import to_yaml

    for data in objects:
        yield f"---\n{to_yaml(data)}\n"
