"""Reports of an audit for machines and browsers: functions from an audit to data or text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

from jinja2 import DictLoader, Environment, StrictUndefined

from weft.base.problems import Place, Problem
from weft.files.shipped import shipped_text
from weft.lint.policies.packs import Control
from weft.lint.policies.verdicts import Audit, Finding, Status, Verdict
from weft.lint.reach import Reading
from weft.report import sarif
from weft.version import __version__

_TEMPLATE = "policy-report.html.j2"
_KINDS: Final[Mapping[Status, sarif.Kind]] = {
    Status.PASSED: "pass",
    Status.DECLARED: "review",
    Status.NOT_APPLICABLE: "notApplicable",
}


def as_data(audit: Audit) -> dict[str, Any]:
    """The audit as JSON data.

    `{project, date, summary, policies: [{name, title, standard, url, summary, controls}], targets: [{target, summary,
    results}], unjudged, problems}`; a result is `{policy, control, status}`, and if the control failed or was waived also
    a problem's `message, path, file, line, column, schema, hint`; a waived one has `waiver: {reason, expires, file, line}`. In a
    project with readers, one that passed or is only declared has `evidence`, a list of `{reader, file, lines, note}`.
    """
    return {
        "project": audit.project.name,
        "date": audit.day.isoformat(),
        "summary": _summary(audit.count()),
        "policies": [
            {
                "name": policy.name,
                "title": policy.title,
                "standard": policy.standard,
                "url": policy.url,
                "summary": _summary(audit.count(policy.name)),
                "controls": [control_data(control) for control in policy.controls],
            }
            for policy in audit.policies
        ],
        "targets": [
            {
                "target": target,
                "summary": _summary(Counter(verdict.status for verdict in verdicts)),
                "results": [_result_data(audit, verdict) for verdict in verdicts],
            }
            for target, verdicts in audit.by_target().items()
        ],
        "unjudged": list(audit.unjudged),
        "problems": [problem.as_dict() for problem in audit.waiver_problems],
    }


def control_data(control: Control) -> dict[str, Any]:
    """A control as JSON data: `{id, title, severity, maps_to: {id, title}, rule, remedy, schema}`."""
    return {
        "id": control.id,
        "title": control.title,
        "severity": str(control.severity),
        "maps_to": dict(zip(("id", "title"), control.maps_to, strict=True)),
        "rule": control.source,
        "remedy": control.remedy,
        "schema": control.location,
    }


def as_sarif(audit: Audit) -> dict[str, Any]:
    """The audit as a SARIF log: failed controls as results, waived ones as suppressed results, passed ones as `pass`."""
    results = [_sarif_result(audit, finding) for finding in audit.findings()]
    return sarif.sarif([*results, *map(sarif.of_problem, audit.waiver_problems)])


def as_html(audit: Audit) -> str:
    """The audit as one self-contained HTML page."""
    text = shipped_text(_TEMPLATE)
    environment = Environment(
        loader=DictLoader({_TEMPLATE: text}),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    standing = {policy.name: audit.by_control(policy) for policy in audit.policies}
    return environment.get_template(_TEMPLATE).render(
        audit=audit, standing=standing, statuses=list(Status), version=__version__, where=where, enforced_by=enforced_by
    )


def enforced_by(finding: Finding) -> str:
    """`enforced by production/app.yaml:7 (proxy)`, or what keeps a declared control from being enforced."""
    places = [f"{_first_place(one)} ({one.reader})" for one in finding.evidence if one.file]
    if finding.status is Status.PASSED:
        return f"enforced by {', '.join(places)}"
    planned = [f"`{one.reader}`" for one in finding.evidence if one.file is None]
    if planned:
        return f"declared; its reader is planned: {', '.join(dict.fromkeys(planned))}"
    return f"declared; not used: {', '.join(places)}" if places else "declared; nothing reads its settings"


def _first_place(reading: Reading) -> Place | None:
    return Place(reading.file, reading.lines[0] if reading.lines else None) if reading.file else None


def where(problem: Problem) -> str:
    """`file:line:column` of a problem, as far as it is known."""
    return str(problem.place or "")


def _summary(counts: Counter[Status]) -> dict[str, int]:
    return {status.replace(" ", "_"): counts[status] for status in Status}


def _result_data(audit: Audit, verdict: Verdict) -> dict[str, Any]:
    data: dict[str, Any] = {
        "policy": verdict.control.policy,
        "control": verdict.control.id,
        "status": str(verdict.status),
    }
    if verdict.evidence:
        data["evidence"] = [
            {"reader": one.reader, "file": one.file, "lines": list(one.lines), "note": one.note}
            for one in verdict.evidence
        ]
    if verdict.problem:
        problem = verdict.problem.as_dict()
        data |= {
            key: problem[key] for key in ("severity", "message", "path", "file", "line", "column", "schema", "hint")
        }
    if verdict.waiver:
        place = audit.project.file.place("waivers", verdict.waiver.index)
        data["waiver"] = {
            "reason": verdict.waiver.reason,
            "expires": verdict.waiver.expires.isoformat(),
            "file": place.file,
            "line": place.line,
        }
    return data


def _sarif_result(audit: Audit, finding: Finding) -> sarif.Result:
    control, problem, waiver = finding.control, finding.problem, finding.waiver
    rule = sarif.Rule(
        f"{control.policy}/{control.id}",
        control.title,
        f"{control.remedy} ({' '.join(control.maps_to)})",
        control.severity,
        audit.policy(control.policy).url,
        (control.policy, control.maps_to[0]),
    )
    if problem is None:
        message = f"{control.title}: {enforced_by(finding)}" if finding.evidence else control.title
        places = tuple(filter(None, map(_first_place, finding.evidence)))
        kind = _KINDS[finding.status]
        place = audit.place(control)
        return sarif.Result(rule, message, control.severity, kind, place, related=places, targets=finding.targets)
    suppression = None
    if waiver:
        text = f"{waiver.reason} (until {waiver.expires})"
        suppression = sarif.Suppression(text, audit.project.file.place("waivers", waiver.index))
    return sarif.Result(
        rule,
        f"{problem.message} ({problem.hint})",
        problem.severity,
        place=problem.place,
        path=problem.path,
        targets=finding.targets,
        suppression=suppression,
    )
