"""Waivers: entries of weft.yaml that let targets fail a control for a while, and their problems."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import date, timedelta
from typing import Final

from weft.base.problems import Problem, Severity, UsageError, choices, did_you_mean
from weft.project.entries import Waiver
from weft.project.project import Project

NOTICE: Final = timedelta(days=30)
"""The time before its last day at which a waiver is reported."""


class Granted:
    """The waivers of a project as they apply on one day."""

    def __init__(self, project: Project, today: date) -> None:
        self._file = project.file
        self._today = today
        self._targets: dict[int, set[str]] = {}
        self._strange: list[Problem] = []
        for waiver in self._file.waivers:
            self._targets[waiver.index] = set()
            for index, glob in enumerate(waiver.targets):
                try:
                    self._targets[waiver.index] |= {target.name for target in project.targets(glob)}
                except UsageError as error:
                    place = self._file.place("waivers", waiver.index, "targets", index)
                    message = f"no target matches `{glob}`, so the waiver has no effect"
                    hint = error.problems[0].hint
                    self._strange.append(Problem("waiver-unused", message, Severity.WARNING, place=place, hint=hint))

    def waives(self, policy: str, control: str, target: str) -> Waiver | None:
        """The waiver that lets a target fail a control today, if there is one."""
        return next(
            (
                waiver
                for waiver in self._file.waivers
                if (waiver.policy, waiver.control) == (policy, control)
                and target in self._targets[waiver.index]
                and self._today <= waiver.expires
            ),
            None,
        )

    def problems(
        self,
        known: Mapping[str, Collection[str]],
        asked: Collection[str],
        judged: Collection[str],
        failing: Collection[tuple[str, str, str]],
    ) -> Iterator[Problem]:
        """The problems of the waivers.

        `known` are the controls of all packs; `asked` the packs of this run, `judged` the checked targets, and `failing` the
        controls that failed, waived or not, as (policy, control, target).
        """
        yield from self._strange
        for waiver in self._file.waivers:
            wrong = list(self._misspelled(waiver, known))
            yield from wrong
            if not wrong and waiver.policy in asked:
                outdated = list(self._outdated(waiver))
                yield from outdated or self._of_no_use(waiver, judged, failing)

    def _misspelled(self, waiver: Waiver, known: Mapping[str, Collection[str]]) -> Iterator[Problem]:
        if waiver.policy not in known:
            there = f"choose from {choices(known)}" if known else "this project has no rule packs"
            hint = did_you_mean(waiver.policy, known) or there
            yield self._problem(waiver, "waiver-invalid", f"there is no policy `{waiver.policy}`", "policy", hint)
        elif waiver.control not in known[waiver.policy]:
            hint = did_you_mean(waiver.control, known[waiver.policy]) or f"see `weft policy list {waiver.policy}`"
            message = f"the policy `{waiver.policy}` has no control `{waiver.control}`"
            yield self._problem(waiver, "waiver-invalid", message, "control", hint)

    def _outdated(self, waiver: Waiver) -> Iterator[Problem]:
        name = f"{waiver.policy} {waiver.control}"
        hint = "fix the configuration and remove the waiver, or review it and give it a later date"
        if waiver.expires < self._today:
            message = f"the waiver of {name} ended on {waiver.expires} and does not waive it any more"
            yield self._problem(waiver, "waiver-expired", message, "expires", hint)
        elif waiver.expires - self._today <= NOTICE:
            days = (waiver.expires - self._today).days
            message = f"the waiver of {name} ends on {waiver.expires}, {_in(days)}"
            yield self._problem(waiver, "waiver-expiring", message, "expires", hint, Severity.WARNING)

    def _of_no_use(
        self, waiver: Waiver, judged: Collection[str], failing: Collection[tuple[str, str, str]]
    ) -> Iterator[Problem]:
        """Reported only if all its targets were checked, because the waiver may be for another one."""
        targets = self._targets[waiver.index]
        used = any((waiver.policy, waiver.control, target) in failing for target in targets)
        if targets and not used and targets <= set(judged):
            message = f"none of its targets fails {waiver.policy} {waiver.control}, so this waiver is not used"
            yield self._problem(waiver, "waiver-unused", message, "control", "remove it", Severity.WARNING)

    def _problem(
        self, waiver: Waiver, code: str, message: str, key: str, hint: str, severity: Severity = Severity.ERROR
    ) -> Problem:
        return Problem(code, message, severity, place=self._file.place("waivers", waiver.index, key), hint=hint)


def _in(days: int) -> str:
    return {0: "today", 1: "tomorrow"}.get(days, f"in {days} days")
