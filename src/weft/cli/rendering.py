"""What `weft render` does with a run: it reports problems, writes the outputs, and says what was written."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from weft.base import timing
from weft.base.wording import counted

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from weft.base.problems import Problem
    from weft.base.watching import Watch
    from weft.fleet.memory import Done, Memory
    from weft.fleet.written import Written
    from weft.stages.write import Changes

    Progress = Callable[[], AbstractContextManager[Watch]]


@dataclass(frozen=True)
class Writing:
    """How outputs are written into a folder, which is `shown` by this name."""

    home: Path
    folder: Path
    shown: str
    check: bool
    sync: bool
    wait: int

    def finish(self, done: Done, written: Written, begun: float) -> int:
        """Report the problems of a run and write its outputs if there is no error. Returns the exit code."""
        report(done.problems, self.home)
        if any(problem.severity == "error" for problem in done.problems):
            click.echo("nothing was written", err=True)
            return 1
        with timing.WRITE:
            changes = written.kept if done.run is None else self._write(done, written)
        if self.check:
            _show(changes)
        what = f"{counted(done.targets, 'target')}, {counted(done.outputs, 'file')} in {self.shown}"
        click.echo(f"{what}: {_summary(changes, self.check)}, {time.perf_counter() - begun:.1f} s", err=True)
        return 1 if self.check and changes else 0

    def _write(self, done: Done, written: Written) -> Changes:
        """Write what was rendered. Raises WeftError, whose problems are those of the folder, if that is refused."""
        from weft.base.problems import WeftError

        assert done.project is not None
        assert done.run is not None
        try:
            changes = done.project.write(
                done.chosen,
                done.run,
                written.folder,
                dry_run=self.check,
                sync=self.sync,
                wait=self.wait,
                digests=written.digest,
                part=done.part,
            )
        except WeftError as error:
            error.folder = error.folder or written.folder
            raise
        paths = {one.path for one in done.run.files}
        if not self.check:
            written.note(changes, done.state, done.run.digests)
        return replace(changes, kept=changes.kept + done.outputs - len(paths))


def follow(memory: Memory, globs: Sequence[str], how: Writing, progress: Progress) -> NoReturn:
    """Render again after each change, until Ctrl-C. What is wrong is reported, and leaves the last outputs as they are."""
    from weft.base.problems import WeftError
    from weft.cli.report import show
    from weft.fleet.following import Follower
    from weft.report.report import Report

    follower, written = Follower(memory, globs), memory.written(how.folder)
    while True:
        begun = time.perf_counter()
        try:
            with progress() as watch:
                done = follower.run(watch)
            if how.finish(done, written, begun) == 0:
                follower.written()
        except WeftError as error:
            show(Report(error.problems, error.folder or how.home))
            click.echo("nothing was written", err=True)
        follower.remember()
        follower.wait()


def writing(home: Path, output: Path | None, folder: Path, *, check: bool, sync: bool, wait: int) -> Writing:
    """How to write into a folder that `--output` names, or the default."""
    return Writing(home, folder, str(folder) if output else os.path.relpath(folder), check, sync, wait)


def report(problems: Sequence[Problem], home: Path) -> None:
    """Show problems without the notes, which `validate` shows."""
    from weft.base.problems import Severity

    reported = [problem for problem in problems if problem.severity is not Severity.NOTE]
    if reported:
        from weft.cli.report import show
        from weft.report.report import Report

        show(Report(reported, home))


def _show(changes: Changes) -> None:
    for word, paths in (("create", changes.created), ("update", changes.updated), ("remove", changes.removed)):
        for path in paths:
            click.echo(f"{word} {path}")


def _summary(changes: Changes, check: bool) -> str:
    written, removed = len(changes.created) + len(changes.updated), len(changes.removed)
    if check:
        return f"{written} would be written, {changes.kept} are up to date, {removed} would be removed"
    return f"{written} written, {changes.kept} unchanged, {removed} removed"
