"""`weft history`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from weft.cli.clusters import context_option
from weft.cli.common import complete_target, open_project, put, start_folder

if TYPE_CHECKING:
    from weft.cluster.revisions import Revision


@click.command(name="history")
@click.argument("name", metavar="TARGET", shell_complete=complete_target)
@click.option("--setting", metavar="PATH", help="Only the revisions that changed a setting, with its values.")
@click.option("--revision", type=click.IntRange(min=1), metavar="N", help="Which revision to export.")
@click.option(
    "--export",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Write what a revision deployed into a folder, with references in place of secrets.",
)
@click.option("--format", "format_", type=click.Choice(("text", "json")), default="text", show_default=True)
@context_option
@click.pass_context
def command(
    ctx: click.Context,
    name: str,
    setting: str | None,
    revision: int | None,
    folder: Path | None,
    format_: str,
    context: str | None,
) -> None:
    """Show the revisions of a target in its cluster: who deployed what, when, and why."""
    from weft.base.problems import CannotRun, Problem
    from weft.cluster import verbs

    project = open_project(ctx)
    target = project.target(name)
    known = verbs.history(project, target.name, context=context)
    if not known:
        hint = f"`weft deploy {target.name}` deploys it"
        raise CannotRun(Problem("not-deployed", f"{target.name} was never deployed", targets=(target.name,), hint=hint))
    if folder is not None:
        facts, content = verbs.content(project, target.name, revision or known[-1].number, context=context)
        for path in verbs.export(start_folder(ctx) / folder, facts, content):
            click.echo(path)
        return
    if revision is not None:
        raise click.UsageError("--revision names what --export writes", ctx)
    if setting is not None:
        entries = list(verbs.history_of_setting(project, target.name, setting, context=context))
        _show_setting(entries, format_)
    elif format_ == "json":
        put(json.dumps([one.as_dict() for one in known], indent=2, ensure_ascii=False) + "\n")
    else:
        for one in known:
            click.echo(_line(one))


def _line(one: Revision) -> str:
    """`7  2026-11-28T04:00:00+00:00  ana@host  1 changed  deployed  JIRA-7  at 1a2b3c4`."""
    words = {"create": "created", "change": "changed", "remove": "removed"}
    counted = ", ".join(f"{one.summary.get(key, 0)} {word}" for key, word in words.items() if one.summary.get(key))
    parts = [f"{one.number:>4}", one.time, one.who, counted or "nothing changed", one.outcome]
    parts += [f"back to {one.restores}"] if one.restores is not None else []
    parts += [one.reason] if one.reason else []
    if one.commit:
        parts.append(f"at {one.commit[:9]}" + ("" if one.clean else " with changes"))
    return "  ".join(parts) + (f"\n      {one.message}" if one.message else "")


def _show_setting(entries: list[dict[str, object]], format_: str) -> None:
    from weft.files.formats import to_json

    if format_ == "json":
        put(json.dumps(entries, indent=2, ensure_ascii=False) + "\n")
        return
    for entry in entries:
        before = to_json(entry["before"], indent=None) if "before" in entry else "nothing"
        after = to_json(entry["after"], indent=None) if "after" in entry else "nothing"
        click.echo(
            f"{entry['source']}  {entry['time']}  {entry['who']}  {before} -> {after}  {entry['reason']}".rstrip()
        )
