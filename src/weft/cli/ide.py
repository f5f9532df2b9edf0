"""`weft ide`."""

from __future__ import annotations

import click

from weft.cli.common import allowed_folders, start_folder

_EDITORS = ("vscode", "neovim", "helix", "zed", "jetbrains")


@click.command(name="ide")
@click.option(
    "--editor",
    "editors",
    multiple=True,
    type=click.Choice(_EDITORS),
    help="The editor to configure; may be repeated.  [default: editors with settings here, else vscode]",
)
@click.option("--check", is_flag=True, help="Write nothing; exit 1 if a settings file would change.")
@click.pass_context
def command(ctx: click.Context, editors: tuple[str, ...], check: bool) -> None:
    """Configure editors for this project: which schema applies to which files.

    Existing settings and their comments are preserved.
    """
    from weft.base.problems import has_errors
    from weft.cli.report import show
    from weft.derived.editors import settings_files
    from weft.files.reading import files_of, find_project
    from weft.project.projectfile import read_project_file
    from weft.report.report import Report

    file = read_project_file(files_of(find_project(start_folder(ctx)), allowed_folders(ctx)))
    changes, problems = settings_files.plan(file, dict.fromkeys(editors or settings_files.used(file.folder)))
    if not check:
        settings_files.write(file.folder, changes)
    for change in changes:
        click.echo(f"{'not up to date' if check else 'wrote'} {change.path}", err=True)
    if problems:
        show(Report(problems, file.folder))
    if has_errors(problems) or (check and changes):
        ctx.exit(1)
