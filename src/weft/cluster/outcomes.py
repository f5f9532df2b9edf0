"""How to deploy a target, and what happened to it."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from weft.base.problems import Problem
from weft.cluster.manifests import Key


@dataclass(frozen=True)
class Order:
    """How to deploy: the reason for the revision, how long to wait for readiness (None: as weft.yaml says; 0: not at all) and for a lock.

    `restores` is the revision that is deployed again, which pins the target; `unpin` ends that.
    """

    reason: str = ""
    timeout: float | None = None
    wait_for_lock: float = 0
    restores: int | None = None
    unpin: bool = False


@dataclass
class Outcome:
    """What happened to a target: `deployed`, `unchanged`, `refused` (nothing was written), `failed` or `interrupted`.

    `written` and `removed` are the objects that a deploy got to, so they say what exists now.
    """

    target: str
    status: str
    revision: int = 0
    written: list[Key] = field(default_factory=list)
    removed: list[Key] = field(default_factory=list)
    kept: list[tuple[Key, str]] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    @property
    def is_good(self) -> bool:
        """True if the target is as it is rendered."""
        return self.status in ("deployed", "unchanged")


class Stop:
    """Set by the part that wants a deploy to end after the object that it is at."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def now(self) -> None:
        """End soon."""
        self._event.set()

    @property
    def wanted(self) -> bool:
        """True after `now`."""
        return self._event.is_set()
