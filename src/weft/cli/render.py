"""`weft render`."""

from __future__ import annotations

import time
from pathlib import Path

import click

from weft.cli.common import complete_target, open_project, project_options, start_folder


@click.command(name="render")
@click.argument("globs", nargs=-1, metavar="[TARGET]...", shell_complete=complete_target)
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), help="Where the files go.  [default: build, in the project]"
)
@click.option("--check", is_flag=True, help="Write nothing; exit 1 if a file would change.")
@project_options
@click.pass_context
def command(
    ctx: click.Context,
    globs: tuple[str, ...],
    output: Path | None,
    check: bool,
    overrides: dict[str, str],
    from_env: bool,
) -> None:
    """Validate, then write every output of the targets.

    Nothing is written while anything is wrong. Files that did not change are left alone, and files that
    an earlier render wrote and that no target has any more are removed.
    """
    from weft.cli.report import show
    from weft.problems import WeftError, has_errors

    begun = time.perf_counter()
    project = open_project(ctx, overrides, from_env)
    targets = project.targets(*globs)
    rendered, problems = project.render(targets)
    if problems:
        show(problems, project.folder)
    if has_errors(problems):
        click.echo("nothing was written", err=True)
        ctx.exit(1)
    folder = start_folder(ctx) / output if output else project.folder / "build"
    try:
        changes = project.write(targets, rendered, folder, dry_run=check)
    except WeftError as error:
        show(error.problems, folder)
        ctx.exit(error.exit_code)
    for word, paths in (("create", changes.created), ("update", changes.updated), ("remove", changes.removed)):
        for path in paths if check else ():
            click.echo(f"{word} {path}")
    written = len(changes.created) + len(changes.updated)
    done = (
        f"{len(targets)} target{'s' if len(targets) != 1 else ''}, {len(rendered)} files in {folder}: "
        f"{written} {'would change' if check else 'written'}, {changes.kept} unchanged, {len(changes.removed)} {'stale' if check else 'removed'}, "
        f"{time.perf_counter() - begun:.1f} s"
    )
    click.echo(done, err=True)
    ctx.exit(1 if check and changes else 0)
