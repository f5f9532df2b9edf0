"""Deploy, heal, roll back: the verbs that write, built from their parts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from weft.base import paths
from weft.base.problems import CannotRun, Problem, Severity, UsageError, WeftError, has_errors
from weft.base.watching import Watch, unwatched
from weft.cluster import deploying, inventory, planning, revisions
from weft.cluster.connections import Connections
from weft.cluster.manifests import Manifest, key_of
from weft.cluster.outcomes import Order, Outcome, Stop
from weft.cluster.plans import Options, Plan
from weft.cluster.revisions import Content, Revision
from weft.files import git, yaml11
from weft.files.atomic import replace_file
from weft.files.formats import to_json, to_yaml
from weft.project.entries import Rollout
from weft.project.project import Project
from weft.project.target import Target
from weft.schema.equality import canonical
from weft.schema.node import MISSING

if TYPE_CHECKING:
    from weft.cluster.rollouts import State, World

_CONFIG: Final = "weft-config.json"
_OBJECTS: Final = "objects.yaml"

Confirm = Callable[[Plan], bool]
Told = Callable[[Outcome], None]


def deploy(
    project: Project,
    globs: Sequence[str],
    *,
    confirm: Confirm,
    context: str | None = None,
    options: Options | None = None,
    how: Order | None = None,
    exported: Path | None = None,
    stop: Stop | None = None,
    told: Told = lambda _: None,
    watch: Watch = unwatched,
) -> list[Outcome]:
    """Plan, let `confirm` decide, and deploy. `exported` is a folder that `export` wrote, deployed instead of the sources.

    Returns the outcome of each target; none if `confirm` says no. Raises WeftError if a configuration is not valid or a reference
    cannot be resolved, UsageError if nothing names a cluster or a reason is missing, CannotRun if a cluster cannot be reached.
    """
    how = how or Order()
    _check_reason(project, how)
    asked = Options(server=True, resolve=True) if options is None else options
    targets = project.targets(*globs)
    given = None if exported is None else read_export(exported, targets)
    with Connections(project, context) as connections:
        plan = planning.plan(project, targets, connections, asked, given=given, watch=watch)
        if not confirm(plan):
            return []
        return deploying.deploy(project, plan, how, stop=stop, told=told)


def heal(
    project: Project,
    globs: Sequence[str],
    *,
    context: str | None = None,
    timeout: float | None = None,
    allow_environment: tuple[str, ...] = (),
    stop: Stop | None = None,
    told: Told = lambda _: None,
) -> list[Outcome]:
    """Make the objects of targets what their last revisions say, also where somebody else changed them; `timeout` is in seconds.

    Raises as `deploy` does.
    """
    with Connections(project, context) as connections:
        targets = project.targets(*globs)
        given = {target.name: _revision_of(project, connections, target, None, current=True)[1] for target in targets}
        options = Options(server=True, resolve=True, force=True, allow_environment=allow_environment)
        plan = planning.plan(project, targets, connections, options, given=given)
        pinned = {one.name: one.inventory.pinned for one in plan.targets}
        found = []
        for one in plan.targets:
            order = Order("heal", timeout, restores=pinned[one.name])
            found += deploying.deploy(project, Plan([one], True, secrets=plan.secrets), order, stop=stop, told=told)
        return found


def history(project: Project, name: str, *, context: str | None = None) -> list[Revision]:
    """The revisions of a target, the oldest first. Raises CannotRun."""
    with Connections(project, context, current=True) as connections:
        return _revisions(project, connections, project.target(name))


def content(project: Project, name: str, number: int, *, context: str | None = None) -> tuple[Revision, Content]:
    """A revision of a target and what it deployed. Raises UsageError if there is none, CannotRun."""
    with Connections(project, context, current=True) as connections:
        target = project.target(name)
        client, namespace = connections.home(target)
        revision = revisions.find(_revisions(project, connections, target), number, target.name)
        return revision, revisions.content(client, revision, namespace)


def history_of_setting(
    project: Project, name: str, setting: str, *, context: str | None = None
) -> Iterator[dict[str, Any]]:
    """The changes of a setting: `{source, time, who, reason, before, after}`, the oldest first; an absent side is left out.

    The sources are the revisions of the cluster, and for the value of today the commit that wrote it. Raises UsageError for an unknown setting,
    CannotRun.
    """
    target = project.target(name)
    path = target.find(setting)
    with Connections(project, context, current=True) as connections:
        client, namespace = connections.home(target)
        before: Any = MISSING
        for one in _revisions(project, connections, target):
            if one.outcome == revisions.DEPLOYED:
                config = revisions.content(client, one, namespace).config
                after = paths.get(config, path) if paths.has(config, path) else MISSING
                if _text_of(after) != _text_of(before):
                    yield _entry(f"revision {one.number}", one.time, one.who, one.reason, before, after)
                before = after
    written = _written_by(target, path)
    if written is not None:
        commit, time, who, subject = written
        yield _entry(f"commit {commit[:9]}", time, who, subject, MISSING, target.explain(path).value)


def _text_of(value: Any) -> str:
    return "" if value is MISSING else canonical(value)


def _entry(source: str, time: str, who: str, reason: str, before: Any, after: Any) -> dict[str, Any]:
    data = {"source": source, "time": time, "who": who, "reason": reason}
    data |= {} if before is MISSING else {"before": before}
    return data | ({} if after is MISSING else {"after": after})


def _written_by(target: Target, path: paths.Path) -> tuple[str, str, str, str] | None:
    """The commit that wrote the line of the winning value: its hash, time, author and subject."""
    setters = target.explain(path).setters
    file = setters[0].source.path if setters else None
    line = setters[0].place.line if setters else None
    return git.author_of_line(file, line) if file is not None and line else None


def rollback(
    project: Project,
    name: str,
    number: int | None = None,
    *,
    confirm: Confirm,
    context: str | None = None,
    how: Order | None = None,
    options: Options | None = None,
    told: Told = lambda _: None,
) -> list[Outcome]:
    """Deploy a revision again, by default the last good one before the current one, and pin the target to it.

    Rules with `oldSelf` check the way back. Raises as `deploy` does, WeftError if a rule forbids it.
    """
    how = how or Order()
    _check_reason(project, how)
    with Connections(project, context) as connections:
        return roll_back(project, connections, project.target(name), number, confirm, how, options, told)


def roll_back(
    project: Project,
    connections: Connections,
    target: Target,
    number: int | None,
    confirm: Confirm,
    how: Order,
    options: Options | None = None,
    told: Told = lambda _: None,
) -> list[Outcome]:
    """The same with connections that exist."""
    revision, manifests = _revision_of(project, connections, target, number)
    forbidden = _transitions(project, connections, target, revision)
    if has_errors(forbidden):
        raise WeftError(*forbidden)
    asked = options or Options(server=True, resolve=True)
    plan = planning.plan(project, [target], connections, asked, given={target.name: manifests})
    plan.warnings += [*forbidden, *_changed_secrets(plan, manifests)]
    if not confirm(plan):
        return []
    return deploying.deploy(project, plan, replace(how, restores=revision.number), told=told)


def roles(project: Project, globs: Sequence[str], *, context: str | None = None) -> list[dict[str, Any]]:
    """The roles that people and CI need for targets, as objects to apply. Raises CannotRun if a cluster cannot be asked."""
    from weft.cluster import manifests
    from weft.cluster import roles as rbac

    with Connections(project, context, current=True) as connections:
        targets = project.targets(*globs)
        clients = {target.name: connections.of(target) for target in targets}
        rendered = manifests.render(project, targets, planning.AskedScopes(clients)).manifests
        return [
            role
            for target in targets
            for client, namespace in [connections.home(target)]
            for role in rbac.roles(client, target.name, namespace, rendered[target.name])
        ]


def export(folder: Path, revision: Revision, what: Content) -> list[Path]:
    """Write what a revision deployed into a folder: the objects, with references, and the configuration.

    Raises CannotRun if the folder has other files.
    """
    folder.mkdir(parents=True, exist_ok=True)
    place = folder / revision.target
    place.mkdir(parents=True, exist_ok=True)
    objects = "".join(f"---\n{to_yaml(data)}\n" for data in what.objects)
    facts = {**revision.as_dict(), "config": what.config}
    written = {place / _OBJECTS: objects, place / _CONFIG: to_json(facts) + "\n"}
    for path, text in written.items():
        replace_file(path, text.encode())
    return list(written)


def read_export(folder: Path, targets: Sequence[Target]) -> dict[str, list[Manifest]]:
    """The manifests of a folder that `export` wrote, for targets. Raises CannotRun if there are none for one of them."""
    found = {}
    for target in targets:
        path = folder / target.name / _OBJECTS
        try:
            documents = yaml11.Documents(path.read_text("utf-8")).data
        except (OSError, ValueError) as error:
            message = f"{path} cannot be read: {getattr(error, 'strerror', None) or error}"
            hint = f"`weft history {target.name} --revision N --export {folder}` writes it"
            raise CannotRun(Problem("not-deployed", message, targets=(target.name,), hint=hint)) from None
        found[target.name] = _manifests(target, [data for data in documents if isinstance(data, dict)])
    return found


def _manifests(target: Target, objects: Sequence[Mapping[str, Any]]) -> list[Manifest]:
    return [Manifest(key_of(data), data, target) for data in objects]


def _revision_of(
    project: Project, connections: Connections, target: Target, number: int | None, *, current: bool = False
) -> tuple[Revision, list[Manifest]]:
    """A revision, or the current one, with its objects."""
    client, namespace = connections.home(target)
    if current:
        number = inventory.read(client, target.name, namespace, project.name).revision
        if not number:
            message = f"{target.name} was never deployed"
            raise CannotRun(
                Problem("not-deployed", message, targets=(target.name,), hint=f"`weft deploy {target.name}` deploys it")
            )
    revision = revisions.find(_revisions(project, connections, target), number, target.name)
    return revision, _manifests(target, revisions.content(client, revision, namespace).objects)


def _revisions(project: Project, connections: Connections, target: Target) -> list[Revision]:
    """The revisions of a target, the oldest first. Raises CannotRun if they are those of another project."""
    client, namespace = connections.home(target)
    inventory.read(client, target.name, namespace, project.name)  # which says whose they are
    return revisions.every(client, target.name, namespace)


def _transitions(project: Project, connections: Connections, target: Target, back_to: Revision) -> list[Problem]:
    """The problems of rules with `oldSelf` when the configuration goes back."""
    client, namespace = connections.home(target)
    now = inventory.read(client, target.name, namespace, project.name)
    known = revisions.every(client, target.name, namespace)
    current = next((one for one in known if one.number == now.revision), None)
    if current is None or current.number == back_to.number:
        return []
    old, new = (revisions.content(client, one, namespace).config for one in (current, back_to))
    found = target.schemas.rule_check.transitions(new, old)
    return [target.own(problem) for problem in found]


def _changed_secrets(plan: Plan, manifests: Sequence[Manifest]) -> list[Problem]:
    """A note that Secrets get the values that their references have now."""
    names = [str(one.key) for one in manifests if one.is_secret]
    if not names:
        return []
    changed = [
        str(step.key) for one in plan.targets for step in one.writes if step.manifest and step.manifest.is_secret
    ]
    message = "Secrets get the values that their references have now"
    message += f"; other than deployed: {', '.join(changed)}" if changed else ""
    return [Problem("cluster-warning", message, Severity.NOTE, targets=(plan.targets[0].name,))]


def _check_reason(project: Project, how: Order) -> None:
    if project.file.cluster.reason and not how.reason.strip():
        hint = "add `--reason TEXT`; `cluster.reason` of weft.yaml demands one"
        raise UsageError(Problem("no-reason", "a deploy of this project needs a reason", hint=hint))


def rollout(
    project: Project,
    globs: Sequence[str],
    settings: Rollout,
    *,
    context: str | None = None,
    how: Order | None = None,
    allow_environment: tuple[str, ...] = (),
    stop: Stop | None = None,
    told: Callable[[str], None] = lambda _: None,
    world: World | None = None,
) -> State:
    """Deploy targets in steps, as `settings` say, until the rollout ends or is paused.

    `how` gives the reason, how long to wait for locks, and whether targets are unpinned. Raises as `deploy` does.
    """
    from weft.cluster.rollouts import Rollouts, World

    how = how or Order()
    _check_reason(project, how)
    with Connections(project, context) as connections:
        targets = project.targets(*globs)
        rollouts = Rollouts(project, connections, targets[0], world or World())
        rollouts.begin(
            targets, settings, how.reason, unpin=how.unpin, wait=how.wait_for_lock, allow_environment=allow_environment
        )
        return rollouts.go_on(stop=stop, told=told)
