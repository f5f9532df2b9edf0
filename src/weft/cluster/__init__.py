"""Live clusters: what is deployed to Kubernetes, and how that stays what the configuration says.

The verbs of the command line are the functions below; targets are named by globs, as everywhere:

    from weft import cluster, load_project
    project = load_project(".")
    plan = cluster.plan(project, "production/*", context="prod", server=True)
    plan.differs, plan.problems
    outcomes = cluster.deploy(project, "production/*", context="prod", reason="JIRA-7", confirm=lambda plan: True)
    cluster.drift(project, "production/*")
    cluster.history(project, "production/acme")
    cluster.rollback(project, "production/acme", 7, confirm=lambda plan: True)

The way of an object, each step in one module:

    manifests      the outputs with `apply: true` as objects, each field with its line
    secret_data    references become values, in memory
    live           what exists
    ownership      which fields are Weft's  <-  fields (managedFields)
    planning       what would change and why it cannot  <-  refusals, pruning
    order          what comes first
    deploying      lock, revision, inventory, objects, readiness, removal
    drifting, history, rolling_back, rollouts     what comes after
    connections, client, transport    the API server  <-  kubeconfig, credentials

Every object goes through server-side apply with the field manager `weft`, and Weft's own objects are in the same namespace: `names` has their names.

May import: everything but api and cli.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from weft.cluster.drifting import TargetDrift
    from weft.cluster.outcomes import Outcome
    from weft.cluster.plans import Plan
    from weft.cluster.revisions import Revision
    from weft.project.project import Project


def plan(project: Project, *globs: str, context: str | None = None, server: bool = False, **options: Any) -> Plan:
    """What a deploy would do to the targets that the globs name; nothing is written.

    With `server`, the API server tries every object. Further options are those of `planning.Options`. Raises WeftError if a
    configuration is not valid, and CannotRun if a cluster cannot be reached.
    """
    from weft.cluster.connections import Connections
    from weft.cluster.planning import plan as planned
    from weft.cluster.plans import Options

    with Connections(project, context, current=True) as connections:
        asked = Options(server=server, **{"heeds_pins": True, **options})
        return planned(project, project.targets(*globs), connections, asked)


def deploy(
    project: Project, *globs: str, confirm: Callable[[Plan], bool], context: str | None = None, **how: Any
) -> list[Outcome]:
    """Deploy the targets that the globs name, after `confirm` has seen the plan and returned True.

    Further options are those of `verbs.deploy`. Raises as `plan` does, and UsageError if nothing names a cluster.
    """
    from weft.cluster import verbs

    return verbs.deploy(project, globs, confirm=confirm, context=context, **how)


def drift(project: Project, *globs: str, context: str | None = None) -> list[TargetDrift]:
    """How the targets differ in their clusters from what was last deployed there."""
    from weft.cluster.connections import Connections
    from weft.cluster.drifting import drift as found

    with Connections(project, context, current=True) as connections:
        return found(project, project.targets(*globs), connections)


def history(project: Project, target: str, *, context: str | None = None) -> list[Revision]:
    """The revisions of a target in its cluster, the oldest first."""
    from weft.cluster import verbs

    return verbs.history(project, target, context=context)


def rollback(
    project: Project,
    target: str,
    revision: int | None = None,
    *,
    confirm: Callable[[Plan], bool],
    context: str | None = None,
    **how: Any,
) -> list[Outcome]:
    """Deploy an earlier revision of a target again, by default the one before the current one, and pin the target to it."""
    from weft.cluster import verbs

    return verbs.rollback(project, target, revision, confirm=confirm, context=context, **how)


__all__ = ["deploy", "drift", "history", "plan", "rollback"]
