"""Earlier revisions of a project, as git keeps them."""

from __future__ import annotations

import io
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from weft.base.problems import CannotRun, Problem, WeftError
from weft.files.git import commit_of, git_output, run_git
from weft.project.project import Project, load_project
from weft.project.projectfile import NAME


@contextmanager
def project_at(folder: Path, revision: str) -> Iterator[Project]:
    """The project of a folder as it was at a revision of git (`HEAD~3`, `main`, a tag, a hash), in a folder of its own.

    Raises UsageError for a revision that is none, CannotRun where there is no repository, or no readable project at that time.
    """
    top = Path(git_output(folder, "rev-parse", "--show-toplevel").decode().strip())
    commit = commit_of(folder, revision)
    inside = folder.resolve().relative_to(top.resolve())
    if run_git(folder, "cat-file", "-e", f"{commit}:{(inside / NAME).as_posix()}").returncode:
        message = f"there was no {NAME} in {folder} at {revision}"
        raise CannotRun(Problem("no-project", message, hint="name a later revision"))
    with tempfile.TemporaryDirectory(prefix="weft-") as scratch:
        # the whole tree, as a schema may refer to files beside the project
        with tarfile.open(
            fileobj=io.BytesIO(git_output(folder, "-C", str(top), "archive", "--format=tar", commit))
        ) as archive:
            archive.extractall(scratch, filter="data")
        try:
            project = load_project(Path(scratch) / inside)
        except WeftError as error:
            reason = error.problems[0].message
            message = f"the project of {revision} cannot be loaded: {reason}"
            raise CannotRun(Problem("bad-revision", message, hint="name a revision that is valid")) from None
        yield project
