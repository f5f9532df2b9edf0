"""Earlier revisions of a project, as git keeps them."""

from __future__ import annotations

import io
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from weft.problems import CannotRun, Problem, UsageError, WeftError
from weft.project import Project, load_project
from weft.projectfile import NAME


@contextmanager
def project_at(folder: Path, revision: str) -> Iterator[Project]:
    """The project of a folder as it was at a revision of git (`HEAD~3`, `main`, a tag, a hash), in a folder of its own.

    Raises UsageError for a revision that is none, CannotRun where there is no repository, or no readable project at that time.
    """
    top = Path(_git(folder, "rev-parse", "--show-toplevel").decode().strip())
    commit = _commit(folder, revision)
    inside = folder.resolve().relative_to(top.resolve())
    if _run(folder, "cat-file", "-e", f"{commit}:{(inside / NAME).as_posix()}").returncode:
        message = f"there was no {NAME} in {folder} at {revision}"
        raise CannotRun(Problem("no-project", message, hint="name a later revision"))
    with tempfile.TemporaryDirectory(prefix="weft-") as scratch:
        # the whole tree, as a schema may refer to files beside the project
        with tarfile.open(
            fileobj=io.BytesIO(_git(folder, "-C", str(top), "archive", "--format=tar", commit))
        ) as archive:
            archive.extractall(scratch, filter="data")
        try:
            project = load_project(Path(scratch) / inside)
        except WeftError as error:
            reason = error.problems[0].message
            message = f"the project of {revision} cannot be loaded: {reason}"
            raise CannotRun(Problem("bad-revision", message, hint="name a revision that is valid")) from None
        yield project


def _commit(folder: Path, revision: str) -> str:
    done = _run(folder, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
    if done.returncode:
        hint = "name a branch, a tag or a commit, such as `HEAD~1`"
        raise UsageError(Problem("unknown-revision", f"git knows no revision `{revision}`", hint=hint))
    return done.stdout.decode().strip()


def _git(folder: Path, *arguments: str) -> bytes:
    done = _run(folder, *arguments)
    if done.returncode:
        reason = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise CannotRun(Problem("no-repository", f"git: {reason[0] if reason else 'failed'}"))
    return done.stdout


def _run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(["git", "-C", folder, *arguments], capture_output=True, check=False)  # noqa: S603, S607
    except OSError as error:
        raise CannotRun(Problem("no-repository", f"git cannot be started: {error.strerror}")) from None
