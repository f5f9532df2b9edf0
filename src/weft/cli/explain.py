"""`weft explain`."""

from __future__ import annotations

import json
from typing import Any

import click

from weft.cli.common import complete_setting, complete_target, open_project, project_options, report


@click.command(name="explain")
@click.argument("name", metavar="TARGET", shell_complete=complete_target)
@click.argument("path", metavar="PATH", shell_complete=complete_setting)
@click.option("--format", "format_", type=click.Choice(("text", "json")), default="text", show_default=True)
@project_options
@click.pass_context
def command(ctx: click.Context, name: str, path: str, format_: str, overrides: dict[str, str], from_env: bool) -> None:
    """Show where the value at PATH comes from: the layer that won, those it shadows, the default, the rules."""
    project = open_project(ctx, overrides, from_env)
    target = project.target(name)
    data = target.explain(path).as_dict()
    if format_ == "json":
        click.echo(json.dumps(data, indent=2, ensure_ascii=False))
    else:
        _print(target.name, data)
    ctx.exit(report([target]))


def _print(name: str, data: dict[str, Any]) -> None:
    click.echo(click.style(data["path"], bold=True) + f" = {_value(data['value'])}   in {name}")
    if data["origin"]:
        click.echo(f"  set by   {_where(data['origin'])}")
    else:
        click.echo(
            "  set by   no layer: the schema's default holds" if data["value"] is not None else "  set by   no layer"
        )
    for entry in data["shadowed"]:
        click.echo(f"  over     {_where(entry)}   {_value(entry['value'])}")
    if data["origin"] and data["default"] is not None:
        click.echo(f"  default  {_value(data['default'])}")
    for rule in data["rules"]:
        click.echo(f"  rule     {rule['rule']}\n           {rule['schema']}")


def _where(entry: dict[str, Any]) -> str:
    return ":".join(str(entry[key]) for key in ("file", "line", "column") if entry[key] is not None)


def _value(value: Any) -> str:
    from weft.formats import to_json

    return to_json(value, indent=None)
