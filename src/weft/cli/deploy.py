"""`weft deploy`."""

from __future__ import annotations

from pathlib import Path

import click

from weft.cli.clusters import (
    Question,
    context_option,
    end,
    order_of,
    planning_options,
    show_outcome,
    targets_argument,
    writing_options,
)
from weft.cli.common import open_memory, progress, put, rendering_options, start_folder


@click.command(name="deploy")
@targets_argument
@click.option(
    "--force-conflicts", "force", is_flag=True, help="Take fields of other managers that weft.yaml does not decide."
)
@click.option("--unpin", is_flag=True, help="Deploy the sources again after a rollback.")
@click.option(
    "--from",
    "exported",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Deploy a folder that `weft history --export` wrote, instead of the sources.",
)
@click.option(
    "--roles",
    is_flag=True,
    help="Print the roles viewer, approver and deployer that the targets need, and deploy nothing.",
)
@writing_options
@context_option
@planning_options
@rendering_options
@click.pass_context
def command(
    ctx: click.Context,
    names: tuple[str, ...],
    force: bool,
    unpin: bool,
    exported: Path | None,
    roles: bool,
    yes: bool,
    reason: str,
    timeout: float | None,
    wait: float,
    context: str | None,
    allow_environment: tuple[str, ...],
    rebuild: bool,
    overrides: dict[str, str],
    from_env: bool,
) -> None:
    """Deploy the outputs with `apply: true`: plan, ask, then write only what differs, environments before their tenants.

    References to secrets are resolved in memory. If the server would refuse one object of a target, nothing of the target is written.
    """
    from weft.cluster import verbs
    from weft.cluster.plans import Options

    memory = open_memory(ctx, overrides, from_env)
    if roles:
        from weft.cluster.roles import documents

        put("".join(documents(verbs.roles(memory.open(), names, context=context))))
        return
    options = Options(server=True, resolve=True, allow_environment=allow_environment, rebuild=rebuild, force=force)
    with progress() as watch:
        project = memory.open() if exported else memory.opened_for(names, watch, whole=True)
        question = Question(project.folder, yes=yes, share=project.file.cluster.prune)
        outcomes = verbs.deploy(
            project,
            names,
            confirm=question,
            context=context,
            options=options,
            how=order_of(reason, timeout, wait, unpin=unpin),
            exported=start_folder(ctx) / exported if exported else None,
            told=show_outcome,
            watch=watch,
        )
    end(ctx, question, outcomes, project.folder)
