"""`weft drift`."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import click

from weft.base.wording import counted
from weft.cli.clusters import context_option, environment_option, show_outcome, show_problems, targets_argument
from weft.cli.common import open_memory, put
from weft.report.formats import FORMATS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from weft.cluster.drifting import TargetDrift
    from weft.project.project import Project
    from weft.project.target import Target


@click.command(name="drift")
@targets_argument
@click.option("--heal", is_flag=True, help="Make the objects again what was deployed.")
@click.option(
    "--timeout",
    type=click.FloatRange(min=0),
    metavar="SECONDS",
    help="How long --heal waits for readiness.  [default: cluster.timeout of weft.yaml]",
)
@click.option("--watch", is_flag=True, help="Go on, and show what changes; with --heal, heal it with growing pauses.")
@click.option("--adopt", is_flag=True, help="Write live values back into the overlays that set them.")
@click.option("--format", "format_", type=click.Choice((*FORMATS, "metrics")), default="text", show_default=True)
@context_option
@environment_option
@click.pass_context
def command(
    ctx: click.Context,
    names: tuple[str, ...],
    heal: bool,
    watch: bool,
    adopt: bool,
    timeout: float | None,
    format_: str,
    context: str | None,
    allow_environment: tuple[str, ...],
) -> None:
    """Show how objects differ from what was last deployed: lost, changed and foreign fields, and who changed them.

    Exit 0 without differences, 1 with some, 3 if a cluster cannot be asked.
    """
    from weft.cluster.connections import Connections
    from weft.cluster.drifting import drift

    if adopt:
        _refuse_beside_adopt(ctx, heal=heal, watch=watch)
    project = open_memory(ctx).open()

    def heal_them(names: Sequence[str]) -> int:
        return _heal(project, names, context, timeout, allow_environment)

    if watch:
        _watch(project, names, context, format_, heal_them if heal else None)
        return
    with Connections(project, context, current=not heal) as connections:
        found = drift(project, project.targets(*names), connections)
    _show(project, found, format_)
    drifted = [one.target.name for one in found if one.found]
    if not drifted:
        return
    if heal:
        ctx.exit(heal_them(drifted))
    if adopt:
        from weft.cluster.adopting import adopt as adopt_values

        show_problems(adopt_values(project, found), project.folder)
    ctx.exit(1)


def _refuse_beside_adopt(ctx: click.Context, *, heal: bool, watch: bool) -> None:
    """Raise UsageError for an option that cannot be combined with --adopt."""
    if heal:
        raise click.UsageError("--heal and --adopt are opposites: name one of them", ctx)
    if watch:
        raise click.UsageError("--adopt writes overlays once: leave out --watch", ctx)


def _show(project: Project, found: list[TargetDrift], format_: str) -> None:
    from weft.cluster import drifting, metrics
    from weft.report.report import Report

    if format_ == "metrics":
        put(metrics.text(found))
        return
    if format_ == "json":
        put(json.dumps({"targets": [_as_dict(one) for one in found]}, indent=2, ensure_ascii=False) + "\n")
        return
    report = Report([problem for one in found for problem in drifting.problems(project, one)], project.folder)
    if format_ != "text":
        put(FORMATS[format_](report))
        return
    if report:
        click.echo(FORMATS["text"](report), nl=False, color=False if os.environ.get("NO_COLOR") else None)
    for one in found:
        click.echo(_summary(one))


def _as_dict(one: TargetDrift) -> dict[str, Any]:
    """The drift of a target as JSON data."""
    return {
        "target": one.target.name,
        "revision": one.inventory.revision,
        "objects": one.objects,
        "uncompared": [str(key) for key in one.uncompared],
        "drift": [each.as_dict() for each in one.found],
    }


def _summary(one: TargetDrift) -> str:
    """`shop: 2 differences from revision 3 in 14 objects, 1 not compared`."""
    uncompared = f", {len(one.uncompared)} not compared" if one.uncompared else ""
    differences, objects = counted(len(one.found), "difference"), counted(one.objects, "object")
    return f"{one.target.name}: {differences} from revision {one.inventory.revision} in {objects}{uncompared}"


def _watch(
    project: Project,
    names: tuple[str, ...],
    context: str | None,
    format_: str,
    heal: Callable[[Sequence[str]], int] | None,
) -> None:
    """Show drift as it happens, until somebody ends it, and heal it if `heal` says how."""
    from weft.cluster import watching
    from weft.cluster.connections import Connections

    def heal_one(target: Target) -> None:
        assert heal is not None
        heal([target.name])

    def gave_up(target: Target) -> None:
        click.echo(
            f"{target.name} was healed too often: something else sets these fields, so it is left alone", err=True
        )

    with Connections(project, context, current=heal is None) as connections:
        watching.watch(
            project,
            project.targets(*names),
            connections,
            told=lambda found: _show(project, found, format_),
            heal=heal_one if heal is not None else None,
            gave_up=gave_up,
        )


def _heal(
    project: Project, names: Sequence[str], context: str | None, timeout: float | None, allowed: tuple[str, ...]
) -> int:
    """Heal targets. Returns the exit status."""
    from weft.cluster import verbs
    from weft.cluster.outcomes import Stop

    stop = Stop()
    outcomes = verbs.heal(
        project, names, context=context, timeout=timeout, allow_environment=allowed, stop=stop, told=show_outcome
    )
    show_problems([problem for one in outcomes for problem in one.problems], project.folder)
    if stop.wanted:
        raise KeyboardInterrupt  # the deploy has finished its object first; now a watch ends, too
    return 0 if all(one.is_good for one in outcomes) else 1
