"""Versions of the schemas: files, or the content of a Git revision."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from weft.base.overlay import Source
from weft.base.paths import parse_pointer
from weft.base.problems import Problem, UsageError, WeftError
from weft.derived.compatibility.changes import Change
from weft.files import git
from weft.files.locator import locate
from weft.files.reading import ProjectFiles
from weft.schema.documents import Documents
from weft.schema.loader import load_documents

_SUFFIXES = (".json", ".yaml", ".yml")


@dataclass(frozen=True)
class Version:
    """One version: its documents, the folder that their names are relative to, and a prefix for the names."""

    documents: Documents
    folder: Path
    prefix: str = ""

    def placed(self, change: Change) -> Change:
        """The change with its line in this version."""
        name, _, pointer = (change.schema or "").partition("#")
        if not name:
            return change
        source = Source(self.prefix + name, path=self.folder / name)
        if not (self.folder / name).is_file():
            return change
        return replace(change, place=locate(source, parse_pointer(pointer), key=True))


@contextmanager
def opened(wanted: str, files: ProjectFiles) -> Iterator[Version]:
    """The version for an argument: a schema file, or `REVISION:PATH` as in Git.

    A file may refer to the files of `files` and to those next to it; a file of a revision to its whole repository.

    Raises UsageError when there is no such file or revision, CannotRun without Git or a repository, WeftError when the schema is not
    valid.
    """
    folder = files.folder
    file = folder / wanted
    revision, colon, path = wanted.partition(":")
    if file.is_file():
        yield Version(load_documents(file, files.allowing(file.parent)), folder)
        return
    if not colon:
        hint = "name a file, or a file of a Git revision as `HEAD~3:schemas/root.schema.json`"
        raise UsageError(Problem("no-such-schema", f"there is no schema {wanted}", hint=hint))
    commit = git.commit_of(folder, revision)
    if path.startswith("./"):
        path = (folder.resolve().relative_to(git.top_of(folder).resolve()) / path).as_posix()
    with tempfile.TemporaryDirectory(prefix="weft-") as temporary:
        _extract(folder, commit, Path(temporary))
        root = Path(temporary, PurePosixPath(path))
        if not ProjectFiles(Path(temporary)).has(root):
            raise UsageError(Problem("no-such-schema", f"there is no {path} in the revision {revision}"))
        try:
            documents = load_documents(root, ProjectFiles(Path(temporary)))
        except WeftError as error:
            error.folder = Path(temporary)
            raise WeftError(*(_of(problem, revision) for problem in error.problems)) from None
        yield Version(documents, Path(temporary), f"{revision}:")


def _of(problem: Problem, revision: str) -> Problem:
    place = problem.place
    return replace(problem, place=replace(place, file=f"{revision}:{place.file}") if place else None)


def _extract(folder: Path, commit: str, destination: Path) -> None:
    """Write the data files of a commit into a folder: the schema, and everything that it may refer to."""
    suffixes = {PurePosixPath(name).suffix for name in git.files_of(folder, commit)}
    patterns = [f":(glob)**/*{suffix}" for suffix in _SUFFIXES if suffix in suffixes]
    if patterns:
        git.extract(folder, commit, destination, patterns)
