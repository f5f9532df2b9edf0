"""`weft agent`."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from weft.cli.common import start_folder

if TYPE_CHECKING:
    from weft.agent.making import Render
    from weft.base.problems import Problem


class _Seconds(click.FloatRange):
    """A number of seconds above zero, which may have a fraction and must not be infinite."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        seconds = super().convert(value, param, ctx)
        if not math.isfinite(seconds):
            self.fail(f"{value} is not a number of seconds.", param, ctx)
        return seconds


_FOLDER = click.Path(path_type=Path, file_okay=False)
_SECONDS = _Seconds(min=0, min_open=True, max=86400)


@click.command(name="agent", context_settings={"allow_interspersed_args": False})
@click.option(
    "--source", type=click.Path(path_type=Path), required=True, metavar="DIR|FILE", help="The bundle to follow."
)
@click.option("--into", type=_FOLDER, required=True, metavar="DIR", help="The folder to keep, for this agent alone.")
@click.option(
    "--render",
    "renders",
    multiple=True,
    metavar="TEMPLATE:FILE",
    help="Make a file of a template; may be repeated.  [default: a JSON file for each domain]",
)
@click.option(
    "--check", "check", metavar="COMMAND", help="Run this on new files, in the folder {}, and refuse them if it fails."
)
@click.option(
    "--notify", metavar="COMMAND", help="Run this after new files are in place; {pid} is the program of --exec."
)
@click.option("--exec", "supervises", is_flag=True, help="Run PROGRAM, pass on signals, and end with its exit code.")
@click.option("--restart", is_flag=True, help="Start a PROGRAM that has ended again, with growing pauses.")
@click.option("--health", metavar="COMMAND", help="Take the old files back unless this succeeds three times in a row.")
@click.option(
    "--health-timeout",
    type=_SECONDS,
    default=30,
    show_default=True,
    metavar="SECONDS",
    help="How long --health may take.",
)
@click.option(
    "--timeout",
    type=_SECONDS,
    default=30,
    show_default=True,
    metavar="SECONDS",
    help="End --check and --notify after this.",
)
@click.option(
    "--last-good", type=_FOLDER, metavar="DIR", help="Keep the last good bundle here, for a start without a source."
)
@click.option(
    "--secrets", type=_FOLDER, metavar="DIR", help="A mounted Secret: a file for each sensitive setting (x-env)."
)
@click.option("--once", is_flag=True, help="Put one revision in place and end, as in an init container.")
@click.argument("program", nargs=-1, type=click.UNPROCESSED, metavar="[PROGRAM [ARGS]...]")
@click.pass_context
def command(
    ctx: click.Context,
    source: Path,
    into: Path,
    renders: tuple[str, ...],
    check: str | None,
    notify: str | None,
    supervises: bool,
    restart: bool,
    health: str | None,
    health_timeout: float,
    timeout: float,
    last_good: Path | None,
    secrets: Path | None,
    once: bool,
    program: tuple[str, ...],
) -> None:
    """Keep a folder at the newest good revision of a bundle, for programs that cannot use `weft.client`.

    A new revision is checked by its schema and rules, its files are put in place at once, and the program is notified.
    If it is not well then, the old files come back.

    Exit 0 after --once or a signal, or as PROGRAM exits; 1 if nothing can be used at the start, 3 if the folder cannot be kept.
    """
    from weft.agent.agent import Agent, Options, Voice
    from weft.agent.running import run

    folder = start_folder(ctx)
    _refuse_misfits(ctx, supervises, program, notify, restart=restart, once=once)
    for option, text in (("--check", check), ("--notify", notify), ("--health", health)):
        if text is not None and not text.strip():
            raise click.UsageError(f"{option} needs a command", ctx)
    for option, kept in (("--into", into), ("--last-good", last_good)):
        for read in (source, secrets):
            if kept and read:
                _refuse_inside(ctx, option, folder / kept, "--source" if read is source else "--secrets", folder / read)
    options = Options(
        source=folder / source,
        into=folder / into,
        renders=_renders(ctx, folder, renders),
        check=check,
        notify=notify,
        program=program,
        health=health,
        health_timeout=health_timeout,
        limit=timeout,
        last_good=folder / last_good if last_good else None,
        secrets=folder / secrets if secrets else None,
        restart=restart,
        once=once,
    )
    agent = Agent(options, Voice(lambda text: click.echo(f"agent: {text}", err=True), _show))
    ctx.exit(run(agent, supervises=supervises))


def _refuse_misfits(
    ctx: click.Context, supervises: bool, program: Sequence[str], notify: str | None, *, restart: bool, once: bool
) -> None:
    """Raise UsageError for options that do not belong together."""
    if os.name != "posix":
        raise click.UsageError("an agent needs the links and signals of POSIX", ctx)
    if program and not supervises:
        raise click.UsageError(f"unexpected argument {program[0]!r}: a program to run comes after --exec", ctx)
    if supervises and not program:
        raise click.UsageError("--exec needs a program after all options", ctx)
    if "{pid}" in (notify or "") and not supervises:
        raise click.UsageError("{pid} is the program of --exec: name that, too", ctx)
    if restart and not supervises:
        raise click.UsageError("--restart is for the program of --exec", ctx)
    if supervises and once:
        raise click.UsageError("--once ends before a program could run: leave out --exec", ctx)


def _refuse_inside(ctx: click.Context, option: str, kept: Path, other: str, read: Path) -> None:
    """Raise UsageError for a folder in what is followed: the agent would take its own files for changes."""
    kept, read = kept.resolve(), read.resolve()
    if kept == read or (read.is_file() and kept == read.parent):
        raise click.UsageError(f"{option} is the folder of {other}: name another one", ctx)
    if kept.is_relative_to(read):
        raise click.UsageError(f"{option} is inside the folder of {other}: name another one", ctx)


def _renders(ctx: click.Context, folder: Path, texts: Sequence[str]) -> tuple[Render, ...]:
    from weft.agent.making import Render, clash

    try:
        found = tuple(Render.parse(folder, text) for text in texts)
    except ValueError as error:
        raise click.BadParameter(str(error), ctx, param_hint="--render") from None
    names = [one.file for one in found]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice:
        raise click.BadParameter(f"two templates make {twice}", ctx, param_hint="--render")
    reason = clash(names)
    if reason:
        raise click.BadParameter(reason, ctx, param_hint="--render")
    return found


def _show(problems: Sequence[Problem]) -> None:
    from weft.cli.report import show
    from weft.report.report import Report

    show(Report(problems))
