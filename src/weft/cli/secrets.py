"""`weft secrets`."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from weft.base.wording import shortened
from weft.cli.common import complete_target, max_problems_option, open_project, project_options, start_folder
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
    """Check references, keep encrypted files, find secrets in clear."""


@command.command()
@click.argument("globs", nargs=-1, metavar="[TARGET]...", shell_complete=complete_target)
@click.option("--format", "format_", type=click.Choice(_CHECK_FORMATS), default="text", show_default=True)
@project_options
@click.pass_context
def check(ctx: click.Context, globs: tuple[str, ...], format_: str, overrides: dict[str, str], from_env: bool) -> None:
    """Try every reference of the targets, and say which resolve; no secret is shown.

    Exit code 1 when any does not.
    """
    from weft.cli.report import show
    from weft.files.formats import to_json
    from weft.report.json import as_json
    from weft.secret_files import resolving

    project = open_project(ctx, overrides, from_env)
    targets = project.targets(*globs)
    checked, unresolved = resolving.check(targets)
    report = Report((*project.problems(targets), *unresolved), project.folder)
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
@click.option("--schema-only", is_flag=True, help="Look only for what the schema knows; needs no further package.")
@click.option("--format", "format_", type=click.Choice(list(FORMATS)), default="text", show_default=True)
@max_problems_option
@click.pass_context
def scan(ctx: click.Context, paths: tuple[Path, ...], schema_only: bool, format_: str) -> None:
    """Find secrets in clear in the files of the project, or in those at PATH. Exit code 1 when there are any.

    Read are the files that git tracks or would take. A line that is no secret is allowed by a comment
    at its end, `pragma: allowlist secret`.
    """
    from weft.secret_files import scanning

    project = open_project(ctx)
    folder = start_folder(ctx)
    report = Report(scanning.scan(project, [folder / path for path in paths], schema_only=schema_only), project.folder)
    click.echo(formatted(report, format_), nl=False)
    if not report and format_ == "text":
        click.echo("no secret in clear was found", err=True)
    ctx.exit(1 if report.fails() else 0)


def _file_argument(function: _F) -> _F:
    return click.argument("file", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False))(function)


def _recipient_option(function: _F) -> _F:
    return click.option(
        "--recipient",
        "given",
        multiple=True,
        metavar="KEY",
        help="Who may read it: an age or SSH public key; may be repeated.  [default: the lines of .weft-recipients]",
    )(function)


@command.command()
@_file_argument
@_recipient_option
@click.pass_context
def edit(ctx: click.Context, file: Path, given: tuple[str, ...]) -> None:
    """Edit an encrypted FILE of YAML or JSON with $EDITOR, or begin one. What is not changed is not written."""
    from weft.base.problems import WeftError
    from weft.secret_files import age_files

    path = start_folder(ctx) / file
    recipients = age_files.recipients_for(path, given)
    before = age_files.read(path) if path.exists() else b""
    # what was typed is kept when it is refused: the editor opens it again
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
    """Whether a person who sees what is wrong wants to go on editing."""
    from weft.cli.report import show

    if not sys.stdin.isatty():
        return False
    show(Report(error.problems))
    return click.confirm("Edit it again?", default=True, err=True)


@command.command()
@_file_argument
@_recipient_option
@click.option(
    "-o", "--output", type=click.Path(path_type=Path, dir_okay=False), help="Where it goes.  [default: FILE.age]"
)
@click.option("--force", is_flag=True, help="Write over a file that is there.")
@click.pass_context
def encrypt(ctx: click.Context, file: Path, given: tuple[str, ...], output: Path | None, force: bool) -> None:
    """Encrypt a FILE of YAML or JSON with age. FILE itself stays, and is yours to remove."""
    from weft.base.problems import Problem, UsageError
    from weft.secret_files import age_files

    source = start_folder(ctx) / file
    path = start_folder(ctx) / output if output else source.with_name(f"{source.name}.age")
    if path.exists() and not force:
        raise UsageError(Problem("file-exists", f"{path} is there", hint="`--force` writes over it; `edit` changes it"))
    age_files.write(path, age_files.read_clear(source), age_files.recipients_for(path, given))
    click.echo(f"wrote {path}; {source} still holds the secrets in clear", err=True)


@command.command()
@_file_argument
@click.option(
    "-o", "--output", type=click.Path(path_type=Path, dir_okay=False), help="Where it goes.  [default: stdout]"
)
@click.pass_context
def decrypt(ctx: click.Context, file: Path, output: Path | None) -> None:
    """Print what an encrypted FILE holds. A file that git tracks is never written, also not by redirection."""
    from weft.secret_files import age_files

    clear = age_files.read(start_folder(ctx) / file)
    if output:
        age_files.write_clear(start_folder(ctx) / output, clear)
        click.echo(f"wrote {start_folder(ctx) / output}", err=True)
        return
    redirected = _stdout_file()
    if redirected:
        age_files.refuse_tracked(redirected)
    click.echo(clear, nl=False)


def _stdout_file() -> Path | None:
    """The file that a shell has redirected our stdout to, where the system tells."""
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
    """Encrypt an encrypted FILE anew, for the recipients of now. Who could read it knows its secrets: change them too."""
    from weft.secret_files import age_files

    path = start_folder(ctx) / file
    recipients = age_files.recipients_for(path, given)
    age_files.write(path, age_files.read(path), recipients)
    click.echo(f"wrote {path} for {len(recipients)} recipient{'s' if len(recipients) > 1 else ''}", err=True)
