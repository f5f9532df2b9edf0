"""`weft secrets`."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from weft.base.wording import counted, shortened
from weft.cli.common import complete_target, max_problems_option, open_project, project_options, put, start_folder
from weft.cli.report import formatted
from weft.report.formats import FORMATS
from weft.report.report import Report

if TYPE_CHECKING:
    from weft.base.problems import WeftError
    from weft.secret_files.resolving import Checked

_F = TypeVar("_F", bound=Callable[..., Any])
_CHECK_FORMATS: Final = ("text", "json")


@click.group(name="secrets")
def command() -> None:
    """Check references, keep encrypted files, find secrets in plain text."""


@command.command()
@click.argument("globs", nargs=-1, metavar="[TARGET]...", shell_complete=complete_target)
@click.option("--format", "format_", type=click.Choice(_CHECK_FORMATS), default="text", show_default=True)
@project_options
@click.pass_context
def check(ctx: click.Context, globs: tuple[str, ...], format_: str, overrides: dict[str, str], from_env: bool) -> None:
    """Resolve every reference of the targets and list the results; no secret is shown.

    Exit code 1 if any cannot be resolved.
    """
    from weft.cli.report import show
    from weft.files.formats import to_json
    from weft.report.json import as_json
    from weft.secret_files import resolving

    project = open_project(ctx, overrides, from_env)
    targets = project.targets(*globs)
    checked, unresolved = resolving.check(targets)
    wrong = [problem for target in targets for problem in target.problems()]
    report = Report((*wrong, *unresolved), project.folder)
    if format_ == "json":
        import json

        data = {"references": [one.as_dict() for one in checked], **json.loads(as_json(report))}
        click.echo(to_json(data))
    else:
        click.echo("".join(f"{_line(one)}\n" for one in checked), nl=False)
        show(report)
        failed = sum(one.reason is not None for one in checked)
        click.echo(f"{len(checked) - failed} of {len(checked)} references resolve", err=True)
    ctx.exit(1 if report.fails() else 0)


def _line(one: Checked) -> str:
    return f"{'ok    ' if one.reason is None else 'failed'}  {one.reference}  ({shortened(one.settings, 1)})"


@command.command()
@click.argument("paths", nargs=-1, metavar="[PATH]...", type=click.Path(path_type=Path))
@click.option("--since", metavar="COMMIT", help="Also scan what the commits after COMMIT added.")
@click.option("--history", is_flag=True, help="Also scan what every commit up to HEAD added.")
@click.option("--staged", is_flag=True, help="Scan only what the next commit would add; for a Git hook.")
@click.option("--write-baseline", is_flag=True, help="Accept the findings: write them to .weft-secrets-baseline.json.")
@click.option(
    "--schema-only",
    is_flag=True,
    help="Search only for values of settings that the schema marks as sensitive; needs no extra package.",
)
@click.option("--format", "format_", type=click.Choice(list(FORMATS)), default="text", show_default=True)
@max_problems_option
@click.pass_context
def scan(
    ctx: click.Context,
    paths: tuple[Path, ...],
    since: str | None,
    history: bool,
    staged: bool,
    write_baseline: bool,
    schema_only: bool,
    format_: str,
) -> None:
    """Find secrets in plain text in the files of the project, or in those at PATH. Exit code 1 if any are found.

    Scans every file that Git tracks or would add and, with --since or --history, what commits
    added. To allow a line that contains no secret, end it with the comment `pragma: allowlist secret`.
    """
    if (since is not None) + history + staged > 1:
        raise click.UsageError("--since, --history and --staged cannot be combined")
    if write_baseline and (paths or staged or schema_only):
        raise click.UsageError(
            "--write-baseline accepts the findings in all files: it cannot be combined with PATH, --staged or --schema-only"
        )
    from weft.secret_files import scan_report

    project = open_project(ctx)
    wanted = scan_report.Wanted(tuple(start_folder(ctx) / path for path in paths), since, history, staged, schema_only)
    if write_baseline:
        count = scan_report.write_baseline(project, wanted)
        click.echo(f"wrote {scan_report.BASELINE}, which accepts {counted(count, 'finding')}", err=True)
        return
    report = scan_report.report(project, wanted)
    _show_findings(report, format_)
    ctx.exit(1 if report.fails() else 0)


def _show_findings(report: Report, format_: str) -> None:
    click.echo(formatted(report, format_), nl=False)
    if not report and format_ == "text":
        click.echo("no secrets in plain text found", err=True)


def _file_argument(function: _F) -> _F:
    return click.argument("file", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False))(function)


def _recipient_option(function: _F) -> _F:
    return click.option(
        "--recipient",
        "given",
        multiple=True,
        metavar="KEY",
        help="A recipient that may decrypt it: an age or SSH public key; may be repeated.  [default: the lines of .weft-recipients]",
    )(function)


@command.command()
@_file_argument
@_recipient_option
@click.pass_context
def edit(ctx: click.Context, file: Path, given: tuple[str, ...]) -> None:
    """Edit an encrypted YAML or JSON FILE with $EDITOR, or create one. Unchanged content is not written."""
    from weft.base.problems import WeftError
    from weft.secret_files import age_files
    from weft.secret_files.private_folder import remove_left_behind

    left = remove_left_behind()
    if left:
        click.echo(f"removed what {counted(left, 'edit')} had left in plain text when killed", err=True)
    path = start_folder(ctx) / file
    recipients = age_files.recipients_for(path, given)
    before = age_files.read(path) if path.exists() else b""
    # refused text is kept: the editor opens it again
    text = before
    while True:
        try:
            text = age_files.edit(path, text, _editor())
            if text != before:
                age_files.write(path, text, recipients)
            break
        except age_files.Ended as end:
            ctx.exit(128 + end.number)
        except WeftError as error:
            if text == before or not _asks_again(error):
                raise
    click.echo(f"{'unchanged' if text == before else 'wrote'} {path}", err=True)


def _editor() -> list[str]:
    return shlex.split(os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi")


def _asks_again(error: WeftError) -> bool:
    """Ask whether to continue editing after a problem was shown."""
    from weft.cli.report import show

    if not sys.stdin.isatty():
        return False
    show(Report(error.problems))
    return click.confirm("Edit it again?", default=True, err=True)


@command.command()
@_file_argument
@_recipient_option
@click.option(
    "-o", "--output", type=click.Path(path_type=Path, dir_okay=False), help="The file to write.  [default: FILE.age]"
)
@click.option("--force", is_flag=True, help="Overwrite an existing file.")
@click.pass_context
def encrypt(ctx: click.Context, file: Path, given: tuple[str, ...], output: Path | None, force: bool) -> None:
    """Encrypt a YAML or JSON FILE with age. FILE itself is not removed; delete it yourself."""
    from weft.base.problems import Problem, UsageError
    from weft.secret_files import age_files

    source = start_folder(ctx) / file
    path = start_folder(ctx) / output if output else source.with_name(f"{source.name}.age")
    if path.exists() and not force:
        raise UsageError(
            Problem(
                "file-exists", f"{path} already exists", hint="use `--force` to overwrite it, or `edit` to change it"
            )
        )
    age_files.write(path, age_files.read_clear(source), age_files.recipients_for(path, given))
    click.echo(f"wrote {path}; {source} still contains the secrets in plain text", err=True)


@command.command()
@_file_argument
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False, allow_dash=True),
    help="The file to write; `-` is stdout, even if it is a pipe or a file.  [default: the terminal]",
)
@click.pass_context
def decrypt(ctx: click.Context, file: Path, output: Path | None) -> None:
    """Print the content of an encrypted FILE, or write it to a file. A file that Git tracks is never written.

    A shell empties the file of a redirection before Weft starts, and Weft cannot know the reader of a pipe,
    so both must be requested with `-o -`. `-o FILE` refuses a file that Git tracks without changing it.
    """
    from weft.secret_files import age_files

    path = start_folder(ctx) / output if output and str(output) != "-" else None
    redirected = None if path else _stdout_file()
    if redirected:
        age_files.refuse_tracked(redirected, redirected=True)
    if output is None and not sys.stdout.isatty():
        raise click.UsageError("stdout is not a terminal: use `-o FILE` to write a file, or `-o -` to write to stdout")
    clear = age_files.read(start_folder(ctx) / file)
    if path:
        age_files.write_clear(path, clear)
        click.echo(f"wrote {path}", err=True)
    else:
        put(clear)


def _stdout_file() -> Path | None:
    """The file to which the shell redirected stdout, if the system can determine it."""
    try:
        path = Path(f"/proc/self/fd/{sys.stdout.fileno()}").readlink()
    except (OSError, ValueError):
        return None
    return path if path.is_file() else None


@command.command()
@_file_argument
@_recipient_option
@click.pass_context
def rotate(ctx: click.Context, file: Path, given: tuple[str, ...]) -> None:
    """Re-encrypt FILE for the current recipients.

    Anyone who could read it before still knows its secrets, so rotate those as well.
    """
    from weft.secret_files import age_files

    path = start_folder(ctx) / file
    recipients = age_files.recipients_for(path, given)
    age_files.write(path, age_files.read(path), recipients)
    click.echo(f"wrote {path} for {counted(len(recipients), 'recipient')}", err=True)
