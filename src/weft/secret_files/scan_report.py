"""What `weft secrets scan` reports: the findings of a scan that the baseline does not accept; or a new baseline that accepts them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from weft.project.project import Project
from weft.report.report import Report
from weft.secret_files import baseline, scanning
from weft.secret_files.baseline import Accepted, Baseline
from weft.secret_files.scanning import Finding, Scanner, Text

BASELINE: Final = baseline.NAME


@dataclass(frozen=True)
class Wanted:
    """What to scan: the files of the project or those at `paths`, optionally with the history; or the staged files."""

    paths: tuple[Path, ...] = ()
    since: str | None = None
    history: bool = False
    staged: bool = False
    schema_only: bool = False

    def texts(self, project: Project) -> Iterator[Text]:
        """The texts to scan. Those of commits come last, so a secret that is still in a file is reported for the file."""
        if self.staged:
            yield from scanning.staged(project, self.paths)
            return
        yield from scanning.files(project, self.paths)
        if self.history or self.since is not None:
            yield from scanning.committed(project, self.since, self.paths)


def report(project: Project, wanted: Wanted) -> Report:
    """The findings that are not accepted, and the entries of the baseline whose secrets no longer exist.

    Raises CannotRun if something cannot be read, or the detector is not installed; UsageError for an unknown revision; WeftError if the
    baseline is not valid.
    """
    accepting = Baseline.read(project.folder)
    scanner = Scanner(project, schema_only=wanted.schema_only)
    texts = _Noted(wanted.texts(project))
    problems, accepted = [], []
    for finding in scanner.scan(texts):
        entry = _entry(accepting, finding) if accepting.knows(finding.text.file) else None
        if entry and accepting.accepts(entry):
            accepted.append(entry)
        else:
            problems.append(finding.problem())
    judged = None if not wanted.paths and not wanted.staged else texts.files
    stale = [] if wanted.schema_only else accepting.stale(accepted, judged)
    return Report([*problems, *scanner.unscanned, *stale], project.folder)


def write_baseline(project: Project, wanted: Wanted) -> int:
    """Accept all findings. Returns the number of entries. Accepted entries of the history stay, unless all of it is scanned.

    Raises the errors of `report`, and CannotRun if the file cannot be written.
    """
    before = Baseline.read(project.folder)
    kept = () if wanted.history else (entry for entry in before.accepted if entry.history)
    found = (_entry(before, finding) for finding in Scanner(project).scan(wanted.texts(project)))
    after = Baseline(frozenset([*kept, *found]), before.salt)
    after.write(project.folder)
    return len(after.accepted)


def _entry(accepting: Baseline, finding: Finding) -> Accepted:
    text = finding.text
    return accepting.entry(text.file, finding.kind, finding.secret, history=text.commit is not None)


class _Noted:
    """An iterator over texts that records their names."""

    def __init__(self, texts: Iterable[Text]) -> None:
        self._texts = texts
        self.files: set[str] = set()

    def __iter__(self) -> Iterator[Text]:
        for text in self._texts:
            self.files.add(text.file)
            yield text
