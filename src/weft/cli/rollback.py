"""`weft rollback`."""

from __future__ import annotations

import click

from weft.cli.clusters import Question, context_option, end, order_of, planning_options, show_outcome, writing_options
from weft.cli.common import complete_target, open_project


@click.command(name="rollback")
@click.argument("name", metavar="TARGET", shell_complete=complete_target)
@click.argument("revision", type=click.IntRange(min=1), required=False, metavar="[REVISION]")
@writing_options
@context_option
@planning_options
@click.pass_context
def command(
    ctx: click.Context,
    name: str,
    revision: int | None,
    yes: bool,
    reason: str,
    timeout: float | None,
    wait: float,
    context: str | None,
    allow_environment: tuple[str, ...],
    rebuild: bool,
) -> None:
    """Deploy an earlier revision of a target again: the last good one before the current one, or REVISION.

    It needs neither Git nor the templates of that time. Rules with `oldSelf` check the way back. The target is pinned until a deploy
    with --unpin.
    """
    from weft.cluster import verbs
    from weft.cluster.plans import Options

    project = open_project(ctx)
    question = Question(project.folder, yes=yes, share=project.file.cluster.prune)
    outcomes = verbs.rollback(
        project,
        name,
        revision,
        confirm=question,
        context=context,
        how=order_of(reason, timeout, wait),
        options=Options(server=True, resolve=True, allow_environment=allow_environment, rebuild=rebuild, force=True),
        told=show_outcome,
    )
    end(ctx, question, outcomes, project.folder)
