"""Running git: what revisions, folders and files it knows.

One mistake has one answer wherever it is made. A revision that does not exist is the caller's mistake (`unknown-revision`, a
UsageError). Without git (`no-git`), without a repository (`no-repository`), or when git fails (`git-failed`), Weft cannot run.
"""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import tarfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from weft.base.problems import CannotRun, Problem, UsageError, reason_of

_NO_MATCH: Final = 1
"""The exit status with which git says no; it ends with another when it cannot tell."""
_QUIET: Final = {"GIT_LFS_SKIP_SMUDGE": "1", "GIT_TERMINAL_PROMPT": "0"}
"""A file `.lfsconfig` of a revision would name a server to ask."""


def is_installed() -> bool:
    """Whether there is a program called git."""
    return shutil.which("git") is not None


def is_in_repository(path: Path) -> bool:
    """Whether a file or folder lies in a repository, by what stands in the folders above; git is not asked."""
    return any((folder / ".git").exists() for folder in (path.absolute(), *path.absolute().parents))


def top_of(folder: Path) -> Path:
    """The top folder of the repository that a folder lies in. Raises CannotRun when there is none."""
    done = _run(folder, "rev-parse", "--show-toplevel")
    if done.returncode:
        hint = "only what git keeps has earlier revisions"
        raise CannotRun(Problem("no-repository", f"{folder} is not in a git repository: {_reason(done)}", hint=hint))
    return Path(os.fsdecode(done.stdout.removesuffix(b"\n")))


def commit_of(folder: Path, revision: str) -> str:
    """The hash of the commit that a revision names.

    Raises UsageError when git knows no such revision, CannotRun when there is no repository.
    """
    top_of(folder)
    done = _run(folder, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
    if done.returncode:
        hint = "name a branch, a tag or a commit, such as `HEAD~1`"
        raise UsageError(Problem("unknown-revision", f"git knows no revision `{revision}`", hint=hint))
    return done.stdout.decode().strip()


def files_of(folder: Path, commit: str) -> list[str]:
    """The files of a commit, as paths from the top of the repository. Raises CannotRun."""
    return _names(_output(top_of(folder), "ls-tree", "-r", "--name-only", "-z", commit))


def extract(folder: Path, commit: str, destination: Path, patterns: Sequence[str] = ()) -> None:
    """Write the files of a commit into a folder, all or those that match patterns of git's; a pattern must match something.

    Symbolic links that lead out of the folder are left out. Raises CannotRun.
    """
    data = _output(top_of(folder), "archive", "--format=tar", commit, "--", *patterns)
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        archive.extractall(destination, filter=_harmless)  # noqa: S202 - nothing leaves the folder


def _harmless(member: tarfile.TarInfo, folder: str) -> tarfile.TarInfo | None:
    try:
        return tarfile.data_filter(member, folder)
    except tarfile.FilterError:
        return None


def tracks(path: Path) -> bool | None:
    """Whether git tracks a file that lies in a repository; None when git does not say."""
    try:
        done = _run(path.absolute().parent, "ls-files", "--error-unmatch", "--", path.name)
    except CannotRun:
        return None
    return {0: True, _NO_MATCH: False}.get(done.returncode)


def candidates(folder: Path) -> list[str]:
    """The files below a folder that git tracks, or would if they were added; paths from the folder, sorted. Raises CannotRun."""
    return sorted(set(_names(_output(folder, "ls-files", "-z", "--cached", "--others", "--exclude-standard"))))


def _names(output: bytes) -> list[str]:
    return [os.fsdecode(name) for name in output.split(b"\0") if name]


def _output(folder: Path, *arguments: str) -> bytes:
    done = _run(folder, *arguments)
    if done.returncode:
        raise CannotRun(Problem("git-failed", f"`git {arguments[0]}` failed in {folder}: {_reason(done)}"))
    return done.stdout


def _reason(done: subprocess.CompletedProcess[bytes]) -> str:
    lines = done.stderr.decode("utf-8", "replace").strip().removeprefix("fatal: ").splitlines()
    return lines[0] if lines else f"it ended with {done.returncode}"


def _run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    command: list[str | Path] = ["git", "-C", folder, *arguments]
    try:
        return subprocess.run(command, capture_output=True, check=False, env=os.environ | _QUIET)  # noqa: S603
    except OSError as error:
        message = f"git cannot be started: {reason_of(error)}"
        raise CannotRun(Problem("no-git", message, hint="install git")) from None
