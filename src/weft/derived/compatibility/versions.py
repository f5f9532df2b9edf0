"""Versions of the schemas: files, or what a git revision holds."""

from __future__ import annotations

import subprocess
import tarfile
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from weft.base.paths import parse_pointer
from weft.base.problems import CannotRun, Place, Problem, UsageError, WeftError
from weft.derived.compatibility.changes import Change
from weft.files import yaml12
from weft.schema.documents import Documents
from weft.schema.loader import load_documents

_FILES = (":(glob)**/*.json", ":(glob)**/*.yaml", ":(glob)**/*.yml")


@dataclass(frozen=True)
class Version:
    """One version: its documents, the folder that their names are relative to, and what to write before the names."""

    documents: Documents
    folder: Path
    prefix: str = ""

    def placed(self, change: Change) -> Change:
        """The change with the line where this version says so."""
        name, _, pointer = (change.schema or "").partition("#")
        if not name:
            return change
        try:
            text = (self.folder / name).read_text("utf-8-sig", "replace")
        except OSError:
            return change
        found = yaml12.position(text, list(parse_pointer(pointer)), key=True) or ()
        return replace(change, place=Place(self.prefix + name, *found))


@contextmanager
def opened(wanted: str, folder: Path) -> Iterator[Version]:
    """The version that a word names: a schema file, or `REVISION:PATH` as git names files.

    Raises UsageError when there is no such file or revision, CannotRun without git, WeftError when the schema is wrong.
    """
    file = folder / wanted
    revision, colon, path = wanted.partition(":")
    if file.is_file():
        yield Version(load_documents(file, folder), folder)
        return
    if not colon:
        hint = "name a file, or a file of a git revision as `HEAD~3:schemas/root.schema.json`"
        raise UsageError(Problem("no-such-schema", f"there is no schema {wanted}", hint=hint))
    top = Path(_git(folder, "rev-parse", "--show-toplevel").decode().rstrip("\n"))
    if path.startswith("./"):
        path = (folder.resolve().relative_to(top.resolve()) / path).as_posix()
    exact = _git(
        folder, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}", what=revision
    )
    commit = exact.decode().strip()
    with tempfile.TemporaryDirectory(prefix="weft-") as temporary:
        _extract(top, commit, Path(temporary))
        root = Path(temporary, PurePosixPath(path))
        if not root.is_file():
            raise UsageError(Problem("no-such-schema", f"there is no {path} in the revision {revision}"))
        try:
            documents = load_documents(root, Path(temporary))
        except WeftError as error:
            error.folder = Path(temporary)
            raise WeftError(*(_of(problem, revision) for problem in error.problems)) from None
        yield Version(documents, Path(temporary), f"{revision}:")


def _of(problem: Problem, revision: str) -> Problem:
    place = problem.place
    return replace(problem, place=replace(place, file=f"{revision}:{place.file}") if place else None)


def _extract(top: Path, commit: str, folder: Path) -> None:
    """Put the data files of a commit into a folder: the schema, and whatever it may refer to."""
    listed = _git(top, "ls-tree", "-r", "--name-only", "-z", commit).decode().split("\0")
    if not any(PurePosixPath(name).suffix in (".json", ".yaml", ".yml") for name in listed):
        return
    suffixes = {PurePosixPath(name).suffix for name in listed}
    patterns = [pattern for pattern in _FILES if f".{pattern.rpartition('.')[2]}" in suffixes]
    archive = folder / "archive.tar"
    archive.write_bytes(_git(top, "archive", "--format=tar", commit, "--", *patterns))
    with tarfile.open(archive) as tar:
        tar.extractall(folder, filter="data")
    archive.unlink()


def _git(folder: Path, *arguments: str, what: str | None = None) -> bytes:
    command: Sequence[str] = ("git", "-C", str(folder), *arguments)
    try:
        done = subprocess.run(command, capture_output=True, check=False)  # noqa: S603 - no shell, and options are ended
    except FileNotFoundError:
        message = "git is not installed, so revisions cannot be read"
        raise CannotRun(Problem("no-git", message, hint="install git, or compare two files")) from None
    if done.returncode:
        reason = done.stderr.decode("utf-8", "replace").strip().removeprefix("fatal: ")
        message = f"git knows no revision `{what}` here" if what else f"git: {reason}"
        raise UsageError(Problem("bad-revision", message))
    return done.stdout
