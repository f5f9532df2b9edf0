"""`weft init`."""

from __future__ import annotations

import os
import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

from weft.cli.common import start_folder

if TYPE_CHECKING:
    from weft.base.problems import Problem


@click.command(name="init")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--name", help="The project's name.  [default: the folder's]")
@click.option("--schema", type=click.Path(path_type=Path), help="Start from this JSON Schema, as the only domain.")
@click.option(
    "--chart", type=click.Path(path_type=Path), help="Start from a Helm chart: its values.yaml and values.schema.json."
)
@click.pass_context
def command(ctx: click.Context, folder: Path, name: str | None, schema: Path | None, chart: Path | None) -> None:
    """Start a new project in DIR, which must be empty or not exist yet."""
    from weft.api import new_projects
    from weft.cli.report import show
    from weft.report.report import Report

    if name and not re.fullmatch(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?", name):
        raise click.BadParameter(
            "it becomes part of object names: use lower-case letters, digits and `-`", ctx, param_hint="--name"
        )
    if schema and chart:
        raise click.UsageError("--schema and --chart cannot be combined", ctx)
    place = start_folder(ctx) / folder
    title = name or re.sub(r"[^a-z0-9-]+", "-", place.resolve().name.lower()).strip("-") or "project"
    warnings: tuple[Problem, ...] = ()
    if chart:
        from weft.api.charts import importing

        imported = importing.from_chart(title, start_folder(ctx) / chart)
        files, warnings = imported.files, imported.warnings
    elif schema:
        files = new_projects.from_schema(title, start_folder(ctx) / schema)
    else:
        files = new_projects.from_nothing(title)
    count = new_projects.new_project(place, files)
    show(Report(warnings, place))
    click.echo(
        f"wrote {count} files into {folder}; next: weft -C {shlex.quote(os.path.relpath(place))} render", err=True
    )
