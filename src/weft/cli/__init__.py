"""The `weft` command: one module a command, imported only when it is needed.

A command is a function `command` in the module of the same name, and an entry of `_COMMANDS`. It parses its options, calls the
package that does the work, and prints the result; it contains no logic. The exit status is 0 for success, 1 for problems of the
project, 2 for a usage error, and 3 if the environment prevents the work.

`weft --help` must stay fast, so heavy imports are inside the functions. `common` opens the project and completes names in the
shell; `report` shows problems.

May import: every package.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module
from io import TextIOWrapper
from pathlib import Path
from typing import Any, Final

import click

from weft.cli.common import allow_read_option
from weft.version import __version__

_COMMANDS: Final = {
    "agent": "Keep the files of a running program up to date.",
    "cache": "Look at the results of earlier runs, or remove them.",
    "config": "Print the merged configuration of a target.",
    "deploy": "Deploy targets to their clusters.",
    "diff": "Show the settings that differ between targets or revisions.",
    "drift": "Show how clusters differ from what was deployed.",
    "explain": "Show where a value comes from and where it goes.",
    "history": "Show the revisions of a target in its cluster.",
    "ide": "Configure editors: which schema applies to which files.",
    "init": "Start a new project.",
    "new": "Add an environment, a tenant, a setting, a rule or an output.",
    "plan": "Show what a deploy would change.",
    "policy": "Check targets against rule packs such as PCI DSS.",
    "render": "Validate, then write every output.",
    "rollback": "Deploy an earlier revision again.",
    "rollout": "Deploy many targets in steps, with gates.",
    "schema": "Derive editor schemas, pages, types and CRDs.",
    "secrets": "Check references, edit encrypted files, scan for secrets.",
    "targets": "List the targets.",
    "validate": "Report every problem of the targets.",
}
"""The commands with a sentence each, kept here so that `weft --help` does not import them all."""


class _Group(click.Group):
    """The commands of the folder, each named after its module."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        command: click.Command = import_module(f"weft.cli.{cmd_name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            from weft.base.problems import did_you_mean

            if args[0] in _COMMANDS or args[0].startswith("-"):
                raise click.UsageError(error.message, ctx) from None
            hint = did_you_mean(args[0], _COMMANDS)
            suggestion = f" {hint[0].upper()}{hint[1:]}" if hint else ""
            raise click.UsageError(f"No such command {args[0]!r}.{suggestion}", ctx) from None


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="weft")
@click.option(
    "-C",
    "folder",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    default=".",
    metavar="DIR",
    help="Run as if started in DIR.",
)
@allow_read_option
@click.pass_context
def cli(ctx: click.Context, folder: Path) -> None:
    """Schema-first configuration: layers of YAML in, validated manifests out.

    A target is ENVIRONMENT or ENVIRONMENT/TENANT; globs work ('production/*', '**/acme'),
    without one, a command uses all targets.
    """
    ctx.obj = folder
    if os.environ.get("NO_COLOR"):
        ctx.color = False


def main() -> None:
    """Run the command line and return an exit status: 0 success, 1 problems, 2 usage, 3 environment."""
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # as stderr: a name may contain bytes that are not UTF-8
    try:
        code = cli.main(prog_name="weft", standalone_mode=False)
        sys.stdout.flush()
        sys.exit(code)
    except click.exceptions.Exit as stop:
        sys.exit(stop.exit_code)
    except click.ClickException as error:
        _better(error).show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted", err=True)
        sys.exit(130)
    except BrokenPipeError:
        # the reader of the output is closed; keep the interpreter from reporting that when it flushes
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except Exception as error:  # noqa: BLE001 - the one place that ends the program politely
        sys.exit(_end(error))


def _better(error: click.ClickException) -> click.ClickException:
    """The same usage error with a better message, if click's is not good."""
    if isinstance(error, click.NoSuchOption) and error.option_name == "-C" and error.ctx:
        return click.UsageError(f"-C comes before the command: weft -C DIR {error.ctx.info_name}", error.ctx)
    return error


def _end(error: Exception) -> int:
    from weft.base.problems import WeftError, reason_of

    if isinstance(error, WeftError):
        from weft.cli.report import show
        from weft.report.report import Report

        show(Report(error.problems, error.folder))
        return error.exit_code
    if isinstance(error, OSError):
        click.echo(f"weft: {error.filename or 'output'}: {reason_of(error)}", err=True)
        return 3
    if os.environ.get("WEFT_TRACEBACK"):
        raise error
    click.echo(
        f"weft: internal error: {type(error).__name__}{_origin(error)}: this is a bug in Weft, or in a check or provider of another package; "
        "please report it (WEFT_TRACEBACK=1 shows how it happened)",
        err=True,
    )
    return 3


def _origin(error: Exception) -> str:
    """The module and the line that raised an error: names of code, never a value."""
    import traceback

    frames = list(traceback.walk_tb(error.__traceback__))
    return f" in {frames[-1][0].f_globals.get('__name__', '?')}, line {frames[-1][1]}" if frames else ""
