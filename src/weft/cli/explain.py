"""`weft explain`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from weft.cli.answers import remembers_its_answer
from weft.cli.common import complete_setting, complete_target, open_project, open_target, project_options, report

if TYPE_CHECKING:
    from weft.project.project import Project
    from weft.project.target import Target


@click.command(name="explain")
@click.argument("name", metavar="TARGET", required=False, shell_complete=complete_target)
@click.argument("path", metavar="[PATH]", required=False, shell_complete=complete_setting)
@click.option("--all", "everything", is_flag=True, help="Every setting of the target, one a line.")
@click.option("--output", metavar="FILE:LINE", help="The settings behind a line of a rendered output.")
@click.option("--format", "format_", type=click.Choice(("text", "json")), default="text", show_default=True)
@project_options
@click.pass_context
@remembers_its_answer("output")
def command(
    ctx: click.Context,
    name: str | None,
    path: str | None,
    everything: bool,
    output: str | None,
    format_: str,
    overrides: dict[str, str],
    from_env: bool,
) -> None:
    """Show where the value at PATH comes from: the winning layer, the layers it overrides, the default, the rules, the outputs.

    For a mapping or a list, every leaf is shown. --output build/production/app.yaml:7 answers the reverse question.
    """
    project = open_project(ctx, overrides, from_env)
    if output is not None:
        if name or path or everything:
            raise click.UsageError(
                "--output cannot be combined with TARGET or PATH: the file determines the target", ctx
            )
        target = _behind(ctx, project, output, format_)
    else:
        if name is None or (path is None) != everything:
            raise click.UsageError("name a TARGET and a PATH, or a TARGET and --all", ctx)
        target = open_target(project, name, path)
        _explain(target, path or "", format_)
    ctx.exit(report([target]))


def _explain(target: Target, path: str, format_: str) -> None:
    from weft.project.impact import uses_of

    explanation = target.explain(path)
    data = explanation.as_dict()
    if not explanation.items and not _is_wrong(target):
        uses = [{"path": output, "lines": list(lines)} for output, lines in uses_of(target, explanation.path)]
        data |= {"outputs": uses} if uses else {}
    if format_ == "json":
        click.echo(json.dumps(data, indent=2, ensure_ascii=False))
    elif explanation.items:
        _print_items(target.name, data)
    else:
        _print(target.name, data)


def _is_wrong(target: Target) -> bool:
    """True if a target has errors, so nothing is rendered from it."""
    from weft.base.problems import has_errors

    return has_errors(target.problems())


def _behind(ctx: click.Context, project: Project, text: str, format_: str) -> Target:
    """Explain the settings behind `FILE:LINE`. Returns the target of the file."""
    from weft.base import paths
    from weft.project.impact import output_at, settings_behind

    file, _, line = text.rpartition(":")
    if not file or not line.isdecimal():
        raise click.BadParameter("expected FILE:LINE, as in build/production/app.yaml:7", ctx, param_hint="--output")
    target, output = output_at(project, file)
    found = settings_behind(target, output, int(line))
    data = [target.explain(path).as_dict() for path in found]
    if format_ == "json":
        click.echo(
            json.dumps(
                {"output": output, "line": int(line), "target": target.name, "settings": data},
                indent=2,
                ensure_ascii=False,
            )
        )
        return target
    if not found:
        click.echo(f"{output}:{line} is fixed text of the template: no setting of {target.name} changes it")
    shown = 20
    for entry in data[:shown]:
        click.echo(_leaf(entry, max(len(one["path"]) for one in data[:shown])))
    if len(data) > shown:
        click.echo(f"and {len(data) - shown} more: {paths.dotted(found[shown])} ...")
    return target


def _print(name: str, data: dict[str, Any]) -> None:
    from weft.project.lines import spans

    click.echo(click.style(data["path"], bold=True) + f" = {_value(data['value'])}   in {name}")
    if "renamed_to" in data:
        click.echo(f"  now      {data['renamed_to']}")
    click.echo(f"  {_origin(data)}")
    for entry in data["shadowed"]:
        said = "null, which removed it" if entry.get("operator") == "null" else _value(entry["value"])
        click.echo(f"  over     {_where(entry)}   {said}{_operator(entry)}")
    if data["origin"] and data["default"] is not None:
        click.echo(f"  default  {_value(data['default'])}")
    if "unused_default" in data:
        click.echo(f"  default  not used: {data['unused_default']}")
    for rule in data["rules"]:
        click.echo(f"  rule     {rule['rule']}\n           {rule['schema']}")
    for use in data.get("outputs", ()):
        click.echo(f"  in       {use['path']}:{spans(use['lines'])}")


def _origin(data: dict[str, Any]) -> str:
    """The layer that set or removed the value."""
    origin = data["origin"]
    if not origin:
        return "set by   no layer: the schema's default holds" if data["value"] is not None else "set by   no layer"
    if origin.get("operator") == "null":
        return f"removed  {_where(origin)}   null{_operator(origin)}"
    return f"set by   {_where(origin)}{_operator(origin)}"


def _print_items(name: str, data: dict[str, Any]) -> None:
    click.echo(click.style(data["path"] or "the whole configuration", bold=True) + f"   in {name}")
    wide = min(max(len(item["path"]) for item in data["items"]), 60)
    for item in data["items"]:
        click.echo("  " + _leaf(item, wide))


def _leaf(item: dict[str, Any], wide: int) -> str:
    """A setting in one line: its path, its value, its place."""
    place = _where(item["origin"]) + _operator(item["origin"]) if item["origin"] else "default"
    return f"{item['path']:{wide}}  {_value(item['value'])}   {click.style(place, dim=True)}"


def _operator(entry: dict[str, Any]) -> str:
    name = entry.get("operator")
    by = f"   by {name}" if name not in (None, "null") else ""
    return f"{by}   as {entry['old_name']}" if "old_name" in entry else by


def _where(entry: dict[str, Any]) -> str:
    return ":".join(str(entry[key]) for key in ("file", "line", "column") if entry[key] is not None)


def _value(value: Any) -> str:
    from weft.files.formats import to_json

    return to_json(value, indent=None)
