"""`weft diff`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

import click

from weft.base.wording import shortened
from weft.cli.clusters import context_option
from weft.cli.common import complete_target, open_project, project_options, report

if TYPE_CHECKING:
    from weft.base.problems import Problem
    from weft.project.project import Project
    from weft.project.target import Target

_TARGETS_SHOWN: Final = 3


@click.command(name="diff")
@click.argument("names", nargs=-1, metavar="[TARGET]...", shell_complete=complete_target)
@click.option("--since", metavar="GITREF", help="Compare all targets, or the named ones, with an earlier commit.")
@click.option(
    "--revision", type=click.IntRange(min=1), metavar="N", help="Compare one target with a revision in its cluster."
)
@context_option
@click.option("--format", "format_", type=click.Choice(("text", "json")), default="text", show_default=True)
@project_options
@click.pass_context
def command(
    ctx: click.Context,
    names: tuple[str, ...],
    since: str | None,
    revision: int | None,
    context: str | None,
    format_: str,
    overrides: dict[str, str],
    from_env: bool,
) -> None:
    """Show which settings differ between two targets, since a commit, or since a revision in a cluster; exit 1 if any does."""
    project = open_project(ctx, overrides, from_env)
    if revision is not None:
        if since is not None or len(names) != 1:
            raise click.UsageError("--revision compares one target with a revision of its cluster", ctx)
        compared = f"since revision {revision}"
        changes, code = _since_revision(project, names[0], revision, context)
    elif since is not None:
        compared = f"since {since}"
        changes, code = _since(project, names, since)
    else:
        if len(names) != 2:
            raise click.UsageError("name two targets, or a commit with --since, or a revision with --revision", ctx)
        compared = f"between {names[0]} and {names[1]}"
        changes, code = _between(project, names)
    if format_ == "json":
        click.echo(json.dumps(changes, indent=2, ensure_ascii=False))
    else:
        for change in changes:
            click.echo(_line(change))
    if not changes:
        click.echo(f"no setting differs {compared}", err=True)
    ctx.exit(1 if changes else code)


def _between(project: Project, names: Sequence[str]) -> tuple[list[dict[str, Any]], int]:
    """The changes from one target to another, and the exit code for the problems of both."""
    targets = [project.target(name) for name in names]
    code = report(targets)
    old, new = (target.mask(project.root, target.shared_config) for target in targets)
    return list(_changes(old, new, ())), code


def _since_revision(project: Project, name: str, number: int, context: str | None) -> tuple[list[dict[str, Any]], int]:
    """The changes of a target since a revision, and the exit code for its current problems."""
    from weft.cluster import verbs

    target = project.target(name)
    before = verbs.content(project, target.name, number, context=context)[1].config
    now = target.mask(project.root, target.shared_config)
    return list(_changes(before, now, ())), report([target])


def _since(project: Project, globs: Sequence[str], commit: str) -> tuple[list[dict[str, Any]], int]:
    """The changes of the targets since a commit, each listed once, and the exit code for the current problems."""
    from weft.base.problems import has_errors
    from weft.cli.report import show
    from weft.project.revisions import project_at
    from weft.report.report import Report

    with project_at(project.files, commit) as earlier:
        before = {target.name: target for target in earlier.targets()}
        now = project.targets(*globs)
        changes = [
            (target.name, change) for target in now for change in _target_changes(before.get(target.name), target)
        ]
        if not globs:
            changes += _removed(before.keys() - {target.name for target in now})
        problems = [problem for target in now for problem in _target_problems(before.get(target.name), target)]
        if problems:
            show(Report(problems, project.folder))
    return _together(changes), 1 if has_errors(problems) else 0


def _removed(names: Iterable[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    return ((name, {"path": "", "before": f"target {name}"}) for name in names)


def _target_changes(before: Target | None, now: Target) -> Iterator[dict[str, Any]]:
    if before is None:
        yield {"path": "", "after": f"target {now.name}"}
    else:
        old, new = (target.mask(target.schemas.root, target.shared_config) for target in (before, now))
        yield from _changes(old, new, ())


def _target_problems(before: Target | None, now: Target) -> list[Problem]:
    """The problems of a target and of its change."""
    return [*now.problems(), *(now.transitions(before) if before is not None else ())]


def _together(found: Iterable[tuple[str, dict[str, Any]]]) -> list[dict[str, Any]]:
    """The same change in many targets becomes one, with their names."""
    groups: dict[str, dict[str, Any]] = {}
    for name, change in found:
        group = groups.setdefault(json.dumps(change, sort_keys=True), {**change, "targets": []})
        group["targets"].append(name)
    return list(groups.values())


def _changes(old: Any, new: Any, path: tuple[str | int, ...]) -> Iterator[dict[str, Any]]:
    """Every leaf that differs, with `before` and `after`; an absent side is left out."""
    from weft.base.paths import dotted
    from weft.schema.equality import canonical

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
    from weft.files.formats import to_json

    before, after = (to_json(change[side], indent=None) if side in change else None for side in ("before", "after"))
    names = change.get("targets", [])
    tail = f"   in {shortened(names, _TARGETS_SHOWN)}" if names and change["path"] else ""
    if not change["path"]:
        return (
            click.style(f"+ {change['after']}", fg="green")
            if before is None
            else click.style(f"- {change['before']}", fg="red")
        )
    if before is None:
        return click.style(f"+ {change['path']}: {after}", fg="green") + tail
    if after is None:
        return click.style(f"- {change['path']}: {before}", fg="red") + tail
    return click.style(f"~ {change['path']}: {before} -> {after}", fg="yellow") + tail
