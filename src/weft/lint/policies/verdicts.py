"""Verdicts: which controls pass, fail and are waived in which targets."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from typing import Any, Final

from weft.base.problems import Place, Problem, Severity
from weft.files.locator import placed_at_rule
from weft.lint.policies import waivers
from weft.lint.policies.enforcement import Enforcement
from weft.lint.policies.manifests import Manifest, manifests, seen_node
from weft.lint.policies.packs import Control, Policy
from weft.lint.reach import Reading
from weft.project.entries import Waiver
from weft.project.project import Project
from weft.project.target import Target
from weft.report.report import Report
from weft.rules import Undecided, holds

_SHOWN: Final = 3
"""The number of documents that are named as evidence of a control."""


class Status(StrEnum):
    """The result of one control for one target.

    In a project with readers, a control passes only if something enforces it; otherwise its settings only declare it.
    """

    PASSED = "passed"
    DECLARED = "declared"
    FAILED = "failed"
    WAIVED = "waived"
    NOT_APPLICABLE = "not applicable"


@dataclass(frozen=True)
class Verdict:
    """The outcome of one control for one target; `problem` and `waiver` are set if it failed or was waived.

    `evidence` says who enforces a passed control, and where; of a declared one, who will.
    """

    control: Control
    target: str
    status: Status
    problem: Problem | None = None
    waiver: Waiver | None = None
    evidence: tuple[Reading, ...] = ()


@dataclass(frozen=True)
class Finding:
    """The same outcome of one control in several targets."""

    control: Control
    status: Status
    problem: Problem | None
    waiver: Waiver | None
    targets: tuple[str, ...]
    evidence: tuple[Reading, ...] = ()


@dataclass(frozen=True)
class Audit:
    """All verdicts of a run. `unjudged` are the targets whose configuration is not valid; `problems` are about the waivers."""

    day: date
    project: Project
    policies: tuple[Policy, ...]
    targets: tuple[str, ...]
    unjudged: tuple[str, ...]
    verdicts: tuple[Verdict, ...]
    waiver_problems: tuple[Problem, ...]

    @property
    def problems(self) -> list[Problem]:
        """What needs to be fixed: failed controls, and waivers that are invalid, expired or unused."""
        failed = (verdict.problem for verdict in self.verdicts if verdict.status is Status.FAILED)
        return Report((*filter(None, failed), *self.waiver_problems)).problems

    def count(self, policy: str | None = None) -> Counter[Status]:
        """The number of verdicts with each status, of one pack or of all."""
        return Counter(verdict.status for verdict in self.verdicts if policy in (None, verdict.control.policy))

    def findings(self, policy: str | None = None) -> list[Finding]:
        """The verdicts in the order of the controls; equal verdicts of several targets are combined."""
        groups: dict[Any, list[Verdict]] = {}
        for verdict in self.verdicts:
            if policy in (None, verdict.control.policy):
                problem = verdict.problem and replace(verdict.problem, targets=())
                planned = verdict.status is Status.DECLARED and verdict.evidence[:1]
                key = verdict.control.location, verdict.status, problem, verdict.waiver, planned
                groups.setdefault(key, []).append(verdict)
        ranks = {control.location: rank for rank, control in enumerate(self.controls)}
        ordered = sorted(groups.values(), key=lambda group: ranks[group[0].control.location])
        return [_finding(group) for group in ordered]

    def by_target(self) -> dict[str, list[Verdict]]:
        """The verdicts of each checked target."""
        groups: dict[str, list[Verdict]] = {target: [] for target in self.targets}
        for verdict in self.verdicts:
            groups[verdict.target].append(verdict)
        return groups

    def by_control(self, policy: Policy) -> list[tuple[Control, list[Finding]]]:
        """The findings of each control of a pack, failed ones first."""
        order = [Status.FAILED, Status.WAIVED, Status.DECLARED, Status.PASSED, Status.NOT_APPLICABLE]
        groups: dict[str, list[Finding]] = {control.location: [] for control in policy.controls}
        for finding in sorted(self.findings(policy.name), key=lambda one: order.index(one.status)):
            groups[finding.control.location].append(finding)
        return [(control, groups[control.location]) for control in policy.controls]

    def policy(self, name: str) -> Policy:
        """The pack with this name."""
        return next(policy for policy in self.policies if policy.name == name)

    def place(self, control: Control) -> Place | None:
        """The position of a control."""
        return placed_at_rule(Problem("policy", "", schema=control.location), self.project.folder).place

    @property
    def controls(self) -> tuple[Control, ...]:
        """The controls of all packs, in their order."""
        return tuple(control for policy in self.policies for control in policy.controls)


def audit(
    project: Project, targets: Iterable[Target], known: Mapping[str, Policy], policies: Sequence[Policy], today: date
) -> Audit:
    """Check targets against some of the known packs, on the day `today`, which determines which waivers are valid.

    A target with an invalid configuration is not checked: its own problems come first.
    """
    judged, unjudged = dict[str, Target](), list[str]()
    for target in targets:
        if _is_valid(target):
            judged[target.name] = target
        else:
            unjudged.append(target.name)
    granted = waivers.Granted(project, today)
    controls = [control for policy in policies for control in policy.controls]
    verdicts = [verdict for target in judged.values() for verdict in _verdicts(controls, target, granted.waives)]
    if project.file.readers:
        enforcement = Enforcement(project, controls)
        verdicts = [_enforced(verdict, judged[verdict.target], enforcement) for verdict in verdicts]
    about = granted.problems(
        _ids(known.values()), {policy.name for policy in policies}, set(judged), set(_failing(verdicts))
    )
    return Audit(today, project, tuple(policies), tuple(judged), tuple(unjudged), tuple(verdicts), tuple(about))


def _enforced(verdict: Verdict, target: Target, enforcement: Enforcement) -> Verdict:
    """A verdict with its evidence: a passed control is only declared if nothing reads the settings on which it relies."""
    if verdict.status is not Status.PASSED or not verdict.control.reads:
        return verdict
    evidence = enforcement.evidence(verdict.control, target)
    enforced = any(reading.enforces for reading in evidence)
    return replace(verdict, status=Status.PASSED if enforced else Status.DECLARED, evidence=evidence)


def _ids(policies: Iterable[Policy]) -> dict[str, list[str]]:
    """The controls of each pack."""
    return {policy.name: [control.id for control in policy.controls] for policy in policies}


def _is_valid(target: Target) -> bool:
    """True if only rules of the schema are broken, which are controls themselves."""
    errors = [problem for problem in target.problems() if problem.severity is Severity.ERROR]
    return all(problem.traits.keeps_types for problem in errors)


def _failing(verdicts: Iterable[Verdict]) -> Iterator[tuple[str, str, str]]:
    """The pack, control and target for which a waiver is used."""
    for verdict in verdicts:
        if verdict.status in (Status.FAILED, Status.WAIVED):
            yield verdict.control.policy, verdict.control.id, verdict.target


def _verdicts(
    controls: Iterable[Control], target: Target, waives: Callable[[str, str, str], Waiver | None]
) -> Iterator[Verdict]:
    """The verdicts of all controls for one target, whose outputs are rendered at most once."""
    rendered: list[Manifest] | None = None
    for control in controls:
        if control.over is not None and rendered is None:
            rendered = manifests(target)
        yield _verdict(control, target, rendered or [], waives)


def _verdict(
    control: Control, target: Target, rendered: Sequence[Manifest], waives: Callable[[str, str, str], Waiver | None]
) -> Verdict:
    root = target.schemas.root
    try:
        if not all(holds(condition, root, target.shared_config) for condition in control.conditions):
            return Verdict(control, target.name, Status.NOT_APPLICABLE)
        if control.over is not None:
            found = _of_documents(control, target, list(filter(control.over.includes, rendered)))
        elif holds(control.rule, root, target.shared_config):
            found = Verdict(control, target.name, Status.PASSED)
        else:
            found = _broken(control, target)
    except Undecided as reason:
        return Verdict(control, target.name, Status.FAILED, target.located(_undecided(control, reason)))
    if isinstance(found, Verdict):
        return found
    waiver = waives(control.policy, control.id, target.name)
    return Verdict(control, target.name, Status.WAIVED if waiver else Status.FAILED, found, waiver)


def _of_documents(control: Control, target: Target, seen: Sequence[Manifest]) -> Verdict | Problem:
    """The verdict if all documents that a control sees meet it; otherwise the problem of the first that does not."""
    wrong = next((manifest for manifest in seen if not meets(control, manifest)), None)
    if wrong is not None:
        return _broken_by(control, wrong, target)
    status = Status.PASSED if seen else Status.NOT_APPLICABLE
    return Verdict(control, target.name, status, evidence=tuple(map(_reading, seen[:_SHOWN])))


def _reading(manifest: Manifest) -> Reading:
    """The evidence that a document gives: its reader applies it, and the place is the line where it begins."""
    place = manifest.place
    return Reading(manifest.name, place.file, () if place.line is None else (place.line,))


def meets(control: Control, manifest: Manifest) -> bool:
    """True if a document meets a control. A key that the rule reads and that is not there does not meet it."""
    try:
        return holds(control.rule, seen_node(), manifest.seen)
    except Undecided:
        return False


def _broken_by(control: Control, manifest: Manifest, target: Target) -> Problem:
    """The problem of a document, at the line of the output where it begins."""
    message = f"{control.policy} {control.id}: {control.message} ({manifest.name})"
    return Problem(
        "policy",
        message,
        control.severity,
        place=manifest.place,
        schema=control.location,
        hint=control.remedy,
        targets=(target.name,),
    )


def _broken(control: Control, target: Target) -> Problem:
    """The problem of a configuration, at the setting that the rule reads."""
    problem = target.located(
        Problem(
            "policy",
            f"{control.policy} {control.id}: {control.message}",
            control.severity,
            path=control.reads[0] if control.reads else "",
            schema=control.location,
            hint=control.remedy,
            reads=control.reads,
        )
    )
    if problem.place is None:  # only defaults of the schema are read
        problem = replace(problem, place=placed_at_rule(problem, target.schemas.folder).place)
    return problem


def _undecided(control: Control, reason: Undecided) -> Problem:
    message = f"{control.policy} {control.id}: it cannot be decided whether the control passes: {reason}"
    return Problem("rule-undecided", message, schema=f"{control.location}/rule", hint=reason.hint())


def _finding(group: Sequence[Verdict]) -> Finding:
    first = group[0]
    return Finding(first.control, first.status, first.problem, first.waiver, tuple(_targets(group)), first.evidence)


def _targets(group: Sequence[Verdict]) -> Iterator[str]:
    return (verdict.target for verdict in group)
