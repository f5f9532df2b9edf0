"""`weft targets`."""

from __future__ import annotations

import json
from pathlib import Path

import click

from weft.cli.answers import remembers_its_answer
from weft.cli.common import complete_target, open_project, project_options, start_folder


@click.command(name="targets")
@click.argument("globs", nargs=-1, metavar="[TARGET]...", shell_complete=complete_target)
@click.option(
    "--affected-by",
    "files",
    multiple=True,
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="List only targets that read this overlay; may be repeated. A schema, a template or weft.yaml affects all.",
)
@click.option("--format", "format_", type=click.Choice(("text", "json")), default="text", show_default=True)
@project_options
@click.pass_context
@remembers_its_answer("files")
def command(
    ctx: click.Context,
    globs: tuple[str, ...],
    files: tuple[Path, ...],
    format_: str,
    overrides: dict[str, str],
    from_env: bool,
) -> None:
    """List the targets, one a line; as JSON with their dimensions and layers."""
    project = open_project(ctx, overrides, from_env)
    targets = project.targets(*globs)
    if files:
        from weft.project.impact import affected

        targets = affected(project, targets, [start_folder(ctx) / file for file in files])
    if format_ == "text":
        for target in targets:
            click.echo(target.name)
        return
    rows = [
        {
            "name": target.name,
            "values": dict(target.resolution.values),
            "layers": [layer.name for layer in target.resolution.layers],
        }
        for target in targets
    ]
    click.echo(json.dumps(rows, indent=2))
