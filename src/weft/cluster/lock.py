"""The lock of a target: a Lease, so that two deploys of one target cannot mix.

The holder renews it while it works; if it dies, the lease ends by itself and the next deploy takes it. Times are those of the server, as the
`Date` of its answers says, so clocks of machines that are wrong do no harm.
"""

from __future__ import annotations

import getpass
import os
import socket
import threading
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from time import monotonic
from types import TracebackType
from typing import Any, Final, Self

from weft.base.problems import CannotRun, Problem
from weft.cluster.client import Client, Refused
from weft.cluster.names import NAME, ROLE, TARGET, name_of, slug

TERM: Final = 30
"""How many seconds a lease lasts without being renewed."""
_EVERY: Final = 8


class Lost(Exception):
    """Somebody else has the lock now: it was not renewed in time."""


class Lock:
    """The lock of a target, held inside `with`. Raises CannotRun if somebody else holds it."""

    def __init__(self, client: Client, target: str, namespace: str, *, wait: float = 0) -> None:
        self._client = client
        self._target = target
        self._wait = wait
        self._name = name_of(target, "lock")
        self._all = f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases"
        self._path = f"{self._all}/{self._name}"
        self._namespace = namespace
        self.holder = f"{who()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"
        self._ended = threading.Event()
        self._valid_until = 0.0
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        until = monotonic() + self._wait
        while not self._take():
            if monotonic() >= until:
                raise self._held()
            self._ended.wait(0.5)
        self._thread = threading.Thread(target=self._renew, daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        if self._thread is not None:
            self._thread.join()
        self._release()

    def check(self) -> None:
        """Raises Lost if the lock may be somebody else's by now; called before every change."""
        if monotonic() >= self._valid_until:
            raise Lost

    def _take(self) -> bool:
        """True if the lock is ours."""
        sent = monotonic()
        try:
            answer = self._client.request("GET", self._path)
        except Refused as error:
            if error.status != 404:
                raise
            return self._write("POST", self._all, {}, sent)
        lease = answer.data
        spec = lease.get("spec") or {}
        if spec.get("holderIdentity") and not _has_ended(spec, answer.time):
            return False
        return self._write("PUT", self._path, lease, sent)

    def _write(self, method: str, path: str, lease: Mapping[str, Any], sent: float) -> bool:
        """True if the lease was written; False if somebody was faster."""
        metadata = dict(lease.get("metadata") or {})
        now = _now(self._server_time())
        transitions = (lease.get("spec") or {}).get("leaseTransitions", 0)
        body = {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {
                "name": self._name,
                "namespace": self._namespace,
                "labels": {ROLE: "lock", NAME: slug(self._target)},
                "annotations": {TARGET: self._target},
            }
            | ({"resourceVersion": metadata["resourceVersion"]} if "resourceVersion" in metadata else {}),
            "spec": {
                "holderIdentity": self.holder,
                "leaseDurationSeconds": TERM,
                "acquireTime": now,
                "renewTime": now,
                "leaseTransitions": transitions + 1,
            },
        }
        try:
            self._client.request(method, path, body)
        except Refused as error:
            if error.status == 409:
                return False
            raise
        self._valid_until = sent + TERM
        return True

    def _server_time(self) -> float | None:
        return self._client.request("GET", "/version").time

    def _renew(self) -> None:
        while not self._ended.wait(_EVERY):
            sent = monotonic()
            try:
                lease = self._client.get(self._path)
                if (lease.get("spec") or {}).get("holderIdentity") != self.holder:
                    self._valid_until = 0.0
                    return
                lease["spec"]["renewTime"] = _now(self._server_time())
                self._client.request("PUT", self._path, lease)
                self._valid_until = sent + TERM
            except (Refused, CannotRun):
                continue  # the next try may succeed; until then, `check` counts the seconds

    def _release(self) -> None:
        try:
            lease = self._client.get(self._path)
            if (lease.get("spec") or {}).get("holderIdentity") == self.holder:
                lease["spec"]["holderIdentity"] = None
                lease["spec"]["leaseDurationSeconds"] = 1
                self._client.request("PUT", self._path, lease)
        except (Refused, CannotRun):
            return  # it ends by itself

    def _held(self) -> CannotRun:
        try:
            spec = self._client.get(self._path).get("spec") or {}
        except Refused:
            spec = {}
        holder = str(spec.get("holderIdentity") or "somebody").rpartition(":")[0] or "somebody"
        message = f"{self._target} is being deployed by {holder}, since {spec.get('acquireTime', 'a moment ago')}"
        hint = f"wait for it with `--wait SECONDS`; if it has died, its lock ends {TERM} seconds after its last sign of life"
        return CannotRun(Problem("cluster-locked", message, targets=(self._target,), hint=hint))


def _has_ended(spec: Mapping[str, Any], now: float | None) -> bool:
    try:
        renewed = datetime.fromisoformat(str(spec["renewTime"])).timestamp()
    except (KeyError, ValueError):
        return True
    return now is not None and now > renewed + float(spec.get("leaseDurationSeconds") or TERM)


def _now(server: float | None) -> str:
    moment = datetime.now(UTC) if server is None else datetime.fromtimestamp(server, UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def who() -> str:
    """The user and the machine, as people know them."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = f"uid {os.getuid()}"
    return f"{user}@{socket.gethostname()}"
