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
    from weft.fleet.memory import Memory
    from weft.project.project import Project
    from weft.project.target import Target

_F = TypeVar("_F", bound=Callable[..., Any])
_ALLOWED: Final = "weft.allow_read"
_NO_CACHE: Final = "weft.no_cache"
_JOBS: Final = "weft.jobs"
_EXECUTOR: Final = "weft.executor"
_MEMORY: Final = "weft.memory"


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
_LONG: Final = 120
"""The seconds from which on a time is shown in minutes."""
_SLOW: Final = 10
"""The things per second below which a rate has a decimal place."""


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


def rendering_options(function: _F) -> _F:
    """The same with `--jobs`, `--no-cache` and `--timings`, for every command that renders."""
    function = click.option(
        "--timings",
        is_flag=True,
        expose_value=False,
        callback=_timings,
        help="Say at the end how long each stage took, on stderr.",
    )(function)
    function = click.option(
        "--no-cache",
        is_flag=True,
        envvar="WEFT_NO_CACHE",
        expose_value=False,
        callback=lambda ctx, _option, value: ctx.meta.__setitem__(_NO_CACHE, value),
        help="Neither read nor write .weft_cache.  [env: WEFT_NO_CACHE]",
    )(project_options(function))
    return click.option(
        "--jobs",
        type=click.IntRange(min=1),
        envvar="WEFT_JOBS",
        metavar="N",
        expose_value=False,
        callback=lambda ctx, _option, value: ctx.meta.__setitem__(_JOBS, value),
        help="Render with N processes.  [env: WEFT_JOBS; default: one for each processor]",
    )(function)


def _timings(ctx: click.Context, param: click.Parameter, wanted: bool) -> None:
    """Say at the end of a command how long each stage took, in all of its processes together."""
    if wanted and not ctx.resilient_parsing:
        from weft.base import timing

        timing.begin()
        begun = time.perf_counter()

        @ctx.call_on_close
        def show() -> None:
            seconds = timing.taken()
            for name in timing.STAGES:
                click.echo(f"{name:18}{seconds[name]:8.2f} s", err=True)
            took = time.perf_counter() - begun
            click.echo(
                f"{'all stages':18}{sum(seconds.values()):8.2f} s, over all processes; {took:.2f} s passed", err=True
            )


def executor_option(function: _F) -> _F:
    """`--executor dask://HOST:PORT`, for commands whose work may be done on other machines."""
    return click.option(
        "--executor",
        envvar="WEFT_EXECUTOR",
        metavar="dask://HOST:PORT",
        expose_value=False,
        callback=_executor,
        help="Render with the workers of a Dask scheduler, which have the same Weft installed.  [env: WEFT_EXECUTOR]",
    )(function)


def _executor(ctx: click.Context, param: click.Parameter, address: str | None) -> None:
    if address is None:
        return
    from weft.cli.dask import Dask

    try:
        ctx.meta[_EXECUTOR] = Dask(address)
    except ValueError as error:
        raise click.BadParameter(str(error), ctx, param) from None
    ctx.call_on_close(ctx.meta[_EXECUTOR].shutdown)


def policy_option(help_: str) -> Callable[[_F], _F]:
    """`--policy NAME`, which may be repeated."""
    return click.option(
        "--policy", "policies", multiple=True, metavar="NAME", shell_complete=complete_policy, help=help_
    )


def open_project(ctx: click.Context, overrides: dict[str, str] | None = None, from_env: bool = False) -> Project:
    """The project of the folder that `-C` names, with the layers of the options; that of the memory, if the command has one."""
    from weft.project.project import load_project

    memory: Memory | None = ctx.meta.get(_MEMORY)
    if memory is not None:
        return memory.open()
    environment = os.environ if from_env else None
    return load_project(
        start_folder(ctx), overrides=overrides, environment=environment, allow_read=allowed_folders(ctx)
    )


def project_folder(ctx: click.Context) -> Path:
    """The folder of that project. Raises CannotRun if there is none."""
    from weft.files.reading import find_project

    return find_project(start_folder(ctx))


def open_memory(
    ctx: click.Context, overrides: dict[str, str] | None = None, from_env: bool = False, *ignored: Path
) -> Memory:
    """The memory of that project; the `ignored` folders are written by the command. It is closed when the command ends."""
    from weft.files.reading import files_of
    from weft.fleet.memory import Memory
    from weft.fleet.options import Options

    known: Memory | None = ctx.meta.get(_MEMORY)
    if known is not None:
        return known
    files = files_of(project_folder(ctx), allowed_folders(ctx))
    options = Options(overrides or {}, dict(os.environ) if from_env else None, tuple(map(str, files.allowed)))
    memory = Memory(
        files,
        options,
        keep=not ctx.meta.get(_NO_CACHE),
        workers=ctx.meta.get(_JOBS) or 0,
        executor=ctx.meta.get(_EXECUTOR),
        ignored=ignored,
    )
    ctx.call_on_close(memory.close)
    ctx.meta[_MEMORY] = memory
    return memory


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
    begun: dict[str, float] = {}

    def show(what: str, done: int, every: int) -> None:
        nonlocal shown, due
        now = time.monotonic()
        begun.setdefault(what, now)
        if looks and now >= due:
            shown, due = True, now + _EVERY
            line = f"{what}: {done} of {every}{_speed(done, every, now - begun[what])}"
            click.echo(f"{_CLEAR}{line}", err=True, nl=False, color=True)

    try:
        yield show
    finally:
        if shown:
            click.echo(_CLEAR, err=True, nl=False, color=True)


def _speed(done: int, every: int, seconds: float) -> str:
    """The rate so far, and the time that the rest takes at this rate; nothing as long as there is none."""
    if not done or seconds < _EVERY:
        return ""
    rate = done / seconds
    left = round((every - done) / rate)
    time_left = f"{left} s" if left < _LONG else f"{left // 60} min {left % 60} s"
    return f", {rate:.{0 if rate >= _SLOW else 1}f}/s, {time_left} left"


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
    """The targets that start with the typed text; they are remembered as long as nothing changes which ones exist."""
    from weft.base.problems import WeftError

    ctx.find_root().obj = started_in(ctx)
    try:
        memory = open_memory(ctx)
        known = memory.answer(["targets"])
        if known is None:
            known = "\n".join(target.name for target in memory.open().targets())
            memory.remember_answer(["targets"], known)
    except WeftError:
        return []
    return [CompletionItem(name) for name in known.split("\n") if name.startswith(incomplete)]


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
