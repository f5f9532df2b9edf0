"""Running git."""

from __future__ import annotations

import subprocess
from pathlib import Path

from weft.base.problems import CannotRun, Problem, UsageError


def commit_of(folder: Path, revision: str) -> str:
    """The hash of the commit that a revision names. Raises UsageError when git knows no such revision."""
    done = run_git(folder, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
    if done.returncode:
        hint = "name a branch, a tag or a commit, such as `HEAD~1`"
        raise UsageError(Problem("unknown-revision", f"git knows no revision `{revision}`", hint=hint))
    return done.stdout.decode().strip()


def git_output(folder: Path, *arguments: str) -> bytes:
    """What a git command prints. Raises CannotRun when it fails."""
    done = run_git(folder, *arguments)
    if done.returncode:
        reason = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise CannotRun(Problem("no-repository", f"git: {reason[0] if reason else 'failed'}"))
    return done.stdout


def run_git(folder: Path, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    """A git command run in a folder. Raises CannotRun when git cannot be started."""
    try:
        return subprocess.run(["git", "-C", folder, *arguments], capture_output=True, check=False)  # noqa: S603, S607
    except OSError as error:
        raise CannotRun(Problem("no-repository", f"git cannot be started: {error.strerror}")) from None
