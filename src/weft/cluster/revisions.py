"""Revisions: every deploy of a target leaves in the cluster what it deployed, who did it and why.

A revision is a ConfigMap with the facts, and further ones with its content: the objects as rendered and the configuration, both with references
in place of secrets, compressed and divided, because an object of the API holds at most 1 MiB. A rollback therefore needs neither
Git nor the templates of that time. The content is written before the first change, with the outcome `pending`.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Final

from weft.base.problems import CannotRun, Problem, UsageError, choices
from weft.cluster.client import APPLY, Client, Refused
from weft.cluster.inventory import path_of
from weft.cluster.names import MANAGER, NAME, PROJECT, ROLE, TARGET, name_of, slug

CHUNK: Final = 700 * 1024
"""How many bytes of content a ConfigMap holds; base64 makes them a third longer, below the limit of 1 MiB."""
_FIELD: Final = "revision.json"
PENDING: Final = "pending"
DEPLOYED: Final = "deployed"
FAILED: Final = "failed"


@dataclass(frozen=True)
class Revision:
    """The facts of a revision. `time` is RFC 3339; `commit` is the Git commit of the sources, which were `clean` or not.

    `summary` counts the objects by what happened to them; `outcome` is pending, deployed or failed, and `message` says why; `restores` is the
    number of the revision that a rollback went back to; `digest` is that of the content.
    """

    target: str
    number: int
    time: str
    who: str
    reason: str = ""
    commit: str = ""
    clean: bool | None = None
    summary: Mapping[str, int] = field(default_factory=dict)
    outcome: str = PENDING
    message: str = ""
    restores: int | None = None
    chunks: int = 0
    digest: str = ""

    def as_dict(self) -> dict[str, Any]:
        """The facts as JSON data."""
        return asdict(self)


@dataclass(frozen=True)
class Content:
    """What a revision deployed: the objects as rendered, and the configuration; both hold references, never secrets."""

    objects: Sequence[Mapping[str, Any]]
    config: Mapping[str, Any]


def every(client: Client, target: str, namespace: str) -> list[Revision]:
    """The revisions of a target that its cluster has, the oldest first. Raises Refused."""
    selector = f"{ROLE}=revision,{NAME}={slug(target)}"
    found = [_facts(one) for one in client.all_of(path_of(namespace), labelSelector=selector)]
    return sorted((one for one in found if one is not None and one.target == target), key=lambda one: one.number)


def find(revisions: Sequence[Revision], number: int | None, target: str) -> Revision:
    """The revision with a number, or the last one before the current state.

    The current state may itself be an earlier one: a second rollback goes further back, and a heal changes nothing about what was deployed.
    Raises UsageError if there is none.
    """
    if number is None:
        good = [one for one in revisions if one.outcome == DEPLOYED]
        earlier = _before(good[-1], good) if good else []
        if not earlier:
            message = f"{target} has no revision to go back to: none before the current state deployed anything else"
            hint = (
                f"`weft rollback {target} REVISION` deploys one of {_numbers(revisions)} again" if revisions else None
            )
            raise UsageError(Problem("unknown-cluster-revision", message, targets=(target,), hint=hint))
        return earlier[-1]
    for one in revisions:
        if one.number == number:
            return one
    hint = f"choose from {_numbers(revisions)}" if revisions else "it was never deployed"
    message = f"{target} has no revision {number} in its cluster"
    raise UsageError(Problem("unknown-cluster-revision", message, targets=(target,), hint=hint))


def _numbers(revisions: Sequence[Revision]) -> str:
    return choices([str(one.number) for one in revisions])


def _before(now: Revision, good: Sequence[Revision]) -> list[Revision]:
    """The revisions from before the state that the current one has, without those that deployed the same."""
    state = now.number if now.restores is None else now.restores
    return [one for one in good if one.restores is None and one.number < state and one.digest != now.digest]


def content(client: Client, revision: Revision, namespace: str) -> Content:
    """What a revision deployed. Raises CannotRun if a part of it is missing or was changed; Refused."""
    parts = []
    for number in range(revision.chunks):
        found = client.find(path_of(namespace, _chunk_name(revision, number)))
        encoded = ((found or {}).get("binaryData") or {}).get("chunk")
        if encoded is None:
            raise _incomplete(revision, f"its part {number + 1} of {revision.chunks} is missing")
        parts.append(base64.b64decode(encoded))
    packed = b"".join(parts)
    if hashlib.sha256(packed).hexdigest() != revision.digest:
        raise _incomplete(revision, "its content was changed")
    try:
        data = json.loads(gzip.decompress(packed))
        return Content(data["objects"], data["config"])
    except (OSError, EOFError, zlib.error, ValueError, LookupError, TypeError):
        raise _incomplete(revision, "its content cannot be read") from None


def write(client: Client, revision: Revision, what: Content, namespace: str, project: str) -> Revision:
    """Write a revision with its content, before the first change. Raises Refused."""
    data = json.dumps({"objects": list(what.objects), "config": what.config}, sort_keys=True, separators=(",", ":"))
    packed = gzip.compress(data.encode(), mtime=0)
    parts = [packed[start : start + CHUNK] for start in range(0, len(packed), CHUNK)]
    full = replace(revision, chunks=len(parts), digest=hashlib.sha256(packed).hexdigest())
    for number, part in enumerate(parts):
        chunk = _object(full, _chunk_name(full, number), namespace, project, "chunk")
        _apply(client, namespace, chunk | {"binaryData": {"chunk": base64.b64encode(part).decode()}, "immutable": True})
    write_facts(client, full, namespace, project)
    return full


def write_facts(client: Client, revision: Revision, namespace: str, project: str) -> None:
    """Write the facts of a revision. Raises Refused."""
    facts = _object(revision, _name(revision), namespace, project, "revision")
    _apply(client, namespace, facts | {"data": {_FIELD: json.dumps(revision.as_dict())}})


def remove(client: Client, revision: Revision, namespace: str) -> None:
    """Remove a revision: first the facts, so that no half of it is listed. Raises Refused."""
    for name in (_name(revision), *(_chunk_name(revision, number) for number in range(revision.chunks))):
        try:
            client.request("DELETE", path_of(namespace, name))
        except Refused as error:
            if error.status != 404:
                raise


def _facts(data: Mapping[str, Any]) -> Revision | None:
    """The facts in a ConfigMap; None if somebody made it unreadable."""
    try:
        return Revision(**json.loads(data["data"][_FIELD]))
    except (ValueError, LookupError, TypeError):
        return None


def _incomplete(revision: Revision, reason: str) -> CannotRun:
    message = f"revision {revision.number} of {revision.target} cannot be used: {reason}"
    hint = "choose another revision, see `weft history`"
    return CannotRun(Problem("revision-incomplete", message, targets=(revision.target,), hint=hint))


def _name(revision: Revision) -> str:
    return name_of(revision.target, f"revision-{revision.number}")


def _chunk_name(revision: Revision, number: int) -> str:
    return f"{_name(revision)}-{number}"


def _object(revision: Revision, name: str, namespace: str, project: str, role: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "labels": {ROLE: role, NAME: slug(revision.target)},
            "annotations": {TARGET: revision.target, PROJECT: project},
        },
    }


def _apply(client: Client, namespace: str, data: Mapping[str, Any]) -> None:
    path = path_of(namespace, data["metadata"]["name"])
    client.request("PATCH", path, data, parameters={"fieldManager": MANAGER, "force": "true"}, content=APPLY)
