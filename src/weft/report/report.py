"""The report of a run: problems are added as they are found, and grouped and sorted when the report is read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import fields, replace
from functools import cached_property
from operator import attrgetter
from pathlib import Path
from typing import Any, Final

from weft.base.codes import Grouping, Quoting
from weft.base.problems import Place, Problem, Severity, has_errors


class Report:
    """The problems of one run, from any number of targets and stages. Their files are relative to `folder`.

    A problem that several targets share appears once and lists them. Problems are sorted by file, line and column; those without a
    place come last. Formats for people show at most `at_most` problems, 0 for all, and count the rest. If a code covers another one,
    a setting is reported under the covering code only.
    """

    def __init__(self, problems: Iterable[Problem] = (), folder: Path | None = None) -> None:
        self.folder = folder
        self.at_most = 0
        self._added: list[Problem] = list(problems)

    def add(self, problems: Iterable[Problem]) -> None:
        """Add the problems of another target or stage."""
        self._added += problems
        for read_before in ("problems", "_unquotable_files"):
            self.__dict__.pop(read_before, None)

    @cached_property
    def problems(self) -> list[Problem]:
        """The problems added so far, grouped and sorted."""
        reported = {problem.finding for problem in self._added}
        groups: dict[Any, tuple[Problem, dict[str, None]]] = {}
        for problem in sorted(self._added, key=_order):
            if (problem.traits.covered_by, problem.path) not in reported:
                groups.setdefault(_group(problem), (problem, {}))[1].update(dict.fromkeys(problem.targets))
        return [
            problem if problem.targets == tuple(targets) else replace(problem, targets=tuple(targets))
            for problem, targets in groups.values()
        ]

    @property
    def shown(self) -> list[Problem]:
        """The problems shown to people; if not all are shown, errors come first."""
        return self._parted[0]

    @property
    def hidden(self) -> list[Problem]:
        """The problems that are only counted for people."""
        return self._parted[1]

    @property
    def _parted(self) -> tuple[list[Problem], list[Problem]]:
        severities = list(Severity)
        worst = sorted(range(len(self.problems)), key=lambda number: severities.index(self.problems[number].severity))
        chosen = set(worst[: self.at_most or None])
        parts: tuple[list[Problem], list[Problem]] = ([], [])
        for number, problem in enumerate(self.problems):
            parts[number not in chosen].append(problem)
        return parts

    def __iter__(self) -> Iterator[Problem]:
        return iter(self.problems)

    def __len__(self) -> int:
        return len(self.problems)

    @property
    def counts(self) -> Counter[Severity]:
        """The number of problems of each severity."""
        return Counter(problem.severity for problem in self.problems)

    def fails(self, strict: bool = False) -> bool:
        """True if the problems fail a run; `strict` counts warnings too."""
        return has_errors(self.problems, strict)

    def may_quote(self, problem: Problem) -> bool:
        """True if the line of a problem may be shown: never a line that may contain a secret."""
        if problem.quiet or problem.traits.quoting in (Quoting.NEVER, Quoting.NOTHING_OF_THE_FILE):
            return False
        return problem.place is None or problem.place.file not in self._unquotable_files

    @cached_property
    def _unquotable_files(self) -> frozenset[str]:
        return frozenset(
            problem.place.file
            for problem in self._added
            if problem.place and problem.traits.quoting is Quoting.NOTHING_OF_THE_FILE
        )


def _group(problem: Problem) -> tuple[Any, ...]:
    """What the problems of several targets have in common if they are one problem: everything but the target."""
    code, place, *others = _ALL_BUT_TARGETS(problem)
    if place is not None and place.nearest and problem.traits.grouping is Grouping.NEAREST_PLACE:
        place = None
    return code, place, *others


_ALL_BUT_TARGETS: Final = attrgetter(
    "code", "place", *(field.name for field in fields(Problem) if field.name not in ("code", "place", "targets"))
)


def _order(problem: Problem) -> tuple[Any, ...]:
    place = problem.place or Place("~")
    return place.file, place.line or 0, place.column or 0, problem.path or "", problem.code, problem.message
