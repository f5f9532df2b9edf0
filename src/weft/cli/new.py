"""`weft new`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click
from click.shell_completion import CompletionItem

from weft.cli.common import complete_setting, open_project, quietly_open, started_in

if TYPE_CHECKING:
    from weft.api.parts.plan import Plan
    from weft.project.project import Project

_F = TypeVar("_F", bound=Callable[..., Any])
_TYPES = ("string", "integer", "number", "boolean", "array", "object")


class _Parts(click.Group):
    """The parts that every project has, and the dimensions of this project by name."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*sorted(self.commands), *(name for name in _dimensions(ctx) if name not in self.commands)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in self.commands:
            return self.commands[cmd_name]
        return of_dimension(cmd_name) if cmd_name in _dimensions(ctx) else None

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            from weft.base.problems import choices, did_you_mean
            from weft.files.reading import files_of, find_project
            from weft.project.projectfile import read_project_file

            if args[0].startswith("-"):
                raise
            read_project_file(
                files_of(find_project(started_in(ctx)))
            )  # whose problems may be the reason why the dimension is unknown
            known = self.list_commands(ctx)
            dimensions = [name for name in known if name not in self.commands]
            of_weft_yaml = f", or a dimension of weft.yaml: {choices(dimensions)}" if dimensions else ""
            hint = did_you_mean(args[0], known) or f"choose from {choices(sorted(self.commands))}{of_weft_yaml}"
            raise click.UsageError(f"{error.message} {hint[0].upper()}{hint[1:]}", ctx) from None


@click.group(name="new", cls=_Parts)
def command() -> None:
    """Add a part to the project: a value of a dimension, a domain, a setting, a rule or an output.

    `weft new environment NAME` adds a value to the dimension `environment`, and so on for each dimension of the project. A diff shows
    the changes first. Existing files are never overwritten, and nothing is written if the project would have new errors.
    """


def _plan_options(function: _F) -> _F:
    """The options of every part."""
    return click.option("--dry-run", is_flag=True, help="Show what would be done, and write nothing.")(function)


def _complete_value(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The values of the dimension that the command line names."""
    project = quietly_open(ctx)
    name = ctx.params.get("dimension") or ctx.info_name or ""
    values = project.dimensions.values.get(name, ()) if project else ()
    return [CompletionItem(value) for value in values if value.startswith(incomplete)]


def _complete_dimension(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The dimensions of the project."""
    return [CompletionItem(name) for name in _dimensions(ctx) if name.startswith(incomplete)]


def _complete_scope(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The dimensions that identify targets."""
    project = quietly_open(ctx)
    names = [dimension.name for dimension in project.dimensions.named] if project else []
    return [CompletionItem(name) for name in names if name.startswith(incomplete)]


def _like(function: _F) -> _F:
    return click.option(
        "--like",
        metavar="VALUE",
        shell_complete=_complete_value,
        help="The value whose overlays are copied.  [default: one with a similar name, else the last; for files, the smallest]",
    )(function)


def of_dimension(name: str) -> click.Command:
    """The command for a value of one dimension."""

    @click.command(name=name, help=f"Add a value to the dimension `{name}`.")
    @click.argument("value", metavar="NAME")
    @_like
    @_plan_options
    @click.pass_context
    def _add(ctx: click.Context, value: str, like: str | None, dry_run: bool) -> None:
        _add_value(ctx, name, value, like, dry_run)

    return _add


@command.command(name="value")
@click.argument("dimension", shell_complete=_complete_dimension)
@click.argument("name")
@_like
@_plan_options
@click.pass_context
def value_(ctx: click.Context, dimension: str, name: str, like: str | None, dry_run: bool) -> None:
    """Add a value to a dimension that has the name of another part, such as `rule`."""
    _add_value(ctx, dimension, name, like, dry_run)


def _add_value(ctx: click.Context, dimension: str, name: str, like: str | None, dry_run: bool) -> None:
    from weft.api.parts.values import new_value

    project = open_project(ctx)
    _carry_out(ctx, project, new_value(project, dimension, name, like), dry_run)


@command.command()
@click.argument("name")
@click.option("--description", help="What its settings are about.")
@_plan_options
@click.pass_context
def domain(ctx: click.Context, name: str, description: str | None, dry_run: bool) -> None:
    """Add a domain: its schema, and the property of the root schema that refers to it."""
    from weft.api.parts.settings import new_domain

    project = open_project(ctx)
    _carry_out(ctx, project, new_domain(project, name, description), dry_run)


@command.command()
@click.argument("path", metavar="PATH", shell_complete=complete_setting)
@click.option(
    "--type", type=click.Choice(_TYPES), default="string", show_default=True, help="`object` is a group of settings."
)
@click.option("--default", metavar="VALUE", help="The value if no overlay sets it.")
@click.option("--value", metavar="VALUE", help="The value that the lowest layer of all targets sets.")
@click.option("--allow", "allowed", metavar="VALUE", multiple=True, help="An allowed value; may be repeated.")
@click.option("--env", metavar="NAME", help="Its environment variable (x-env).")
@click.option("--description", help="What it is for.")
@click.option("--unit", help="Seconds, bytes, percent (x-unit).")
@click.option("--sensitive", is_flag=True, help="The setting is a secret: overlays contain a reference to it.")
@click.option("--required", is_flag=True, help="The setting must be set if its group is.")
@_plan_options
@click.pass_context
def setting(ctx: click.Context, /, path: str, dry_run: bool, **about: Any) -> None:
    """Add a setting at PATH, such as `database.pool.size`, to the schema of its group."""
    from weft.api.parts.settings import Setting, new_setting

    project = open_project(ctx)
    _carry_out(ctx, project, new_setting(project, path, Setting(**about)), dry_run)


@command.command()
@click.argument("rule", metavar="EXPRESSION")
@click.option(
    "--at",
    metavar="PATH",
    default="",
    shell_complete=complete_setting,
    help="The path of the settings that `self` refers to.  [default: all]",
)
@click.option("--message", required=True, help="The message if the rule fails: what is wrong, and what to do.")
@click.option("--field", metavar="PATH", help="The setting to report, such as `.pool.size`.")
@_plan_options
@click.pass_context
def rule(ctx: click.Context, rule: str, at: str, message: str, field: str | None, dry_run: bool) -> None:
    """Add a rule in CEL, such as `self.min <= self.max`, to the schema at a path."""
    from weft.api.parts.settings import new_rule

    project = open_project(ctx)
    _carry_out(ctx, project, new_rule(project, rule, message, at, field), dry_run)


@command.command()
@click.argument("path", metavar="PATH")
@click.option(
    "--template",
    metavar="FILE",
    help="The template, relative to the folder of templates.  [default: the name of PATH with .j2]",
)
@click.option(
    "--scope",
    metavar="DIMENSION",
    shell_complete=_complete_scope,
    help="Write the output once for each value of this dimension.",
)
@click.option("--when", metavar="EXPRESSION", help="A condition in CEL; if it is false, the output is left out.")
@click.option("--check", metavar="NAME", help="The check that reads the finished output.")
@_plan_options
@click.pass_context
def output(ctx: click.Context, /, path: str, template: str | None, dry_run: bool, **options: str | None) -> None:
    """Add an output: a template and its entry in weft.yaml. The suffix of PATH determines the kind.

    `.yaml` is a ConfigMap, `.env` and `.sh` are variables, `.json` is the configuration. A PATH without `{dimension}` is written
    into a folder for each target.
    """
    from weft.api.parts.outputs import new_output

    project = open_project(ctx)
    entry = {name: value for name, value in options.items() if value is not None}
    _carry_out(ctx, project, new_output(project, path, entry, template), dry_run)


def _carry_out(ctx: click.Context, project: Project, plan: Plan, dry_run: bool) -> None:
    """Show a plan, try it, and write it if it causes no new errors."""
    from weft.api.parts.trial import tried
    from weft.base.wording import counted
    from weft.cli.report import show
    from weft.report.report import Report

    with tried(project, plan) as trial:
        for change in plan.changes:
            click.echo(change.headline())
            for line in change.diff(project):
                click.echo(line)
        for note in plan.notes:
            click.echo(f"note: {note}", err=True)
        report = Report(trial.problems, trial.folder)
        show(report)
        if report.fails():
            click.echo("nothing was written: the project would have the errors above", err=True)
            ctx.exit(1)
        if trial.before:
            click.echo(f"the project already had {counted(trial.before, 'error')}: run `weft validate`", err=True)
    if dry_run:
        click.echo("nothing was written: this was a dry run", err=True)
        return
    if not plan.changes:
        click.echo("no change is needed: the dimension accepts any value", err=True)
        return
    plan.write()
    click.echo(f"wrote {counted(len(plan.changes), 'file')}; next: weft validate", err=True)


def _dimensions(ctx: click.Context) -> list[str]:
    """The dimensions of the project; empty if weft.yaml cannot be read, which the command itself reports."""
    from weft.base.problems import WeftError
    from weft.files.reading import files_of, find_project
    from weft.project.projectfile import read_project_file

    try:
        return [dimension.name for dimension in read_project_file(files_of(find_project(started_in(ctx)))).dimensions]
    except (WeftError, OSError):
        return []
