"""`weft cache`: what earlier runs have left in `.weft_cache`."""

from __future__ import annotations

from typing import Final

import click

from weft.cli.common import project_folder

_NAMES: Final = {
    "answer": "answers of commands",
    "code": "files of Weft",
    "result": "results of targets",
    "run": "runs",
    "texts": "texts of targets",
    "written": "output folders",
}
"""What the kinds of entries are."""


@click.group(name="cache")
def command() -> None:
    """Look at the results of earlier runs in `.weft_cache`, or remove them.

    Weft checks everything that it takes from there, so removing it is never necessary.
    """


@command.command(name="stat")
@click.pass_context
def stat(ctx: click.Context) -> None:
    """Show how many results are kept, and their size on the disk."""
    from weft.files.store import FOLDER, Store

    store = Store(project_folder(ctx) / FOLDER)
    sizes = store.sizes()
    click.echo(f"{store.folder}: {store.size() / 1e6:.1f} MB on the disk")
    for kind, (number, size) in sorted(sizes.items()):
        click.echo(f"{_NAMES.get(kind, kind)}: {number}, {size / 1e6:.1f} MB")
    store.close()


@command.command(name="clear")
@click.pass_context
def clear(ctx: click.Context) -> None:
    """Remove the results of earlier runs."""
    from weft.files.store import FOLDER, Store

    store = Store(project_folder(ctx) / FOLDER)
    size = store.size()
    there = store.clear()
    click.echo(f"removed {store.folder}, {size / 1e6:.1f} MB" if there else "there is nothing to remove", err=True)
