"""The cluster of each target: a context of the kubeconfig, by `clusters` in weft.yaml or by `--context`, and never by accident.

The first deploy into a cluster notes which project and environment it is for; a target of another environment is refused there from then on.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

from weft.base.problems import Problem, UsageError, WeftError
from weft.cluster.client import APPLY, Client, connect
from weft.cluster.inventory import path_of
from weft.cluster.names import CLUSTER, CLUSTER_NAMESPACE, MANAGER, ROLE
from weft.project.project import Project
from weft.project.target import Target
from weft.project.targets import matches

Note = Mapping[str, str]
_PROJECT: Final = "project"
_ENVIRONMENT: Final = "environment"


class Connections:
    """The clients of the clusters of a project's targets, one for each context.

    `context` overrides weft.yaml. Only with `current`, for commands that change nothing, the current context of the kubeconfig is used
    where nothing names one. Use it in `with`.
    """

    def __init__(
        self,
        project: Project,
        context: str | None = None,
        *,
        current: bool = False,
        connect_to: Callable[[str | None], Client] = connect,
    ) -> None:
        self._project = project
        self._context = context
        self._current = current
        self._connect = connect_to
        self._clients: dict[str | None, Client] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def of(self, target: Target) -> Client:
        """The client for a target. Raises UsageError if nothing names its cluster, CannotRun if there is no connection."""
        context = self._context or self._stated(target.name)
        if context is None and not self._current:
            hint = f'add it to weft.yaml, as in `clusters: {{"{target.name}": CONTEXT}}`, or name one with `--context CONTEXT`'
            message = f"nothing says in which cluster {target.name} is deployed"
            raise UsageError(Problem("no-context", message, targets=(target.name,), hint=hint))
        if context not in self._clients:
            self._clients[context] = self._connect(context)
        return self._clients[context]

    def home(self, target: Target) -> tuple[Client, str]:
        """The client for a target, and the namespace of Weft's own objects there. Raises as `of` does."""
        client = self.of(target)
        return client, namespace_of(self._project, target, client)

    def close(self) -> None:
        """End all connections."""
        for client in self._clients.values():
            client.close()

    def _stated(self, name: str) -> str | None:
        """The context that weft.yaml names for a target: that of the first glob that matches."""
        for glob, context in self._project.file.cluster.contexts.items():
            if matches(name.split("/"), glob.split("/")):
                return context
        return None


def environment_of(project: Project, target: Target) -> str:
    """What distinguishes the cluster of a target: the setting `kubernetes.cluster` of weft.yaml, or its first dimension."""
    return project.home(target).cluster or target.name.partition("/")[0]


def namespace_of(project: Project, target: Target, client: Client) -> str:
    """The namespace of a target, in which Weft keeps its own objects: the one that its settings name, or that of the context."""
    return project.home(target).namespace or client.namespace


def read_note(client: Client) -> Note | None:
    """What the note of the cluster says: its project and its environment; None before the first deploy. Raises Refused."""
    found = client.find(path_of(CLUSTER_NAMESPACE, CLUSTER))
    return None if found is None else dict(found.get("data") or {})


def read_notes(clients: Iterable[Client]) -> dict[Client, Note | None]:
    """What the note of each cluster says. Raises Refused."""
    return {client: read_note(client) for client in dict.fromkeys(clients)}


@dataclass(frozen=True)
class Beginning:
    """A cluster into which nothing was deployed yet: what its note will say."""

    context: str
    project: str
    environment: str

    def __str__(self) -> str:
        note = f"ConfigMap {CLUSTER_NAMESPACE}/{CLUSTER}"
        return f"{note} of the context `{self.context}` will say that the cluster is for the environment `{self.environment}` of {self.project}"


def beginnings(
    project: Project, clients: Mapping[Target, Client], notes: Mapping[Client, Note | None]
) -> list[Beginning]:
    """The clusters without a note, with what the first deploy of these targets writes into it: environments come first."""
    first: dict[Client, Target] = {}
    for target in sorted(clients, key=lambda one: one.name.count("/")):
        first.setdefault(clients[target], target)
    return [
        Beginning(client.context, project.name, environment_of(project, target))
        for client, target in first.items()
        if notes[client] is None
    ]


def check_note(note: Note | None, project: Project, target: Target, allowed: Collection[str]) -> None:
    """Raises WeftError if the cluster is for another project or environment, unless the target's is one of those allowed."""
    if note is None:
        return
    environment = environment_of(project, target)
    noted = note.get(_PROJECT), note.get(_ENVIRONMENT)
    if noted == (project.name, environment) or environment in allowed:
        return
    message = f"this cluster is for the environment `{noted[1]}` of {noted[0]}, and {target.name} belongs to `{environment}` of {project.name}"
    hint = f"check the context; if it is right, add `--allow-environment {environment}`"
    raise WeftError(Problem("cluster-other-environment", message, targets=(target.name,), hint=hint))


def write_note(client: Client, project: Project, target: Target) -> None:
    """Note the project and the environment of a cluster. Raises Refused."""
    data: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": CLUSTER, "namespace": CLUSTER_NAMESPACE, "labels": {ROLE: "cluster"}},
        "data": {_PROJECT: project.name, _ENVIRONMENT: environment_of(project, target)},
    }
    path = path_of(CLUSTER_NAMESPACE, CLUSTER)
    client.request("PATCH", path, data, parameters={"fieldManager": MANAGER}, content=APPLY)
