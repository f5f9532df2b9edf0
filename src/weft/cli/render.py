"""`weft render`."""

from __future__ import annotations

import os
import time
from collections.abc import Sized
from pathlib import Path
from typing import TYPE_CHECKING

import click

from weft.base.wording import counted
from weft.cli.common import complete_target, open_project, output_folder, progress, project_options

if TYPE_CHECKING:
    from weft.stages.write import Changes


@click.command(name="render")
@click.argument("globs", nargs=-1, metavar="[TARGET]...", shell_complete=complete_target)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="The folder for the files.  [default: build, in the project]",
)
@click.option("--check", is_flag=True, help="Write nothing; exit 1 if a file would change.")
@click.option(
    "--no-sync", is_flag=True, help="Do not wait for the disk. Faster, but a power failure may lose the files."
)
@click.option(
    "--wait",
    type=click.IntRange(min=0),
    default=0,
    metavar="SECONDS",
    help="Wait this long for another render into the same folder.  [default: 0]",
)
@project_options
@click.pass_context
def command(
    ctx: click.Context,
    globs: tuple[str, ...],
    output: Path | None,
    check: bool,
    no_sync: bool,
    wait: int,
    overrides: dict[str, str],
    from_env: bool,
) -> None:
    """Validate, then write every output of the targets.

    Nothing is written if there are errors. Unchanged files are not touched. Files that an earlier render
    wrote and that no target produces any more are removed. If a file cannot be written, all files are
    restored.
    """
    from weft.base.problems import Severity, WeftError, has_errors
    from weft.cli.report import show
    from weft.report.report import Report

    begun = time.perf_counter()
    project = open_project(ctx, overrides, from_env)
    targets = project.targets(*globs)
    with progress() as watch:
        rendered, problems = project.render(targets, watch)
    reported = [problem for problem in problems if problem.severity is not Severity.NOTE]  # `validate` shows notes
    if reported:
        show(Report(reported, project.folder))
    if has_errors(problems):
        click.echo("nothing was written", err=True)
        ctx.exit(1)
    folder = output_folder(ctx, output, project.folder / "build")
    try:
        changes = project.write(targets, rendered, folder, dry_run=check, sync=not no_sync, wait=wait)
    except WeftError as error:
        show(Report(error.problems, folder))
        ctx.exit(error.exit_code)
    if check:
        _show(changes)
    shown = folder if output else os.path.relpath(folder)
    what = f"{counted(len(targets), 'target')}, {counted(len(rendered), 'file')} in {shown}"
    click.echo(f"{what}: {_summary(changes, check)}, {time.perf_counter() - begun:.1f} s", err=True)
    ctx.exit(1 if check and changes else 0)


def _show(changes: Changes) -> None:
    for word, paths in (("create", changes.created), ("update", changes.updated), ("remove", changes.removed)):
        for path in paths:
            click.echo(f"{word} {path}")


def _count(things: Sized, name: str) -> str:
    return f"{len(things)} {name}{'' if len(things) == 1 else 's'}"


def _summary(changes: Changes, check: bool) -> str:
    written, removed = len(changes.created) + len(changes.updated), len(changes.removed)
    if check:
        return f"{written} would be written, {changes.kept} are up to date, {removed} would be removed"
    return f"{written} written, {changes.kept} unchanged, {removed} removed"
