"""Running Git: revisions, folders and files.

The same mistake has the same result everywhere. A revision that does not exist is the caller's mistake (`unknown-revision`, a
UsageError). Without git (`no-git`), without a repository (`no-repository`), or when git fails (`git-failed`), Weft cannot run.
"""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import tarfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from weft.base.problems import CannotRun, Problem, UsageError, reason_of

_NO_MATCH: Final = 1
"""The exit status of Git for "no"; it ends with another one if it fails."""
_RAW: Final = ("--raw", "-z", "--no-renames", "--no-abbrev", "--relative", "--diff-filter=AMT")
"""Options for listing the changes of a commit: added or changed files, with names relative to the folder."""
_SUBMODULE: Final = "160000"
_HEADER: Final = 3
"""An answer of `git cat-file --batch` starts with the name, the kind and the size of the object."""


def is_installed() -> bool:
    """True if the program git is installed."""
    return shutil.which("git") is not None


def is_in_repository(path: Path) -> bool:
    """True if a file or folder is in a repository, judging by the folders above it, without running Git."""
    return any((folder / ".git").exists() for folder in (path.absolute(), *path.absolute().parents))


def top_of(folder: Path) -> Path:
    """The top folder of the repository of a folder. Raises CannotRun if there is none."""
    done = _run(folder, "rev-parse", "--show-toplevel")
    if done.returncode:
        hint = "only files in a Git repository have earlier revisions"
        raise CannotRun(Problem("no-repository", f"{folder} is not in a Git repository: {_reason(done)}", hint=hint))
    return Path(os.fsdecode(done.stdout.removesuffix(b"\n")))


def commit_of(folder: Path, revision: str) -> str:
    """The hash of the commit of a revision.

    Raises UsageError for an unknown revision, CannotRun if there is no repository.
    """
    top_of(folder)
    done = _run(folder, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
    if done.returncode:
        hint = "name a branch, a tag or a commit, such as `HEAD~1`"
        raise UsageError(Problem("unknown-revision", f"there is no revision `{revision}`", hint=hint))
    return done.stdout.decode().strip()


def is_clean(folder: Path) -> bool:
    """True if the files below a folder are those of the last commit, and there are no others. Raises CannotRun."""
    return not _output(folder, "status", "--porcelain", "--", ".")


def author_of_line(path: Path, line: int) -> tuple[str, str, str, str] | None:
    """The commit that wrote a line of a file, from 1: its hash, time (RFC 3339), author and subject.

    None if Git does not know, or the line is not committed.
    """
    try:
        blamed = _run(path.parent, "blame", "--porcelain", "-L", f"{line},{line}", "--", path.name)
        commit = blamed.stdout.decode("utf-8", "replace").partition(" ")[0]
        if blamed.returncode or not commit.strip("0"):
            return None
        shown = _output(path.parent, "show", "--no-patch", "--format=%H%n%aI%n%an%n%s", commit).decode(
            "utf-8", "replace"
        )
    except CannotRun:
        return None
    found = shown.splitlines()
    return (found[0], found[1], found[2], found[3]) if len(found) >= 4 else None


def files_of(folder: Path, commit: str) -> list[str]:
    """The files of a commit, as paths from the top of the repository. Raises CannotRun."""
    return _names(_output(top_of(folder), "ls-tree", "-r", "--name-only", "-z", commit))


def extract(folder: Path, commit: str, destination: Path, patterns: Sequence[str] = ()) -> None:
    """Write the files of a commit into a folder, all or those that match Git patterns; each pattern must match a file.

    Symbolic links to targets outside of the folder are skipped. Raises CannotRun.
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
    """True if Git tracks a file in a repository; None if Git cannot determine it."""
    try:
        done = _run(path.absolute().parent, "ls-files", "--error-unmatch", "--", path.name)
    except CannotRun:
        return None
    return {0: True, _NO_MATCH: False}.get(done.returncode)


def candidates(folder: Path) -> list[str]:
    """The files below a folder that Git tracks or would add; relative paths, sorted. Raises CannotRun."""
    return sorted(set(_names(_output(folder, "ls-files", "-z", "--cached", "--others", "--exclude-standard"))))


@dataclass(frozen=True, slots=True)
class Version:
    """The content of a file in a commit, or in the index if `commit` is None; without a `name`, the message of the commit.

    `object_id` is Git's id of the content.
    """

    object_id: str
    name: str | None
    commit: str | None


def versions(folder: Path, since: str | None = None, paths: Sequence[str] = ()) -> list[Version]:
    """The files that commits added to a folder, oldest first, and their messages: all up to HEAD, or those after a revision.

    Content that several commits added appears once, for the first of them. `paths` are relative to the folder; if there are any, commit
    messages are not included. Raises UsageError for an unknown revision, CannotRun if there is no repository or a shallow clone lacks
    some of the commits.
    """
    wanted = [commit_of(folder, "HEAD"), *([f"^{commit_of(folder, since)}"] if since is not None else [])]
    commits = _output(folder, "rev-list", "--reverse", "--topo-order", *wanted).decode().split()
    _refuse_shallow(folder, commits)
    output = _output(
        folder, "diff-tree", "--stdin", "-r", "-m", "--root", *_RAW, *_below(paths),
        given="".join(f"{commit}\n" for commit in commits).encode(),
    )  # fmt: skip
    found: dict[tuple[str, str | None], Version] = {}
    if not paths:
        found = {(commit, None): Version(commit, None, commit) for commit in commits}
    for version in _versions(output):
        found.setdefault((version.object_id, version.name), version)
    return list(found.values())


def staged_versions(folder: Path, paths: Sequence[str] = ()) -> list[Version]:
    """The files that the next commit would add to a folder: those of the index that differ from HEAD. Raises CannotRun."""
    return list(_versions(_output(folder, "diff", "--cached", *_RAW, *_below(paths))))


def contents(folder: Path, object_ids: Iterable[str], limit: int) -> Iterator[bytes | None]:
    """The content of these Git objects, one after the other; None if larger than the limit. Raises CannotRun."""
    command = ["git", "-C", str(folder), "cat-file", "--batch"]
    with subprocess.Popen(  # noqa: S603
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=_offline()
    ) as process:
        asked, answers = process.stdin, process.stdout
        assert asked is not None
        assert answers is not None
        for object_id in object_ids:
            try:
                asked.write(f"{object_id}\n".encode())
                asked.flush()
            except BrokenPipeError:
                raise CannotRun(Problem("git-failed", f"Git stopped while it read the objects of {folder}")) from None
            header = answers.readline().split()
            if len(header) != _HEADER or not header[2].isdigit():
                raise CannotRun(
                    Problem(
                        "git-failed",
                        f"Git does not have {object_id}, to which a commit in {folder} refers",
                        hint="a partial clone does not contain all objects: fetch it completely",
                    )
                )
            yield _content(answers, header[1], int(header[2]), limit)


def _below(paths: Sequence[str]) -> list[str]:
    """Arguments for paths, which may contain characters that Git would treat as a pattern."""
    return ["--", *(f":(literal){path}" for path in paths)] if paths else []


def _content(answers: IO[bytes], kind: bytes, size: int, limit: int) -> bytes | None:
    """The next content in the answers of `git cat-file --batch`; for a commit, its message."""
    if size > limit:
        while size > 0 and (part := answers.read(min(size, limit))):  # nothing more comes from a Git that was killed
            size -= len(part)
        content = None
    else:
        content = answers.read(size)
    answers.read(1)  # the line end after it
    return content.partition(b"\n\n")[2] if content and kind == b"commit" else content


def _versions(output: bytes) -> Iterator[Version]:
    """The files in the raw format of diffs: `:MODE MODE ID ID STATUS`, NUL, name, NUL, following lines with commits."""
    commit = None
    fields = iter(output.split(b"\0"))
    for field in fields:
        if not field.startswith(b":"):
            commit = field.decode() or commit
            continue
        _, mode, _, object_id, _ = field.decode().split(" ")
        name = os.fsdecode(next(fields))
        if mode != _SUBMODULE:
            yield Version(object_id, name, commit)


def _refuse_shallow(folder: Path, commits: Iterable[str]) -> None:
    """Raises CannotRun if the parents of one of these commits are missing because the clone is shallow."""
    listed = Path(folder, os.fsdecode(_output(folder, "rev-parse", "--git-path", "shallow").rstrip(b"\n")))
    ends = set(listed.read_text("ascii").split()) if listed.is_file() else set()
    end = next((commit for commit in commits if commit in ends), None)
    if end:
        message = f"the clone is shallow: the history before commit {end[:12]} is missing"
        raise CannotRun(Problem("shallow-clone", message, hint="`git fetch --unshallow` gets it"))


def _offline() -> dict[str, str]:
    """An environment in which Git does not fetch missing objects of a partial clone: no program that Weft runs uses the network."""
    # a file `.lfsconfig` of a revision could name a server to contact
    return {**os.environ, "GIT_ALLOW_PROTOCOL": "none", "GIT_LFS_SKIP_SMUDGE": "1", "GIT_TERMINAL_PROMPT": "0"}


def _names(output: bytes) -> list[str]:
    return [os.fsdecode(name) for name in output.split(b"\0") if name]


def _output(folder: Path, *arguments: str, given: bytes | None = None) -> bytes:
    done = _run(folder, *arguments, given=given)
    if done.returncode:
        raise CannotRun(Problem("git-failed", f"`git {arguments[0]}` failed in {folder}: {_reason(done)}"))
    return done.stdout


def _reason(done: subprocess.CompletedProcess[bytes]) -> str:
    lines = done.stderr.decode("utf-8", "replace").strip().removeprefix("fatal: ").splitlines()
    return lines[0] if lines else f"it ended with {done.returncode}"


def _run(folder: Path, *arguments: str, given: bytes | None = None) -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(  # noqa: S603
            ["git", "-C", folder, *arguments],  # noqa: S607
            input=given,
            env=_offline(),
            capture_output=True,
            check=False,
        )
    except OSError as error:
        message = f"git cannot be started: {reason_of(error)}"
        raise CannotRun(Problem("no-git", message, hint="install git")) from None
