"""`weft render`."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from weft.cli.common import (
    complete_target,
    executor_option,
    open_memory,
    output_folder,
    progress,
    project_folder,
    rendering_options,
    start_folder,
)
from weft.cli.rendering import follow, writing

if TYPE_CHECKING:
    from weft.base.watching import Watch
    from weft.fleet.memory import Done, Memory
    from weft.fleet.shards import Shard
    from weft.fleet.written import Written


def _shard(ctx: click.Context, param: click.Parameter, text: str | None) -> Shard | None:
    """The shard that `--shard` names."""
    if text is None:
        return None
    from weft.fleet.shards import Shard

    try:
        return Shard.parse(text)
    except ValueError:
        message = "expected I/N, as in 2/8 for the second of eight shards; the first one is 1/8"
        raise click.BadParameter(message, ctx, param) from None


@click.command(name="render")
@click.argument("globs", nargs=-1, metavar="[TARGET]...", shell_complete=complete_target)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="The folder for the files.  [default: build, in the project]",
)
@click.option("--check", is_flag=True, help="Write nothing; exit 1 if a file would change.")
@click.option(
    "--no-sync", is_flag=True, help="Do not wait for the disk. Faster, but a power failure may lose the files."
)
@click.option(
    "--wait",
    type=click.IntRange(min=0),
    default=0,
    metavar="SECONDS",
    help="Wait this long for another render into the same folder.  [default: 0]",
)
@click.option(
    "--shard",
    metavar="I/N",
    callback=_shard,
    help="Render only part I of N parts of the targets, into a folder of its own.",
)
@click.option("--join", is_flag=True, help="Combine the outputs of all shards; the arguments are their folders.")
@click.option("--watch", is_flag=True, help="Render again after each change, until Ctrl-C.")
@executor_option
@rendering_options
@click.pass_context
def command(
    ctx: click.Context,
    globs: tuple[str, ...],
    output: Path | None,
    check: bool,
    no_sync: bool,
    wait: int,
    shard: Shard | None,
    join: bool,
    watch: bool,
    overrides: dict[str, str],
    from_env: bool,
) -> None:
    """Validate, then write every output of the targets.

    Nothing is written if there are errors. Unchanged files are not touched. Files that an earlier render
    wrote and that no target produces any more are removed. If a file cannot be written, all files are
    restored.

    --shard I/N renders a part of the targets, which depends on nothing but their names: on a machine of
    its own, for example. --join DIR... proves that all parts are there, rendered from just this project,
    and writes what one render of all would have written.
    """
    begun = time.perf_counter()
    _refuse_together(ctx, {"--shard": shard, "--join": join, "--watch": watch, "--check": watch and check})
    if join and not globs:
        raise click.UsageError("--join needs the folders of the shards as arguments", ctx)
    if shard is not None and output is None:
        raise click.UsageError("--shard needs a folder of its own for each shard: add -o DIR", ctx)
    home = project_folder(ctx)
    folder = output_folder(ctx, output, home / "build")
    memory = open_memory(ctx, overrides, from_env, folder)
    how = writing(home, output, folder, check=check, sync=not no_sync, wait=wait)
    if watch:
        follow(memory, globs, how, progress)
    written = memory.written(folder)
    with progress() as shown:
        if join:
            done = _joined(memory, [start_folder(ctx) / name for name in globs], shown)
        else:
            done = _run(memory, globs, shard, written, shown)
    ctx.exit(how.finish(done, written, begun))


def _refuse_together(ctx: click.Context, options: dict[str, object]) -> None:
    """Refuse options of which only one can be given."""
    given = [name for name, value in options.items() if value]
    if len(given) > 1:
        raise click.UsageError(f"{given[0]} and {given[1]} cannot be used together", ctx)


def _run(memory: Memory, globs: tuple[str, ...], shard: Shard | None, written: Written, watch: Watch) -> Done:
    if shard is not None:
        return memory.shard(globs, shard, watch)
    return memory.run(globs, watch, enough=written.holds)


def _joined(memory: Memory, folders: list[Path], watch: Watch) -> Done:
    from weft.fleet.joining import join

    return join(memory, folders, watch)
