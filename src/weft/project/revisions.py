"""Earlier revisions of a project, from Git."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from weft.base.problems import CannotRun, Problem, WeftError
from weft.files.git import commit_of, extract, files_of, top_of
from weft.files.reading import ProjectFiles
from weft.project.project import Project, load_project
from weft.project.projectfile import NAME


@contextmanager
def project_at(files: ProjectFiles, revision: str) -> Iterator[Project]:
    """The project at a Git revision (`HEAD~3`, `main`, a tag, a hash), in a folder of its own.

    Folders that the caller allows outside of it are allowed for the revision too.

    Raises UsageError for an unknown revision, CannotRun if there is no repository, or no readable project at that time.
    """
    folder = files.folder
    commit, top = commit_of(folder, revision), top_of(folder).resolve()
    inside = folder.resolve().relative_to(top)
    if (inside / NAME).as_posix() not in files_of(folder, commit):
        message = f"there was no {NAME} in {folder} at {revision}"
        raise CannotRun(Problem("no-project", message, hint="name a later revision"))
    with tempfile.TemporaryDirectory(prefix="weft-") as scratch:
        extract(
            folder, commit, Path(scratch)
        )  # the whole tree, because a schema may refer to files next to the project
        try:
            allowed = [_at_revision(one.resolve(), top, Path(scratch)) for one in files.allowed]
            project = load_project(Path(scratch) / inside, allow_read=allowed)
        except WeftError as error:
            reason = error.problems[0].message
            message = f"the project of {revision} cannot be loaded: {reason}"
            raise CannotRun(Problem("bad-revision", message, hint="name a revision that is valid")) from None
        yield project


def _at_revision(allowed: Path, top: Path, scratch: Path) -> Path:
    """The path of an allowed folder of the repository in the copy of a revision; other folders keep their path."""
    if top.is_relative_to(allowed):
        return scratch
    return scratch / allowed.relative_to(top) if allowed.is_relative_to(top) else allowed
