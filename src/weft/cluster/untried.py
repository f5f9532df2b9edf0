"""Objects that the server cannot try yet, or never will: their namespace or kind is missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from weft.base.problems import Problem
from weft.cluster import live
from weft.cluster.manifests import CRD, NAMESPACE, Key, Manifest
from weft.cluster.openapi import Documents


@dataclass(frozen=True)
class Brought:
    """What the objects of a plan bring: namespaces, and kinds by group."""

    objects: Sequence[Manifest]

    @property
    def namespaces(self) -> set[str]:
        """The namespaces that are created."""
        return {one.key.name for one in self.objects if one.key.type == NAMESPACE}

    def definition_of(self, key: Key) -> Mapping[str, Any] | None:
        """The CRD of the plan that brings a kind."""
        for one in self.objects:
            spec = one.data.get("spec") or {} if one.key.type == CRD else {}
            if spec.get("group") == key.group and (spec.get("names") or {}).get("kind") == key.kind:
                return one.data
        return None


@dataclass(frozen=True)
class Missing:
    """What a cluster lacks: `state` has the kinds that it does not know, `phases` the namespaces that exist; `documents` are its schemas."""

    state: live.Live
    brought: Brought
    phases: Mapping[str, str]
    documents: Documents

    def why(self, target: str, manifest: Manifest) -> tuple[str, list[Problem]]:
        """Why the server cannot try an object of a target yet, and what is wrong: it never can, or will refuse the object."""
        key = manifest.key
        definition = None
        if key in self.state.unknown:
            definition = self.brought.definition_of(key)
            if definition is None:
                message = f"the cluster does not know the kind {key.kind} of {manifest.api_version}"
                hint = f"install what brings {key.kind} into the cluster, or do not render it for {target}"
                return message, [manifest.problem("cluster-missing-kind", message, ("kind",), hint)]
        reason, problem = self._of_namespace(target, key.namespace)
        if problem is not None:
            return reason, [problem]
        reason = f"the kind {key.kind} is created by this plan" if definition is not None else reason
        return reason, list(self.documents.problems(manifest, definition)) if reason else []

    def _of_namespace(self, target: str, namespace: str) -> tuple[str, Problem | None]:
        phase = self.phases.get(namespace)
        if not namespace or phase == "Active":
            return "", None
        if phase == "Terminating":
            message, hint = f"the namespace {namespace} is being deleted", "wait until it is gone"
            return message, Problem("cluster-missing-namespace", message, targets=(target,), hint=hint)
        if namespace in self.brought.namespaces:
            return f"namespace {namespace} is created by this plan", None
        message = f"there is no namespace {namespace}"
        above = target.rpartition("/")[0]
        hint = f"deploy {above} first" if above else f"render a Namespace for {target}, or create it"
        return message, Problem("cluster-missing-namespace", message, targets=(target,), hint=hint)
