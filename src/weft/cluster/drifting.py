"""Drift: how the objects in a cluster differ from what was last deployed there, and who changed them.

The last revision is the reference, not the sources: a change that nobody has deployed yet is the plan's matter. There are three kinds:

    lost       a field, or a whole object, that was deployed and is gone
    changed    a field with another value
    foreign    a field that somebody added to an object of Weft's

What the server filled in by itself, what controllers of the control plane keep in an object, and fields that weft.yaml yields are not drift.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from weft.base.problems import CannotRun, Place, Problem, Severity, WeftError
from weft.cluster import execution, fields, inventory, live, manifests, ownership, revisions, secret_data
from weft.cluster.client import Client
from weft.cluster.connections import Connections, namespace_of
from weft.cluster.fields import Change
from weft.cluster.inventory import Inventory
from weft.cluster.manifests import SECRET, Key, key_of
from weft.cluster.names import MANAGER
from weft.cluster.ownership import Ownership
from weft.project.project import Project
from weft.project.target import Target
from weft.schema.node import MISSING
from weft.secrets.masking import MASK


class Kind(StrEnum):
    """The kinds of differences."""

    LOST = "lost"
    CHANGED = "changed"
    FOREIGN = "foreign"


_CODES: Final = {Kind.LOST: "drift-lost", Kind.CHANGED: "drift-changed", Kind.FOREIGN: "drift-foreign"}


@dataclass(frozen=True)
class Drift:
    """One difference: an object, and the field; the whole object if `change` is None."""

    target: str
    key: Key
    kind: Kind
    change: Change | None = None

    @property
    def code(self) -> str:
        """The code of its problem."""
        return _CODES[self.kind]

    @property
    def field(self) -> str:
        """The path of the field for people; empty for the whole object."""
        return fields.shown(self.change.path) if self.change else ""

    def as_dict(self) -> dict[str, Any]:
        """The difference as JSON data; an absent side is left out."""
        change = self.change
        data: dict[str, Any] = {"target": self.target, "object": str(self.key), "kind": str(self.kind)}
        if change is not None:
            data["field"] = self.field
            data |= {} if change.new is MISSING else {"deployed": change.new}
            data |= {} if change.old is MISSING else {"live": change.old}
            data |= {"manager": change.manager, "since": change.since} if change.manager else {}
        return data


@dataclass
class TargetDrift:
    """The drift of one target. `uncompared` are objects that the user may not read; `since` is when the revision was made, since 1970."""

    target: Target
    client: Client
    namespace: str
    inventory: Inventory
    objects: int = 0
    found: list[Drift] = field(default_factory=list)
    uncompared: list[Key] = field(default_factory=list)
    since: float = 0


def drift(project: Project, targets: Sequence[Target], connections: Connections) -> list[TargetDrift]:
    """The drift of some targets from their last deployed revisions.

    Raises CannotRun if a target was never deployed, its revision cannot be read, or a cluster cannot be reached.
    """
    clients = {target.name: connections.of(target) for target in targets}
    found: list[TargetDrift] = []
    for client in dict.fromkeys(clients.values()):
        own = [target for target in targets if clients[target.name] is client]
        found += _of_cluster(project, client, own)
    names = [target.name for target in targets]
    return sorted(found, key=lambda one: names.index(one.target.name))


def _of_cluster(project: Project, client: Client, targets: Sequence[Target]) -> list[TargetDrift]:
    started = client.each(lambda target: _started(project, client, target), targets)
    keys = {key_of(data): str(data["apiVersion"]) for _, content in started for data in content.objects}
    state = live.fetch(client, keys)
    scaled = ownership.scaled_by(
        [*state.objects.values(), *(data for _, content in started for data in content.objects)]
    )
    owners = Ownership(project.file.cluster, scaled)
    for one, content in started:
        key = execution.read_key(client, one.target.name, one.namespace) if _has_secrets(content) else None
        for data in content.objects:
            one.objects += 1
            _compare(one, data, state, owners, key)
    return [one for one, _ in started]


def _started(project: Project, client: Client, target: Target) -> tuple[TargetDrift, revisions.Content]:
    namespace = namespace_of(project, target, client)
    known = inventory.read(client, target.name, namespace, project.name)
    if not known.revision:
        hint = f"`weft deploy {target.name}` deploys it"
        raise CannotRun(Problem("not-deployed", f"{target.name} was never deployed", targets=(target.name,), hint=hint))
    revision = revisions.find(revisions.every(client, target.name, namespace), known.revision, target.name)
    since = datetime.fromisoformat(revision.time).timestamp()
    return TargetDrift(target, client, namespace, known, since=since), revisions.content(client, revision, namespace)


def _has_secrets(content: revisions.Content) -> bool:
    return any(key_of(data).type == SECRET for data in content.objects)


def _compare(
    one: TargetDrift, data: Mapping[str, Any], state: live.Live, owners: Ownership, digest_key: bytes | None
) -> None:
    """Add the differences of one object."""
    key = key_of(data)
    if key in state.unreadable:
        one.uncompared.append(key)
        return
    existing = state.objects.get(key)
    if existing is None:
        one.found.append(Drift(one.target.name, key, Kind.LOST))
        return
    wanted = secret_data.as_data(data) if key.type == SECRET else data
    for change in _changes(key, wanted, existing, owners):
        shown = _of_secret(one, key, change, existing, digest_key) if key.type == SECRET else change
        if shown is not None:
            one.found.append(Drift(one.target.name, key, _kind_of(shown), shown))
    if key.type == SECRET and digest_key is None and one.inventory.objects.get(key):
        one.uncompared.append(key)


def _changes(key: Key, wanted: Mapping[str, Any], existing: Mapping[str, Any], owners: Ownership) -> Iterator[Change]:
    """The fields that were deployed and differ, and those that others added."""
    managers = fields.writers(existing)
    tree = fields.tree_of(wanted, fields.merged(one.tree for one in managers))
    for change in fields.differences(existing, wanted, tree, tolerant=True):
        if owners.decide(key, change.path) not in (ownership.YIELD, ownership.SHARE):
            yield change
    seen: set[fields.FieldPath] = set()
    for manager, path in _of_others(managers):
        if path in seen or fields.covers(tree, path):
            continue
        value = fields.read(existing, path)
        if value is not MISSING and owners.decide(key, path) is None:
            seen.add(path)
            yield Change(path, value, MISSING, manager.name, manager.time)


def _of_others(managers: Sequence[fields.Manager]) -> Iterator[tuple[fields.Manager, fields.FieldPath]]:
    """The fields that neither Weft nor the control plane wrote, without the marks of another Weft."""
    for manager in managers:
        if manager.name != MANAGER and not ownership.is_of_kubernetes(manager.name):
            yield from ((manager, path) for path in fields.leaves(manager.tree) if path not in ownership.MARKS)


def _kind_of(change: Change) -> Kind:
    return Kind.LOST if change.old is MISSING else Kind.FOREIGN if change.new is MISSING else Kind.CHANGED


def _of_secret(
    one: TargetDrift, key: Key, change: Change, existing: Mapping[str, Any], digest_key: bytes | None
) -> Change | None:
    """A change of a Secret, without the value; None if its digest is that of the deployed one, or there is no key to compare with."""
    if change.path[:1] != ("f:data",):
        return change
    name = change.path[-1][2:]
    shown = change.hidden()
    if MISSING in (change.old, change.new):
        return shown
    entry = one.inventory.objects.get(key)
    if digest_key is None or entry is None or name not in entry.values:
        return None
    return None if secret_data.value_digests(existing, digest_key)[name] == entry.values[name] else shown


def problems(project: Project, found: TargetDrift) -> list[Problem]:
    """The differences as problems, each at the overlay that sets the value where the sources still have it."""
    places = _Places(project, found.target) if found.found else None
    return [_problem(one, places.of(one) if places else None) for one in found.found]


def _problem(one: Drift, place: Place | None) -> Problem:
    change = one.change
    if change is None:
        message, hint = f"{one.key} is gone", "`weft drift --heal` creates it again"
    elif one.kind is Kind.FOREIGN:
        message = f"{one.key}: {_by(change)} added {one.field}"
        hint = "remove it there, or add it to the template; `weft drift --heal` leaves it"
    elif one.kind is Kind.LOST:
        message, hint = f"{one.key}: {one.field} is gone", "`weft drift --heal` sets it again"
    else:
        values = (
            "" if change.old == MASK else f" from {fields.value_text(change.new)} to {fields.value_text(change.old)}"
        )
        message, hint = f"{one.key}: {_by(change)} changed {one.field}{values}", "`weft drift --heal` sets it back"
    return Problem(one.code, message, Severity.WARNING, place=place, targets=(one.target,), hint=hint)


def _by(change: Change) -> str:
    return f"{change.manager or 'somebody'}" + (f", at {change.since}," if change.since else "")


class _Places:
    """The overlay lines of fields, found by rendering the target again."""

    def __init__(self, project: Project, target: Target) -> None:
        try:
            rendered = manifests.render(project, [target], manifests.UnaskedScopes()).manifests[target.name]
        except WeftError:
            rendered = []  # the sources are broken now, which changes nothing about the cluster
        self._manifests = {(one.key.type, one.key.name): one for one in rendered}

    def of(self, one: Drift) -> Place | None:
        """The place of a field."""
        manifest = self._manifests.get((one.key.type, one.key.name))
        if manifest is None:
            return None
        path = fields.plain(one.change.path, manifest.data) if one.change else ("metadata", "name")
        return manifest.overlay_place(path) or manifest.place(path)
