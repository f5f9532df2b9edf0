"""`weft init`."""

from __future__ import annotations

import re
from pathlib import Path

import click

from weft.cli.common import start_folder


@click.command(name="init")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--name", help="The project's name.  [default: the folder's]")
@click.option(
    "--schema",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Start from this JSON Schema, as the only domain.",
)
@click.option(
    "--chart",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Start from a Helm chart: its values.yaml and values.schema.json.",
)
@click.pass_context
def command(ctx: click.Context, folder: Path, name: str | None, schema: Path | None, chart: Path | None) -> None:
    """Start a new project in DIR, which must be empty or not exist yet."""
    from weft import scaffold

    if schema and chart:
        raise click.UsageError("--schema and --chart exclude each other", ctx)
    place = start_folder(ctx) / folder
    title = name or re.sub(r"[^a-z0-9-]+", "-", place.resolve().name.lower()).strip("-") or "project"
    if chart:
        files = scaffold.from_chart(title, chart)
    elif schema:
        files = scaffold.from_schema(title, schema)
    else:
        files = scaffold.from_nothing(title)
    count = scaffold.new_project(place, files)
    click.echo(f"wrote {count} files into {folder}; next: weft -C {folder} render", err=True)
