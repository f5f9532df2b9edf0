"""SARIF 2.1.0, the format in which code hosts take the results of static analysis.

See https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html; section numbers below refer to it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal
from urllib.parse import quote

from weft.base.problems import Place, Problem, Severity
from weft.report.report import Report
from weft.version import __version__

SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"
_ROOT: Final = "PROJECT"
"""The name of the project's folder in a report."""

Kind = Literal["fail", "pass", "review", "notApplicable"]


@dataclass(frozen=True, slots=True)
class Rule:
    """The rule of a result: `id` is its stable name, `help` says what to do when it fails."""

    id: str
    title: str
    help: str = ""
    severity: Severity = Severity.ERROR
    url: str | None = None
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Suppression:
    """Why a result does not count, and where that is written."""

    reason: str
    place: Place | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """One result of a rule. `path` is the JSON pointer of a setting, `related` are other places that belong to it."""

    rule: Rule
    message: str
    severity: Severity = Severity.ERROR
    kind: Kind = "fail"
    place: Place | None = None
    related: tuple[Place, ...] = ()
    path: str | None = None
    targets: tuple[str, ...] = ()
    suppression: Suppression | None = None


def of_problem(problem: Problem) -> Result:
    """A problem as a result: its code is the rule, and the message includes the hint."""
    message = f"{problem.message} ({problem.hint})" if problem.hint else problem.message
    rule = Rule(problem.code, problem.code.replace("-", " "), severity=problem.severity)
    return Result(
        rule, message, problem.severity, "fail", problem.place, problem.related, problem.path, problem.targets
    )


def sarif(results: Iterable[Result]) -> dict[str, Any]:
    """A log with one run that contains these results and their rules, as JSON data.

    Paths of files are relative to the project.
    """
    results = list(results)
    rules = list({result.rule.id: result.rule for result in results}.values())
    indexes = {rule.id: index for index, rule in enumerate(rules)}
    suppressed = any(result.suppression for result in results)  # then every result must have the property (3.27.23)
    driver = {"name": "weft", "version": __version__, "semanticVersion": __version__, "rules": list(map(_rule, rules))}
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {_ROOT: {"description": {"text": "The folder of weft.yaml."}}},
        "results": [_result(result, indexes[result.rule.id], suppressed) for result in results],
    }
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def _rule(rule: Rule) -> dict[str, Any]:
    data: dict[str, Any] = {
        "id": rule.id,
        "shortDescription": {"text": rule.title},
        "defaultConfiguration": {"level": str(rule.severity)},
    }
    if rule.help:
        data |= {"fullDescription": {"text": rule.help}, "help": {"text": rule.help}}
    if rule.url:
        data["helpUri"] = rule.url
    if rule.tags:
        data["properties"] = {"tags": list(dict.fromkeys(rule.tags))}
    return data


def _result(result: Result, index: int, suppressed: bool) -> dict[str, Any]:
    data: dict[str, Any] = {
        "ruleId": result.rule.id,
        "ruleIndex": index,
        "kind": result.kind,
        "level": str(result.severity) if result.kind == "fail" else "none",  # 3.27.10
        "message": {"text": result.message},
        "partialFingerprints": {"weft/v1": _fingerprint(result)},
    }
    if result.place:
        data["locations"] = [_location(result.place, result.path)]
    if result.related:
        data["relatedLocations"] = [_location(place) for place in result.related]
    if suppressed:
        data["suppressions"] = [_suppression(result.suppression)] if result.suppression else []
    if result.targets:
        data["properties"] = {"targets": list(result.targets)}
    return data


def _suppression(suppression: Suppression) -> dict[str, Any]:
    data: dict[str, Any] = {"kind": "external", "status": "accepted", "justification": suppression.reason}
    if suppression.place:
        data["location"] = _location(suppression.place)
    return data


def _location(place: Place, path: str | None = None) -> dict[str, Any]:
    physical: dict[str, Any] = {"artifactLocation": {"uri": quote(place.file), "uriBaseId": _ROOT}}
    if place.line is not None:
        physical["region"] = {"startLine": place.line}
        if place.column is not None:
            physical["region"]["startColumn"] = place.column
    data: dict[str, Any] = {"physicalLocation": physical}
    if path:
        data["logicalLocations"] = [{"fullyQualifiedName": path, "kind": "member"}]
    return data


def _fingerprint(result: Result) -> str:
    """A fingerprint that is stable when lines move: the rule, the setting and the file."""
    parts: Sequence[str] = (result.rule.id, result.kind, result.path or "", result.place.file if result.place else "")
    return hashlib.sha256("\0".join((*parts, result.message)).encode()).hexdigest()[:32]


def as_sarif(report: Report) -> str:
    """A SARIF log 2.1.0, as code scanning services read it."""
    return json.dumps(sarif(map(of_problem, report)), indent=2, ensure_ascii=False) + "\n"
