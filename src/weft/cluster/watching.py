"""Drift as it happens: the objects of targets are watched, and healed if that is wanted.

Each kind in each namespace has a watch with bookmarks, which resumes where it ended; one whose history the server has forgotten (410) begins
again. Whatever an event says, the answer is the same: compare again. Healing backs off: another controller that wants another value
is healed a few times, ever more slowly, and then left alone with a message.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from weft.base.problems import CannotRun
from weft.cluster import drifting
from weft.cluster.client import Client, Refused, Resource
from weft.cluster.connections import Connections
from weft.cluster.drifting import TargetDrift
from weft.cluster.names import APPLYSET_PART
from weft.cluster.outcomes import Stop
from weft.project.project import Project
from weft.project.target import Target

_SETTLE: Final = 0.5
"""Seconds between an event and the comparison: one change often makes several events."""
_RESYNC: Final = 300.0
"""Seconds after which everything is compared without an event."""
_AWAY: Final = 5.0
"""Seconds between two comparisons while no server answers."""
_FIRST_PAUSE: Final = 5.0
_LIMIT: Final = 5
"""So often a target is healed without a quiet hour; then something else insists on another value."""
_QUIET: Final = 3600.0


@dataclass
class Patience:
    """How often a target was healed lately, and when it may be healed again (seconds of the clock)."""

    healed: list[float] = field(default_factory=list)

    def may_heal(self, now: float) -> bool:
        """True if a heal is due: the pause doubles with each, and there is a limit."""
        self.healed = [moment for moment in self.healed if now - moment < _QUIET]
        if len(self.healed) >= _LIMIT:
            return False
        return not self.healed or now - self.healed[-1] >= _FIRST_PAUSE * 2.0 ** (len(self.healed) - 1)

    @property
    def is_exhausted(self) -> bool:
        """True if the limit is reached."""
        return len(self.healed) >= _LIMIT


def watch(
    project: Project,
    targets: Sequence[Target],
    connections: Connections,
    *,
    told: Callable[[list[TargetDrift]], None],
    heal: Callable[[Target], None] | None = None,
    gave_up: Callable[[Target], None] = lambda _: None,
    stop: Stop | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Compare targets whenever their objects change, until `stop`; `told` hears of every new state, also of the first.

    `heal` is called for a target that differs, with growing pauses; `gave_up` when it was called too often. Raises as `drift` does for
    the first comparison; later failures are tried again.
    """
    stop = stop or Stop()
    found = drifting.drift(project, targets, connections)
    told(found)
    changed = threading.Event()
    for client, resource, namespace in _sources(found):
        threading.Thread(target=_follow, args=(client, resource, namespace, changed, stop), daemon=True).start()
    patience = {target.name: Patience() for target in targets}
    last, due = _state(found), clock() + _RESYNC
    while not stop.wanted:
        if heal is not None:
            _heal(found, heal, gave_up, patience, clock)
        if changed.wait(_SETTLE):
            changed.clear()
            time.sleep(_SETTLE)
        elif clock() < due and not (heal is not None and any(one.found for one in found)):
            continue
        try:
            found = drifting.drift(project, targets, connections)
        except CannotRun:  # the server is away; the watches begin again when it is back
            time.sleep(_AWAY)
            changed.set()
            continue
        due = clock() + _RESYNC
        if _state(found) != last:
            last = _state(found)
            told(found)


def _heal(
    found: Sequence[TargetDrift],
    heal: Callable[[Target], None],
    gave_up: Callable[[Target], None],
    patience: dict[str, Patience],
    clock: Callable[[], float],
) -> None:
    for one in found:
        if not any(each.kind is not drifting.Kind.FOREIGN for each in one.found):
            continue
        own = patience[one.target.name]
        before = own.is_exhausted
        if own.may_heal(clock()):
            own.healed.append(clock())
            heal(one.target)
            if own.is_exhausted and not before:
                gave_up(one.target)


def _state(found: Sequence[TargetDrift]) -> list[Any]:
    return [each.as_dict() for one in found for each in one.found]


def _sources(found: Sequence[TargetDrift]) -> list[tuple[Client, Resource, str]]:
    """The kinds and namespaces of the objects of targets."""
    sources: dict[tuple[int, Resource, str], tuple[Client, Resource, str]] = {}
    for one in found:
        for key in one.inventory.objects:
            resource = one.client.kinds.preferred.get(key.type)
            if resource is not None and "watch" in resource.verbs:
                sources[id(one.client), resource, key.namespace] = (one.client, resource, key.namespace)
    return list(sources.values())


def _follow(client: Client, resource: Resource, namespace: str, changed: threading.Event, stop: Stop) -> None:
    """Set `changed` for every event of a kind in a namespace, until the end."""
    path, selector, version = resource.path(namespace), APPLYSET_PART, ""
    while not stop.wanted:
        try:
            if not version:
                version = client.get(path, limit="1", labelSelector=selector)["metadata"]["resourceVersion"]
                changed.set()  # what happened between the last comparison and this moment has no event
            for event in client.watch(path, labelSelector=selector, resourceVersion=version):
                if event["type"] == "ERROR":
                    version = ""
                    break
                version = event["object"]["metadata"]["resourceVersion"]
                if event["type"] != "BOOKMARK":
                    changed.set()
        except Refused as error:
            if error.missing_right is not None:
                return  # who may not watch this kind sees its drift when everything is compared
            version = ""
            time.sleep(1)
        except (CannotRun, LookupError, ValueError):
            version = ""
            time.sleep(1)
        changed.set()  # something may have happened meanwhile
