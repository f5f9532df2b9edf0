"""What the commands share: opening the project, showing progress, and completing targets and settings in the shell."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click
from click.shell_completion import CompletionItem

if TYPE_CHECKING:
    from weft.base.watching import Watch
    from weft.project.project import Project
    from weft.project.target import Target

_F = TypeVar("_F", bound=Callable[..., Any])
_ALLOWED: Final = "weft.allow_read"


def allow_read_option(function: _F) -> _F:
    """`--allow-read DIR`, which may be repeated, both before and after the command."""
    return click.option(
        "--allow-read",
        multiple=True,
        type=click.Path(path_type=Path),
        metavar="DIR",
        expose_value=False,
        callback=_allow_read,
        help="Allow files of the project to refer to this folder outside of it; may be repeated.  [env: WEFT_ALLOW_READ]",
    )(function)


def _allow_read(ctx: click.Context, param: click.Parameter, folders: tuple[Path, ...]) -> None:
    ctx.meta.setdefault(_ALLOWED, []).extend(folders)


def allowed_folders(ctx: click.Context) -> list[Path]:
    """The folders of `--allow-read`."""
    folders = [start_folder(ctx) / folder for folder in ctx.meta.get(_ALLOWED, ())]
    for folder in folders:
        if not folder.is_dir():
            raise click.BadParameter(f"there is no folder {folder}", ctx, param_hint="--allow-read")
    return folders


PATIENCE: Final = 1.0
"""The seconds that work may take before progress is shown."""
_EVERY: Final = 0.1
"""The seconds between two updates of the line."""
_CLEAR: Final = "\r\x1b[K"


MAX_PROBLEMS: Final = ContextVar("max_problems", default=100)
"""The number of problems shown one by one; 0 for all."""


def max_problems_option(function: _F) -> _F:
    """`--max-problems N`, for every command that may show many problems."""
    return click.option(
        "--max-problems",
        type=click.IntRange(min=0),
        default=100,
        metavar="N",
        show_default=True,
        expose_value=False,
        callback=lambda _context, _option, number: MAX_PROBLEMS.set(number),
        help="Show N problems and count the rest by code and file; 0 shows all.",
    )(function)


def project_options(function: _F) -> _F:
    """`--set`, `--from-env`, `--allow-read` and `--max-problems`, for every command that reads configurations."""
    function = allow_read_option(max_problems_option(function))
    function = click.option(
        "--from-env",
        is_flag=True,
        help="Use the settings' environment variables (x-env) as a layer above all overlays.",
    )(function)
    return click.option(
        "--set",
        "overrides",
        multiple=True,
        metavar="PATH=VALUE",
        callback=_overrides,
        shell_complete=complete_setting,
        help="Override one setting, above every layer; may be repeated.",
    )(function)


def policy_option(help_: str) -> Callable[[_F], _F]:
    """`--policy NAME`, which may be repeated."""
    return click.option(
        "--policy", "policies", multiple=True, metavar="NAME", shell_complete=complete_policy, help=help_
    )


def open_project(ctx: click.Context, overrides: dict[str, str] | None = None, from_env: bool = False) -> Project:
    """The project of the folder that `-C` names, with the layers of the options."""
    from weft.project.project import load_project

    environment = os.environ if from_env else None
    return load_project(
        start_folder(ctx), overrides=overrides, environment=environment, allow_read=allowed_folders(ctx)
    )


def open_target(project: Project, name: str, path: str | None) -> Target:
    """The target that precedes PATH in a command. Raises UsageError, with a hint if the two were swapped."""
    from weft.base.problems import UsageError

    try:
        return project.target(name)
    except UsageError as error:
        if path is None or not _is_target(project, path):
            raise
        hint = f"the target comes before the setting: `{path} {name}`"
        raise UsageError(*(replace(problem, hint=hint) for problem in error.problems)) from None


def _is_target(project: Project, name: str) -> bool:
    from weft.base.problems import UsageError

    try:
        return bool(project.target(name))
    except UsageError:
        return False


@contextmanager
def progress() -> Iterator[Watch]:
    """Progress of the work inside, on stderr; nothing is shown unless stderr is a terminal."""
    looks = sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
    shown, due = False, time.monotonic() + PATIENCE

    def show(what: str, done: int, every: int) -> None:
        nonlocal shown, due
        if looks and time.monotonic() >= due:
            shown, due = True, time.monotonic() + _EVERY
            click.echo(f"{_CLEAR}{what}: {done} of {every}", err=True, nl=False, color=True)

    try:
        yield show
    finally:
        if shown:
            click.echo(_CLEAR, err=True, nl=False, color=True)


def report(targets: Sequence[Target]) -> int:
    """Show the problems of the targets that a command prints. Returns the exit code."""
    from weft.cli.report import show
    from weft.report.report import Report

    found = Report([problem for target in targets for problem in target.problems()], targets[0].schemas.folder)
    if found:
        show(found)
    return 1 if found.fails() else 0


def put(text: str | bytes) -> None:
    """Print data on stdout unchanged; click would strip color codes from a value if stdout is not a terminal."""
    click.echo(text, nl=False, color=True)


def start_folder(ctx: click.Context) -> Path:
    """The folder that the command was started in, or that `-C` names."""
    folder: Path = ctx.find_root().obj
    return folder


def started_in(ctx: click.Context) -> Path:
    """The same while the shell completes the command line, before click has processed `-C`."""
    root = ctx.find_root()
    folder: Path = root.obj or root.params.get("folder") or Path()
    return folder


def output_folder(ctx: click.Context, output: Path | None, otherwise: Path) -> Path:
    """The folder of an `--output` option, or the default."""
    return start_folder(ctx) / output if output else otherwise


def complete_target(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The targets that start with the typed text."""
    project = quietly_open(ctx)
    if project is None:
        return []
    return [CompletionItem(target.name) for target in project.targets() if target.name.startswith(incomplete)]


def complete_policy(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The rule packs that start with the typed text."""
    from weft.lint.policies.packs import ALL, files

    project = quietly_open(ctx)
    names = [*files(project), ALL] if project else []
    return [CompletionItem(name) for name in names if name.startswith(incomplete)]


def complete_setting(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The settings below the typed path, one step at a time."""
    project = quietly_open(ctx)
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


def quietly_open(ctx: click.Context) -> Project | None:
    """The project for completion, which cannot report problems; None if it cannot be opened."""
    from weft.base.problems import WeftError

    ctx.find_root().obj = started_in(ctx)
    try:
        return open_project(ctx)
    except WeftError:
        return None


def _overrides(ctx: click.Context, param: click.Parameter, values: tuple[str, ...]) -> dict[str, str]:
    from weft.base.paths import split_assignment

    pairs: dict[str, str] = {}
    for text in values:
        both = split_assignment(text)
        if both is None:
            raise click.BadParameter("expected PATH=VALUE, as in app.replicas=3", ctx, param)
        path, value = both
        pairs.pop(path, None)  # the last assignment wins, and keeps its position
        pairs[path] = value
    return pairs
