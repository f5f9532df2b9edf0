"""Archives: everything that a project may read, as bytes, for a worker that does not have its folder.

An archive holds weft.yaml, the schemas, the templates, and every file that can be one of a layer, with the places that they have here. A
worker unpacks it below a folder of its own, its *root*, so that `/shop/weft.yaml` is `ROOT/shop/weft.yaml`. Links are
links there too, and lead to the same places below the root; what is outside of the project here is outside there. The digest of a
archive names it, so a worker that has it need not get it again.
"""

from __future__ import annotations

import os
import pickle
import re
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from weft.files.reading import OutsideError, ProjectFiles
from weft.project.project import Project

_LEVEL: Final = 1
_PARTS: Final = re.compile(r"(\{\w*\}|\*+)")
"""What stands for any name in the pattern of a layer, or of a dimension's files."""


class IncompleteError(Exception):
    """A file of the project cannot be read, so a worker without the project's folder would find something else."""


def archive_of(project: Project) -> bytes:
    """The archive of a project. Everything that is in it, or was looked for, is in the project's trace afterwards.

    Raises IncompleteError if there is a file that cannot be read, or that has changed since the project was opened.
    """
    archive = _Archive(project.files)
    for path in _files(project):
        archive.add(path)
    known = project.files.trace.files
    if any(known.get(path, (None, ""))[1] != digest for path, (_, digest) in project.opened_from.items()):
        raise IncompleteError
    return archive.packed()


def unpack(archive: bytes, root: Path) -> None:
    """Make the files of an archive below a folder."""
    folders, files, links = pickle.loads(zlib.decompress(archive))  # noqa: S301 - the caller could send any code as well
    for name in folders:
        below(root, name).mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        path = below(root, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    for name, target in links.items():
        path = below(root, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.symlink_to(below(root, target))


def below(root: Path, path: str) -> Path:
    """The place of a path below a root."""
    absolute = Path(path)
    return root / absolute.relative_to(absolute.anchor)


class _Archive:
    """An archive that is being made."""

    def __init__(self, files: ProjectFiles) -> None:
        self._project = files
        self._folders: set[str] = set()
        self._files: dict[str, bytes] = {}
        self._links: dict[str, str] = {}

    def add(self, path: Path) -> None:
        """Add what is at a path. Raises IncompleteError."""
        try:
            real = self._project.real(path)
        except OutsideError:
            self._add_links(path)
            return
        if real != str(path):
            self._add_links(path)
        if real not in self._files and real not in self._folders:
            self._add_real(path, real)

    def _add_real(self, path: Path, real: str) -> None:
        try:
            self._files[real] = self._project.read(path)
        except IsADirectoryError:
            self._folders.add(real)
        except FileNotFoundError:  # the end of a broken link, or a file that was removed just now
            return
        except OSError as error:
            raise IncompleteError from error

    def _add_links(self, path: Path) -> None:
        """Add the links on the way to a path."""
        here = Path(path.anchor)
        for step in path.parts[1:]:
            there = here.parent if step == ".." else here / step
            if there.is_symlink():
                self._links[str(there)] = os.path.realpath(there)
                there = Path(os.path.realpath(there))
            here = there

    def packed(self) -> bytes:
        """The bytes of the archive: the same for the same files."""
        files, links = dict(sorted(self._files.items())), dict(sorted(self._links.items()))
        return zlib.compress(pickle.dumps((sorted(self._folders), files, links), protocol=5), _LEVEL)


def _files(project: Project) -> Iterator[Path]:
    """Every file that a project may read, and folders that are in place of one."""
    yield from map(Path, project.opened_from)
    yield from _tree(project.files, project.folder / project.file.templates, set())
    for pattern in project.file.layers:
        for path in matching(project.files, pattern):
            yield path
            yield from project.files.entries(path) if _is_folder(project.files, path) else ()
    for dimension in project.dimensions.from_files:
        yield from matching(project.files, dimension.files or "")


def _tree(files: ProjectFiles, folder: Path, done: set[str]) -> Iterator[Path]:
    """Everything in a folder, also behind links."""
    if not files.may_read(folder) or files.real(folder) in done:
        yield folder  # for the links on the way to it
        return
    done.add(files.real(folder))
    for path in files.entries(folder):
        yield path
        yield from _tree(files, path, done) if path.is_dir() else ()


def _is_folder(files: ProjectFiles, path: Path) -> bool:
    return files.may_read(path) and path.is_dir()


def matching(files: ProjectFiles, pattern: str) -> Iterator[Path]:
    """The existing files and folders of a pattern, with any value in each placeholder, and with any end of its last name."""
    return _below(files, files.folder, f"{pattern}*".split("/"))


def _below(files: ProjectFiles, folder: Path, steps: Sequence[str]) -> Iterator[Path]:
    if not steps:
        yield folder
    elif not _PARTS.search(steps[0]):
        yield from _below(files, folder / steps[0], steps[1:])
    elif not files.may_read(folder):
        yield folder
    else:
        form = re.compile(
            "".join(".*" if _PARTS.match(part) else re.escape(part) for part in _PARTS.split(steps[0])), re.DOTALL
        )
        for name in filter(form.fullmatch, files.names(folder)):
            yield from _below(files, folder / name, steps[1:])
