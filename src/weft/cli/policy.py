"""`weft policy`: rule packs, and the compliance of targets with the standards behind them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from weft.base.wording import counted, in_targets
from weft.cli.common import (
    complete_policy,
    complete_target,
    open_project,
    policy_option,
    project_options,
    report,
    start_folder,
)

if TYPE_CHECKING:
    from weft.lint.policies.packs import Policy
    from weft.lint.policies.verdicts import Audit, Finding, Status
    from weft.project.project import Project
    from weft.project.target import Target

_COLORS: Final = {"failed": "red", "waived": "yellow", "declared": "yellow", "passed": "green"}


@click.group(name="policy")
def command() -> None:
    """Check targets against rule packs: hardening, GDPR, SOC 2 and others."""


@command.command(name="list")
@click.argument("names", nargs=-1, metavar="[POLICY]...", shell_complete=complete_policy)
@click.option("--format", "format_", type=click.Choice(("text", "json")), default="text", show_default=True)
@click.pass_context
def list_(ctx: click.Context, names: tuple[str, ...], format_: str) -> None:
    """List the rule packs, or the controls of the named ones."""
    from weft.lint.policies.packs import ALL, choose, read_packs
    from weft.lint.policies.reports import control_data

    known = read_packs(open_project(ctx))
    chosen = choose(known, names or (ALL,))
    if format_ == "json":
        rows = [
            {
                "name": policy.name,
                "title": policy.title,
                "description": policy.description,
                "standard": policy.standard,
                "url": policy.url,
                "controls": [control_data(control) for control in policy.controls],
            }
            for policy in chosen
        ]
        click.echo(json.dumps(rows, indent=2, ensure_ascii=False))
        return
    width = max((len(policy.name) for policy in chosen), default=0)
    for policy in chosen:
        click.echo(f"{policy.name:{width}}  {len(policy.controls):2} controls  {policy.title} ({policy.standard})")
        for line in _control_lines(policy) if names else ():
            click.echo(line)


@command.command(name="report")
@click.argument("globs", nargs=-1, metavar="[TARGET]...", shell_complete=complete_target)
@policy_option("The rule pack to check against; may be repeated.  [default: all]")
@click.option(
    "--format",
    "format_",
    type=click.Choice(("text", "json", "sarif", "html")),
    default="text",
    show_default=True,
    help="The format of the report.",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, allow_dash=True, dir_okay=False),
    help="The file to write, `-` for stdout.  [default: -]",
)
@project_options
@click.pass_context
def report_(
    ctx: click.Context,
    globs: tuple[str, ...],
    policies: tuple[str, ...],
    format_: str,
    output: Path | None,
    overrides: dict[str, str],
    from_env: bool,
) -> None:
    """Show which controls pass, fail and are waived, per target and in total; exit 1 if a control of severity error fails."""
    from weft.base.problems import has_errors
    from weft.cli.report import show
    from weft.files.atomic import replace_file
    from weft.lint.policies.packs import ALL
    from weft.report.report import Report

    project = open_project(ctx, overrides, from_env)
    targets = project.targets(*globs)
    audit = judge(project, targets, policies or (ALL,))
    text = _FORMATS[format_](audit)
    if output is not None and output != Path("-"):
        replace_file(start_folder(ctx) / output, click.unstyle(text))
        click.echo(f"wrote {output}: {_counts(audit.count())}", err=True)
    else:
        click.echo(text, nl=False)
    if audit.waiver_problems:
        show(Report(audit.waiver_problems, project.folder))
    unjudged = [target for target in targets if target.name in audit.unjudged]
    code = report(unjudged) if unjudged else 0
    ctx.exit(max(code, int(has_errors(audit.problems))))


def judge(project: Project, targets: Sequence[Target], names: Sequence[str]) -> Audit:
    """Today's verdicts on these targets, by the packs of these names.

    Raises UsageError for an unknown pack, and WeftError with the problems of the packs.
    """
    from weft.lint.policies.packs import choose, read_packs
    from weft.lint.policies.verdicts import audit

    known = read_packs(project)
    return audit(project, targets, known, choose(known, names), datetime.now(UTC).date())


def _text(audit: Audit) -> str:
    lines = [line for policy in audit.policies for line in (*_policy_lines(audit, policy), "")]
    lines.append(f"{counted(len(audit.targets), 'target')} checked: {_counts(audit.count())}")
    if audit.unjudged:
        lines.append(f"not checked, because the configuration is not valid: {', '.join(audit.unjudged)}")
    return "\n".join(lines) + "\n"


def _policy_lines(audit: Audit, policy: Policy) -> Iterator[str]:
    yield click.style(f"{policy.name}: {policy.title} ({policy.standard})", bold=True)
    width = max(map(len, (*audit.targets, "in total")))
    for target, verdicts in audit.by_target().items():
        of_pack = (verdict.status for verdict in verdicts if verdict.control.policy == policy.name)
        yield f"  {target:{width}}  {_counts(Counter(of_pack))}"
    yield f"  {'in total':{width}}  {_counts(audit.count(policy.name))}"
    for finding in audit.findings(policy.name):
        if finding.problem:
            yield from _finding_lines(finding)
        elif audit.project.file.readers and finding.status in _COLORS:
            yield from _evidence_lines(finding)


def _finding_lines(finding: Finding) -> Iterator[str]:
    problem, control = finding.problem, finding.control
    assert problem is not None
    status = click.style(str(finding.status), fg=_COLORS[finding.status], bold=True)
    kind = f"{control.severity}, " if finding.waiver is None else ""
    message = problem.message.removeprefix(f"{control.policy} {control.id}: ")
    yield f"  {status} {control.id} ({kind}{' '.join(control.maps_to)}): {message}"
    yield f"    --> {problem.place or ''}"
    if finding.waiver:
        yield f"    = waived until {finding.waiver.expires}: {finding.waiver.reason}"
    else:
        yield f"    = hint: {problem.hint}"
    yield f"    = {in_targets(finding.targets)}"


def _evidence_lines(finding: Finding) -> Iterator[str]:
    from weft.lint.policies.reports import enforced_by

    status = click.style(str(finding.status), fg=_COLORS[finding.status], bold=True)
    yield f"  {status} {finding.control.id} ({' '.join(finding.control.maps_to)})"
    yield f"    = {enforced_by(finding)}"
    yield f"    = {in_targets(finding.targets)}"


def _control_lines(policy: Policy) -> Iterator[str]:
    width = max(len(control.id) for control in policy.controls)
    for control in policy.controls:
        yield f"  {control.id:{width}}  {control.severity:7}  {control.title} [{' '.join(control.maps_to)}]"


def _counts(counts: Counter[Status]) -> str:
    """`11 passed, 1 waived`; controls that do not apply are counted only if there are no others."""
    shown = [f"{counts[status]} {status}" for status in counts if counts[status] and status in _COLORS]
    return ", ".join(sorted(shown, key=lambda text: list(_COLORS).index(text.split()[1]))) or "not applicable"


def _json(audit: Audit) -> str:
    from weft.lint.policies.reports import as_data

    return json.dumps(as_data(audit), indent=2, ensure_ascii=False) + "\n"


def _sarif(audit: Audit) -> str:
    from weft.lint.policies.reports import as_sarif

    return json.dumps(as_sarif(audit), indent=2, ensure_ascii=False) + "\n"


def _html(audit: Audit) -> str:
    from weft.lint.policies.reports import as_html

    return as_html(audit)


_FORMATS: Final[Mapping[str, Callable[[Audit], str]]] = {"text": _text, "json": _json, "sarif": _sarif, "html": _html}
