"""`weft validate`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from weft.base.wording import counted
from weft.cli.common import complete_target, open_memory, policy_option, progress, project_folder, rendering_options
from weft.cli.report import formatted
from weft.report.formats import FORMATS

if TYPE_CHECKING:
    from weft.base.problems import Problem
    from weft.fleet.memory import Memory
    from weft.project.project import Project
    from weft.project.target import Target


@click.command(name="validate")
@click.argument("globs", nargs=-1, metavar="[TARGET]...", shell_complete=complete_target)
@click.option("--outputs", is_flag=True, help="Also run the programs that read the outputs, such as promtool.")
@click.option(
    "--no-programs",
    is_flag=True,
    envvar="WEFT_NO_PROGRAMS",
    help="With --outputs: run only the checks that start no program.  [env: WEFT_NO_PROGRAMS]",
)
@click.option("--strict", is_flag=True, help="Fail on warnings too, and report overrides that change nothing.")
@click.option("--since", metavar="GITREF", help="Also check the change since a commit: rules that read `oldSelf`.")
@policy_option("Also check the targets against this rule pack, or `all`; may be repeated.")
@click.option(
    "--format",
    "format_",
    type=click.Choice(list(FORMATS)),
    default="text",
    show_default=True,
    help="The format of the report.",
)
@rendering_options
@click.pass_context
def command(
    ctx: click.Context,
    globs: tuple[str, ...],
    outputs: bool,
    no_programs: bool,
    strict: bool,
    since: str | None,
    policies: tuple[str, ...],
    format_: str,
    overrides: dict[str, str],
    from_env: bool,
) -> None:
    """Report every problem of the targets: schema, rules, secrets, and outputs, rendered in memory.

    If this reports no error, `weft render` succeeds. --outputs also runs the programs that read the outputs.
    """
    from weft.base.problems import UsageError, WeftError
    from weft.report.report import Report

    report = Report()
    try:
        report.folder = project_folder(ctx)
        memory = open_memory(ctx, overrides, from_env)
        with progress() as watch:
            done = memory.run(globs, watch, ask_programs=outputs and not no_programs)
        report.add(done.problems)
        report.add([*_asked_for(memory, globs, since, policies, strict=strict)])
        code = 1 if report.fails(strict) else 0
        checked = f"{counted(done.targets, 'target')} checked"
        if outputs and done.asked + done.skipped:
            click.echo(_tally(done.asked, done.skipped), err=True)
    except UsageError:
        raise
    except WeftError as error:
        report, code, checked = Report(error.problems, report.folder or error.folder), error.exit_code, ""
    click.echo(formatted(report, format_), nl=False)
    if checked and not report and format_ == "text":
        click.echo(f"{checked}, no problems", err=True)
    ctx.exit(code)


def _asked_for(
    memory: Memory, globs: tuple[str, ...], since: str | None, policies: tuple[str, ...], *, strict: bool
) -> Iterator[Problem]:
    """The problems that are only searched when an option requests them."""
    if since is None and not policies and not strict:
        return
    project = memory.open()
    targets = project.targets(*globs)
    if since is not None:
        yield from _transitions(project, targets, since)
    if policies:
        from weft.cli.policy import judge

        yield from judge(project, targets, policies).problems
    if strict:
        from weft.lint.strict import strict_warnings

        yield from strict_warnings(project, targets)


def _transitions(project: Project, targets: list[Target], commit: str) -> list[Problem]:
    """The problems of the change since a commit."""
    from weft.project.revisions import project_at

    with project_at(project.files, commit) as earlier:
        before = {target.name: target for target in earlier.targets()}
        return [
            problem
            for target in targets
            if target.name in before
            for problem in target.transitions(before[target.name])
        ]


def _tally(asked: Counter[str], skipped: Counter[str]) -> str:
    """`210 outputs were read: kubernetes 140, promtool 70; no check was skipped`."""
    ran = ", ".join(f"{name} {count}" for name, count in sorted(asked.items()) if count)
    left = ", ".join(f"{name} {count}" for name, count in sorted(skipped.items()) if count)
    checks = f"{asked.total()} checks ran: {ran}" if ran else "no check ran"
    return f"{checks}; {f'skipped: {left}' if left else 'none was skipped'}"
