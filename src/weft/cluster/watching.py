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
"""Seconds between the first heal of a target and the second; the pause doubles with each."""
_LIMIT: Final = 5
"""So often a target is healed within an hour; then something else insists on another value."""
_HOUR: Final = 3600.0


@dataclass
class Patience:
    """How often a target was healed lately, and when it may be healed again (seconds of the clock)."""

    healed: list[float] = field(default_factory=list)

    def may_heal(self, now: float) -> bool:
        """True if a heal is due: the pause doubles with each, and there is a limit."""
        self.healed = [moment for moment in self.healed if now - moment < _HOUR]
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
        try:
            if heal is not None and _heal(found, heal, gave_up, patience, clock):
                changed.set()  # by the heal: not every kind has a watch
            if changed.wait(_SETTLE):
                changed.clear()
                time.sleep(_SETTLE)
            elif clock() < due:
                continue
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
) -> bool:
    """Heal the targets whose turn it is, and say for which of them it was the last time. True if there was one."""
    has_healed = False
    for one in found:
        own = patience[one.target.name]
        was_exhausted = own.is_exhausted
        if all(each.kind is drifting.Kind.FOREIGN for each in one.found) or not own.may_heal(clock()):
            continue
        has_healed = True
        own.healed.append(clock())
        heal(one.target)
        if own.is_exhausted and not was_exhausted:
            gave_up(one.target)
    return has_healed


def _state(found: Sequence[TargetDrift]) -> list[Any]:
    return [each.as_dict() for one in found for each in one.found]


def _sources(found: Sequence[TargetDrift]) -> set[tuple[Client, Resource, str]]:
    """The kinds and namespaces of the objects of targets."""
    sources = set()
    for one in found:
        for key in one.inventory.objects:
            resource = one.client.kinds.preferred.get(key.type)
            if resource is not None and "watch" in resource.verbs:
                sources.add((one.client, resource, key.namespace))
    return sources


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
        except (CannotRun, LookupError, ValueError) as error:
            if isinstance(error, Refused) and error.missing_right is not None:
                return  # who may not watch this kind sees its drift when everything is compared
            version = ""
            time.sleep(1)
        changed.set()  # something may have happened meanwhile
