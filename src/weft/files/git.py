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
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from weft.base.problems import CannotRun, Problem, UsageError, reason_of

_NO_MATCH: Final = 1
"""The exit status with which git says no; it ends with another when it cannot tell."""
_RAW: Final = ("--raw", "-z", "--no-renames", "--no-abbrev", "--relative", "--diff-filter=AMT")
"""How git lists what a commit brought: files that were added or changed, by names from the folder."""
_SUBMODULE: Final = "160000"
_HEADER: Final = 3
"""An answer of `git cat-file --batch` begins with what the object is called, its kind and its size."""


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


@dataclass(frozen=True, slots=True)
class Version:
    """What a file held in a commit, or holds in the index (`commit` is None); without a `name`, the message of the commit.

    `object_id` is what git calls the content by.
    """

    object_id: str
    name: str | None
    commit: str | None


def versions(folder: Path, since: str | None = None, paths: Sequence[str] = ()) -> list[Version]:
    """What commits brought into a folder, oldest first, and their messages: all up to HEAD, or those after a revision.

    What several commits brought stands in it once, for the first of them. `paths` are relative to the folder; with any, no
    message is among the versions. Raises UsageError when git knows no such revision, CannotRun when there is no repository,
    or when a shallow clone lacks some of the commits.
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
    """What the next commit would bring into a folder: the files of the index that differ from HEAD. Raises CannotRun."""
    return list(_versions(_output(folder, "diff", "--cached", *_RAW, *_below(paths))))


def contents(folder: Path, object_ids: Iterable[str], limit: int) -> Iterator[bytes | None]:
    """What git keeps by these names, one after the other; None for what is larger than the limit. Raises CannotRun."""
    command = ["git", "-C", str(folder), "cat-file", "--batch"]
    with subprocess.Popen(  # noqa: S603
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=_offline()
    ) as process:
        asked, answers = process.stdin, process.stdout
        assert asked is not None
        assert answers is not None
        for object_id in object_ids:
            asked.write(f"{object_id}\n".encode())
            asked.flush()
            header = answers.readline().split()
            if len(header) != _HEADER or not header[2].isdigit():
                raise CannotRun(
                    Problem(
                        "git-failed",
                        f"git does not have {object_id}, which a commit in {folder} names",
                        hint="a partial clone lacks what nobody has needed yet",
                    )
                )
            yield _content(answers, header[1], int(header[2]), limit)


def _below(paths: Sequence[str]) -> list[str]:
    """Arguments that name paths, which may hold what git would take for a pattern."""
    return ["--", *(f":(literal){path}" for path in paths)] if paths else []


def _content(answers: IO[bytes], kind: bytes, size: int, limit: int) -> bytes | None:
    """The content that follows in the answers of `git cat-file --batch`; of a commit, its message."""
    if size > limit:
        while size > 0:
            size -= len(answers.read(min(size, limit)))
        content = None
    else:
        content = answers.read(size)
    answers.read(1)  # the line end behind it
    return content.partition(b"\n\n")[2] if content and kind == b"commit" else content


def _versions(output: bytes) -> Iterator[Version]:
    """The files in the raw format of diffs: `:MODE MODE ID ID STATUS`, NUL, name, NUL, below lines that name commits."""
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
    """Raises CannotRun when the parents of one of these commits are missing, as the clone is shallow."""
    listed = Path(folder, os.fsdecode(_output(folder, "rev-parse", "--git-path", "shallow").rstrip(b"\n")))
    ends = set(listed.read_text("ascii").split()) if listed.is_file() else set()
    end = next((commit for commit in commits if commit in ends), None)
    if end:
        message = f"the clone is shallow: what came before commit {end[:12]} is not here"
        raise CannotRun(Problem("shallow-clone", message, hint="`git fetch --unshallow` gets it"))


def _offline() -> dict[str, str]:
    """An environment in which git does not fetch what a partial clone lacks: nothing that Weft runs uses the network."""
    # a file `.lfsconfig` of a revision would name a server to ask
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
