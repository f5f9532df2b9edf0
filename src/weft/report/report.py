"""The report of a run: problems are added as they are found, and grouped and sorted when somebody reads them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

from weft.base.codes import Grouping, Quoting
from weft.base.problems import Place, Problem, Severity, has_errors


class Report:
    """Problems of one run, from any number of targets and stages; `folder` is what their files are relative to.

    The same problem of several targets stands in it once and lists them. Problems are sorted by file, line and column; those
    without a place come last. What a code that covers another one says of a setting is not repeated by the covered one.
    """

    def __init__(self, problems: Iterable[Problem] = (), folder: Path | None = None) -> None:
        self.folder = folder
        self._added: list[Problem] = list(problems)

    def add(self, problems: Iterable[Problem]) -> None:
        """Add what another target or stage found."""
        self._added += problems
        for read_before in ("problems", "_unquotable_files"):
            self.__dict__.pop(read_before, None)

    @cached_property
    def problems(self) -> list[Problem]:
        """What was added so far, grouped and sorted."""
        told = {problem.finding for problem in self._added}
        groups: dict[Any, tuple[Problem, dict[str, None]]] = {}
        for problem in sorted(self._added, key=_order):
            if (problem.traits.covered_by, problem.path) not in told:
                groups.setdefault(_group(problem), (problem, {}))[1].update(dict.fromkeys(problem.targets))
        return [replace(problem, targets=tuple(targets)) for problem, targets in groups.values()]

    def __iter__(self) -> Iterator[Problem]:
        return iter(self.problems)

    def __len__(self) -> int:
        return len(self.problems)

    @property
    def counts(self) -> Counter[Severity]:
        """How many problems there are of each severity."""
        return Counter(problem.severity for problem in self.problems)

    def fails(self, strict: bool = False) -> bool:
        """Whether the problems fail a run; `strict` counts warnings too."""
        return has_errors(self.problems, strict)

    def may_quote(self, problem: Problem) -> bool:
        """Whether the line at which a problem stands may be shown: not where a secret may stand in it."""
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


def _group(problem: Problem) -> Problem:
    """What problems have in common that are one problem of several targets."""
    nearest = problem.place is not None and problem.place.nearest
    if problem.traits.grouping is Grouping.NEAREST_PLACE and nearest:
        return replace(problem, targets=(), place=None)
    return replace(problem, targets=())


def _order(problem: Problem) -> tuple[Any, ...]:
    place = problem.place or Place("~")
    return place.file, place.line or 0, place.column or 0, problem.path or "", problem.code, problem.message
