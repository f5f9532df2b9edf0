"""The rights that a deploy needs and a dry run does not try, asked of the server before anything is written (SelfSubjectAccessReview)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from weft.base.problems import Problem
from weft.cluster.client import ROLES, Client
from weft.cluster.order import is_first
from weft.cluster.plans import Action, Step, TargetPlan
from weft.cluster.pruning import USERS, is_configuration


class Right(NamedTuple):
    """A verb on a resource in a namespace, which is empty for what is in none."""

    verb: str
    group: str
    resource: str
    namespace: str

    def __str__(self) -> str:
        """`delete configmaps in the namespace shop`."""
        what = f"{self.resource}.{self.group}" if self.group else self.resource
        return f"{self.verb} {what}" + (f" in the namespace {self.namespace}" if self.namespace else "")


def add_problems(client: Client, plans: Sequence[TargetPlan]) -> None:
    """Add a problem to each plan for every right that its deploy needs and the user lacks."""
    needed = {one.name: list(dict.fromkeys(_needed(client, one))) for one in plans}
    every = list(dict.fromkeys(right for rights in needed.values() for right in rights))
    lacking = {
        right
        for right, has in zip(every, client.each(lambda right: _has(client, right), every), strict=True)
        if not has
    }
    for one in plans:
        for right in needed[one.name]:
            if right in lacking:
                message = f"the user of the context `{client.context}` may not {right}"
                one.problems.append(Problem("cluster-rights", message, targets=(one.name,), hint=ROLES))


def _needed(client: Client, one: TargetPlan) -> Iterator[Right]:
    """The rights for Weft's own objects, for removals, and for seeing what uses a ConfigMap or Secret."""
    if not one.writes:
        return
    for verb in ("create", "patch", "delete"):
        yield Right(verb, "", "configmaps", one.namespace)
    for verb in ("get", "create", "update"):
        yield Right(verb, "coordination.k8s.io", "leases", one.namespace)
    if any(manifest.is_secret for manifest in one.manifests):
        yield Right("create", "", "secrets", one.namespace)
    for step in one.steps:
        yield from _of_step(client, step)


def _of_step(client: Client, step: Step) -> Iterator[Right]:
    """The rights for an object that no dry run tried: it could not be, or it will be removed."""
    resource, namespace = client.kinds.preferred.get(step.key.type), step.key.namespace
    if resource is None:
        return
    if step.manifest is not None and step.untried and not is_first(step.key):
        yield Right("create", resource.group, resource.plural, namespace)
        yield Right("patch", resource.group, resource.plural, namespace)
    if step.action is Action.REMOVE:
        yield Right("delete", resource.group, resource.plural, namespace)
        if is_configuration(step.key):
            for kind in filter(None, map(client.kinds.preferred.get, USERS)):
                yield Right("list", kind.group, kind.plural, namespace)


def _has(client: Client, right: Right) -> bool:
    attributes = {"verb": right.verb, "group": right.group, "resource": right.resource, "namespace": right.namespace}
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": {key: value for key, value in attributes.items() if value}},
    }
    answer = client.request("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", review)
    return bool((answer.data.get("status") or {}).get("allowed"))
