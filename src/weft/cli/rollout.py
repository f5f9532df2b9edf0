"""`weft rollout`."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Final

import click

from weft.cli.clusters import context_option, environment_option, order_of, with_beginnings
from weft.cli.common import complete_target, open_memory, put

if TYPE_CHECKING:
    from weft.cluster.outcomes import Order
    from weft.cluster.rollouts import State
    from weft.project.entries import Rollout
    from weft.project.project import Project

_ACTIONS: Final = ("status", "pause", "resume", "abort")


@click.command(name="rollout")
@click.argument("names", nargs=-1, metavar="[TARGET]...", shell_complete=complete_target)
@click.option(
    "--strategy", metavar="NAME", help="One of `cluster.rollouts` of weft.yaml, or linear, exponential or canary."
)
@click.option("--step", type=click.IntRange(1, 100), metavar="PERCENT", help="The size of the first step.")
@click.option("--bake", type=click.IntRange(min=0), metavar="SECONDS", help="How long to wait after each step.")
@click.option(
    "--failure", type=click.Choice(("stop", "rollback")), help="What to do if a gate fails.  [default: rollback]"
)
@click.option("--back", is_flag=True, help="With abort: roll back the targets that were touched.")
@click.option("--unpin", is_flag=True, help="Deploy the sources again after a rollback.")
@click.option("--reason", default="", metavar="TEXT", help="Why; kept in the history.")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@click.option(
    "--wait", type=click.FloatRange(min=0), default=0, metavar="SECONDS", help="Wait for locks that somebody holds."
)
@click.option("--format", "format_", type=click.Choice(("text", "json")), default="text", show_default=True)
@context_option
@environment_option
@click.pass_context
def command(
    ctx: click.Context,
    names: tuple[str, ...],
    strategy: str | None,
    step: int | None,
    bake: int | None,
    failure: str | None,
    back: bool,
    unpin: bool,
    reason: str,
    yes: bool,
    wait: float,
    format_: str,
    context: str | None,
    allow_environment: tuple[str, ...],
) -> None:
    """Deploy many targets in steps, with a bake time and gates after each.

    `weft rollout status`, `pause`, `resume` and `abort` are for the rollout that is under way; a TARGET after them says in which cluster.
    Its state is in the cluster, so any machine can go on with it. Exit 0 if it is done, 1 if it was stopped or rolled back.
    """
    project = open_memory(ctx).open()
    if names and names[0] in _ACTIONS:
        state = _act(project, names[0], names[1:], back=back, context=context)
    else:
        settings = _settings(ctx, project, strategy, step, bake, failure)
        how = order_of(reason, None, wait, unpin=unpin)
        state = _start(ctx, project, names, settings, how, allow_environment, yes=yes, context=context)
    if state is None:
        click.echo("there has been no rollout yet", err=True)
        ctx.exit(1)
    if format_ == "json":
        put(json.dumps(asdict(state), indent=2, ensure_ascii=False) + "\n")
    else:
        _show(state)
    ctx.exit(0 if state.phase not in ("stopped", "rolled back", "aborted") else 1)


def _settings(
    ctx: click.Context, project: Project, strategy: str | None, step: int | None, bake: int | None, failure: str | None
) -> Rollout:
    """The rollout that the options name."""
    from weft.base.problems import did_you_mean
    from weft.project.entries import Rollout

    known = project.file.cluster.rollouts
    built_in = ("linear", "exponential", "canary")
    if strategy is None or strategy in built_in:
        found = known.get(strategy or "") or Rollout(strategy or "linear")
    elif strategy in known:
        found = known[strategy]
    else:
        hint = did_you_mean(strategy, [*known, *built_in]) or f"choose from {', '.join([*known, *built_in])}"
        raise click.BadParameter(f"there is no rollout `{strategy}`: {hint}", ctx, param_hint="--strategy")
    changes = {"step": step, "bake": bake, "failure": failure}
    return replace(found, **{name: value for name, value in changes.items() if value is not None})  # type: ignore[arg-type]


def _start(
    ctx: click.Context,
    project: Project,
    names: tuple[str, ...],
    settings: Rollout,
    how: Order,
    allow_environment: tuple[str, ...],
    *,
    yes: bool,
    context: str | None,
) -> State:
    from weft.cluster import connections, rollouts, verbs

    targets = project.targets(*names)
    steps = rollouts.steps_of([target.name for target in targets], settings)
    for number, step in enumerate(steps, 1):
        click.echo(f"step {number}: {', '.join(step)}")
    if not yes:
        import sys

        if not sys.stdin.isatty():
            raise click.UsageError("a rollout asks first, and there is no terminal: add --yes", ctx)
        with connections.Connections(project, context) as known:
            clients = {target: known.of(target) for target in targets}
            notes = connections.read_notes(clients.values())
            question = with_beginnings(connections.beginnings(project, clients, notes), "Roll this out?")
        if not click.confirm(question, err=True):
            ctx.exit(1)
    return verbs.rollout(
        project, names, settings, context=context, how=how, allow_environment=allow_environment, told=click.echo
    )


def _act(project: Project, action: str, names: tuple[str, ...], *, back: bool, context: str | None) -> State | None:
    from weft.cluster.connections import Connections
    from weft.cluster.rollouts import Rollouts

    with Connections(project, context, current=action == "status") as connections:
        rollouts = Rollouts(project, connections, project.targets(*names)[0])
        if action == "status":
            return rollouts.read()
        if action == "pause":
            return rollouts.pause()
        if action == "abort":
            state = rollouts.abort(back=back)
            return rollouts.go_on(told=click.echo) if back else state
        return rollouts.go_on(told=click.echo)


def _show(state: State) -> None:
    from weft.cluster.rollouts import DONE, ROLLED_BACK, said

    done = sum(len(step) for step in state.steps[: state.step + (state.phase == DONE)])
    click.echo(f"rollout of {state.time} by {state.who}: {said(state)}" + (", paused" if state.paused else ""))
    click.echo(f"  {done} of {sum(map(len, state.steps))} targets are in finished steps")
    if state.phase == ROLLED_BACK and any(state.before.values()):
        click.echo(
            "  the targets that went back are pinned; `weft rollout --unpin` or `weft deploy --unpin` deploys them again"
        )
