"""Following a project: it is rendered again after each change, and what has not changed is not even opened again.

A change of overlays keeps the schemas and the templates of the open project, and the results of the targets that do not read the changed files.
After any other change, the project is opened again. The system says when something in a folder of the project changes (`client.notifier`); what
changed is found in the trace of what was read.
"""

from __future__ import annotations

import contextlib
import gc
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from weft.base.watching import Watch
from weft.client.notifier import Notifier
from weft.files.trace import changes
from weft.fleet.memory import Done, Memory
from weft.project.project import Project
from weft.project.result import Result
from weft.stages.load import SUFFIXES

_QUIET: Final = 0.005
"""Seconds without a further change after which a file counts as saved: editors write some in several steps."""
_ATTEMPTS: Final = 50


class Follower:
    """The targets of a project that some globs name, rendered again and again."""

    def __init__(self, memory: Memory, globs: Sequence[str]) -> None:
        self._memory = memory
        self._globs = globs
        self._project: Project | None = None
        self._kept: dict[str, Result] = {}
        self._contents: set[str] = set()
        self._names: set[str] = set()
        self._done: Done | None = None
        self._waiting: set[str] = set()

    def run(self, watch: Watch) -> Done:
        """The targets as they are now. Raises WeftError if the project cannot be opened.

        The run has only those outputs that may have changed since `written` was called.
        """
        before, self._project, self._done = self._project, None, None
        contents, names = set(self._contents), set(self._names)
        self._contents.clear()
        self._names.clear()
        if before is None or not _only_overlays(before, contents, names):
            self._kept.clear()
            project = self._memory.open_again()
        else:
            project = self._memory.refreshed(before, contents, names)
        self._done = self._memory.rendered(self._globs, project, self._kept, watch)
        if self._project is None and before is None:
            gc.freeze()  # what is kept for a long time need not be looked through after each change
        self._project = project
        self._waiting.update(self._done.fresh)
        return self._done.of(self._waiting)

    def written(self) -> None:
        """The outputs of the last run were written."""
        self._waiting.clear()

    def remember(self) -> None:
        """Keep the last run for the next command."""
        if self._done is not None and self._done.run is not None and self._done.project is not None:
            self._memory.remember(self._globs, self._done.project, self._done.run)

    def wait(self) -> None:
        """Wait until something that was read has changed, and is not changed further."""
        trace = self._memory.trace
        folders = {*trace.folders, *(path.rpartition("/")[0] for path in trace.files)}
        with contextlib.closing(Notifier(sorted(map(Path, folders)))) as notifier:
            while not self._notice():
                notifier.wait()
        for _ in range(_ATTEMPTS):
            time.sleep(_QUIET)
            if not self._notice():
                break

    def _notice(self) -> bool:
        """Note what has changed since it was last looked at. Returns whether there is anything."""
        trace = self._memory.trace
        contents, names = changes(trace.files, trace.folders, trace.ignored)
        self._contents |= contents
        self._names |= {name for name in names if not _is_of_editor(name)}
        return bool(contents or self._names)


def _is_of_editor(path: str) -> bool:
    """True for the backups and the temporary files of editors."""
    name = path.rpartition("/")[2]
    return not name.endswith(SUFFIXES) and (name.startswith(".") or name.endswith(("~", ".swp", ".tmp")))


def _only_overlays(project: Project, contents: Iterable[str], names: Iterable[str]) -> bool:
    """True if changed files, and paths that came or went, can be nothing but overlays."""
    templates = f"{project.folder / project.file.templates}/"
    folders = {
        path.rpartition("/")[0] for path in project.opened_from
    }  # a link to a schema, or another file of its name
    of_overlays = all(
        path.endswith(SUFFIXES) and not Path(path).is_dir() and path.rpartition("/")[0] not in folders for path in names
    )
    read = {*contents, *names}
    return of_overlays and read.isdisjoint(project.opened_from) and not any(path.startswith(templates) for path in read)
