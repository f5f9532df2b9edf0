"""What the commands share: opening the project, and completing targets and settings in the shell."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
from click.shell_completion import CompletionItem

if TYPE_CHECKING:
    from weft.project.project import Project
    from weft.project.target import Target

_F = TypeVar("_F", bound=Callable[..., Any])


def project_options(function: _F) -> _F:
    """`--set` and `--from-env`, for every command that reads configurations."""
    function = click.option(
        "--from-env",
        is_flag=True,
        help="Take the settings' environment variables (x-env) as a layer above all overlays.",
    )(function)
    return click.option(
        "--set",
        "overrides",
        multiple=True,
        metavar="PATH=VALUE",
        callback=_overrides,
        shell_complete=complete_setting,
        help="Set one setting above everything else; may be repeated.",
    )(function)


def policy_option(help_: str) -> Callable[[_F], _F]:
    """`--policy NAME`, which may be repeated."""
    return click.option(
        "--policy", "policies", multiple=True, metavar="NAME", shell_complete=complete_policy, help=help_
    )


def open_project(ctx: click.Context, overrides: dict[str, str] | None = None, from_env: bool = False) -> Project:
    """The project of the folder that `-C` names, with the layers of the options."""
    from weft.project.project import load_project

    return load_project(ctx.find_root().obj, overrides=overrides, environment=os.environ if from_env else None)


def report(targets: Sequence[Target]) -> int:
    """Show what is wrong with the targets that a command prints; the exit code that follows."""
    from weft.cli.report import show
    from weft.report.report import Report

    found = Report([problem for target in targets for problem in target.problems()], targets[0].schemas.folder)
    if found:
        show(found)
    return 1 if found.fails() else 0


def start_folder(ctx: click.Context) -> Path:
    """The folder that the command was started in, or that `-C` names."""
    folder: Path = ctx.find_root().obj
    return folder


def output_folder(ctx: click.Context, output: Path | None, otherwise: Path) -> Path:
    """The folder of an `--output` option, or the usual one without it."""
    return start_folder(ctx) / output if output else otherwise


def complete_target(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The targets that begin with what was typed."""
    project = _quietly_open(ctx)
    if project is None:
        return []
    return [CompletionItem(target.name) for target in project.targets() if target.name.startswith(incomplete)]


def complete_policy(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The rule packs that begin with what was typed."""
    from weft.lint.policies.packs import ALL, files

    project = _quietly_open(ctx)
    names = [*files(project), ALL] if project else []
    return [CompletionItem(name) for name in names if name.startswith(incomplete)]


def complete_setting(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The settings below what was typed so far, a step at a time."""
    project = _quietly_open(ctx)
    if project is None:
        return []
    before, dot, _ = incomplete.rpartition(".")
    node = project.catalog.root.at(before.split(".")) if dot else project.catalog.root
    names = (f"{before}{dot}{name}" for name in node.properties)
    return [
        CompletionItem(name, help=node.child(name.rpartition(".")[2]).keyword("title"))
        for name in names
        if name.startswith(incomplete)
    ]


def _quietly_open(ctx: click.Context) -> Project | None:
    from weft.base.problems import WeftError

    root = ctx.find_root()
    root.obj = root.obj or root.params.get("folder") or Path()
    try:
        return open_project(ctx)
    except WeftError:
        return None  # completion has nowhere to report to


def _overrides(ctx: click.Context, param: click.Parameter, values: tuple[str, ...]) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for text in values:
        path, equals, value = text.partition("=")
        if not equals or not path:
            raise click.BadParameter("expected PATH=VALUE, as in app.replicas=3", ctx, param)
        pairs.pop(path, None)  # the last word comes last
        pairs[path] = value
    return pairs
