"""`weft config`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import click

from weft.cli.answers import remembers_its_answer
from weft.cli.clusters import context_option
from weft.cli.common import complete_setting, complete_target, open_project, open_target, project_options, put, report

if TYPE_CHECKING:
    from weft.base.paths import Path
    from weft.project.project import Project
    from weft.project.target import Target
    from weft.schema.envvars import Variable
    from weft.schema.node import Node

_DATA: Final = ("yaml", "json")
_VARIABLES: Final = ("env", "export")


@click.command(name="config")
@click.argument("name", metavar="TARGET", shell_complete=complete_target)
@click.argument("path", required=False, metavar="[PATH]", shell_complete=complete_setting)
@click.option(
    "--format",
    "format_",
    type=click.Choice((*_DATA, *_VARIABLES, "properties")),
    default="yaml",
    show_default=True,
    help="env: a .env file. export: shell statements. properties: Java properties.",
)
@click.option("--reveal", is_flag=True, help="Resolve references and print the secrets, for use on this machine.")
@click.option(
    "--revision",
    type=click.IntRange(min=1),
    metavar="N",
    help="Print the configuration that revision N deployed, from the cluster.",
)
@context_option
@project_options
@click.pass_context
@remembers_its_answer("reveal", "revision")
def command(
    ctx: click.Context,
    name: str,
    path: str | None,
    format_: str,
    reveal: bool,
    revision: int | None,
    context: str | None,
    overrides: dict[str, str],
    from_env: bool,
) -> None:
    """Print the merged configuration of a target, or the part of it at PATH.

    Sensitive settings appear as references in yaml and json, and are omitted in the other formats. A target
    with problems is still printed; the problems are reported on stderr, and the exit code is 1.

    With --reveal, references are resolved in memory and the secrets are printed, in every format. A target with
    problems, or with a reference that cannot be resolved, is then not printed.
    """
    from weft.base import paths
    from weft.base.problems import Problem, UsageError

    project = open_project(ctx, overrides, from_env)
    target = open_target(project, name, path)
    if revision is not None:
        if reveal:
            raise click.UsageError("a revision holds references, and no secrets that --reveal could show", ctx)
        _print_revision(project, target, revision, path, format_, context)
        return
    code = report([target])
    where = target.find(path) if path else ()
    if not paths.has(target.shared_config, where):
        raise UsageError(Problem("unknown-path", f"{target.name} has no value and no default at {paths.dotted(where)}"))
    node = project.catalog.root.at(where)
    if not reveal:
        _print(format_, node, target.mask(node, paths.get(target.shared_config, where)), where)
    elif not code:
        from weft.secret_files.resolving import reveal as revealed

        value = revealed(target, where)
        click.echo(
            "note: this prints secrets in plain text: use it on this machine only, not for files and logs", err=True
        )
        _print(format_, node, value, where, reveal=True)
    ctx.exit(code)


def _print_revision(
    project: Project, target: Target, number: int, path: str | None, format_: str, context: str | None
) -> None:
    """Print the configuration that a revision deployed, or a part of it."""
    from weft.base import paths
    from weft.base.problems import Problem, UsageError
    from weft.cluster import verbs

    config = verbs.content(project, target.name, number, context=context)[1].config
    where = target.find(path) if path else ()
    if not paths.has(config, where):
        raise UsageError(
            Problem("unknown-path", f"revision {number} of {target.name} has no value at {paths.dotted(where)}")
        )
    _print(format_, project.catalog.root.at(where), paths.get(config, where), where)


def _print(format_: str, node: Node, value: Any, where: Path, *, reveal: bool = False) -> None:
    from weft.files import formats

    if format_ in _DATA:
        put(formats.DATA_FORMATS[format_](value))
    elif format_ == "properties":
        _print_properties(node, value, where, reveal=reveal)
    else:
        _print_variables(format_, node, value, where, reveal=reveal)


def _print_properties(node: Node, value: Any, where: Path, *, reveal: bool) -> None:
    from weft.files import formats
    from weft.schema import envvars
    from weft.secrets.taint import public

    if node.hidden and not reveal:
        return
    leaves = formats.flatten(value if reveal else public(node, value), where)
    texts = ((key, envvars.to_text(leaf)) for key, leaf in leaves if leaf is not None)
    put(formats.properties_lines(texts))


def _print_variables(format_: str, node: Node, value: Any, where: Path, *, reveal: bool) -> None:
    from weft.files import formats
    from weft.schema import envvars

    variables = list(envvars.variables(node, value, where))
    write: Callable[[Iterable[tuple[str, str]]], str] = formats.env_lines if format_ == "env" else formats.export_lines
    if reveal:
        variables = [replace(variable, sensitive=False) for variable in variables]
    shown = [variable for variable in variables if not variable.sensitive and formats.is_shell_name(variable.name)]
    put(write({(variable.name, variable.text): None for variable in shown}))
    misread = _misread(shown) if format_ == "env" else ()
    for note in (*_left_out(variables), *misread):
        click.echo(f"note: {note}", err=True)


def _left_out(variables: list[Variable]) -> Iterator[str]:
    """Notes for the reader of the variables about missing ones."""
    from weft.files.formats import is_shell_name

    hidden = sum(variable.sensitive for variable in variables)
    if hidden:
        what = "1 sensitive setting is" if hidden == 1 else f"{hidden} sensitive settings are"
        yield f"{what} left out, because a program would use the reference as the value"
    odd = [variable.name for variable in variables if not variable.sensitive and not is_shell_name(variable.name)]
    if odd:
        yield f"left out, because these are not valid names of shell variables: {', '.join(odd)}"
    if not variables:
        yield "none of these settings has an environment variable (`x-env` in the schema)"


def _misread(shown: list[Variable]) -> Iterator[str]:
    """The values that some readers of `.env` files read differently."""
    from weft.files.formats import misread_by

    readers: dict[str, list[str]] = {}
    for variable in shown:
        for reader in misread_by(variable.text):
            readers.setdefault(reader, []).append(variable.name)
    for reader, names in readers.items():
        yield f"a shell and docker compose read every value correctly, {reader} does not: {', '.join(dict.fromkeys(names))}"
