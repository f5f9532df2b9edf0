"""`weft cache`: what earlier runs have left in `.weft_cache`."""

from __future__ import annotations

from typing import Final

import click

from weft.cli.common import project_folder

_NAMES: Final = {
    "answer": "answers of commands",
    "documents": "objects of targets",
    "result": "results of targets",
    "run": "runs",
    "texts": "texts of targets",
    "written": "output folders",
}
"""What the kinds of entries are."""
_PART_OF: Final = {"details": "run", "files": "written", "read": "answer"}
"""The kinds that are the long form of another one, with which they are shown."""


@click.group(name="cache")
def command() -> None:
    """Look at the results of earlier runs in `.weft_cache`, or remove them.

    Removing them costs the time to make them again, and nothing else.
    """


@command.command(name="stat")
@click.pass_context
def stat(ctx: click.Context) -> None:
    """Show how many results are kept, and their size on the disk."""
    from weft.files.store import FOLDER, Store

    store = Store(project_folder(ctx) / FOLDER)
    sizes = store.sizes()
    click.echo(f"{store.folder}: {_shown(store.size())} on the disk")
    for kind in sorted(sizes.keys() - _PART_OF.keys()):
        number, size = sizes[kind]
        size += sum(sizes[other][1] for other, whole in _PART_OF.items() if whole == kind and other in sizes)
        click.echo(f"{_NAMES.get(kind, kind)}: {number}, {_shown(size)}")
    store.close()


@command.command(name="clear")
@click.pass_context
def clear(ctx: click.Context) -> None:
    """Remove the results of earlier runs."""
    from weft.files.store import FOLDER, Store

    store = Store(project_folder(ctx) / FOLDER)
    size = store.size()
    there = store.clear()
    click.echo(f"removed {store.folder}, {_shown(size)}" if there else "there is nothing to remove", err=True)


def _shown(size: int) -> str:
    """`43.6 MB`, or `13 kB` of less than one."""
    return f"{size / 1e6:.1f} MB" if size >= 1e6 else f"{size / 1e3:.0f} kB"
