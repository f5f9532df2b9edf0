"""The plan: what a deploy would do to each object of each target, and why it could not.

    render -> read what exists -> settle ownership -> (ask the server) -> what to remove

Without the server, a plan compares the fields that are rendered with those that exist, which needs the right to read and nothing else. With it, every
object is tried by a dry run of server-side apply with strict validation, so defaults, quotas, webhooks and immutable fields have their say
before anything is written. A plan says which of the two it is.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any, Final

from weft.base.problems import Problem, choices, has_errors
from weft.base.watching import Watch, unwatched
from weft.cluster import fields, inventory, live, manifests, ownership, pruning, refusals, rights, secret_data
from weft.cluster.client import APPLY, Client, Refused
from weft.cluster.connections import Connections, beginnings, check_note, namespace_of, read_notes
from weft.cluster.fields import Change
from weft.cluster.inventory import Entry
from weft.cluster.manifests import Key, Manifest
from weft.cluster.names import MANAGER
from weft.cluster.openapi import Documents
from weft.cluster.ownership import Ownership, Settled
from weft.cluster.plans import Action, Options, Plan, Step, TargetPlan
from weft.cluster.secret_data import Secrets
from weft.cluster.untried import Brought, Missing
from weft.project.project import Project
from weft.project.target import Target
from weft.schema.node import MISSING

_SERVERS: Final = ("managedFields", "resourceVersion", "generation", "creationTimestamp", "uid")


def plan(
    project: Project,
    targets: Sequence[Target],
    connections: Connections,
    options: Options | None = None,
    *,
    given: Mapping[str, Sequence[Manifest]] | None = None,
    watch: Watch = unwatched,
) -> Plan:
    """The plan for some targets; `given` are manifests to deploy instead of rendered ones, by targets' names.

    Raises WeftError if a configuration is not valid, a reference cannot be resolved, or the cluster belongs to something else;
    CannotRun if a cluster cannot be reached.
    """
    options = options or Options()
    clients = {target.name: connections.of(target) for target in targets}
    rendering = (
        manifests.render(project, targets, AskedScopes(clients), watch)
        if given is None
        else manifests.Rendering(given, [])
    )
    wanted = rendering.manifests
    secrets = secret_data.resolve(chain.from_iterable(wanted.values())) if options.resolve else Secrets()
    planner = _Planner(project, options, secrets)
    found = Plan([], options.server, rendering.warnings, secrets)
    notes = read_notes(clients.values())
    for client, note in notes.items():
        own = {target: wanted[target.name] for target in targets if clients[target.name] is client}
        for target in own:
            check_note(note, project, target, options.allow_environment)
        found.targets += planner.of_cluster(client, own)
    writing = {one.target: one.client for one in found.targets if one.writes and not one.is_refused}
    found.beginnings = beginnings(project, writing, notes)
    if options.heeds_pins:
        _heed_pins(found.targets)
    names = list(clients)
    found.targets.sort(key=lambda one: names.index(one.name))
    return found


def _heed_pins(plans: Iterable[TargetPlan]) -> None:
    """Refuse to change targets that somebody rolled back."""
    for one in plans:
        if one.writes and one.inventory.pinned is not None:
            one.problems.append(inventory.pin_problem(one.inventory))


class AskedScopes:
    """Where objects live, as the servers and contexts say; a kind that a CRD will bring is asked of the CRDs later."""

    def __init__(self, clients: Mapping[str, Client]) -> None:
        self._clients = clients

    def is_namespaced(self, target: Target, api_version: str, kind: str) -> bool:
        """True unless the server knows the kind as one of the whole cluster."""
        resource = self._clients[target.name].kinds.find(api_version, kind)
        return resource is None or resource.namespaced

    def namespace(self, target: Target) -> str:
        """The namespace of the context of a target."""
        return self._clients[target.name].namespace


class _Planner:
    """Plans targets of one project."""

    def __init__(self, project: Project, options: Options, secrets: Secrets) -> None:
        self._project = project
        self._options = options
        self._secrets = secrets

    def of_cluster(self, client: Client, wanted: Mapping[Target, Sequence[Manifest]]) -> list[TargetPlan]:
        """The plans of the targets of one cluster."""
        plans = client.each(lambda target: self._started(client, target), list(wanted))
        every = list(chain.from_iterable(wanted.values()))
        keys = _keys(plans, every)
        with live.Reading(client, keys) as reading:
            phases = live.existing_namespaces(client, {key.namespace for key in keys if key.namespace})
            scalers = reading.read(key for key in keys if key.kind == ownership.AUTOSCALER)
            scaled = ownership.scaled_by([*scalers.objects.values(), *(one.data for one in every)])
            owners = Ownership(self._project.file.cluster, scaled, self._options.force)
            missing = Missing(reading.found, Brought(every), phases, Documents(client))
            compared = self._compared(plans, wanted, missing, reading, owners)
            if self._options.server:  # which begins to try the first objects while others are read and compared
                client.each(lambda pair: self._ask(*pair), compared)
            else:
                deque(compared, maxlen=0)
        if self._options.server:
            rights.add_problems(client, plans)
        _refuse_shared(plans)
        return plans

    def _started(self, client: Client, target: Target) -> TargetPlan:
        namespace = namespace_of(self._project, target, client)
        read = inventory.rebuilt if self._options.rebuild else inventory.read
        known = read(client, target.name, namespace, self._project.name)
        return TargetPlan(target, client, namespace, known, rebuilt=self._options.rebuild)

    def _compared(
        self,
        plans: Iterable[TargetPlan],
        wanted: Mapping[Target, Sequence[Manifest]],
        missing: Missing,
        reading: live.Reading,
        owners: Ownership,
    ) -> Iterator[tuple[TargetPlan, Step]]:
        """Add the steps of each target; gives those that the server can try, as soon as they are known."""
        for one in plans:
            reading.read([*(manifest.key for manifest in wanted[one.target]), *one.inventory.objects])
            for manifest in wanted[one.target]:
                step = self._step(one, manifest, missing.state, owners)
                step.untried, problems = missing.why(one.name, manifest)
                step.problems += problems
                one.steps.append(step)
                if not step.untried and not has_errors(step.problems):
                    yield one, step
            pruning.add_steps(one, missing.state, self._project.file.cluster)

    def _step(self, one: TargetPlan, manifest: Manifest, state: live.Live, owners: Ownership) -> Step:
        key, existing = manifest.key, state.objects.get(manifest.key)
        rendered = self._secrets.filled(manifest) if manifest.is_secret else manifest.data
        data = ownership.dressed(rendered, one.inventory.applyset, one.name)
        if key in state.unreadable:
            return self._unread_step(one, manifest, data)
        foreign = _foreign(one, manifest, existing)
        settled = owners.settle(key, data, existing)
        changes = settled.changes
        if manifest.is_secret:
            changes = self._of_secret(one.inventory.objects.get(key), manifest, existing, changes)
        action = Action.CREATE if existing is None else Action.CHANGE if changes else Action.UNCHANGED
        step = Step(key, action, manifest, existing, settled.data, settled, changes)
        step.problems += [foreign] if foreign else [_conflict(manifest, change) for change in settled.conflicts]
        return step

    def _unread_step(self, one: TargetPlan, manifest: Manifest, data: Mapping[str, Any]) -> Step:
        """The step of an object that the user may not read: the inventory knows what was deployed."""
        entry = one.inventory.objects.get(manifest.key)
        same = entry is not None and entry.digest == manifest.digest
        action = Action.UNCHANGED if same else Action.CREATE if entry is None else Action.CHANGE
        one.unreadable.append(manifest.key)
        step = Step(manifest.key, action, manifest, None, data, Settled(data))
        if not manifest.is_secret:
            step.problems.append(live.missing_right(one.client, "get", manifest.key, one.name))
        elif entry is not None:
            step.changes = _secret_changes(entry, manifest)
        return step

    def _of_secret(
        self, entry: Entry | None, manifest: Manifest, existing: Mapping[str, Any] | None, changes: tuple[Change, ...]
    ) -> tuple[Change, ...]:
        """The changes of a Secret, without values; unless references are resolved, a value is compared by its reference."""
        hidden = tuple(_hidden(change) for change in changes)
        if self._options.resolve or existing is None:
            return hidden
        told = {change.path for change in _secret_changes(entry or Entry(), manifest)}
        return tuple(one for one in hidden if one.path[:1] != ("f:data",) or one.path in told or one.kind != "changed")

    def _ask(self, one: TargetPlan, step: Step) -> None:
        """Let the server try an object, and keep what it says."""
        assert step.manifest is not None
        try:
            answer = send(one.client, step, dry=True)
        except Refused as error:
            step.problems += refusals.of_refusal(one.client, step.manifest, error, self._secrets)
            return
        unresolved = step.manifest.is_secret and not self._options.resolve
        if not unresolved:  # what the server says about references means nothing
            step.problems += [refusals.of_warning(step.manifest, text, self._secrets) for text in answer.warnings]
        if step.live is not None:
            changes = _answered(step, answer.data)
            entry = one.inventory.objects.get(step.key)
            step.changes = self._of_secret(entry, step.manifest, step.live, changes) if unresolved else changes
            step.action = Action.CHANGE if step.changes else Action.UNCHANGED


def _keys(plans: Iterable[TargetPlan], wanted: Iterable[Manifest]) -> dict[Key, str]:
    """All objects that matter, with the apiVersion in which they are wanted; autoscalers, which are needed first, come first."""
    keys = {key: "" for one in plans for key in one.inventory.objects}
    keys |= {manifest.key: manifest.api_version for manifest in wanted}
    return dict(sorted(keys.items(), key=lambda pair: pair[0].kind != ownership.AUTOSCALER))


def send(client: Client, step: Step, *, dry: bool) -> Any:
    """Apply an object, or try it. Raises Refused."""
    resource = client.kinds.find(str(step.data["apiVersion"]), step.key.kind)
    if resource is None:
        raise Refused(
            404, "NotFound", f"the server does not know the kind {step.key.kind} of {step.data['apiVersion']}"
        )
    parameters = {"fieldManager": MANAGER, "fieldValidation": "Strict"}
    parameters |= {"dryRun": "All"} if dry else {}
    parameters |= {"force": "true"} if step.settled is not None and step.settled.force else {}
    path = resource.path(step.key.namespace, step.key.name)
    return client.request("PATCH", path, step.data, parameters=parameters, content=APPLY)


def _answered(step: Step, result: Mapping[str, Any]) -> tuple[Change, ...]:
    """The fields that the server would change."""
    assert step.live is not None
    before, after = fields.owned_by(step.live, MANAGER), fields.owned_by(result, MANAGER)
    is_same = before == after and _without_servers(step.live) == _without_servers(result)
    if is_same and not _adopted(step) and step.live.get("status") == result.get("status"):
        return ()
    found = _differing(step, result, fields.merged((before, after)))
    if not found and not is_same:
        found = [Change(("f:metadata", "f:managedFields"), MISSING, MANAGER)]
    return tuple(map(_hidden, found)) if step.manifest is not None and step.manifest.is_secret else tuple(found)


def _differing(step: Step, result: Mapping[str, Any], applied: fields.Tree) -> list[Change]:
    """The fields that differ in the server's answer, among those that Weft applied or applies, or that it adopts."""
    assert step.live is not None
    adopted = (one.tree for one in fields.managers(step.live) if one.name in _adopted(step))
    found = fields.differences(step.live, result, fields.merged((applied, *adopted)), tolerant=False)
    known = {change.path for change in found}
    return found + [change for change in _removed_by_adoption(step) if change.path not in known]


def _removed_by_adoption(step: Step) -> Iterable[Change]:
    """What adopted managers set and nothing renders: they are rewritten only by the deploy, so a dry run does not remove it."""
    if step.settled is None or not step.settled.adopted:
        return ()
    return [change for change in step.settled.changes if change.new is MISSING]


def _adopted(step: Step) -> tuple[str, ...]:
    return step.settled.adopted if step.settled is not None else ()


def _without_servers(data: Mapping[str, Any]) -> dict[str, Any]:
    """An object without what the server counts, and without its status."""
    metadata = {key: value for key, value in (data.get("metadata") or {}).items() if key not in _SERVERS}
    return {**{key: value for key, value in data.items() if key != "status"}, "metadata": metadata}


def _hidden(change: Change) -> Change:
    """A change of a Secret without its values."""
    return change.hidden() if change.path[:1] in (("f:data",), ("f:stringData",)) else change


def _secret_changes(entry: Entry, manifest: Manifest) -> tuple[Change, ...]:
    """The values of a Secret whose references have changed since it was deployed."""
    now = secret_data.reference_digests(manifest)
    return tuple(
        Change(("f:data", f"f:{name}"), entry.references.get(name, MISSING), now.get(name, MISSING)).hidden()
        for name in sorted({*now, *entry.references})
        if now.get(name) != entry.references.get(name)
    )


def _conflict(manifest: Manifest, change: Change) -> Problem:
    """The problem of a field that another manager owns, with both values and the overlay that sets ours."""
    name = fields.shown(change.path).lstrip(".")
    hint = refusals.CONFLICT_HINT.format(kind=manifest.key.kind, field=name)
    values = "" if manifest.is_secret else f": it is {_short(change.old)}, and Weft would set {_short(change.new)}"
    message = f"{manifest.key}: {name} belongs to `{change.manager}` since {change.since}{values}"
    return manifest.problem("cluster-conflict", message, fields.plain(change.path, manifest.data), hint)


def _short(value: Any) -> str:
    text = fields.value_text(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _refuse_shared(plans: Iterable[TargetPlan]) -> None:
    """Refuse objects that several targets want: each would overwrite what another one has written."""
    wanted: dict[Key, list[tuple[TargetPlan, Step]]] = {}
    for one in plans:
        for step in one.steps:
            if step.manifest is not None:
                wanted.setdefault(step.key, []).append((one, step))
    for several in wanted.values():
        for one, step in several if len(several) > 1 else ():
            others = choices(other.name for other, _ in several if other is not one)
            step.problems.append(_shared(step, others))


def _shared(step: Step, others: str) -> Problem:
    assert step.manifest is not None
    message = f"{step.key} is rendered for {others}, too, so one would overwrite the other"
    hint = "give it a namespace or a name that differs, or deploy these targets to clusters of their own"
    return step.manifest.problem("object-twice", message, ("metadata", "name"), hint)


def _foreign(one: TargetPlan, manifest: Manifest, existing: Mapping[str, Any] | None) -> Problem | None:
    """The problem of an object that another target deployed."""
    if existing is None:
        return None
    applyset, target = ownership.owner_target(existing)
    if applyset in (None, one.inventory.applyset):
        return None
    who = f"the target {target}" if target else f"the ApplySet {applyset}"
    message = f"{manifest.key} belongs to {who}, so {one.name} does not change it"
    hint = "render it for one of the two only, or give it another name"
    return manifest.problem("cluster-owned", message, ("metadata", "name"), hint)
