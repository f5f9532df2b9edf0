"""`weft diff`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import click

from weft.cli.common import complete_target, open_project, project_options, report


@click.command(name="diff")
@click.argument("before", metavar="TARGET", shell_complete=complete_target)
@click.argument("after", metavar="TARGET", shell_complete=complete_target)
@click.option("--format", "format_", type=click.Choice(("text", "json")), default="text", show_default=True)
@project_options
@click.pass_context
def command(
    ctx: click.Context, before: str, after: str, format_: str, overrides: dict[str, str], from_env: bool
) -> None:
    """Show which settings differ between two targets; exit 1 if any does."""
    from weft.secrets import mask

    project = open_project(ctx, overrides, from_env)
    root = project.catalog.root
    targets = [project.target(name) for name in (before, after)]
    code = report(targets)
    old, new = (mask(root, target.config) for target in targets)
    changes = list(_changes(old, new, ()))
    if format_ == "json":
        click.echo(json.dumps(changes, indent=2, ensure_ascii=False))
    else:
        for change in changes:
            click.echo(_line(change))
    ctx.exit(1 if changes else code)


def _changes(old: Any, new: Any, path: tuple[str | int, ...]) -> Iterator[dict[str, Any]]:
    """Every leaf that differs, with `before` and `after`; the one that is absent is left out."""
    from weft.merge import canonical
    from weft.paths import dotted

    if isinstance(old, dict) and isinstance(new, dict):
        for key in {**old, **new}:
            if key not in new:
                yield {"path": dotted((*path, key)), "before": old[key]}
            elif key not in old:
                yield {"path": dotted((*path, key)), "after": new[key]}
            else:
                yield from _changes(old[key], new[key], (*path, key))
    elif canonical(old) != canonical(new):
        yield {"path": dotted(path), "before": old, "after": new}


def _line(change: dict[str, Any]) -> str:
    from weft.formats import to_json

    before, after = (to_json(change[side], indent=None) if side in change else None for side in ("before", "after"))
    if before is None:
        return click.style(f"+ {change['path']}: {after}", fg="green")
    if after is None:
        return click.style(f"- {change['path']}: {before}", fg="red")
    return click.style(f"~ {change['path']}: {before} -> {after}", fg="yellow")
