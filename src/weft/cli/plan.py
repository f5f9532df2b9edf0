"""`weft plan`."""

from __future__ import annotations

import click

from weft.cli.clusters import code_of, context_option, planning_options, show_plan, show_problems, targets_argument
from weft.cli.common import open_memory, progress, rendering_options


@click.command(name="plan")
@targets_argument
@click.option(
    "--server", is_flag=True, help="Let the API server try every object, which needs the right to patch them."
)
@click.option("--check", is_flag=True, help="Exit 1 if a deploy would change anything.")
@click.option("--format", "format_", type=click.Choice(("text", "json", "markdown")), default="text", show_default=True)
@context_option
@planning_options
@rendering_options
@click.pass_context
def command(
    ctx: click.Context,
    names: tuple[str, ...],
    server: bool,
    check: bool,
    format_: str,
    context: str | None,
    allow_environment: tuple[str, ...],
    rebuild: bool,
    overrides: dict[str, str],
    from_env: bool,
) -> None:
    """Show what a deploy would change in the clusters of the targets; nothing is written, and no reference is resolved.

    Exit 0 if it can be deployed, 1 if something would be refused, 3 if a cluster cannot be asked.
    """
    from weft.cluster.connections import Connections
    from weft.cluster.planning import plan
    from weft.cluster.plans import Options

    options = Options(server=server, allow_environment=allow_environment, rebuild=rebuild, heeds_pins=True)
    with progress() as watch:
        project = open_memory(ctx, overrides, from_env).opened_for(names, watch)
        with Connections(project, context, current=True) as connections:
            made = plan(project, project.targets(*names), connections, options, watch=watch)
    show_plan(made, format_)
    show_problems(made.problems, project.folder)
    ctx.exit(code_of(made.problems) or (1 if check and made.alters else 0))
