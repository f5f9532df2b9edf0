"""The deploy of one target, object by object; it can be interrupted at any moment without losing anything.

    namespaces and CRDs      what the rest needs; everything else is tried before anything of it is written
    the lock                 one deploy of a target at a time
    the revision             what will be deployed, with the outcome `pending`
    the inventory            as pending: every object that may exist from now on
    the objects              in the order of their references
    readiness                with a time limit
    what goes                objects that are no longer rendered and that nothing uses
    the inventory, the revision    with the outcome

A deploy that dies leaves an inventory that knows more objects than there are, which the next deploy puts right.
"""

from __future__ import annotations

import secrets as randomness
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from weft.base.problems import CannotRun, Problem, Severity, WeftError, has_errors
from weft.cluster import inventory, limits, live, order, ownership, pruning, readiness, refusals, revisions, secret_data
from weft.cluster.client import JSON_PATCH, Client, Refused
from weft.cluster.inventory import Entry, Inventory
from weft.cluster.lock import Lock, Lost, who
from weft.cluster.manifests import SECRET, Key
from weft.cluster.names import NAME, ROLE, TARGET, name_of, slug
from weft.cluster.outcomes import Order, Outcome, Stop
from weft.cluster.planning import send
from weft.cluster.plans import Action, Step, TargetPlan
from weft.cluster.revisions import DEPLOYED, FAILED, Content, Revision
from weft.cluster.secret_data import Secrets
from weft.files import git
from weft.project.project import Project


class Execution:
    """The deploy of one target."""

    def __init__(
        self, project: Project, one: TargetPlan, known: Secrets, how: Order, stop: Stop, sleep: Callable[[float], None]
    ) -> None:
        self._project = project
        self._settings = project.file.cluster
        self._plan = one
        self._client = one.client
        self._secrets = known
        self._how = how
        self._stop = stop
        self._sleep = sleep
        self._lock: Lock | None = None
        self._outcome = Outcome(one.name, "failed", one.inventory.revision)
        self._results: dict[Key, Mapping[str, Any]] = {}

    def run(self) -> Outcome:
        """Deploy the target."""
        try:
            self._prepare()
            if not self._has_failed():
                with Lock(
                    self._client, self._plan.name, self._plan.namespace, wait=self._how.wait_for_lock
                ) as self._lock:
                    self._run_locked()
        except Lost:
            self._say(
                "cluster-locked", "the lock was lost, because its lease could not be renewed in time", "deploy again"
            )
        except WeftError as error:
            self._outcome.problems += [replace(one, targets=(self._plan.name,)) for one in error.problems]
        except _Interrupted:
            self._outcome.status = "interrupted"
        return self._outcome

    def _has_failed(self) -> bool:
        return has_errors(self._outcome.problems)

    def _prepare(self) -> None:
        """Create namespaces and CRDs, and try what could not be tried without them."""
        first = [step for step in self._plan.writes if step.manifest is not None and order.is_first(step.key)]
        self._create(first)
        if self._has_failed():
            return
        self._try_untried()
        if self._has_failed() and first:
            created = ", ".join(str(step.key) for step in first)
            self._say("cluster-skipped", f"nothing was written except {created}", severity=Severity.NOTE)

    def _create(self, first: Sequence[Step]) -> None:
        """Write what brings namespaces and kinds, and wait until the server has them."""
        self._apply_all(first)
        if first and not self._has_failed():
            self._wait({step.key: str(step.data["apiVersion"]) for step in first}, minimum=30)
            self._client.forget_kinds()

    def _try_untried(self) -> None:
        untried = [step for step in self._plan.steps if step.untried and step.manifest is not None]
        for problems in self._client.each(self._try, untried):
            self._outcome.problems += problems

    def _try(self, step: Step) -> list[Problem]:
        assert step.manifest is not None
        try:
            send(self._client, step, dry=True)
        except Refused as error:
            return list(refusals.of_refusal(self._client, step.manifest, error, self._secrets))
        return []

    def _run_locked(self) -> None:
        before = self._unchanged_inventory()
        steps = self._left()
        digest_key = self._digest_key()
        revision = self._begin_revision(before)
        self._outcome.revision = revision.number
        pending = inventory.write(self._client, before.with_pending(one.key for one in self._plan.manifests))
        message = ""
        try:
            self._apply_in_order(steps)
            if not self._has_failed():
                self._wait_for_all()
            objects = self._entries(before, digest_key)
            if not self._has_failed():
                self._finish(replace(pending, objects=self._remove(objects)))
            elif all(step.key in self._results for step in steps):
                inventory.write(self._client, replace(pending, objects=objects))  # all is written, but not ready
        except (_Interrupted, WeftError, Refused, Lost) as error:
            message = "interrupted" if isinstance(error, _Interrupted) else type(error).__name__
            raise
        finally:
            self._end_revision(revision, message)

    def _left(self) -> list[Step]:
        """What is still to be written: removals come later, and namespaces and CRDs are there."""
        applied = (step for step in self._plan.writes if step.action is not Action.REMOVE)
        return [step for step in applied if step.key not in self._results]

    def _apply_in_order(self, steps: Sequence[Step]) -> None:
        """Write objects in the order of their references, until one is refused."""
        by_key = {step.key: step for step in steps}
        groups = order.levels({step.key: (step.data, step.live) for step in steps})
        self._widen(steps)
        for group in groups:
            if self._has_failed():
                return
            self._apply_all([by_key[key] for key in group])

    def _unchanged_inventory(self) -> Inventory:
        """The inventory, if nobody deployed since the plan. Raises CannotRun otherwise."""
        planned = self._plan.inventory
        if self._plan.rebuilt:
            return planned
        now = inventory.read(self._client, self._plan.name, self._plan.namespace, self._project.name)
        if now.version != planned.version if planned.version is not None else now.revision:
            message = f"somebody deployed {self._plan.name} after this plan was made"
            raise CannotRun(Problem("cluster-changed", message, targets=(self._plan.name,), hint="deploy again"))
        return now if planned.version is not None and not planned.pending else replace(planned, version=now.version)

    def _begin_revision(self, before: Inventory) -> Revision:
        name, namespace = self._plan.name, self._plan.namespace
        known = revisions.every(self._client, name, namespace)
        number = max([before.revision, *(one.number for one in known)], default=0) + 1
        commit, clean = sources(self._project)
        target = self._plan.target
        revision = Revision(
            name,
            number,
            datetime.now(UTC).isoformat(timespec="seconds"),
            who(),
            self._how.reason,
            commit,
            clean,
            {str(action): self._plan.counts[action] for action in Action},
            restores=self._how.restores,
        )
        config = target.mask(target.schemas.root, target.shared_config)
        objects = [one.data for one in self._plan.manifests]
        return revisions.write(self._client, revision, Content(objects, config), namespace, self._project.name)

    def _end_revision(self, revision: Revision, message: str) -> None:
        good = self._outcome.status == "deployed"
        said = message or "; ".join(one.message for one in self._outcome.problems if has_errors([one]))
        done = replace(
            revision, outcome=DEPLOYED if good else FAILED, message="" if good else self._secrets.scrubbed(said)
        )
        try:
            revisions.write_facts(self._client, done, self._plan.namespace, self._project.name)
            if good:
                self._forget_revisions()
        except (Refused, CannotRun):
            return  # it stays `pending`, which says the same

    def _forget_revisions(self) -> None:
        known = revisions.every(self._client, self._plan.name, self._plan.namespace)
        kept, others = known[-self._settings.revisions :], known[: -self._settings.revisions]
        restored = {one.restores for one in kept}  # to one of which the target may be pinned
        for old in (one for one in others if one.number not in restored):
            revisions.remove(self._client, old, self._plan.namespace)

    def _apply_all(self, steps: Sequence[Step]) -> None:
        for problems in self._client.each(self._apply, steps):
            self._outcome.problems += problems

    def _widen(self, steps: Sequence[Step]) -> None:
        """Write what allows less in one place and more in another so that it allows both, until its turn comes.

        What is adopted has its turn only: its managed fields can be rewritten once.
        """
        wider = [
            replace(step, data=data)
            for step in steps
            if step.settled is None or not step.settled.adopted
            for data in [limits.widened(step.key, step.data, step.live)]
            if data is not None
        ]
        self._apply_all(wider)
        for step in wider:
            self._results.pop(step.key, None)  # it is not yet as it is rendered

    def _apply(self, step: Step) -> list[Problem]:
        """Write one object. Returns the problems of a refusal."""
        if self._stop.wanted:
            raise _Interrupted
        if self._lock is not None:
            self._lock.check()
        assert step.manifest is not None
        try:
            if step.settled is not None and step.settled.adopted and step.live is not None:
                self._adopt(step)
            self._results[step.key] = send(self._client, step, dry=False).data
        except Refused as error:
            return list(refusals.of_refusal(self._client, step.manifest, error, self._secrets))
        if step.key not in self._outcome.written:
            self._outcome.written.append(step.key)
        return []

    def _adopt(self, step: Step) -> None:
        assert step.settled is not None
        assert step.live is not None
        resource = self._client.kinds.find(str(step.data["apiVersion"]), step.key.kind)
        assert resource is not None
        path = resource.path(step.key.namespace, step.key.name)
        patch = ownership.adoption(step.live, step.settled.adopted)
        self._client.request("PATCH", path, patch, content=JSON_PATCH)

    def _wait_for_all(self) -> None:
        self._wait({one.key: one.api_version for one in self._plan.manifests})

    def _wait(self, keys: Mapping[Key, str], minimum: float = 0) -> None:
        """Wait for readiness; what is not ready in time is a problem that names the missing condition."""
        timeout = self._settings.timeout if self._how.timeout is None else self._how.timeout
        if max(timeout, minimum) <= 0:
            return
        waiting = readiness.wait(
            self._client, keys, max(timeout, minimum), go_on=lambda: not self._stop.wanted, sleep=self._sleep
        )
        if self._stop.wanted and waiting:
            raise _Interrupted
        by_key = {one.key: one for one in self._plan.manifests}
        for key, status in waiting.items():
            late = "" if status.failed else f" within {max(timeout, minimum):g} seconds"
            message = f"{key} did not become ready{late}: {status.waits_for}"
            hint = f"see `kubectl describe {key.kind.lower()} {key.name}`" + (
                f" in the namespace {key.namespace}" if key.namespace else ""
            )
            self._outcome.problems.append(by_key[key].problem("cluster-not-ready", message, (), hint))

    def _digest_key(self) -> bytes:
        """The key of the digests of secrets, made at the first deploy of some; empty for a target without any."""
        if not any(one.is_secret for one in self._plan.manifests):
            return b""
        name, namespace = name_of(self._plan.name, "key"), self._plan.namespace
        path = f"/api/v1/namespaces/{namespace}/secrets"
        found = self._client.find(f"{path}/{name}")
        if found is None:
            body = {
                "apiVersion": "v1",
                "kind": "Secret",
                "metadata": {
                    "name": name,
                    "namespace": namespace,
                    "labels": {ROLE: "key", NAME: slug(self._plan.name)},
                    "annotations": {TARGET: self._plan.name},
                },
                "data": {"key": b64encode(randomness.token_bytes(32)).decode()},
            }
            try:
                found = self._client.request("POST", path, body).data
            except Refused as error:
                if error.missing_right is not None:
                    raise
                message = f"the API server refuses the Secret {namespace}/{name}: {error.status} {error.reason}"
                raise CannotRun(Problem("cluster-refused", message)) from None  # its text may contain the key
        return b64decode(found["data"]["key"])

    def _entries(self, before: Inventory, digest_key: bytes) -> dict[Key, Entry]:
        """What the inventory says after the objects are applied; those to be removed are still there."""
        entries = {}
        for step in self._plan.steps:
            if step.manifest is None:
                entry = before.objects[step.key]  # only what the inventory has is removed or kept
                entries[step.key] = replace(entry, unused=entry.unused + 1)
            elif step.manifest.is_secret:
                data = self._secrets.filled(step.manifest)
                references = secret_data.reference_digests(step.manifest)
                entries[step.key] = Entry(step.manifest.digest, references, secret_data.value_digests(data, digest_key))
            else:
                entries[step.key] = Entry(step.manifest.digest)
        return entries

    def _remove(self, objects: Mapping[Key, Entry]) -> dict[Key, Entry]:
        """Remove what nothing uses by now. Returns the entries that stay, also those of objects that could not be removed."""
        left = dict(objects)
        users = pruning.Users(self._client, strict=True)
        self._outcome.kept += [(step.key, step.reason) for step in self._plan.steps if step.action is Action.KEEP]
        for key, data in self._going():
            if self._stop.wanted:
                break
            reason = users.of(key) if pruning.is_configuration(key) else ""
            if reason:
                self._outcome.kept.append((key, reason))
            elif self._delete(key, data):
                self._outcome.removed.append(key)
                left.pop(key)
        return left

    def _going(self) -> Iterator[tuple[Key, Mapping[str, Any]]]:
        """The objects to remove, those that name others before them."""
        going = {step.key: step.live or {} for step in self._plan.steps if step.action is Action.REMOVE}
        for group in order.reversed_order(order.levels({key: (data, None) for key, data in going.items()})):
            yield from ((key, going[key]) for key in group)

    def _delete(self, key: Key, data: Mapping[str, Any]) -> bool:
        """Delete exactly the object that the plan saw. True if it is gone."""
        if self._lock is not None:
            self._lock.check()
        resource = self._client.kinds.find(str(data["apiVersion"]), key.kind)
        if resource is None:
            return True
        body = {"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Background"}
        body |= {"preconditions": {"uid": data["metadata"]["uid"]}}  # type: ignore[dict-item]
        try:
            self._client.request("DELETE", resource.path(key.namespace, key.name), body)
        except Refused as error:
            if error.status == 404:
                return True
            why = refusals.quotable(key, error.text, self._secrets)
            message = f"{key} could not be removed: {why}"
            self._say(
                "cluster-refused",
                message,
                "it stays in the inventory, so the next deploy tries again",
                Severity.WARNING,
            )
            return False
        return True

    def _finish(self, final: Inventory) -> None:
        done = replace(final, revision=self._outcome.revision, pending=False, pinned=self._how.restores)
        inventory.write(self._client, done)
        self._outcome.status = "deployed"

    def _say(self, code: str, message: str, hint: str | None = None, severity: Severity = Severity.ERROR) -> None:
        problem = Problem(code, message, severity, targets=(self._plan.name,), hint=hint)
        self._outcome.problems.append(problem)


class _Interrupted(Exception):
    """Somebody pressed Ctrl-C."""


def sources(project: Project) -> tuple[str, bool | None]:
    """The Git commit of the project, and whether its files are those of the commit; nothing without a repository."""
    try:
        return git.commit_of(project.folder, "HEAD"), git.is_clean(project.folder)
    except WeftError:
        return "", None


def read_key(client: Client, target: str, namespace: str) -> bytes | None:
    """The key of the digests of a target's secrets; None if there is none, or the user may not read it."""
    key = Key(*SECRET, namespace, name_of(target, "key"))
    found = live.fetch(client, {key: "v1"}).objects.get(key)
    return None if found is None else b64decode(found["data"]["key"])
